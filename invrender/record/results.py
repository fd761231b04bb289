"""What a fit found, as numbers that programs and people read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from invrender.errors import UserError
from invrender.fitting.scale_ambiguity import ScaleAmbiguity
from invrender.fitting.step import Step
from invrender.io.atomic import atomic_write, read_own
from invrender.record.base import Run
from invrender.record.verdicts import deviation, verdict_of

SCHEMA = 1


def result_of(run: Run, start: Step, last: Step) -> dict[str, Any]:
    """The content of ``result.json``; numbers that are not finite are None."""
    truth = run.target.truth
    parameters = {
        name: {
            "start": parameter.value(run.scene),
            "value": parameter.value(last.scene),
            "truth": None if truth is None else parameter.value(truth.scene),
            "error_start": None if truth is None else dict(start.errors[name]),
            "error": None if truth is None else dict(last.errors[name]),
            "deviation": deviation(last, name),
        }
        for name, parameter in run.parameters.items()
    }
    result = {
        "schema": SCHEMA,
        "renderer": run.renderer,
        "renderer_note": run.renderer_note,
        "optimizer": run.optimizer,
        "optimizer_note": run.optimizer_note,
        "device": run.device,
        "seed": run.seed,
        "iterations": last.iteration,
        "seconds": {"total": last.seconds, "per_iteration": last.seconds / max(1, last.iteration)},
        "loss": {"start": start.loss, "best": last.loss},
        "stopped_because": last.stopped_because,
        "gauge": None if ScaleAmbiguity.find(run.scene, run.parameters) is None else ScaleAmbiguity.TEXT,
        "verdict": verdict_of(run, last),
        "parameters": parameters,
    }
    finite: dict[str, Any] = only_finite(result)
    return finite


def only_finite(value: Any) -> Any:
    """Nested containers with None in place of numbers that JSON doesn't have."""
    if isinstance(value, dict):
        return {key: only_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [only_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write ``result.json``."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file. Raises `UserError` where it isn't one."""
    try:
        content = json.loads(read_own(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"runs: {path} is not readable as JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"runs: {path} is a {type(content).__name__}, expected a JSON object")
    return content
