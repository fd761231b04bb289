"""What a sweep knows of its jobs: read from their folders, ranked, written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from invrender.errors import UserError
from invrender.record.report import write_report
from invrender.sweep.display import best_table, job_text
from invrender.sweep.outcome import Outcome, write_outcome
from invrender.sweep.plots import write_plots
from invrender.sweep.summary import Job, Summary, read_summary


def leave(folder: Path, error: float, loss: float = 0.1, name: str = "psnr_db", verdict: str | None = None) -> None:
    """A finished job's files."""
    folder.mkdir()
    texture = {"error": {name: error}, "error_start": {name: 9.0}}
    result = {
        "parameters": {"texture": texture, "light": {"error": None, "error_start": None}},
        "loss": {"start": 1.0, "best": loss},
        "seconds": {"total": 2.0},
        "iterations": 7,
        "stopped_because": "finished",
        "verdict": verdict and {"status": verdict},
    }
    (folder / "result.json").write_text(json.dumps(result))
    write_outcome(folder, Outcome("finished"))


def summary(folder: Path, rank_by: str | None = None) -> Summary:
    jobs = [Job(number, [f"seed={number}"], {"seed": str(number)}) for number in range(5)]
    return Summary(folder, "invrender sweep seed=0,1,2,3,4", ["seed=0,1,2,3,4"], ["seed"], jobs, rank_by)


def four_of_five(folder: Path, rank_by: str | None = None) -> Summary:
    """Two finished jobs, a failed one, one that was interrupted and one without a folder."""
    sweep = summary(folder, rank_by)
    leave(folder / "0", 20.0, loss=0.1)
    leave(folder / "1", 30.0, loss=0.2)
    for number, outcome in ((2, Outcome("failed", 2, "no good")), (3, Outcome("interrupted", 130))):
        (folder / str(number)).mkdir()
        write_outcome(folder / str(number), outcome)
    sweep.look()
    return sweep


def test_jobs_are_what_their_folders_say(tmp_path: Path) -> None:
    sweep = four_of_five(tmp_path)
    assert [job.status for job in sweep.jobs] == ["finished", "finished", "failed", "missing", "missing"]
    assert sweep.jobs[0].errors == {"texture": {"psnr_db": 20.0}}
    assert (sweep.jobs[0].seconds, sweep.jobs[0].iterations) == (2.0, 7)
    assert sweep.jobs[2].message == "no good"
    assert sweep.look() == []


@pytest.mark.parametrize(("rank_by", "order"), [(None, [1, 0]), ("texture.psnr_db", [1, 0]), ("loss", [0, 1])])
def test_the_best_is_first(tmp_path: Path, rank_by: str | None, order: list[int]) -> None:
    assert [job.number for job in four_of_five(tmp_path, rank_by).ranked()] == [*order, 2, 3, 4]


def test_verdicts_are_shown_where_there_are_any(tmp_path: Path) -> None:
    sweep = four_of_five(tmp_path)
    assert "verdict" not in best_table(sweep, sweep.jobs)
    leave(tmp_path / "4", 25.0, verdict="not_converged")
    sweep.look()
    assert "not converged" in best_table(sweep, sweep.jobs)
    assert job_text(sweep.jobs[4]).endswith("not converged, 2.0 s")
    sweep.write()
    rows = list(csv.DictReader((tmp_path / "summary.csv").read_text().splitlines()))
    assert [row["verdict"] for row in rows] == ["", "", "", "", "not_converged"]


def test_an_unknown_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"did you mean 'texture.psnr_db'"):
        four_of_five(tmp_path, "texture.psnr").check_measure()


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    sweep = four_of_five(tmp_path)
    sweep.write()
    assert read_summary(tmp_path).jobs[:2] == sweep.jobs[:2]
    rows = list(csv.DictReader((tmp_path / "summary.csv").read_text().splitlines()))
    assert [row["texture.psnr_db"] for row in rows] == ["20.0", "30.0", "", "", ""]
    assert [row["rank"] for row in rows] == ["2", "1", "", "", ""]


def test_a_job_without_results_has_failed(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    write_outcome(tmp_path / "0", Outcome("finished"))
    sweep = summary(tmp_path)
    sweep.look()
    assert sweep.jobs[0].status == "failed"
    assert "record.files" in str(sweep.jobs[0].message)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"jobs": [{"number": 0}]}'])
def test_only_a_sweep_can_be_resumed(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    with pytest.raises(UserError, match="--resume"):
        read_summary(tmp_path)


def test_plots_of_numbers_words_and_nothing(tmp_path: Path) -> None:
    sweep = four_of_five(tmp_path)
    sweep.swept = ["seed", "optimizer"]
    for job in sweep.jobs:
        job.values["optimizer"] = "adam" if job.number % 2 else "sgd"
    write_plots(sweep)
    assert (tmp_path / "summary.png").stat().st_size > 1000
    (tmp_path / "none").mkdir()
    write_plots(summary(tmp_path / "none"))
    assert not (tmp_path / "none" / "summary.png").exists()


def test_a_summary_from_elsewhere_names_no_folder_outside(tmp_path: Path) -> None:
    sweep = four_of_five(tmp_path)
    sweep.jobs[0].folder = "../elsewhere"
    sweep.write()
    assert [job.folder for job in read_summary(tmp_path).jobs] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"parameters": {}}'])
def test_a_damaged_result_is_a_failure(tmp_path: Path, damage: str) -> None:
    leave(tmp_path / "0", 20.0)
    (tmp_path / "0" / "result.json").write_text(damage)
    sweep = summary(tmp_path)
    sweep.look()
    assert sweep.jobs[0].status == "failed"
    assert "result.json is damaged" in str(sweep.jobs[0].message)


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": {"start": 1.0, "best": "low"}},
        {"loss": {"start": 1.0, "best": float("nan")}},
        {"seconds": {"total": [2.0]}},
        {"iterations": 7.5},
        {"seconds": {"total": 10**400}},
        {"verdict": {"status": 3}},
        {"parameters": {"texture": {"error": {"psnr_db": {}}, "error_start": None}}},
        {"parameters": {"texture": {"error": [9.0], "error_start": None}}},
    ],
)
def test_a_result_with_a_value_of_another_type_is_a_failure_and_what_is_told_stays_plain(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    leave(tmp_path / "0", 20.0)
    result = json.loads((tmp_path / "0" / "result.json").read_text())
    (tmp_path / "0" / "result.json").write_text(json.dumps({**result, **wrong}))
    sweep = summary(tmp_path)
    sweep.look()
    assert "result.json is damaged" in str(sweep.jobs[0].message)
    sweep.write()
    write_report(tmp_path)


@pytest.mark.parametrize("wrong", [{"seconds": [2.0]}, {"loss": 1e999}, {"errors": {"texture": 9.0}}, {"values": None}])
def test_a_summary_with_a_value_of_another_type_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    four_of_five(tmp_path).write()
    content = json.loads((tmp_path / "summary.json").read_text())
    content["jobs"][0].update(wrong)
    (tmp_path / "summary.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="not the summary of a sweep"):
        read_summary(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        '{"status"',
        '{"status": "finished", "exit_status": 1}',
        '{"status": "finished", "exit_status": 999}',
        '{"status": "failed", "exit_status": 0}',
        '{"status": "done"}',
    ],
)
def test_a_damaged_outcome_is_none(tmp_path: Path, damage: str) -> None:
    leave(tmp_path / "0", 20.0)
    (tmp_path / "0" / "outcome.json").write_text(damage)
    assert summary(tmp_path).look() == []
