"""A fit begins without what it has no use for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from invrender.config.resources import PACKAGE

PROGRAM = """
import sys
from invrender.cli import run
from invrender.record import files

def step(recorder, step, record=files.Files.step):
    if step.iteration == 1:
        print(*sorted(sys.modules))
    record(recorder, step)

files.Files.step = step
assert run(sys.argv[1:]) in (0, 4, 5, 6)
"""


def test_the_first_step_waits_for_nothing_that_it_does_without(tmp_path: Path) -> None:
    words = ["scene=cube", "camera.width=16", "camera.height=16", "search=off", "optimizer.stages=[{steps: 1}]", "-q"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    for folder in ("first", "second"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "fit", *words, "record.tensorboard=false", f"hydra.run.dir={folder}"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        if "compiling the kernels" not in done.stderr:
            break
    imported = set(done.stdout.splitlines()[0].split())
    assert {"torch", "numba"} <= imported
    late = {"torch._dynamo", "torch._inductor", "sympy", "matplotlib", "trimesh", "jinja2", "tensorboard", "optuna"}
    late |= {"invrender.photographs.photography", "PIL.TiffImagePlugin"}
    # What compiles kernels; here they have been compiled before.
    late |= {"numba.np.polynomial", "numba.np.random.generator_methods"}
    assert late & imported == set()
    assert (tmp_path / folder / "report.html").is_file()
