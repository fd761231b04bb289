"""What the benchmarks share: what they ran on, and results as files."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

import torch

import invrender

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """The date, the processor and the versions behind a result."""
    names = [line.partition(":")[2].strip() for line in cpu_lines() if line.startswith("model name")]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": version("torch"),
        "invrender": invrender.__version__,
    }


def cpu_lines() -> list[str]:
    """What Linux says of the processor; nothing elsewhere."""
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write(name: str, rows: list[dict[str, Any]], **more: Any) -> None:
    """Write rows, and what else there is to say, with the machine they came from to results/<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    found = {"machine": machine(), **more, "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
