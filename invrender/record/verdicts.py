"""What is to be thought of an answer, in words and as numbers that programs read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from invrender.record.units import name_and_unit, value_text

if TYPE_CHECKING:
    from invrender.fitting.judge.coverage import Coverage
    from invrender.fitting.step import Step
    from invrender.parameters.base import Value
    from invrender.record.base import Run

# So many other answers are shown; all of them are in result.json.
SHOWN = 3
# Smaller shares are not told.
LEAST_SHARE = 0.005


def verdict_of(run: Run, last: Step) -> dict[str, Any] | None:
    """A fit's verdict as ``result.json`` has it, None where the fit was not judged."""
    verdict = last.verdict
    if verdict is None:
        return None
    return {
        "status": verdict.status,
        "reason": verdict.reason,
        "advice": advice(run, verdict.status, verdict.explained),
        "unexplained": verdict.unexplained,
        "others": [{name: dict(values) for name, values in other.items()} for other in verdict.others],
        "unseen": [dict(parts) for parts in verdict.unseen],
        "burnt_out": verdict.burnt_out,
        "unknowns": {name: {"status": each.status, "reason": each.reason} for name, each in verdict.unknowns.items()},
        "coverage": {name: coverage_of(each) for name, each in verdict.coverage.items()},
        "precision": {name: {"middle": each.middle, "held": each.held} for name, each in verdict.precisions.items()},
    }


def coverage_of(coverage: Coverage) -> dict[str, Any]:
    """What ``result.json`` says of how much of an unknown is seen."""
    shares = coverage.by_views
    found = {"entries": coverage.entries, "well_seen": coverage.well, "seen": coverage.seen}
    return found if shares is None else {**found, "in_views": shares}


def advice(run: Run, status: str, explained: bool = False) -> str | None:
    """What may help, None where there is nothing to be done. explained: whether the answer explains the picture."""
    from invrender.parameters.base import Pose

    if status == "converged":
        return None
    if status == "ambiguous":
        return "if the object is symmetric, any of them will do; otherwise another view decides"
    if status == "unidentifiable":
        return "leave an unknown out of recover, or give another view"
    if explained:
        return "more steps may help: optimizer.stages"
    mode = run.config.get("search", {}).get("mode")
    stayed = mode == "off" or (mode == "auto" and run.optimizer != "lm")
    if stayed and any(isinstance(parameter, Pose) for parameter in run.parameters.values()):
        return "search=on looks everywhere for a better start"
    return "compare the pictures: the scene may lack something that the target shows, or optimizer.stages be too short"


def deviation(last: Step, name: str) -> dict[str, Value] | None:
    """One standard deviation of an unknown's values; None where it is not known, or the unknown not determined."""
    found = None if last.verdict is None else last.verdict.error_bars.get(name)
    return None if found is None else dict(found)


def differing(verdict: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The unknowns of another status than the verdict's own: name, status in words, reason."""
    return [
        (name, status_words(each["status"]), each["reason"])
        for name, each in verdict.get("unknowns", {}).items()
        if each["status"] != verdict["status"]
    ]


def coverage_lines(verdict: Mapping[str, Any]) -> list[str]:
    """How much the pictures show of the unknowns of many numbers, a line for each."""
    lines = []
    for name, each in verdict.get("coverage", {}).items():
        if each.get("in_views"):
            lines.append(views_line(name, each["entries"], each["in_views"]))
            continue
        shares = {"hardly": each["seen"] - each["well_seen"], "not": 1 - each["seen"]}
        others = [f"{share:.0%} {how}" for how, share in shares.items() if share >= LEAST_SHARE]
        lines.append(", ".join([f"{name}: {each['well_seen']:.0%} of its {each['entries']} are well seen", *others]))
    for name, each in verdict.get("precision", {}).items():
        held = "" if each["held"] is None else f", which hold {each['held']:.0%} of the true numbers"
        lines.append(f"{name}: error bars of {each['middle']:.2g} (the median){held}")
    return lines


def views_line(name: str, entries: str, shares: Sequence[float]) -> str:
    """In how many views an unknown's entries are seen, from the shares that are in none, in one, in two and so on."""
    several = sum(shares[2:])
    few = {"one": shares[1] if len(shares) > 1 else 0.0, "none": shares[0]}
    others = [f"{share:.0%} in {how}" for how, share in few.items() if share >= LEAST_SHARE]
    return ", ".join([f"{name}: {several:.0%} of its {entries} are seen in several views", *others])


def status_words(status: str) -> str:
    """A status as people write it."""
    return status.replace("_", " ")


def other_rows(others: Sequence[Mapping[str, Mapping[str, Value]]]) -> list[list[str]]:
    """The first of the other answers as a table, the heading first; one answer a column."""
    shown = others[:SHOWN]
    rows = [["unknown", "", *(f"other {number}" for number in range(1, len(shown) + 1))]]
    # Of views that are judged apart, each answer has its own unknowns.
    for unknown in dict.fromkeys(chain.from_iterable(shown)):
        name = unknown
        values = next(other[unknown] for other in shown if unknown in other)
        for key, value in values.items():
            if value is not None:
                found = [value_text(key, other.get(unknown, {}).get(key)) for other in shown]
                rows.append([name, name_and_unit(key)[0], *found])
                name = ""
    return rows
