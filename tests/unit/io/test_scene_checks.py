"""Values that can't be a scene are refused in one line that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from cubes import cube_file
from omegaconf import OmegaConf

from invrender.errors import UserError
from invrender.io.scenes import build_scene
from invrender.io.schema import SceneFile

REFUSED = [
    ("camera.width=0", "camera.width is 0, expected 1 to 16384"),
    ("camera.height=17000", "camera.height is 17000, expected 1 to 16384"),
    ("camera.fov=180", "camera.fov is 180.0, expected degrees between 0 and 180"),
    ("camera.fov=nan", "camera.fov is nan"),
    ("camera.distance=-1", "camera.distance is -1.0, expected a number above 0"),
    ("camera.azimuth=inf", "camera.azimuth is [inf], expected finite"),
    ("camera.near=0", "camera.near is 0.0, expected a number above 0"),
    ("camera.far=0.1", "camera.far is 0.1, expected a number above camera.near"),
    ("camera.up=[0,0,0]", "camera.up is [0.0, 0.0, 0.0]"),
    ("camera.projection=fisheye", "camera.projection is 'fisheye', expected one of perspective, orthographic"),
    ("camera.position=[0,0,0]", "camera.position is [0.0, 0.0, 0.0], the point that the camera looks at"),
    ("camera.focal=[1,2,3]", "camera.focal is [1, 2, 3], expected 2 numbers"),
    ("camera.focal=-5", "camera.focal is -5.0, expected a number above 0"),
    ("camera.distance=0.1", "camera is inside the object 'cube'"),
    ("camera.look_at=[0,50,0]", "camera sees no object"),
    ("camera.far=2", "camera sees no object"),
    ("camera.camera_from_world=[[2,0,0,0],[0,1,0,0],[0,0,1,4],[0,0,0,1]]", "camera.camera_from_world is not rigid"),
    ("camera.camera_from_world=[[-1,0,0,0],[0,1,0,0],[0,0,1,4],[0,0,0,1]]", "camera.camera_from_world mirrors"),
    ("camera.camera_from_world=[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,4,1]]", "is it transposed?"),
    ("camera.camera_from_world=[[1,0],[0,1]]", "expected 4x4 numbers"),
    ("light.key.intensity=-1", "light.key.intensity is -1.0, expected a number of 0 or more"),
    ("light.key.kind=spot", "light.key.kind is 'spot', expected one of ambient, directional, point"),
    ("light.key.kind=ambient", "light.key.position has no effect on a light of kind ambient"),
    ("light.key.position=null", "light.key.position is missing"),
    ("light.key.falloff=square", "light.key.falloff is 'square', expected one of none, inverse_square"),
    ("light.key.color=[1,-1,1]", "light.key.color is [1.0, -1.0, 1.0]"),
    ("scene.background=[nan,0,0]", "scene.background is [nan, 0.0, 0.0], expected finite"),
    ("scene.picture=none.png", "scene.picture is 'none.png': no such file"),
    ("scene.objects.cube.mesh=none.obj", "scene.objects.cube.mesh is 'none.obj': no such file"),
    ("scene.objects.cube.texture=none.png", "scene.objects.cube.texture is 'none.png': no such file"),
    ("scene.objects.cube.albedo=[1,2]", "scene.objects.cube.albedo is [1.0, 2.0], expected 3 numbers"),
    ("scene.objects.cube.crease=200", "scene.objects.cube.crease is 200.0"),
    ("scene.objects.cube.scale=0", "scene.objects.cube.scale is 0.0"),
    ("scene.objects.cube.shininess=-1", "scene.objects.cube.shininess is -1.0"),
    ("scene.objects.cube.texture_size=[4]", "scene.objects.cube.texture_size is [4], expected [height, width]"),
    ("scene.objects.cube.vertex_colors=cube.png", "scene.objects.cube.vertex_colors"),
    ("scene.objects.cube.mesh=cube.png", "not a known mesh format"),
]


@pytest.mark.parametrize(("override", "message"), REFUSED, ids=[override for override, _ in REFUSED])
def test_refused(cube_folder: Path, override: str, message: str) -> None:
    key, _, value = override.partition("=")
    config = OmegaConf.structured(cube_file())
    OmegaConf.update(config, key, OmegaConf.create(f"[{value}]")[0])
    file = OmegaConf.to_object(config)
    assert isinstance(file, SceneFile)
    with pytest.raises(UserError) as caught:
        build_scene(file, cube_folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
