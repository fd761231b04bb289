"""A sphere that is given no place is where the views look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from invrender.config.calls import load_experiment
from invrender.errors import UserError
from invrender.io.pictures import write_mask, write_picture


def views(folder: Path, masked: bool) -> Path:
    """Two pictures that show a disk, on the right of the middle from one side, in the middle from the other."""
    rows, columns = torch.meshgrid(torch.arange(40) + 0.5, torch.arange(40) + 0.5, indexing="ij")
    listed = []
    for name, azimuth, center in (("front", 0, 28.0), ("side", 90, 20.0)):
        disk = ((rows - 20) ** 2 + (columns - center) ** 2 < 36).float()
        write_picture(folder / f"{name}.png", disk[..., None].expand(-1, -1, 3))
        write_mask(folder / f"{name}_mask.png", disk)
        mask = {"mask": f"{name}_mask.png"} if masked else {}
        place = {"azimuth": azimuth, "distance": 50.0, "look_at": [10.0, 0.0, 0.0], "focal": 100.0}
        listed.append({"picture": f"{name}.png", **mask, **place})
    path = folder / "cameras.json"
    path.write_text(json.dumps({"views": listed}))
    return path


@pytest.mark.parametrize(("masked", "radius"), [(True, 3.0), (False, 5.0)])
def test_a_sphere_is_where_the_views_look(
    masked: bool, radius: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ["scene=sphere", "recover=vertices", f"target={views(tmp_path, masked)}", "loss=mse"]
    experiment = load_experiment(*settings, "scene.objects.shape.subdivisions=2")
    vertices = experiment.problem.scene.objects["shape"].mesh.vertices
    center = (vertices.amax(0) + vertices.amin(0)) / 2
    assert float((vertices - center).norm(dim=1).mean()) == pytest.approx(radius, rel=0.1)
    # 8 pixels to the right at a distance of 50 and a focal length of 100.
    expected = torch.tensor([14.0 if masked else 10.0, 0.0, 0.0])
    torch.testing.assert_close(center, expected, rtol=0, atol=0.3)
    assert "where the views look" in caplog.text


def test_what_is_given_counts_and_what_is_no_box_is_refused(tmp_path: Path) -> None:
    settings = [
        "scene=sphere",
        "recover=vertices",
        f"target={views(tmp_path, True)}",
        "scene.objects.shape.subdivisions=1",
    ]
    box = "scene.objects.shape.box=[[8,-2,-2],[12,2,3]]"
    vertices = load_experiment(*settings, box).problem.scene.objects["shape"].mesh.vertices
    torch.testing.assert_close(vertices.amax(0), torch.tensor([12.0, 2.0, 3.0]), rtol=0, atol=0.7)
    for wrong, told in (
        ("scene.objects.shape.box=[[8,-2,-2],[1,2,3]]", "expected a lower and an upper corner"),
        ("scene.objects.shape.box=[8]", "expected 2x3 numbers"),
        ("scene.objects.shape.subdivisions=9", "expected 0 to 7"),
        ("scene.objects.shape.texture=blank", "texture"),
    ):
        with pytest.raises(UserError, match=told):
            load_experiment(*settings, wrong)
    with pytest.raises(UserError, match="box has no effect on the mesh of a file"):
        load_experiment("scene=vase", "scene.objects.vase.box=[[0,0,0],[1,1,1]]")


def test_a_hull_is_what_lies_within_the_masks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cells = "scene.objects.shape.cells=20"
    settings = ["scene=hull", "recover=vertices", "loss=silhouette", f"target={views(tmp_path, True)}", cells]
    mesh = load_experiment(*settings).problem.scene.objects["shape"].mesh
    # Two cylinders of radius 3 that cross, with axes along z and x: the box around them is one of 6 along each side.
    sides = mesh.vertices.amax(dim=0) - mesh.vertices.amin(dim=0)
    torch.testing.assert_close(sides, torch.full((3,), 6.0), rtol=0, atol=0.6)
    assert "shape: the hull of 2 masks" in caplog.text
    assert "a sphere" not in caplog.text
    with pytest.raises(UserError, match="which needs masks, and front has none"):
        load_experiment(*settings[:2], "loss=mse", f"target={views(tmp_path, False)}")
    with pytest.raises(UserError, match=r"shape\.cells is 2, expected 8 to 256"):
        load_experiment(*settings[:-1], "scene.objects.shape.cells=2")
    with pytest.raises(UserError, match=r"give target=cameras\.json, or scene=sphere"):
        load_experiment("scene=hull", "recover=vertices")
