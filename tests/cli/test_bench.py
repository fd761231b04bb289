"""Benchmarks from the command line."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from invrender.cli import run

SHORT = ("size=16", "optimizer.stages=[{steps: 2, size: 12}]", "target.samples=1", "renderer.samples=1")


def results_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "bench.json").read_text())
    return content


def test_a_small_benchmark(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "cfg" / "tasks").mkdir()
    (workspace / "cfg" / "tasks" / "mine.yaml").write_text(
        "mine:\n  fit: [optimizer=adam, scene=box, recover=camera_pose]\n"
        "  draw: {_target_: invrender.bench.draws.CameraViews}\n"
        "  cases: {near: {draw: {within: 20}}, impossible: {fit: [camera.fov=-1]}}\n"
    )
    (workspace / "cfg" / "tasks" / "drawn.yaml").write_text(
        "drawn:\n  fit: [experiment=photo, search=off, scene=box, target=drawn, 'target.photograph.clutter=[3,3]']\n"
        "  draw: {_target_: invrender.bench.draws.RoughViews, diameter: 1.5, width: [0.5, 0.6], angle: [3, 5]}\n"
        "  judged: pose\n"
    )
    given = ["bench", "--config-dir", "cfg", "tasks=[mine,light,drawn]", "bench=photo", "seeds=2", "jobs=2", *SHORT]
    assert run([*given, "hydra.run.dir=out"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].split()[:3] == ["task", "case", "runs"]
    assert printed.out.splitlines()[-1] == "results in out"
    assert sum("failed: camera.fov is -1" in line for line in printed.err.splitlines()) == 2
    results = results_of(workspace / "out")
    assert [(cell["task"], cell["case"], cell["runs"], cell["failed"]) for cell in results["cells"]] == [
        *(("mine", "near", 2, 0), ("mine", "impossible", 2, 2), ("light", "", 1, 0), ("drawn", "", 2, 0))
    ]
    runs = results["runs"]
    assert [(each["task"], each["case"], each["seed"]) for each in runs] == [
        *(("mine", "near", 0), ("mine", "impossible", 0), ("light", "", 0), ("drawn", "", 0)),
        *(("mine", "near", 1), ("mine", "impossible", 1), ("drawn", "", 1)),
    ]
    first, light = runs[0], runs[2]
    assert 0 < first["errors"]["camera_pose.rotation_deg"] <= 2 * first["errors_start"]["camera_pose.rotation_deg"]
    assert first["errors_start"] != runs[4]["errors_start"]
    assert light["errors_start"]["light_intensity.relative"] == pytest.approx(0.9)
    # Two steps, two looks before them and two after, and one by the judge, who sees that nothing is explained.
    assert (first["iterations"], first["renders"], first["differentiated"]) == (2, 7, 3)
    assert (first["optimizer"], first["statuses"]) == ("adam", {"camera_pose": "not_converged"})
    judged = {(each["unknown"], each["optimizer"]): each["judged"] for each in results["calibration"]}
    assert judged["camera_pose", "adam"] == 2
    assert judged["light_intensity", "lm"] == 1
    assert (results["right"]["degrees"], results["right"]["share"]) == (2, 0.02)
    check_drawn(runs[3])
    with (workspace / "out" / "bench.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["camera_pose.rotation_deg"]) == first["errors"]["camera_pose.rotation_deg"]
    assert (workspace / "out" / "bench.png").stat().st_size > 10_000

    # A run's own command makes the same fit.
    words = shlex.split(first["command"])
    assert run([*words[1:], "hydra.run.dir=again", "record.gif=false", "record.report=false"]) == 4
    again = json.loads((workspace / "again" / "result.json").read_text())["parameters"]["camera_pose"]
    for key in ("error_start", "error"):
        found = {f"camera_pose.{name}": pytest.approx(error) for name, error in again[key].items()}
        assert first["errors" if key == "error" else "errors_start"] == found

    assert run([*given, "hydra.run.dir=out"]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def check_drawn(found: dict[str, Any]) -> None:
    """Of a drawn photograph the pose alone is judged, though the lights are unknown, too."""
    assert set(found["errors"]) == {"pose.rotation_deg", "pose.position_relative"}
    assert 3 <= found["errors_start"]["pose.rotation_deg"] <= 5
    assert 0.05 <= found["errors_start"]["pose.position_relative"] <= 0.2
    turned, moved = found["errors"].values()
    assert found["right"] == (turned <= 2 and moved <= 0.02)
    assert found["cpu_seconds"] > 0


def test_what_would_be_run_is_listed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "tasks=[cube]", "bench=full", "seeds=3", "optimizer=lbfgs", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(set(lines)) == 4 * 3
    assert all("camera.width=256" in line and line.count("optimizer=lbfgs") == 1 for line in lines)
    assert run(["bench", "bench=photo", "seeds=1", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all("target=drawn" in line and "target.camera.width=640" in line for line in lines)
    assert not (workspace / "outputs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tasks=[cub]"], "tasks has no option 'cub'; did you mean 'cube'?"),
        (["tasks=[]"], "tasks is empty, expected at least one task"),
        (["tasks.cube.judged=poses"], "tasks.cube.cases.turned_20: judged is 'poses', expected one of unknowns, pose"),
        (["seeds=0"], "seeds is 0, expected 1 or more"),
        (["jobs=none"], "jobs is 'none', expected auto or a number of 1 or more"),
        (["size=0"], "size is 0"),
        (["optimizer=lbgfs"], "optimizer has no option 'lbgfs'; did you mean 'lbfgs'?"),
        (["seeds=1", "camera.azimut=3"], "camera has no key 'azimut'; did you mean 'azimuth'?"),
        (["fit=[seed=1]", "optimizer=sgd"], "fit=[…] and optimizer=sgd are both for the fits"),
        (["tasks.cube.cases.turned_20.draw.angle=200"], "tasks.cube.cases.turned_20: draw.angle is 200"),
        (["+tasks.cube.draw.angel=20"], "draw has no key 'angel'; did you mean 'angle'?"),
        (["tasks.cube.draw._target_=os.system"], "draw._target_ is 'os.system', expected something under invrender."),
    ],
)
def test_refusals(workspace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(["bench", *arguments]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), message in told) == (1, True), told
    assert not (workspace / "outputs").exists()


def test_where_all_fits_fail_it_says_why(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "tasks=[light]", "camera.fov=-1", "--quiet"]) == 2
    assert "all fits have failed, the first with: camera.fov is -1" in capsys.readouterr().err.splitlines()[-1]


def test_a_benchmark_of_lights_alone_has_a_plot_too(workspace: Path) -> None:
    assert run(["bench", "tasks=[light]", "hydra.run.dir=out", *SHORT]) == 0
    assert (workspace / "out" / "bench.png").stat().st_size > 10_000
