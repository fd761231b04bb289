from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cubes import cube_file
from omegaconf import OmegaConf
from PIL import Image

from invrender.errors import UserError
from invrender.io.scenes import build_scene, write_scene
from invrender.io.schema import LightConfig, SceneFile
from invrender.render.base import render_scene
from invrender.render.hard import HardRenderer
from invrender.scene import Scene, map_tensors


def read_back(folder: Path) -> Scene:
    written = OmegaConf.load(folder / "scene.yaml")
    file = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(SceneFile), written))
    assert isinstance(file, SceneFile)
    return build_scene(file, folder)


def assert_equal(first: object, second: object) -> None:
    """All tensors of two scenes are the same to the last bit."""
    tensors: list[list[torch.Tensor]] = [[], []]
    for scene, found in zip((first, second), tensors, strict=True):
        map_tensors(scene, lambda tensor, found=found: found.append(tensor) or tensor)  # type: ignore[misc]
    assert len(tensors[0]) == len(tensors[1])
    for one, other in zip(*tensors, strict=True):
        assert torch.equal(one, other)


def test_a_written_scene_comes_back(cube_folder: Path) -> None:
    file = cube_file()
    file.light["sun"] = LightConfig(kind="directional", direction=[1.0, 2.0, 3.0], color=[0.1, 0.7, 0.3])
    file.light["lamp"] = LightConfig(kind="point", position=[0.3, 2.0, 3.0], falloff="inverse_square")
    file.scene.objects["cube"] = replace(
        file.scene.objects["cube"], position=[0.1, 0.2, 0.3], rotation=[10.0, 20.0, 30.0], scale=0.7, crease=30.0
    )
    file.scene.objects["painted"] = replace(
        file.scene.objects["cube"], texture=None, vertex_colors="white", crease=180.0, albedo=[0.1, 0.2, 0.3]
    )
    scene = build_scene(file, cube_folder)
    write_scene(cube_folder / "recovered", scene, file)
    again = read_back(cube_folder / "recovered")
    assert_equal(scene, again)
    assert torch.equal(
        render_scene(HardRenderer(samples=2), again).rgb, render_scene(HardRenderer(samples=2), scene).rgb
    )


def test_what_a_fit_changes_is_written(cube_folder: Path) -> None:
    file = cube_file()
    scene = build_scene(file, cube_folder)
    cube = scene.objects["cube"]
    texture = torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0))
    colors = torch.rand(8, 3, generator=torch.Generator().manual_seed(1))
    material = cube.material.with_property("albedo", texture=texture, vertex=colors)
    material = material.with_property("shininess", factor=torch.tensor(7.5))
    changed = replace(scene, objects={"cube": replace(cube, material=material)}, background=torch.rand(4, 6, 3))
    write_scene(cube_folder / "recovered", changed, file)
    again = read_back(cube_folder / "recovered")
    found = again.objects["cube"].material
    assert found.vertex_colors is not None
    assert torch.equal(found.vertex_colors, colors)
    assert float(found.shininess) == 7.5
    assert found.texture is not None
    torch.testing.assert_close(found.texture, texture, atol=0.006, rtol=0)  # half of 1/255 at sRGB's steepest, linear
    assert again.background.shape == (4, 6, 3)


def test_several_meshes_of_a_file_are_several_objects(cube_folder: Path) -> None:
    (cube_folder / "two.mtl").write_text("newmtl a\nKd 1 0 0\nnewmtl b\nKd 0 1 0\n")
    (cube_folder / "two.obj").write_text(
        "mtllib two.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nusemtl a\nf 1 2 3\nusemtl b\nf 2 4 3\n"
    )
    file = cube_file()
    file.scene.objects = {"two": replace(file.scene.objects["cube"], mesh="two.obj", texture=None)}
    scene = build_scene(file, cube_folder)
    assert [thing.material.albedo.tolist() for thing in scene.objects.values()] == [[1, 0, 0], [0, 1, 0]]
    assert list(scene.objects) == ["two.1", "two.2"]
    write_scene(cube_folder / "recovered", scene, file)
    assert_equal(scene, read_back(cube_folder / "recovered"))


def test_texture_size(cube_folder: Path) -> None:
    file = cube_file()
    thing = file.scene.objects["cube"]
    file.scene.objects["cube"] = replace(thing, texture=None, texture_size=[4, 6], albedo=[0.5, 0.25, 1.0])
    material = build_scene(file, cube_folder).objects["cube"].material
    assert material.texture is not None
    assert material.texture.shape == (4, 6, 3)
    assert material.texture[3, 5].tolist() == [0.5, 0.25, 1.0]
    assert material.albedo.tolist() == [1, 1, 1]
    file.scene.objects["cube"] = replace(thing, texture_size=[4, 4])
    smaller = build_scene(file, cube_folder).objects["cube"].material.texture
    file.scene.objects["cube"] = thing
    whole = build_scene(file, cube_folder).objects["cube"].material.texture
    assert smaller is not None
    assert whole is not None
    torch.testing.assert_close(smaller[0, 0], whole[:2, :2].mean(dim=(0, 1)))


def test_a_matrix_places_an_object(cube_folder: Path) -> None:
    file = cube_file()
    matrix = [[0.0, 0, 1, 1], [0, 1, 0, 2], [-1, 0, 0, 3], [0, 0, 0, 1]]
    file.scene.objects["cube"] = replace(file.scene.objects["cube"], position=None, world_from_object=matrix)
    file.camera = replace(file.camera, look_at=[1.0, 2.0, 3.0])
    assert build_scene(file, cube_folder).objects["cube"].world_from_object.tolist() == matrix
    file.scene.objects["cube"] = replace(file.scene.objects["cube"], scale=2.0)
    with pytest.raises(UserError, match="scale has no effect, for world_from_object is given too"):
        build_scene(file, cube_folder)


def test_a_texture_needs_texture_coordinates(cube_folder: Path) -> None:
    (cube_folder / "bare.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    file = cube_file()
    file.scene.objects["cube"] = replace(file.scene.objects["cube"], mesh="bare.obj")
    with pytest.raises(UserError, match=r"bare\.obj has no texture coordinates"):
        build_scene(file, cube_folder)


def test_a_background_picture(cube_folder: Path) -> None:
    Image.new("RGB", (4, 2), (255, 0, 0)).save(cube_folder / "sky.png")
    file = cube_file()
    file.scene.picture = "sky.png"
    assert build_scene(file, cube_folder).background.shape == (2, 4, 3)


def test_vertex_colours_must_fit_the_mesh(cube_folder: Path) -> None:
    np.save(cube_folder / "colors.npy", np.ones((7, 3), np.float32))
    file = cube_file()
    file.scene.objects["cube"] = replace(file.scene.objects["cube"], vertex_colors="colors.npy")
    with pytest.raises(UserError, match=r"shape \(7, 3\), expected finite numbers of \(8, 3\)"):
        build_scene(file, cube_folder)


def test_a_camera_in_an_open_mesh_is_not_inside(cube_folder: Path) -> None:
    text = (cube_folder / "cube.obj").read_text().splitlines()
    (cube_folder / "open.obj").write_text("\n".join(text[:-2]) + "\n")
    file = cube_file()
    file.camera = replace(file.camera, distance=0.2, near=0.01)
    with pytest.raises(UserError, match="camera is inside the object 'cube'"):
        build_scene(file, cube_folder)
    file.scene.objects["cube"] = replace(file.scene.objects["cube"], mesh="open.obj")
    build_scene(file, cube_folder)
