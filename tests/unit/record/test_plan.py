"""The table of stages that a dry run shows."""

from __future__ import annotations

from invrender.fitting.dry_run import DryRun, GradientCheck, StagePlan
from invrender.fitting.schedule import Stage
from invrender.record.plan import doubts, stage_rows


def rows(*stages: Stage) -> list[dict[str, str]]:
    plans = [StagePlan(stage, (24, 32), 0.5) for stage in stages]
    header, *cells = stage_rows(DryRun(plans, {}, {}, 0))
    return [dict(zip(header, row, strict=True)) for row in cells]


def test_choices_of_stages_are_columns_where_there_are_any() -> None:
    (plain,) = rows(Stage(4, lr=0.5))
    assert "losses" not in plain
    assert "unknowns" not in plain
    assert (plain["lr"], plain["pixels"], plain["seconds"]) == ("0.5", "32 × 24", "2.0")
    first, second = rows(Stage(4, unknowns=["pose", "light"]), Stage(4, lr={"pose": 0.5, "light": 2.0}))
    assert (first["unknowns"], second["unknowns"]) == ("pose, light", "all")
    assert second["lr"] == "pose 0.5, light 2"
    assert "losses" not in first


def test_a_gradient_that_is_off_is_no_surprise_where_it_is_approximate() -> None:
    checks = {"right": GradientCheck(1.0, 1.01), "off": GradientCheck(1.0, 0.5)}
    (line,) = doubts(DryRun([], {}, checks, 0))
    assert line.startswith("the gradient of off is off: the renderer may not be differentiable in it")
    (line,) = doubts(DryRun([], {}, checks, 0, approximate=True))
    assert line.endswith("this renderer's is approximate, and not the derivative of its picture")
