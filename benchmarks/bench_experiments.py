"""How near the shipped experiments come to the truth, and how long they take."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from common import write

from invrender.cli import run

EXPERIMENTS = ("camera_position", "camera_pose", "light_intensity", "texture", "joint")


def main() -> None:
    """Run each experiment once and keep its errors and seconds."""
    rows = []
    for name in sys.argv[1:] or EXPERIMENTS:
        with tempfile.TemporaryDirectory() as folder:
            quiet = ["record=none", "record.files=true", "record.bar=false"]
            if run(["fit", f"experiment={name}", *quiet, f"hydra.run.dir={folder}/fit"]) != 0:
                sys.exit(f"experiment={name} failed")
            result = json.loads((Path(folder) / "fit" / "result.json").read_text())
        errors = {
            unknown: {"start": each["error_start"], "found": each["error"]}
            for unknown, each in result["parameters"].items()
        }
        rows.append({"experiment": name, "seconds": result["seconds"], "errors": errors})
    write("experiments", rows)


if __name__ == "__main__":
    main()
