"""Success rates, medians, and what verdicts are worth."""

from __future__ import annotations

import math
from typing import Any

import pytest

from invrender.bench.calibration import Calibration, add_up, calibrate
from invrender.bench.results import Results, per_cent, results_text
from invrender.bench.statistics import Score, cells_of
from invrender.bench.trials import Run
from invrender.config.schema import RightConfig

LIMITS = RightConfig()


def run(degrees: float, share: float = 0.0, **other: Any) -> Run:
    errors = {"camera_pose.rotation_deg": degrees, "camera_pose.position": 9.0, "camera_pose.position_relative": share}
    start = {**errors, "camera_pose.rotation_deg": 50.0}
    given = {"seconds": 2.0, "renders": 10, "differentiated": 5, "iterations": 4, **other}
    return Run("views", "vase", 0, "invrender fit", errors_start=start, errors=errors, **given)


def test_of_several_unknowns_the_worst_counts() -> None:
    errors = {"a.rotation_deg": 1.0, "b.rotation_deg": 3.0, "light.relative": 0.2, "a.position_relative": 0.1}
    assert Score.of({**errors, "texture.psnr_db": 30.0}) == Score(3.0, 0.2, 30.0)
    assert Score.of({"focal.absolute": 4.0, "focal.relative": 0.1}) == Score(None, 0.1, None)
    assert Score.of({"color.absolute": 0.04, "other.absolute": 0.01}) == Score(None, None, None, 0.04)
    assert not Score.of({"color.absolute": 0.04}).is_right(LIMITS)
    assert Score.of({"color.absolute": 0.01}).is_right(LIMITS)
    assert Score.of({"a.rotation_deg": math.nan, "t.psnr_db": math.nan}) == Score(math.inf, None, -math.inf)


def test_rates_count_failed_runs_as_not_found() -> None:
    failed = Run("views", "vase", 3, "invrender fit", message="no memory")
    runs = [run(0.5, 0.002, seconds=1.0), run(1.5, 0.03), run(6.0, 0.2, seconds=9.0), failed]
    (cell,) = cells_of(runs, LIMITS)
    assert (cell.runs, cell.failed) == (4, 1)
    assert cell.degrees == {1.0: 0.25, 2.0: 0.5, 5.0: 0.5, 10.0: 0.75}
    assert cell.share == {0.01: 0.25, 0.05: 0.5}
    assert cell.right == 0.25
    assert (cell.errors, cell.errors_start.degrees) == (Score(1.5, 0.03, None), 50.0)
    assert (cell.seconds, cell.seconds_max, cell.renders) == (2.0, 9.0, 10)
    assert (cell.verdicts, cell.converged_but_wrong) == ({}, None)


def test_an_answer_that_is_right_in_one_way_alone_is_not_right() -> None:
    (cell,) = cells_of([run(0.1, 0.5), run(30.0, 0.001)], LIMITS)
    assert cell.right == 0


def test_verdicts_are_held_against_the_truth() -> None:
    told = ["converged", "converged", "ambiguous", "not_converged", "converged"]
    runs = [run(degrees, verdict=verdict) for degrees, verdict in zip([0.1, 40, 0.1, 70, 0.2], told, strict=True)]
    (cell,) = cells_of(runs, LIMITS)
    assert cell.verdicts == {"converged": 3, "ambiguous": 1, "not_converged": 1}
    assert cell.converged_but_wrong == pytest.approx(1 / 5)
    assert cell.right_but_not_converged == pytest.approx(1 / 3)
    text = results_text(Results("invrender bench", [], LIMITS, runs, cores=2, jobs=2))
    assert "converged but wrong: 20.0% of all; right but not converged: 33.3% of the right ones" in text


def test_verdicts_on_each_unknown_are_counted() -> None:
    def joint(degrees: float, level: float, seen: float, pose: str, texture: str) -> Run:
        errors = {"pose.rotation_deg": degrees, "texture.psnr_db": level}
        return Run(
            *("joint", "", 0, "c"),
            errors=errors,
            errors_seen={"texture.psnr_db": seen},
            optimizer="adam",
            verdict=pose,
            statuses={"pose": pose, "texture": texture, "drawn": "converged"},
        )

    runs = [
        joint(0.1, 10.0, 30.0, "converged", "converged"),
        joint(9.0, 10.0, 30.0, "converged", "not_converged"),
        joint(0.1, 10.0, 12.0, "ambiguous", "converged"),
        joint(9.0, 10.0, 12.0, "not_converged", "not_converged"),
    ]
    assert calibrate(runs, LIMITS) == [
        Calibration("pose", "adam", 4, 2, 1, 1),
        Calibration("texture", "adam", 4, 2, 1, 1),
    ]
    assert add_up(calibrate(runs, LIMITS)) == Calibration("all", "", 8, 4, 2, 2)
    text = results_text(Results("c", [], LIMITS, runs, 2, 2)).splitlines()
    assert next(line.split() for line in text if line.startswith("all ")) == ["all", "8", "4", "2", "2"]


def test_error_bars_are_held_against_the_truth() -> None:
    told = ["converged", "converged", "ambiguous", "converged"]
    missed = [[0.5, -0.2, 1.5], [-0.9], [5.0], [7.0]]
    answers = zip([0.1, 0.1, 0.1, 40.0], told, missed, strict=True)
    runs = [run(degrees, verdict=verdict, pulls=pulls) for degrees, verdict, pulls in answers]
    (cell,) = cells_of(runs, LIMITS)
    assert (cell.values, cell.within) == (4, 0.75)
    text = results_text(Results("invrender bench", [], LIMITS, runs, cores=2, jobs=2))
    assert "error bars: 75% of 4 values are within one deviation of the truth" in text
    assert cells_of([run(0.1, verdict="converged")], LIMITS)[0].within is None


def test_the_table_leaves_out_what_nobody_has() -> None:
    light = Run("light", "", 0, "c", errors={"light.relative": 0.0001}, errors_start={"light.relative": 0.9}, seconds=1)
    heading, row = results_text(Results("c", [], LIMITS, [light], 2, 2)).splitlines()[:2]
    assert heading.split() == [
        "task",
        "case",
        "runs",
        "≤1%",
        "≤5%",
        "right",
        "start",
        "found",
        "renders",
        *("seconds", "longest"),
    ]
    assert row.split() == ["light", "1", "100%", "100%", "100%", "90%", "0.01%", "1.0", "1.0"]


@pytest.mark.parametrize(("rate", "text"), [(1.0, "100%"), (0.999, "99%"), (0.0, "0%"), (0.5, "50%"), (None, "")])
def test_a_hundred_per_cent_is_all(rate: float | None, text: str) -> None:
    assert per_cent(rate) == text
