"""Distances between surfaces: those of a brute force, and those that are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapes
import torch
import trimesh

from invrender.geometry.spheres import find_region, icosphere
from invrender.geometry.surfaces import compare_surfaces, measure, sample_faces, squared_distances
from invrender.scene import Object

ONE = torch.ones(3).double()


def sphere(radius: float, subdivisions: int = 4) -> Object:
    return shapes.thing(icosphere(subdivisions, -radius * ONE, radius * ONE))


def test_distances_of_triangles_are_those_of_trimesh() -> None:
    random = np.random.default_rng(0)
    points, corners = random.normal(size=(400, 3)), random.normal(size=(400, 3, 3))
    nearest = trimesh.triangles.closest_point(corners, points)
    np.testing.assert_allclose(np.sqrt(squared_distances(points, corners)), np.linalg.norm(nearest - points, axis=1))


def test_measured_distances_are_those_to_the_nearest_of_all_faces() -> None:
    one, other = (sample_faces(torch.from_numpy(each.vertices.copy()), torch.from_numpy(each.faces.copy()))
                  for each in (trimesh.creation.icosphere(3, 0.9), trimesh.creation.box((1.5, 1.2, 1.4))))  # fmt: skip
    found, _ = measure(one, other)
    points = one.points[np.linspace(0, len(one.points) - 1, len(found)).astype(int)]
    brute = np.sqrt(squared_distances(points[:, None], other.corners[None]).min(axis=1))
    np.testing.assert_allclose(found, brute, atol=2e-3)
    assert np.abs(found - brute).mean() < 2e-5


def test_two_spheres_are_as_far_apart_as_their_radii() -> None:
    diagonal = 2 * math.sqrt(3)
    found = compare_surfaces(sphere(1.02), sphere(1.0))
    assert found["mean"] == pytest.approx(0.02, abs=2e-3)
    assert found["mean_relative"] == pytest.approx(0.02 / diagonal, abs=1e-3)
    assert found["largest"] == pytest.approx(0.02, abs=4e-3)
    assert found["normals_deg"] < 2.5
    assert found["f_score"] == 1.0
    assert compare_surfaces(sphere(1.1), sphere(1.0))["f_score"] == 0.0


def test_half_a_sphere_more_is_found_from_one_side_alone() -> None:
    whole = sphere(1.0)
    mesh = whole.mesh
    upper = (mesh.vertices[mesh.faces][..., 1] > 0).all(dim=1)
    half = replace(whole, mesh=replace(mesh, faces=mesh.faces[upper]))
    for found in (compare_surfaces(half, whole), compare_surfaces(whole, half)):
        assert found["largest"] == pytest.approx(math.sqrt(2), abs=0.1)
        assert 0.6 < found["f_score"] < 0.75


def test_the_region_of_cameras_is_where_their_masks_are() -> None:
    height, width = 60, 80
    center, radius = torch.tensor([0.3, -0.2, 0.1]).double(), 0.4
    cameras, masks = [], []
    for eye in ([4.0, 0, 0], [0, 3.0, 1.0], [-1.0, 1.0, 4.0]):
        camera = shapes.camera(width, height, 70.0, eye, (0.1, 0.1, 0.0))
        rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        rays = torch.stack([(columns - width / 2) / 70, (rows - height / 2) / 70, torch.ones(height, width)], -1)
        towards = torch.nn.functional.normalize(rays.double() @ camera.camera_from_world[:3, :3], dim=-1)
        offset = center - camera.position
        across = offset.square().sum() - (towards @ offset) ** 2
        cameras.append(camera)
        masks.append((across < radius**2).double())
    found, size = find_region(cameras, masks)
    torch.testing.assert_close(found, center, rtol=0, atol=0.02)
    assert size == pytest.approx(radius, rel=0.05)
    plain, _ = find_region(cameras, [None] * 3)
    torch.testing.assert_close(plain, torch.tensor([0.1, 0.1, 0.0]).double(), rtol=0, atol=1e-6)
    one, _ = find_region(cameras[:1], [None])
    torch.testing.assert_close(one, torch.tensor([0.1, 0.1, 0.0]).double(), rtol=0, atol=1e-4)
