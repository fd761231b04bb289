from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from invrender.errors import UserError
from invrender.geometry.creases import normal_groups
from invrender.io.meshes import read_mesh, write_obj


def test_positions_are_shared_across_texture_seams(cube_folder: Path) -> None:
    file = read_mesh(cube_folder / "cube.obj", crease=60)
    mesh = file.mesh
    assert mesh.vertices.shape == (8, 3)
    assert mesh.faces.shape == (12, 3)
    assert mesh.uv is not None
    assert mesh.uv.shape == (4, 2)
    assert file.parts[0].texture is None


@pytest.mark.parametrize("suffix", ["ply", "stl", "glb", "off", "obj"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    trimesh.creation.icosphere(subdivisions=1).export(tmp_path / f"ball.{suffix}")
    file = read_mesh(tmp_path / f"ball.{suffix}", crease=180)
    assert file.mesh.vertices.shape == (42, 3)
    assert file.mesh.faces.shape == (80, 3)
    torch.testing.assert_close(file.mesh.vertices.norm(dim=1), torch.ones(42))
    corners = file.mesh.vertices[file.mesh.faces]
    outward = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert bool(((outward * corners.mean(dim=1)).sum(dim=1) > 0).all())


def test_written_meshes_come_back_to_the_last_bit(cube_folder: Path) -> None:
    file = read_mesh(cube_folder / "cube.obj", crease=60)
    generator = torch.Generator().manual_seed(0)
    moved = file.mesh.vertices + torch.rand(8, 3, generator=generator) / 3
    assert file.mesh.uv is not None
    mesh = type(file.mesh)(moved, file.mesh.faces, file.mesh.normal_faces, file.mesh.uv * 0.7, file.mesh.uv_faces)
    write_obj(cube_folder / "again.obj", mesh)
    again = read_mesh(cube_folder / "again.obj", crease=60)
    for name in ("vertices", "faces", "uv", "uv_faces"):
        assert torch.equal(getattr(again.mesh, name), getattr(mesh, name)), name


def test_materials_of_an_obj_are_its_parts(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (255, 0, 0)).save(tmp_path / "red.png")
    (tmp_path / "m.mtl").write_text("newmtl a\nKd 0.5 0.25 1\nmap_Kd red.png\nnewmtl b\nKd 0 1 0\n")
    (tmp_path / "m.obj").write_text(
        "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nvt 0 0\nvt 1 0\nvt 0 1\n"
        "usemtl a\nf 1/1 2/2 3/3\nusemtl b\nf 2/1 4/2 3/3\n"
    )
    file = read_mesh(tmp_path / "m.obj")
    assert file.part.tolist() == [0, 1]
    first, second = file.parts
    assert (first.name, first.color) == ("a", (0.5, 0.25, 1.0))
    assert first.texture is not None
    assert first.texture.read()[0, 0].tolist() == [1.0, 0.0, 0.0]
    assert (second.name, second.color, second.texture) == ("b", (0.0, 1.0, 0.0), None)


def test_vertex_colours_are_made_linear(tmp_path: Path) -> None:
    colors = np.tile(np.array([[188, 0, 255, 255]], dtype=np.uint8), (3, 1))
    triangle = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], vertex_colors=colors, process=False)
    triangle.export(tmp_path / "c.ply")
    file = read_mesh(tmp_path / "c.ply", crease=60)
    assert file.vertex_colors is not None
    torch.testing.assert_close(file.vertex_colors[0], torch.tensor([0.5029, 0.0, 1.0]), atol=1e-4, rtol=0)


def test_a_file_of_several_meshes_is_one_with_each_in_its_place(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.box(), node_name="near")
    scene.add_geometry(trimesh.creation.box(), node_name="off", transform=np.diag([1.0, 1, 1, 1]) + 5 * np.eye(4, k=3))
    scene.export(tmp_path / "two.glb")
    mesh = read_mesh(tmp_path / "two.glb", crease=60).mesh
    assert mesh.vertices.shape == (16, 3)
    middles = mesh.vertices[mesh.faces].reshape(2, -1, 3).mean(dim=1)
    torch.testing.assert_close(middles, torch.tensor([[0.0, 0, 0], [5, 0, 0]]))


def test_polygons_and_unused_vertices(tmp_path: Path) -> None:
    (tmp_path / "quad.obj").write_text("v 9 9 9\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 1 0 0\nf 2 3 4 5\n")
    file = read_mesh(tmp_path / "quad.obj", crease=60)
    assert file.mesh.faces.tolist() == [[0, 1, 2], [2, 3, 0]]
    assert file.mesh.vertices.shape == (4, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "names vertex 9, but there are 3"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "names vertex 0, but there are 3"),
        ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "no face has an area"),
        ("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "a vertex position is not a finite number"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", "the mesh is empty"),
        ("", "the mesh is empty"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/0 2/1 3/1\n", "names texture coordinate 0, but there are 1"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 -4\n", "names vertex -4, but there are 3"),
        ("v 0 0 0\nv 1 0\nv 0 1 0\nf 1 2 3\n", "a line v has 2 numbers, expected 3; is the file cut off"),
        ("v 0 0 0\nv 1 0 0\nv 0,5 1 0\nf 1 2 3\n", "'v 0,5 1 0' is not a line of numbers"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 x\n", "'f 1 2 x' is not a line of numbers"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1/1/1 2 3\n", "a corner that is not v, v/t, v//n or v/t/n"),
        ("v 0 0 1e39\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "larger than single precision has numbers for"),
    ],
    ids=[
        "out-of-range",
        "from-zero",
        "no-area",
        "nan",
        "no-faces",
        "empty",
        "uv-from-zero",
        "before-the-first",
        "short",
        "comma",
        "word",
        "four-fields",
        "too-large",
    ],
)
def test_broken_meshes(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.obj").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_mesh(tmp_path / "bad.obj", crease=60)
    assert str(caught.value).startswith(f"{tmp_path / 'bad.obj'}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("crease", "groups"), [(0, 36), (60, 24), (89, 24), (91, 8), (180, 8)])
def test_creases_of_a_cube(cube_folder: Path, crease: float, groups: int) -> None:
    file = read_mesh(cube_folder / "cube.obj", crease=crease)
    assert len(file.mesh.normal_faces.unique()) == groups


def test_a_crease_is_the_angle_of_the_edge() -> None:
    bend = math.radians(40)
    vertices = torch.tensor([[0, 0, 0], [0, 1, 0], [-1, 0, 0], [math.cos(bend), 0, math.sin(bend)]])
    faces = torch.tensor([[0, 1, 2], [1, 0, 3]])
    assert len(normal_groups(vertices, faces, 39).unique()) == 6
    assert len(normal_groups(vertices, faces, 41).unique()) == 4
