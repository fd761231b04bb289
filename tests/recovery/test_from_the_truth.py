"""A fit with hard edges that starts at the truth ends there: its gradient has no bias, on any shipped scene."""

from __future__ import annotations

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from invrender.config import register_schemas
from invrender.io.scenes import build_scene
from invrender.io.schema import SceneFile
from invrender.parameters import CameraPose
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.resources import configs_folder, scenes_folder
from invrender.scene import Scene, Truth

SIZE = 128
STEPS = 120
SHIPPED = sorted(path.parent.name for path in scenes_folder().glob("*/truth.yaml"))


def shipped(name: str) -> Scene:
    register_schemas()
    with initialize_config_dir(str(configs_folder()), version_base=None):
        config = compose("fit", [f"scene={name}", f"camera.width={SIZE}", f"camera.height={SIZE}"])
    file = SceneFile(**{key: OmegaConf.to_object(config[key]) for key in ("scene", "camera", "light")})
    return build_scene(file, scenes_folder() / name)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_pose_that_is_right_stays_right(name: str) -> None:
    scene = shipped(name)
    renderer = EmbeddedRenderer(visibility="edge", samples=2)
    target = HardRenderer(samples=16).render(scene)
    pose = CameraPose()
    raw = pose.initial(scene).requires_grad_()
    optimizer = torch.optim.Adam([raw], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    farthest = 0.0
    for _ in range(STEPS):
        rendered = renderer.render(pose.apply(scene, raw))
        loss = (rendered.rgb - target.rgb).square().mean() + (rendered.alpha - target.alpha).square().mean()
        (raw.grad,) = torch.autograd.grad(loss, raw)
        optimizer.step()
        schedule.step()
        farthest = max(farthest, pose.error(pose.apply(scene, raw.detach()), Truth(scene, {}, {}))["rotation_deg"])
    error = pose.error(pose.apply(scene, raw.detach()), Truth(scene, {}, {}))
    assert farthest > 0.1  # the first steps of Adam are as long as its learning rate
    assert error["rotation_deg"] < 0.05
    assert error["position_relative"] < 1e-3
