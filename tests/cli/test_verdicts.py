"""What the shell and result.json are told of an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import trimesh

SMALL = ("camera.width=48", "camera.height=48", "record=none", "record.files=true", "optimizer=lm", "hydra.run.dir=fit")


def result_of(workspace: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((workspace / "fit" / "result.json").read_text())
    return result


def test_a_good_answer_has_error_bars(invrender: Any, workspace: Path) -> None:
    unknowns = "recover=[camera_pose,light_intensity]"
    outcome = invrender("fit", "target.camera.azimuth=37", "target.noise=0.01", unknowns, *SMALL)
    assert outcome.status == 0
    result = result_of(workspace)
    assert result["verdict"]["status"] == "converged"
    assert result["verdict"]["others"] == []
    pose, light = (result["parameters"][name] for name in ("camera_pose", "light_intensity"))
    for parameter, key in ((pose, "position"), (pose, "rotation_deg")):
        for found, true, deviation in zip(
            parameter["value"][key], parameter["truth"][key], parameter["deviation"][key], strict=True
        ):
            assert abs(found - true) < 5 * deviation
            assert 0 < deviation < 0.5
    assert 0 < light["deviation"]["key"] < 0.05


def test_a_fit_that_is_not_done_says_so(invrender: Any, workspace: Path) -> None:
    stages = "optimizer.stages=[{steps: 1, sigma: 0}]"
    outcome = invrender("fit", "target.camera.azimuth=50", "search=off", *SMALL, stages)
    assert outcome.status == 4
    assert result_of(workspace)["verdict"]["status"] == "not_converged"


def shaped(workspace: Path, mesh: trimesh.Trimesh) -> list[str]:
    """The arguments that fit the pose of a mesh without a texture."""
    mesh.export(workspace / "shape.obj")
    turned = "target.scene.objects.shape.rotation=[30,40,0]"
    start = "scene.objects.shape.rotation=[20,30,10]"
    return ["scene=mesh", "scene.objects.shape.mesh=shape.obj", "recover=object_pose", turned, start, *SMALL]


def test_a_plain_box_looks_the_same_from_elsewhere(invrender: Any, workspace: Path) -> None:
    outcome = invrender("fit", *shaped(workspace, trimesh.creation.box((1.4, 0.9, 0.6))))
    assert outcome.status == 5
    verdict = result_of(workspace)["verdict"]
    assert verdict["status"] == "ambiguous"
    assert len(verdict["others"]) >= 1
    for other in verdict["others"]:
        assert set(other["object_pose"]) == {"position", "rotation_deg"}


def test_how_far_a_plain_cylinder_is_turned_is_not_to_be_known(invrender: Any, workspace: Path) -> None:
    # The sides of its mesh can be told apart from each other, or not, so it is either of the two.
    outcome = invrender("fit", *shaped(workspace, trimesh.creation.cylinder(0.6, 1.4, sections=64)))
    assert outcome.status in (5, 6)


def test_what_the_picture_does_not_determine_is_named(invrender: Any, workspace: Path) -> None:
    unknowns = "recover=[light_intensity,light_color]"
    outcome = invrender("fit", unknowns, "target.light.key.intensity=0.6", "target.noise=0.01", *SMALL)
    assert outcome.status == 6
    verdict = result_of(workspace)["verdict"]
    assert verdict["status"] == "unidentifiable"
    assert {name for parts in verdict["unseen"] for name in parts} == {"light_intensity", "light_color"}


ADAM = (*SMALL[:-2], SMALL[-1], "optimizer=adam")


def test_answers_of_other_optimizers_are_judged(invrender: Any, workspace: Path) -> None:
    outcome = invrender("fit", "target.camera.azimuth=50", *ADAM, "optimizer.stages=[{steps: 2}]")
    assert outcome.status == 4
    assert "search=on looks everywhere" in outcome.out
    assert result_of(workspace)["verdict"]["status"] == "not_converged"


def test_a_verdict_can_be_left_out(invrender: Any, workspace: Path) -> None:
    outcome = invrender("fit", *ADAM, "optimizer.stages=[{steps: 2}]", "verdict.judge=false")
    assert outcome.status == 0
    result = result_of(workspace)
    assert result["verdict"] is None
    assert result["parameters"]["camera_pose"]["deviation"] is None


def test_a_texture_is_told_with_how_much_of_it_is_seen(invrender: Any, workspace: Path) -> None:
    blank = ["scene.objects.cube.texture=blank", "scene.objects.cube.texture_size=[16,16]"]
    arguments = ["scene=cube", "recover=texture", "recover.texture.lr=0.05", *blank, *ADAM]
    stages = "optimizer.stages=[{steps: STEPS, sigma: 1.0e-6}]"
    outcome = invrender("fit", *arguments, stages.replace("STEPS", "60"))
    assert outcome.status == 0, outcome.out
    result = result_of(workspace)
    coverage = result["verdict"]["coverage"]["texture"]
    assert coverage["entries"] == "texels"
    # Of the six sides three are seen, and texels of others beyond their edges.
    assert 0.2 < coverage["well_seen"] < coverage["seen"] < 0.8
    assert f"texture: {coverage['well_seen']:.0%} of its texels are well seen" in outcome.out
    assert result["parameters"]["texture"]["deviation"] is None
