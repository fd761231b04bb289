"""The benchmarks' results as the tables of docs/performance.md and docs/benchmark.md, and a plot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import RESULTS
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "performance.md"
FITS = DOCS / "benchmark.md"
PLOT = DOCS / "images" / "speed.png"
END = "<!-- end -->"

NAMES = {"invrender": "ours", "reference": "reference", "pytorch3d": "PyTorch3D", "mitsuba": "Mitsuba 3"}
STYLES = {
    "invrender": ("#c2410c", "o"),
    "reference": ("#6b7280", "s"),
    "pytorch3d": ("#1d4ed8", "^"),
    "mitsuba": ("#15803d", "D"),
}

Row = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines)


def time_of(row: Row) -> str:
    """Our milliseconds."""
    return f"{1000 * row['results']['invrender']['seconds']:.0f}"


def memory_of(row: Row, name: str = "invrender") -> str:
    """A rival's megabytes."""
    megabytes = row["results"].get(name, {}).get("megabytes")
    return "" if megabytes is None else f"{megabytes:.0f}"


def ratio_of(row: Row, name: str) -> str:
    """How many of our steps one of a rival's takes."""
    if name not in row["results"]:
        return ""
    ratio = row["results"][name]["ratio"]
    return f"{ratio:,.0f} ×" if ratio >= 100 else f"{ratio:.3g} ×"


def rivals_table(rows: Sequence[Row]) -> str:
    """Steps beside those of others."""
    some = [row for row in rows if row["table"] in ("tutorial", "size, soft", "size, edge")]
    head = ["case", "ours, ms", "ours, MB", "reference", "PyTorch3D", "PyTorch3D, MB", "Mitsuba 3"]
    return table(
        head,
        (
            [
                row["case"],
                time_of(row),
                memory_of(row),
                ratio_of(row, "reference"),
                ratio_of(row, "pytorch3d"),
                memory_of(row, "pytorch3d"),
                ratio_of(row, "mitsuba"),
            ]
            for row in some
        ),
    )


def own_table(rows: Sequence[Row], *names: str) -> str:
    """Our steps alone."""
    return table(
        ["case", "distance", "threads", "covered pixels", "ms", "MB"],
        (
            [
                row["case"],
                f"{row['distance']:.1f}",
                str(row["threads"]),
                f"{row['covered_pixels']:,}",
                time_of(row),
                memory_of(row),
            ]
            for row in rows
            if row["table"] in names
        ),
    )


def jacobian_table(rows: Sequence[Row]) -> str:
    """Forward mode beside a step."""
    some = [row for row in rows if row["table"] == "jacobian"]
    return table(
        ["case", "a step, ms", "the Jacobian"], ([row["case"], time_of(row), ratio_of(row, "jacobian")] for row in some)
    )


def edges_table(found: Row) -> str:
    """Every rule's errors."""

    def cells(rule: str) -> list[str]:
        error, ends = found["summary"].get(rule, {}), found["drift_summary"].get(rule)
        drifted = ["", ""] if ends is None else [f"{ends['rotation_deg']:.2f}°", f"{ends['position_relative']:.2%}"]
        return [
            rule,
            f"{error['pose_error']:.1%}",
            f"{error['pose_cosine']:.3f}",
            f"{error['vertices_error']:.1%}",
            f"{error['vertices_cosine']:.3f}",
            *drifted,
        ]

    head = ["rule", "pose: error", "cosine", "vertices: error", "cosine", "drift: rotation", "position"]
    return table(head, (cells(rule) for rule in found["summary"]))


def machine_line(found: Row) -> str:
    """What a result was measured on."""
    machine = found["machine"]
    peers = "".join(f", {NAMES[name]} {version}" for name, version in found.get("peers", {}).items())
    return f"{machine['date']}, {machine['processor']}, torch {machine['torch']}{peers}."


def plot(rows: Sequence[Row], path: Path) -> None:
    """Time and memory against the picture's size."""
    figure = Figure(figsize=(11, 3.6), dpi=120, layout="constrained")
    soft, edge, memory = figure.subplots(1, 3)
    curves(soft, rows, "size, soft", "seconds")
    soft.set(title="soft: seconds a step")
    curves(edge, rows, "size, edge", "seconds")
    edge.set(title="edge: seconds a step")
    curves(memory, rows, "size, soft", "megabytes")
    memory.set(title="soft: memory of a step, MB", ylim=(1, None))
    soft.legend(frameon=False)
    edge.legend(frameon=False)
    figure.savefig(path)


def curves(axes: Axes, rows: Sequence[Row], name: str, key: str) -> None:
    """One curve for each rival of a table, over the side of the picture in pixels."""
    own = [row for row in rows if row["table"] == name]
    for rival, (color, marker) in STYLES.items():
        points = [(row["size"], row["results"][rival][key]) for row in own if rival in row["results"]]
        if points and None not in (value for _, value in points):
            axes.plot(*zip(*points, strict=True), color=color, marker=marker, markersize=5, label=NAMES[rival])
    sizes = [row["size"] for row in own]
    axes.set(xscale="log", yscale="log", xlabel="side of the picture, pixels", xticks=sizes, xticklabels=sizes)
    axes.minorticks_off()
    axes.grid(color="#e5e7eb")
    axes.spines[["top", "right"]].set_visible(False)


def startup_table(rows: Sequence[Row]) -> str:
    """What a fit takes besides fitting, in seconds and as ratios to `import torch` and to the version before."""

    def cells(row: Row) -> list[str]:
        now, torch, before = (row.get(name) for name in ("now", "import torch", "before"))
        assert now is not None and torch is not None
        kinds = ("clock", "processor")
        ratios = [f"{now[kind] / torch[kind]:.2f} ×" for kind in kinds]
        earlier = ["" if before is None else f"{now[kind] / before[kind]:.2f} ×" for kind in kinds]
        return [row["case"], *(f"{now[kind]:.2f}" for kind in kinds), *ratios, *earlier]

    head = ["", "s", "s of processor", "`import torch`", "of processor", "before", "of processor"]
    return table(head, (cells(row) for row in rows))


def verdicts_table(found: Row) -> str:
    """What verdicts are worth, by unknown and optimizer, and of all together."""

    def share(part: int, whole: int) -> str:
        return f"{part} of {whole}" + (f", {part / whole:.1%}" if part else "")

    numbers = ("judged", "right", "converged_but_wrong", "right_but_not_converged")
    every = {name: sum(row[name] for row in found["rows"]) for name in numbers}
    rows = [*found["rows"], {**every, "unknown": "all", "optimizer": ""}]
    head = ["unknown", "optimizer", "judged", "right", "wrong ones that say `converged`", "right ones that do not"]
    return table(
        head,
        (
            [
                row["unknown"],
                row["optimizer"],
                str(row["judged"]),
                str(row["right"]),
                share(row["converged_but_wrong"], row["judged"]),
                share(row["right_but_not_converged"], row["right"]),
            ]
            for row in rows
        ),
    )


def verdicts_line(found: Row) -> str:
    """How many fits there were, on what, and what their error bars are worth."""
    machine, minutes = found["machine"], found["cpu_seconds"] / 60
    return (
        f"The first {found['fits']} fits, seed by seed: {minutes:.0f} minutes of the processor, {machine['date']}, "
        f"torch {machine['torch']}; of {found['values']} values {found['within']:.0%} are within one deviation:"
    )


def filled_fits(page: str, verdicts: Row) -> str:
    """The page on benchmarks of fits with what verdicts are worth."""
    return fill(page, {"verdicts": f"{verdicts_line(verdicts)}\n\n{verdicts_table(verdicts)}"})


def filled(page: str, render: Row, edges: Row, startup: Row) -> str:
    """The page with each table between its marks."""
    rows = render["rows"]
    tables = {
        "render machine": machine_line(render),
        "rivals": rivals_table(rows),
        "pixels and faces": own_table(rows, "distance", "faces"),
        "sigma and threads": own_table(rows, "sigma", "threads"),
        "jacobian": jacobian_table(rows),
        "edges machine": machine_line(edges),
        "edges": edges_table(edges),
        "startup machine": machine_line(startup),
        "startup": startup_table(startup["rows"]),
    }
    return fill(page, tables)


def fill(page: str, tables: Mapping[str, str]) -> str:
    """The page with texts between their marks."""
    for name, text in tables.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        page = before + mark + text + "\n" + rest[rest.index(END) :]
    return page


def main() -> None:
    """Fill the pages, and draw the plot."""
    render, edges, startup, verdicts = (
        json.loads((RESULTS / f"{name}.json").read_text()) for name in ("render", "edges", "startup", "verdicts")
    )
    FITS.write_text(filled_fits(FITS.read_text(encoding="utf-8"), verdicts), encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), render, edges, startup), encoding="utf-8")
    plot(render["rows"], PLOT)


if __name__ == "__main__":
    main()
