"""A file of three materials is one object, whose pose is found as one; skipped where its folder is missing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import roma
import torch
import yaml

from invrender.cli import run

CASE = Path(__file__).parents[3] / "shared" / "cases" / "01-several-materials"
SCENE = f"""\
# @package _global_
scene:
  folder: {CASE}
  background: [0, 0, 0.2]
  objects:
    thing: {{mesh: box.obj}}
camera: {{fov: 40, width: 64, height: 64, azimuth: 30, elevation: 25, distance: 4, look_at: [0, 0, 0]}}
light:
  ambient: {{kind: ambient, intensity: 0.5}}
  key: {{kind: directional, direction: [1, 2, 3], intensity: 0.5}}
"""


@pytest.mark.skipif(not CASE.is_dir(), reason="needs the cases beside the repository")
def test_the_pose_of_a_box_of_three_materials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box.yaml").write_text(SCENE)
    turned = "target.scene.objects.thing.rotation=[5,20,-8]"
    quiet = ("record.gif=false", "record.tensorboard=false", "record.bar=false", "hydra.run.dir=found")
    assert run(["fit", "scene=box.yaml", "recover=object_pose", "optimizer=lm", turned, *quiet]) == 0
    recovered = yaml.safe_load((tmp_path / "found" / "recovered" / "scene.yaml").read_text())
    (found,) = recovered["scene"]["objects"].values()
    rotation = torch.tensor(found["world_from_object"], dtype=torch.float64)[:3, :3]
    true = roma.rotvec_to_rotmat(torch.tensor([5.0, 20, -8], dtype=torch.float64) * math.pi / 180)
    assert float(torch.rad2deg(roma.rotmat_geodesic_distance(rotation, true))) < 0.1
