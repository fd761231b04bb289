"""`invrender gradients`: its files, what it says, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from invrender.cli import run

SMALL = ("size=24", "fine=4", "shifts=2", "hydra.run.dir=out")


def test_a_comparison_of_gradients(invrender, workspace: Path) -> None:
    outcome = invrender("gradients", *SMALL, "only=[edge,nmr]", "numbers=[0,3]")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["estimator", "bias", "std.", "dev.", "cosine", "time"]
    assert [line.split()[0] for line in lines[1:3]] == ["edge", "nmr"]
    assert outcome.err.splitlines()[-1] == "4/4 nmr"

    content = json.loads((workspace / "out" / "gradients.json").read_text())
    assert content["unknown"] == "camera_pose" and content["directions"] == ["rotation x", "shift x"]
    edge, nmr = content["estimators"]
    assert edge["bias"] < 0.2 < nmr["bias"] and edge["cosine"] > 0.97
    with (workspace / "out" / "gradients.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["bias"]) for row in rows] == [edge["bias"], nmr["bias"]]
    with Image.open(workspace / "out" / "gradients.png") as sheet:
        assert min(sheet.size) > 400
    page = (workspace / "out" / "gradients.html").read_text()
    assert page.count("data:image/png") == 2 + 3 * 2 and 'src="http' not in page and "Kato et al., 2018" in page
    assert len(list((workspace / "out").glob("events.out.tfevents.*"))) == 1

    again = invrender("gradients", *SMALL)
    assert again.status == 2 and "nothing is overwritten" in again.error


def test_edges_of_the_teapot_are_within_a_tenth_of_finite_differences(workspace: Path) -> None:
    words = ["scene=teapot", "only=[edge]", "fine=8", "shifts=2", "hydra.run.dir=out"]
    assert run(["gradients", *words, "--quiet"]) == 0
    (edge,) = json.loads((workspace / "out" / "gradients.json").read_text())["estimators"]
    assert edge["bias"] < 0.1 and edge["deviation"] < 0.1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["only=[edg]"], "only is 'edg', expected one of"),
        (["recover=[camera_pose,light_intensity]"], "recover has camera_pose, light_intensity, expected one unknown"),
        (["numbers=[6]"], "numbers has 6, and the unknown has 6: expected 0 to 5"),
        (["size=4"], "size is 4, expected"),
        (["fine=0"], "fine is 0, expected 1 to 64"),
        (["shifts=65"], "shifts is 65, expected 1 to 64"),
        (["+estimators.mine={says: nothing}", "only=[mine]"], "estimators.mine has other keys than renderer"),
        (
            ["+estimators.hard={renderer: {_target_: invrender.render.hard.HardRenderer}}", "only=[hard]"],
            "estimators.hard: it has no gradient for recover.camera_pose, for its edges don't move",
        ),
        (
            ["recover=shininess", "only=[edge]", "scene.objects.cube.specular=[0,0,0]"],
            "recover.shininess: the picture does not depend on it",
        ),
    ],
)
def test_what_is_refused(invrender, workspace: Path, words: list[str], told: str) -> None:
    outcome = invrender("gradients", *SMALL, "--quiet", *words)
    assert outcome.status == 2
    assert told in outcome.error
    assert not (workspace / "out").exists()


def test_what_can_not_be_compared_is_left_out_unless_it_is_asked_for(invrender) -> None:
    hard = "+estimators.hard={renderer: {_target_: invrender.render.hard.HardRenderer}}"
    few = ["~estimators.soft_wide", "~estimators.soft_medium", "~estimators.soft_narrow", "~estimators.nvdiffrast_rule"]
    outcome = invrender("gradients", *SMALL, "--quiet", hard, *few, "numbers=[3]")
    assert outcome.status == 0
    assert "estimators.hard: it has no gradient for recover.camera_pose" in outcome.err
    assert outcome.err.splitlines()[-1].endswith("(left out)")


@pytest.mark.parametrize("words", [["optimizer=lm"], ["search=on", "optimizer=adam"]])
def test_least_squares_refuse_a_gradient_that_depends_on_the_loss(invrender, workspace: Path, words: list[str]) -> None:
    outcome = invrender("fit", "renderer=nmr", "hydra.run.dir=out", "target.samples=1", *words)
    assert outcome.status == 2
    assert "this renderer's gradient depends on the loss" in outcome.error
    assert not (workspace / "out").exists()
