"""`invrender sweep` with jobs that do next to nothing: for what a sweep itself does, and costs.

The environment says how long a job takes: STUB_SECONDS.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from invrender.cli.invocation import Invocation
from invrender.sweep.outcome import Outcome


class Stub(Invocation):
    """Fits that find an error which depends on their seed alone."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In a worker: torch, which takes seconds to import, is asked for the number of GPUs alone."""
        vars(self).update(state)
        cuda = SimpleNamespace(device_count=lambda: 0)
        sys.modules.setdefault("torch", SimpleNamespace(cuda=cuda))  # type: ignore[arg-type]

    def __call__(self, config: Any, recorders: Any = ()) -> Outcome:
        from hydra.core.hydra_config import HydraConfig

        time.sleep(float(os.environ.get("STUB_SECONDS", "0")))
        error = {"degrees_deg": float(config.seed * 7 % 5)}
        result = {
            "parameters": {"pose": {"error": error, "error_start": {"degrees_deg": 9.0}}},
            "loss": {"start": 1.0, "best": 0.1},
            "seconds": {"total": 0.5},
            "iterations": 1,
            "stopped_because": "finished",
        }
        (Path(HydraConfig.get().runtime.output_dir) / "result.json").write_text(json.dumps(result))
        return Outcome("finished")


if __name__ == "__main__":
    invocation = Stub("sweep", sys.argv[1:])
    with invocation.noting_interrupts():
        sys.exit(invocation.run())
