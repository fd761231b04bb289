"""Several photographs on the command line: what is written of each view, and one line for what makes no sense."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from invrender.config.runs import read_run

QUICK = ("optimizer.stages=[{steps: 3, size: 24}]", "renderer.samples=1", "search=off")
FILES = ("record=none", "record.files=true", "record.report=true", "hydra.run.dir=run")
FEW = "recover=[camera_poses,camera_focal]"


@pytest.fixture
def taken(invrender: Any, workspace: Path) -> Path:
    """Two pictures of the cube, and a file that says roughly where they are from."""
    for name, azimuth in (("a", 30), ("b.left", 100)):
        given = (f"camera.azimuth={azimuth}", "camera.width=32", "camera.height=24", f"output={name}.png")
        assert invrender("render", *given, f"hydra.run.dir=drawn/{name}").status == 0
    return write([{"picture": "a.png", "azimuth": 33}, {"picture": "b.left.png", "azimuth": 98}])


def write(views: list[dict[str, Any]]) -> Path:
    path = Path("cameras.json")
    path.write_text(json.dumps({"views": views}))
    return path


def test_each_view_has_a_line_a_verdict_and_a_camera(invrender: Any, taken: Path) -> None:
    ran = invrender("fit", f"target={taken}", FEW, *QUICK, *FILES)
    assert ran.status != 2, ran.err
    rows = [line.split()[0] for line in ran.out.splitlines() if line.startswith("camera_")]
    assert rows[:3] == ["camera_poses.a", "camera_poses.b.left", "camera_focal"]
    result = json.loads(Path("run/result.json").read_text())
    assert set(result["parameters"]) == set(result["verdict"]["unknowns"]) == set(rows[:3])
    assert len(result["parameters"]["camera_poses.b.left"]["deviation"]["position"]) == 3
    # A picture's name may have points in it.
    with Path("run/history.csv").open(newline="") as file:
        assert "loss" in next(csv.reader(file))
    assert "camera_poses.b.left" in Path("run/report.html").read_text()
    found = json.loads(Path("run/recovered/cameras.json").read_text())["views"]
    assert [each["picture"] for each in found] == ["../../a.png", "../../b.left.png"]
    answer = read_run(Path("run")).answer
    assert answer is not None
    for name in ("a", "b.left"):
        value = result["parameters"][f"camera_poses.{name}"]["value"]["position"]
        assert answer.cameras[name].position.tolist() == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "views", "told"),
    [
        (
            ["recover.camera_poses.known=[c]"],
            [{}, {}],
            "recover.camera_poses: known: no view is called 'c', only a, b.left",
        ),
        (["recover=[camera_poses,object_pose]"], [{}, {}], "name a view that is known: recover.camera_poses.known=[a]"),
        (
            [FEW],
            [{"fov": 40}, {"fov": 50}],
            "recover.camera_focal: all views share one camera's optics, but a and b.left",
        ),
        ([], [{}, {"look_at": [0, 50, 0]}], "cameras.json: views[1] sees no object"),
        ([], [{}, {"picture": "c.png"}], "c.png: no such picture file"),
        ([], [{}, {"focal": [30, 30], "fov": 40}], "views[1]"),
        (
            ["search.start=previous", "recover=object_pose"],
            [{}, {}],
            "search.start is previous, which puts a camera where",
        ),
        (["search.start=first"], [{}, {}], "search.start is 'first', expected one of together, alone, previous"),
        (
            ["optimizer.stages=[{steps: 1, unknowns: [camera_pose]}]"],
            [{}, {}],
            "there is no unknown 'camera_pose' here, only camera_poses.a, camera_poses.b.left",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    invrender: Any, taken: Path, arguments: list[str], views: list[dict[str, Any]], told: str
) -> None:
    entries = json.loads(taken.read_text())["views"]
    write([{**entry, **given} for entry, given in zip(entries, views, strict=True)])
    ran = invrender("fit", f"target={taken}", "recover=camera_poses", *QUICK, *arguments, "hydra.run.dir=run")
    assert ran.status == 2
    assert told in ran.err
    assert len([line for line in ran.err.splitlines() if "note:" not in line]) == 1, ran.err
    assert not Path("run").exists()


def test_where_views_begin_is_for_fits_that_search(invrender: Any, taken: Path) -> None:
    given = (f"target={taken}", "recover=camera_poses", "optimizer=adam", "search.start=alone", "--dry-run")
    told = "search.start=alone has no effect"
    assert told in invrender("fit", *given, "hydra.run.dir=auto").err
    assert told not in invrender("fit", *given, "search.mode=on", "hydra.run.dir=on").err


def test_a_budget_counts_while_views_are_fitted_alone(invrender: Any, taken: Path) -> None:
    given = (f"target={taken}", "recover=camera_poses", *QUICK, "search.start=previous", "stopping.seconds=0.001")
    ran = invrender("fit", *given, "record=none", "record.files=true", "hydra.run.dir=run")
    assert ran.status != 2, ran.err
    assert "a alone: " in ran.err and "b.left alone: " in ran.err
    assert json.loads(Path("run/result.json").read_text())["stopped_because"] == "budget"
