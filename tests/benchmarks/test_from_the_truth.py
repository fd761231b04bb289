"""A fit with hard edges that starts at the truth ends there: its gradient has no bias, on any shipped scene."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from invrender.config.resources import configs_folder, scenes_folder
from invrender.config.schema import register_schemas
from invrender.io.scenes import build_scene
from invrender.io.schema import SceneFile
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Scene

SIZE = 128
SHIPPED = sorted(path.parent.name for path in scenes_folder().glob("*/truth.yaml"))


def shipped(name: str) -> Scene:
    register_schemas()
    with initialize_config_dir(str(configs_folder()), version_base=None):
        config = compose("fit", [f"scene={name}", f"camera.width={SIZE}", f"camera.height={SIZE}"])
    file = SceneFile(**{key: OmegaConf.to_object(config[key]) for key in ("scene", "camera", "light")})
    return build_scene(file, scenes_folder() / name)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_pose_that_is_right_stays_right(name: str) -> None:
    from bench_edges import drift

    errors = drift(EmbeddedRenderer(visibility="edge", samples=2), shipped(name))
    # The first steps of Adam are as long as its learning rate.
    assert max(each["rotation_deg"] for each in errors) > 0.1
    assert errors[-1]["rotation_deg"] < 0.05
    assert errors[-1]["position_relative"] < 1e-3
