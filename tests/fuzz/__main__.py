"""The fuzzer for as long as one likes: ``PYTHONPATH=tests python -m fuzz --minutes 60``.

Cases run in a process of their own, so that one that kills it is found, too. Inputs that show a fault are kept, with
the command that shows it again.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from fuzz.cases import KINDS, make
from fuzz.oracle import MOST_SECONDS, Fault

KEPT = Path("fuzz-failures")
BATCH = 200
# What a batch ends with that has told of faults; Python ends with 1 where it has a fault of its own.
FAULTS = 3


def main() -> int:
    """Run; not 0 where there was a fault."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Random faults in everything that is read.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--first", type=int, help="the number of the first case; today's where it is not given")
    parser.add_argument("--count", type=int, help="so many cases of each kind in this process, and no more")
    given = parser.parse_args()
    first = int(time.time()) if given.first is None else given.first
    if given.count is not None:
        return run_cases(given.kinds, range(first, first + given.count))
    return supervise(given.kinds, first, given.minutes)


def run_cases(kinds: list[str], numbers: range) -> int:
    """Run cases in this process; each says its name before it begins."""
    faults = 0
    for number in numbers:
        for kind in kinds:
            print(f"{kind} {number}", file=sys.stderr, flush=True)
            fault = run_case(kind, number)
            if fault is not None:
                report(kind, number, fault)
                faults += 1
    return FAULTS if faults else 0


def run_case(kind: str, number: int) -> Fault | None:
    """One case in a working folder of its own."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.chdir(folder)
        try:
            return make(kind, number).run(Path(folder))
        finally:
            os.chdir(here)


def report(kind: str, number: int, fault: Fault) -> None:
    """Print a fault, and keep its input."""
    case, folder = make(kind, number), KEPT / f"{kind}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    again = f"PYTHONPATH=tests {sys.executable} -m fuzz --kinds {kind} --first {number} --count 1"
    typed = shlex.join(["invrender", *case.arguments])
    for name, content in {
        **case.files,
        "fault.txt": f"{again}\n{typed}\n{fault.told}\n{fault.details}\n".encode(),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{kind} {number}: {fault.told}\n  again: {again}\n  kept: {folder}", flush=True)


def supervise(kinds: list[str], first: int, minutes: float) -> int:
    """Run batches in processes of their own until the time is over."""
    end, status, cases = time.monotonic() + 60 * minutes, 0, 0
    for number in count(first, BATCH):
        for kind in kinds:
            if (left := end - time.monotonic()) <= 0:
                print(f"{cases} cases; {'faults are in ' + str(KEPT) if status else 'no fault'}")
                return status
            status = max(status, run_batch(kind, number, left))
            cases += BATCH
    return status


def run_batch(kind: str, number: int, left: float) -> int:
    """One batch; 1 where there was a fault. The last one is cut off when the time is over."""
    kept = count_kept()
    command = [sys.executable, "-m", "fuzz", "--kinds", kind, "--first", str(number), "--count", str(BATCH)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            status = process.wait(timeout=left + MOST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return int(count_kept() > kept)
        if status in (0, FAULTS):
            return int(status == FAULTS)
        log.seek(0)
        said = log.read()
        last = [line for line in said.splitlines() if line.startswith(f"{kind} ")][-1:]
        told = f"the process ends with {status}, and has told of no fault"
        report(kind, int(last[0].split()[1]) if last else number, Fault(told, said[-3000:]))
    return 1


def count_kept() -> int:
    """How many inputs are kept that have shown a fault."""
    return len(list(KEPT.glob("*")))


if __name__ == "__main__":
    sys.exit(main())
