"""A posterior as people read it on a terminal."""

from __future__ import annotations

from invrender.fitting.sampling import Draws
from invrender.record.summary import table
from invrender.record.units import name_and_unit
from invrender.record.verdicts import status_words


def draws_text(draws: Draws) -> str:
    """Several lines: the intervals of each number, the modes, what the chains are worth, and the verdict."""
    status, reason = draws.verdict
    count, chains = draws.shape
    speed = draws.least_size / max(draws.state.seconds, 1e-9)
    lines = [
        f"{chains} chains of {count} draws in {draws.state.seconds:.1f} s, worth {draws.least_size:.0f} independent "
        f"ones ({speed:.3g} a second)",
        acceptance_text(draws),
        noise_text(draws),
        "",
        table(interval_rows(draws)),
        *mode_lines(draws),
        "",
        f"{status_words(status)}: {reason}",
    ]
    return "\n".join(lines)


def acceptance_text(draws: Draws) -> str:
    """How often steps were accepted."""
    kinds = {"leap": "steps by the covariance", "drift": "steps by slopes", "jump": "jumps between modes"}
    rates = draws.state.chains.counts.rates
    return "accepted: " + ", ".join(f"{rates[kind]:.0%} of {told}" for kind, told in kinds.items() if kind in rates)


def noise_text(draws: Draws) -> str:
    """The noise that was taken to be in the pictures."""
    noise = draws.noise
    kind = "Gaussian" if noise.dof is None else f"Student's, {noise.dof:g} degrees of freedom"
    return f"noise: {kind}, {noise.sigma:.3g}; {noise.inflation:.2g} residuals count as one"


def interval_rows(draws: Draws) -> list[list[str]]:
    """The table of intervals, the heading first."""
    rows = [["number", "", "mean", "±", "68 %", "95 %", "R-hat", "draws"]]
    for column, interval in draws.intervals.items():
        each, unit = draws.agreement[column], name_and_unit(column.key)[1]
        digits = decimals(interval.deviation)
        ends = [" to ".join(f"{end:.{digits}f}" for end in interval.ends[share]) for share in ("68", "95")]
        shown = [f"{interval.mean:.{digits}f}", f"{interval.deviation:.2g}", *ends]
        rows.append([column.name, unit.strip(), *shown, f"{each.r_hat:.3f}", f"{each.bulk:.0f}"])
    return rows


def decimals(deviation: float) -> int:
    """So many decimals as give a deviation two digits."""
    digits = 0
    while digits < 9 and 0 < deviation < 9.95:
        deviation, digits = 10 * deviation, digits + 1
    return digits


def mode_lines(draws: Draws) -> list[str]:
    """The modes with their masses and means; no lines where there is one."""
    if len(draws.modes) < 2:
        return []
    columns = draws.columns
    rows = [["mode", "", "mass", *(column.name for column in columns)]]
    for mode in draws.modes:
        own = [mode.intervals[column] for column in columns]
        rows.append([str(mode.number), "", f"{mode.mass:.2f}", *(f"{e.mean:.{decimals(e.deviation)}f}" for e in own)])
    return ["", table(rows)]
