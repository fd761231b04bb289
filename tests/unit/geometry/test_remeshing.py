"""Remeshing: what is manifold stays manifold, no face turns over, and edges become as long as they should."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytest
import shapes
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.geometry import remesh_kernels as kernels
from invrender.geometry.laplacian import weld
from invrender.geometry.remeshing import Remesh, build_surface, compact, face_length, make_room, remesh
from invrender.geometry.spheres import icosphere
from invrender.geometry.surfaces import compare_surfaces
from invrender.geometry.topology import sort_sides
from invrender.scene import Mesh, Object, Property, principled

ONE = torch.ones(3).double()


def sphere(subdivisions: int) -> Mesh:
    return icosphere(subdivisions, -ONE, ONE)


def bumpy(subdivisions: int = 3) -> Mesh:
    mesh = sphere(subdivisions)
    wave = 0.15 * torch.sin(5 * mesh.vertices[:, :1]) * torch.cos(4 * mesh.vertices[:, 1:2])
    return shapes.mesh(mesh.vertices * (1 + wave), mesh.faces)


def torus(around: int = 24, across: int = 12) -> Mesh:
    u, v = (torch.arange(count).double() * 2 * math.pi / count for count in (around, across))
    u, v = u[:, None].expand(-1, across), v.expand(around, -1)
    ring = 1 + 0.4 * v.cos()
    vertices = torch.stack([ring * u.cos(), ring * u.sin(), 0.4 * v.sin()], dim=-1).reshape(-1, 3)
    index = torch.arange(around * across).reshape(around, across)
    a, b, c, d = index, index.roll(-1, 0), index.roll(-1, 1), index.roll(-1, 0).roll(-1, 1)
    faces = torch.cat([torch.stack([a, b, d], -1).reshape(-1, 3), torch.stack([a, d, c], -1).reshape(-1, 3)])
    return shapes.mesh(vertices, faces)


def check_manifold(vertices: Tensor, faces: Tensor, euler: int, closed: bool = True) -> None:
    """Every directed side once, with its reverse where closed; one fan around each vertex; nothing without area."""
    sides = sort_sides(faces)
    assert int(sides.count.max()) == 2
    assert sides.closed == closed
    assert len(torch.unique(torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), dim=0)) == 3 * len(faces)
    assert len(vertices) - len(sides.first) + len(faces) == euler
    assert torch.equal(torch.unique(faces), torch.arange(len(vertices)))
    build_surface(vertices.numpy().copy(), faces.numpy().copy(), np.zeros((len(vertices), 0)), "it")
    assert float(across(vertices, faces).norm(dim=1).min()) > 0


def across(vertices: Tensor, faces: Tensor) -> Tensor:
    corners = vertices[faces]
    return torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def edge_lengths(vertices: Tensor, faces: Tensor) -> Tensor:
    corners = vertices[faces]
    return (corners - corners.roll(-1, 1)).norm(dim=-1).reshape(-1)


@pytest.mark.parametrize("faces", [300, 1280, 6000])
@pytest.mark.parametrize("make", [bumpy, torus])
def test_a_surface_stays_what_it_is_in_triangles_of_another_size(make: Any, faces: int) -> None:
    mesh = make()
    length = face_length(mesh, faces)
    vertices, found, values = remesh(mesh, length, mesh.vertices)
    check_manifold(vertices, found, 0 if make is torus else 2)
    assert len(found) == pytest.approx(faces, rel=0.3)
    lengths = edge_lengths(vertices, found) / length
    assert float(lengths.quantile(0.05)) > 0.6
    assert float(lengths.quantile(0.95)) < 1.4
    before, after = shapes.thing(mesh), shapes.thing(shapes.mesh(vertices, found))
    errors = compare_surfaces(after, before)
    print(errors)
    assert errors["mean_relative"] < (0.008 if faces == 300 else 0.003)
    assert errors["normals_deg"] < (16 if faces == 300 else 9)
    assert values is not None
    assert float((values - vertices).norm(dim=1).mean()) < 2 * length


def test_no_face_of_a_sphere_turns_over() -> None:
    for faces in (60, 400, 5000):
        vertices, found, _ = remesh(sphere(3), face_length(sphere(3), faces))
        outward = (across(vertices, found) * vertices[found].mean(dim=1)).sum(dim=1)
        assert float(outward.min()) > 0
        check_manifold(vertices, found, 2)


@numba.njit
def operate(surface: Any, count: int, seed: int) -> tuple[int, int]:
    """So many random operations on random edges; how many collapses and flips were done."""
    np.random.seed(seed)
    rings = np.empty((3, kernels.MOST_AROUND), np.int64)
    done = (0, 0)
    for _ in range(count):
        side = np.random.randint(3 * surface.used[1])
        if not kernels.is_side(surface, side):
            continue
        what = np.random.randint(3)
        if what == 0 and surface.used[0] < len(surface.first) and surface.used[1] + 2 <= len(surface.faces):
            kernels.split(surface, side)
        elif what == 1:
            done = (done[0] + kernels.collapse(surface, side, np.inf, rings), done[1])
        elif what == 2:
            done = (done[0], done[1] + kernels.flip(surface, side, rings[0]))
    return done


@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "mesh", [sphere(2), torus(), shapes.facing(1.0, 2.0, cells=9)], ids=["sphere", "torus", "open"]
)
def test_random_operations_keep_a_manifold_and_turn_no_face(mesh: Mesh, rounds: int) -> None:
    sides = sort_sides(mesh.faces)
    euler = len(mesh.vertices) - len(sides.first) + len(mesh.faces)
    no_values = np.zeros((len(mesh.vertices), 0))
    surface = build_surface(mesh.vertices.numpy().copy(), mesh.faces.numpy().copy(), no_values, "it")
    done = np.zeros(2)
    for seed in range(rounds):
        surface, _ = make_room(surface, np.zeros(surface.used[0]))
        done += operate(surface, 10_000, seed)
        points, faces = (torch.from_numpy(each) for each in compact(surface)[:2])
        check_manifold(points, faces, euler, sides.closed)
        # Faces that are cut again and again become too small for their numbers.
        if len(faces) > 4 * len(mesh.faces) or float(across(points, faces).norm(dim=1).min()) < 1e-20:
            surface = build_surface(mesh.vertices.numpy().copy(), mesh.faces.numpy().copy(), no_values, "it")
    assert min(done) > 15 * rounds
    if not sides.closed:
        # A flat square stays flat, and its faces all look the same way; its border has only been cut.
        assert float(across(points, faces)[:, 2].min()) > 0
        assert float(across(points, faces)[:, 2].sum()) == pytest.approx(8.0)


def test_a_border_stays_where_it_is() -> None:
    mesh = shapes.facing(1.0, 2.0, cells=6)
    vertices, faces, _ = remesh(mesh, face_length(mesh, 600))
    check_manifold(vertices, faces, 1, closed=False)
    assert len(faces) == pytest.approx(600, rel=0.3)
    assert float(across(vertices, faces)[:, 2].sum()) == pytest.approx(8.0)
    assert float(across(vertices, faces)[:, 2].min()) > 0


def test_lengths_may_differ_from_place_to_place() -> None:
    mesh = sphere(3)
    fine, coarse = 0.04, 0.25
    wanted = torch.where(mesh.vertices[:, 1] > 0, fine, coarse)
    vertices, faces, _ = remesh(mesh, weld(mesh).gather(wanted[:, None])[:, 0])
    check_manifold(vertices, faces, 2)
    corners = vertices[faces]
    sides = (corners - corners.roll(-1, 1)).norm(dim=-1).mean(dim=1)
    height = corners.mean(dim=1)[:, 1]
    assert float(sides[height > 0.4].mean()) == pytest.approx(fine, rel=0.3)
    assert float(sides[height < -0.4].mean()) == pytest.approx(coarse, rel=0.3)


def test_what_is_not_manifold_or_has_a_texture_is_refused() -> None:
    box = shapes.box()
    fin = shapes.mesh(torch.cat([box.vertices, 2 * ONE[None]]), torch.cat([box.faces, torch.tensor([[0, 1, 8]])]))
    touching = shapes.joined([box, shapes.mesh(box.vertices + 2, box.faces)])
    turned = shapes.mesh(box.vertices, torch.cat([box.faces[:1].flip(1), box.faces[1:]]))
    for mesh, told in ((fin, "more than two faces"), (touching, "touch in a vertex"), (turned, "wound differently")):
        with pytest.raises(UserError, match=rf"^it is not manifold: .*{told}"):
            remesh(mesh, 0.5, name="it")
    textured = shapes.thing(shapes.box(), shapes.material(texture=torch.ones(4, 4, 3).double()))
    scene = shapes.scene(textured)
    with pytest.raises(UserError, match="object 0 has a texture, which lies on the faces"):
        Remesh(100)(scene, list(scene.objects))
    with pytest.raises(UserError, match="faces is 2, expected 4"):
        Remesh(2)


def test_an_object_gets_its_new_mesh_with_its_colours_and_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    mesh = bumpy(2)
    painted = shapes.thing(mesh, shapes.material(vertex_colors=mesh.vertices / 4 + 0.5))
    scene = shapes.scene(painted, shapes.thing(shapes.box()))
    after = Remesh(faces=1500)(scene, ["object 0"])
    assert after.objects["object 1"] is scene.objects["object 1"]
    made = after.objects["object 0"]
    assert len(made.mesh.faces) == pytest.approx(1500, rel=0.3)
    colors = made.material.vertex_colors
    assert colors is not None
    torch.testing.assert_close(colors, made.mesh.vertices / 4 + 0.5, rtol=0, atol=0.06)
    assert caplog.text == ""
    Remesh(faces=100)(scene, ["object 1"])
    assert "object 1: remeshing drops its texture coordinates, and creases" in caplog.text


def glossy(mesh: Mesh, **properties: Property) -> Object:
    whole = {"albedo": Property(ONE), "roughness": Property(ONE[:1]), "metallic": Property(0 * ONE[:1])}
    return shapes.thing(mesh, principled(**{**whole, "emission": Property(0 * ONE), **properties}))


def test_all_that_a_material_has_by_vertex_comes_along() -> None:
    mesh = bumpy(2)
    height = mesh.vertices[:, 1:2] / 4 + 0.5
    scene = shapes.scene(
        glossy(mesh, albedo=Property(ONE, vertex=mesh.vertices / 4 + 0.5), roughness=Property(ONE[:1], vertex=height))
    )
    made = Remesh(faces=1500)(scene, ["object 0"]).objects["object 0"]
    found = made.material.vertex_values
    torch.testing.assert_close(found["albedo"], made.mesh.vertices / 4 + 0.5, rtol=0, atol=0.06)
    torch.testing.assert_close(found["roughness"], made.mesh.vertices[:, 1:2] / 4 + 0.5, rtol=0, atol=0.06)
    mapped = shapes.scene(glossy(mesh, roughness=Property(ONE[:1], torch.ones(4, 4, 1).double())))
    with pytest.raises(UserError, match="object 0 has a texture, which lies on the faces"):
        Remesh(100)(mapped, ["object 0"])
