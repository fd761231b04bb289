"""The objects and the cameras as meshes for viewers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
import trimesh

from invrender.geometry.cameras import look_at
from invrender.geometry.meshes import world_vertices
from invrender.record import geometry
from invrender.record.geometry import COLORS, colored, colored_triangles, spaced, write_geometry
from invrender.scene import Camera, Mesh, Object, Scene, Target, Truth, view_of

VIEW = view_of(torch.zeros(4, 4, 3))


def seen_from(scene: Scene, *position: float) -> Scene:
    camera = look_at(torch.tensor(position).double(), scene.camera.look_at, scene.camera.up)
    return scene.with_camera(replace(scene.camera, camera_from_world=camera))


def path_between(start: Camera, found: Camera) -> np.ndarray:
    return np.linspace(start.position.numpy(), found.position.numpy(), 30)


@pytest.fixture
def written(tmp_path: Path):
    """A camera that has moved, written and read again."""
    start = tiny.scene()
    found, truth = seen_from(start, 2.0, 2.0, 2.0), seen_from(start, 2.1, 2.0, 2.0)
    target = Target((VIEW,), Truth(truth, {}, {}))
    path = path_between(start.camera, found.camera)
    write_geometry(tmp_path / "scene.glb", start, found, target, {"camera": path})
    return start, found, trimesh.load(tmp_path / "scene.glb")


def test_nodes_tell_what_they_are(written) -> None:
    assert set(written[2].graph.nodes_geometry) == {
        *("found_textured", "found_painted"),
        *("start_camera", "found_camera", "truth_camera", "path_camera"),
    }


def test_objects_are_where_they_were_found(written) -> None:
    _, found, read = written
    for name, thing in found.objects.items():
        transform, geometry_name = read.graph[f"found_{name}"]
        placed = trimesh.transform_points(read.geometry[geometry_name].vertices, transform)
        expected = {tuple(row) for row in world_vertices(thing).numpy().round(4).tolist()}
        assert {tuple(row) for row in placed.round(4).tolist()} == expected


def test_cameras_have_their_apex_at_their_centre_and_look_ahead(written) -> None:
    start, found, read = written
    for name, camera in (("start_camera", start.camera), ("found_camera", found.camera)):
        vertices = read.geometry[read.graph[name][1]].vertices
        offsets = (vertices - camera.position.numpy()) @ camera.camera_from_world[:3, :3].numpy().T
        thickness = 0.1
        assert np.linalg.norm(offsets, axis=1).min() < thickness
        assert -thickness < offsets[:, 2].min() < offsets[:, 2].max() < 1
        assert offsets[:, 2].max() > 0.2


def test_the_texture_comes_along(written) -> None:
    material = written[2].geometry[written[2].graph["found_textured"][1]].visual.material
    assert material.baseColorTexture.size == (9, 7)


def test_an_object_that_moved_is_shown_at_its_start_too(tmp_path: Path) -> None:
    start = tiny.one_object()
    thing = start.objects["textured"]
    moved = thing.world_from_object.clone()
    moved[0, 3] = 1.0
    found = replace(start, objects={"textured": replace(thing, world_from_object=moved)})
    path = np.linspace([0.0, 0, 0], [1.0, 0, 0], 20)
    write_geometry(tmp_path / "scene.glb", start, found, Target((VIEW,)), {"object_textured": path})
    read = trimesh.load(tmp_path / "scene.glb")
    names = {"found_textured", "start_textured", "path_object_textured", "known_camera"}
    assert set(read.graph.nodes_geometry) == names
    assert read.graph["start_textured"][0][0, 3] == 0


def test_views_with_cameras_of_their_own_show_those(tmp_path: Path) -> None:
    scene = tiny.one_object()
    for name, x in (("left", -1.0), ("right", 1.0)):
        scene = scene.with_camera(seen_from(scene, x, 1.0, 3.0).camera, name)
    views = tuple(replace(VIEW, camera=name) for name in ("left", "right"))
    drawn = geometry.cameras(scene, scene, Target(views))
    assert list(drawn) == ["known_left", "known_right"]


def test_an_orthographic_camera_is_a_box() -> None:
    camera = replace(tiny.scene().camera, projection="orthographic")
    perspective = geometry.pyramid(replace(camera, projection="perspective"), size=1.0)
    box = geometry.pyramid(camera, size=1.0)
    assert len(box.faces) * 8 == len(perspective.faces) * 12


def test_all_as_one_coloured_mesh() -> None:
    start = tiny.scene()
    found = seen_from(start, 2.0, 2.0, 2.0)
    paths = {"camera": path_between(start.camera, found.camera)}
    vertices, colors, faces = colored_triangles(start, found, Target((VIEW,)), paths)
    assert faces.max() < len(vertices) == len(colors)
    present = {tuple(color) for color in colors.tolist()}
    assert {COLORS["start"], COLORS["found"], COLORS["path"]} <= present
    assert COLORS["truth"] not in present


def test_a_textured_mesh_is_divided_until_its_texture_can_be_seen() -> None:
    thing = tiny.scene().objects["textured"]
    texture = torch.zeros(2, 2, 3).double()
    texture[:, 1] = 1
    surface = colored(replace(thing, material=thing.material.with_property("albedo", texture=texture)), most_faces=5000)
    assert 5000 / 4 < len(surface.faces) <= 5000
    red = np.asarray(surface.visual.vertex_colors)[:, 0].astype(int)
    assert red.max() - red.min() > 150


def test_a_large_mesh_is_simplified_and_keeps_shape_and_colours() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=5)
    faces = torch.tensor(sphere.faces)
    upper = torch.tensor(sphere.vertices[:, 2] > 0).double()[:, None]
    colors = torch.cat([upper, 1 - upper, 0 * upper], dim=1)
    thing = tiny.scene().objects["painted"]
    material = thing.material.with_property("albedo", factor=torch.ones(3).double(), vertex=colors)
    large = Object(Mesh(torch.tensor(sphere.vertices), faces, faces), material, torch.eye(4).double())
    surface = colored(large, most_faces=2000)
    assert len(surface.faces) == 2000
    assert np.linalg.norm(surface.vertices, axis=1) == pytest.approx(1, abs=0.02)
    red = np.asarray(surface.visual.vertex_colors)[:, 0]
    assert (red[surface.vertices[:, 2] > 0.1] == 255).all()
    assert (red[surface.vertices[:, 2] < -0.1] == 0).all()


def test_that_a_mesh_is_simplified_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometry, "MOST_FACES", 8)
    scene = tiny.scene()
    write_geometry(tmp_path / "scene.glb", scene, scene, Target((VIEW,)), {})
    assert trimesh.load(tmp_path / "scene.glb").metadata["note"].startswith("textured, painted: shown with at most 4")


def test_points_of_a_path_keep_their_distance() -> None:
    points = np.array([[0.0, 0, 0], [0.05, 0, 0], [0.11, 0, 0], [0.12, 0, 0], [0.3, 0, 0]])
    assert spaced(points, 0.1).tolist() == points[[0, 2, 4]].tolist()
