"""How long a fit takes besides fitting: to its first step, for its records, and for compiling the kernels.

Each is measured of the demo, `invrender fit experiment=camera_pose`, run as people run it. Beside it stand a bare
``import torch`` and, with ``--before FOLDER``, a checkout of an earlier version; all take turns. Times of the processor
(user and system, all threads) depend less on what else the machine does than those of the clock; both are kept.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from common import processors, write

HERE = Path(__file__).parents[1]
DEMO = ("experiment=camera_pose", "device=cpu", "hydra.run.dir=run", "-q")
FITTED = (0, 4, 5, 6)
PATIENCE = 0.002
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock and of the processor."""

    clock: float
    processor: float

    def minus(self, other: Spent) -> Spent:
        """The difference."""
        return Spent(self.clock - other.clock, self.processor - other.processor)


@dataclass(frozen=True)
class Timed:
    """A program from its start: until its fit has taken the first step and the last, if it fits at all, and its end."""

    first_step: Spent | None
    last_step: Spent | None
    end: Spent


def time_program(arguments: Sequence[str], checkout: Path, cache: Path | None = None) -> Timed:
    """Run Python with a checkout of invrender in a folder of its own. cache: of kernels; None for the usual one."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_WAIT_POLICY": "PASSIVE"}
    # As people have it: else every run would compile the package's own modules anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        history, steps, seen = Path(folder) / "run" / "history.csv", list[Spent](), 0
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if (now := steps_in(history)) > max(seen, 1):
                steps.append(Spent(time.perf_counter() - begun, processor_seconds(child.pid)))
                seen = now
            time.sleep(PATIENCE)
        clock = time.perf_counter() - begun
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in FITTED:
            sys.exit(f"{' '.join(arguments)} failed")
    first, last = (steps[0], steps[-1]) if steps else (None, None)
    return Timed(first, last, Spent(clock, used.ru_utime + used.ru_stime))


def steps_in(history: Path) -> int:
    """The whole rows of a ``history.csv``, the start among them."""
    try:
        text = history.read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    return max(0, len(list(csv.reader(text.splitlines()))) - 1) if text.endswith("\n") else 0


def processor_seconds(process: int) -> float:
    """What a process has used so far, in hundredths of a second."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def fit(checkout: Path, *more: str, cache: Path | None = None) -> Timed:
    """The demo."""
    return time_program(["-m", "invrender", "fit", *DEMO, *more], checkout, cache)


def to_first_step(checkout: Path) -> Spent:
    """From the command to the first step, with kernels that were compiled before."""
    found = fit(checkout).first_step
    assert found is not None
    return found


def for_records(checkout: Path) -> Spent:
    """From the last step to the end of the program."""
    found = fit(checkout)
    assert found.last_step is not None
    return found.end.minus(found.last_step)


def for_kernels(checkout: Path) -> Spent:
    """What compiling the kernels adds to a fit."""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (fit(checkout, "record=none", cache=Path(cache)).end for _ in range(2))
        return cold.minus(warm)


CASES: dict[str, Callable[[Path], Spent]] = {
    "to the first step": to_first_step,
    "records after the last step": for_records,
    "compiling the kernels": for_kernels,
}


def measure(case: str, repeats: int, checkouts: Mapping[str, Path]) -> dict[str, Any]:
    """One case as medians of repeats, of this version and an earlier one in turns with `import torch`."""
    found: dict[str, list[Spent]] = {name: [] for name in (*checkouts, "import torch")}
    for _ in range(repeats):
        for name, checkout in checkouts.items():
            found[name].append(CASES[case](checkout))
        found["import torch"].append(time_program(["-c", "import torch"], HERE).end)
    row: dict[str, Any] = {"case": case}
    for name, times in found.items():
        clock, processor = (median(getattr(each, kind) for each in times) for kind in ("clock", "processor"))
        row[name] = {"clock": round(clock, 3), "processor": round(processor, 3)}
    print(
        case.ljust(28),
        *(f"{name}: {row[name]['clock']:.2f} s, {row[name]['processor']:.2f} s of processor" for name in found),
        sep="  ",
    )
    return row


def main() -> None:
    """Measure each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    given = parser.parse_args()
    checkouts = {"now": HERE} | ({} if given.before is None else {"before": given.before.resolve()})
    for checkout in checkouts.values():
        fit(checkout)  # its kernels are compiled, and its files read
    rows = [measure(case, given.repeats, checkouts) for case in given.cases]
    write("startup", rows, processors=processors(), repeats=given.repeats)


if __name__ == "__main__":
    main()
