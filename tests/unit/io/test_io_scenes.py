from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from cubes import cube_file
from omegaconf import OmegaConf
from PIL import Image

from invrender.errors import UserError
from invrender.io.scenes import build_scene, write_scene
from invrender.io.schema import LightConfig, PartConfig, SceneFile
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
    write_scene(cube_folder / "recovered", scene)
    again = read_back(cube_folder / "recovered")
    assert_equal(scene, again)
    assert torch.equal(
        render_scene(HardRenderer(samples=2), again).rgb, render_scene(HardRenderer(samples=2), scene).rgb
    )


def test_colours_of_vertices_by_position(cube_folder: Path) -> None:
    file = cube_file()
    file.scene.objects["cube"] = replace(file.scene.objects["cube"], texture=None, vertex_colors="position")
    obj = build_scene(file, cube_folder).objects["cube"]
    colors, vertices = obj.material.vertex_colors, obj.mesh.vertices
    assert colors is not None
    assert colors.amin(dim=0).tolist() == [0, 0, 0]
    assert colors.amax(dim=0).tolist() == [1, 1, 1]
    assert bool(((colors[:, None] - colors[None]) * (vertices[:, None] - vertices[None]) >= 0).all())


def test_what_a_fit_changes_is_written(cube_folder: Path) -> None:
    file = cube_file()
    scene = build_scene(file, cube_folder)
    cube = scene.objects["cube"]
    texture = torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0))
    colors = torch.rand(8, 3, generator=torch.Generator().manual_seed(1))
    material = cube.material.with_property("albedo", texture=texture, vertex=colors)
    material = material.with_property("shininess", factor=torch.tensor(7.5))
    changed = replace(scene, objects={"cube": replace(cube, material=material)}, background=torch.rand(4, 6, 3))
    write_scene(cube_folder / "recovered", changed)
    again = read_back(cube_folder / "recovered")
    found = again.objects["cube"].material
    assert found.vertex_colors is not None
    assert torch.equal(found.vertex_colors, colors)
    assert float(found.shininess) == 7.5
    assert found.texture is not None
    torch.testing.assert_close(found.texture, texture, atol=0.006, rtol=0)  # half of 1/255 at sRGB's steepest, linear
    assert again.background.shape == (4, 6, 3)


def test_materials_of_a_file_are_one_object_whose_parts_can_be_addressed(cube_folder: Path) -> None:
    (cube_folder / "two.mtl").write_text("newmtl a\nKd 1 0 0\nnewmtl b\nKd 0 1 0\n")
    (cube_folder / "two.obj").write_text(
        "mtllib two.mtl\nv -1 -1 0\nv 1 -1 0\nv -1 1 0\nv 1 1 0\nusemtl a\nf 1 2 3\nusemtl b\nf 2 4 3\n"
    )
    file = cube_file()
    two = replace(file.scene.objects["cube"], mesh="two.obj", texture=None, specular=[0.0, 0.0, 0.0])
    file.scene.objects = {"two": two}
    file.light = {"ambient": LightConfig(kind="ambient")}
    file.camera = replace(file.camera, azimuth=0, elevation=0)

    def corners(scene: Scene) -> list[list[float]]:
        rgb = render_scene(HardRenderer(samples=1), scene).rgb
        return [rgb[10, 9].tolist(), rgb[5, 14].tolist()]

    scene = build_scene(file, cube_folder)
    assert list(scene.objects) == ["two"]
    assert corners(scene) == [[1, 0, 0], [0, 1, 0]]
    write_scene(cube_folder / "recovered", scene)
    assert corners(read_back(cube_folder / "recovered")) == [[1, 0, 0], [0, 1, 0]]

    file.scene.objects["two"] = replace(two, parts={"b": PartConfig(albedo=[0.0, 0.0, 1.0])})
    assert corners(build_scene(file, cube_folder)) == [[1, 0, 0], [0, 0, 1]]
    file.scene.objects["two"] = replace(two, albedo=[0.5, 0.5, 0.5], parts={"a": PartConfig(albedo=[1.0, 1.0, 0.0])})
    assert corners(build_scene(file, cube_folder)) == [[1, 1, 0], [0.5, 0.5, 0.5]]
    file.scene.objects["two"] = replace(two, parts={"c": PartConfig()})
    with pytest.raises(UserError, match=r"parts\.c: .*two\.obj has no such part; it has a, b"):
        build_scene(file, cube_folder)
    file.scene.objects["two"] = replace(two, texture_size=[4, 4])
    with pytest.raises(UserError, match=r"texture_size is \[4, 4\], but two\.obj has 2 materials"):
        build_scene(file, cube_folder)


def test_objects_that_look_alike_share_their_memory(cube_folder: Path) -> None:
    file = cube_file()
    cube = file.scene.objects["cube"]
    file.scene.objects = {f"cube{number}": replace(cube, position=[number, 0.0, 0.0]) for number in range(5)}
    file.scene.objects["dark"] = replace(cube, albedo=[0.1, 0.1, 0.1])
    first, *others, dark = build_scene(file, cube_folder).objects.values()
    assert all(other.mesh is first.mesh and other.material is first.material for other in others)
    assert dark.mesh.vertices is first.mesh.vertices
    assert dark.material.texture is first.material.texture


@pytest.mark.parametrize("crease", [0.0, 30.0, 180.0, None])
def test_a_written_scene_has_the_normals_that_it_had(cube_folder: Path, crease: float | None) -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    ball.vertices *= [1.0, 0.6, 0.3]
    ball.export(cube_folder / "ball.obj", include_normals=crease is None)
    file = cube_file()
    file.scene.objects = {"ball": replace(file.scene.objects["cube"], mesh="ball.obj", texture=None, crease=crease)}
    scene = build_scene(file, cube_folder)
    write_scene(cube_folder / "recovered", scene)
    again = read_back(cube_folder / "recovered")
    assert "\nvn " in (cube_folder / "recovered" / "ball.obj").read_text()
    assert_equal(scene, again)
    assert torch.equal(
        render_scene(HardRenderer(samples=2), again).rgb, render_scene(HardRenderer(samples=2), scene).rgb
    )


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
