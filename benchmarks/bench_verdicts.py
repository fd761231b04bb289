"""What verdicts are worth, by unknown and optimizer: `invrender bench bench=verdicts`.

With ``--from FOLDER`` those of a benchmark that was run already.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from common import write

from invrender.cli import run


def main() -> None:
    """Run the benchmark, or read it, and keep the table."""
    if len(sys.argv) == 3 and sys.argv[1] == "--from":
        keep(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        if run(["bench", "bench=verdicts", "jobs=1", f"hydra.run.dir={folder}/bench", *sys.argv[1:]]) != 0:
            sys.exit("the benchmark failed")
        keep(Path(folder) / "bench")


def keep(folder: Path) -> None:
    """Write the table of a benchmark in a folder."""
    found = json.loads((folder / "bench.json").read_text())
    every = found["all"]
    write(
        "verdicts",
        found["calibration"],
        command=found["command"].partition(" hydra.run.dir=")[0],
        fits=every["runs"],
        failed=every["failed"],
        right=found["right"],
        values=every["values"],
        within=every["within"],
        cpu_seconds=sum(each["cpu_seconds"] or 0 for each in found["runs"]),
    )


if __name__ == "__main__":
    main()
