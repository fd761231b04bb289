"""Faces that are turned over or repeated: mended where the surface tells, else said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh

from invrender.io.meshes.winding import Edges, wind

Array = np.ndarray[Any, Any]


def ball() -> tuple[Array, Array]:
    """A closed surface."""
    shape = trimesh.creation.icosphere(subdivisions=2)
    return np.asarray(shape.vertices), np.asarray(shape.faces).astype(np.int64)


def outwards(points: Array, faces: Array) -> Array:
    """Whether each face of a ball about the origin looks out."""
    corners = points[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    looks: Array = (across * corners.mean(axis=1)).sum(axis=1) > 0
    return looks


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_closed_surface_is_turned_out(share: float) -> None:
    points, faces = ball()
    wrong = np.random.default_rng(0).random(len(faces)) < share
    given = np.where(wrong[:, None], faces[:, ::-1], faces)
    found = wind(points, given)
    assert np.array_equal(found.turned, wrong)
    assert len(found.notes) == (1 if wrong.any() else 0)


def test_each_piece_is_turned_by_itself_and_an_inner_wall_stays() -> None:
    points, faces = ball()
    count = len(points)
    inner = faces[:, ::-1] + count  # looks in: the wall of a hollow ball
    beside = faces[:, ::-1] + 2 * count
    all_points = np.concatenate([points, points * 0.5, points + np.array([5, 0, 0])])
    found = wind(all_points, np.concatenate([faces, inner, beside]))
    assert not found.turned[: 2 * len(faces)].any()
    assert found.turned[2 * len(faces) :].all()


def test_an_open_surface_is_said_and_left() -> None:
    points, faces = ball()
    given = faces[:-3].copy()
    given[5] = given[5, ::-1]
    found = wind(points, given)
    assert not found.turned.any()
    assert not found.closed
    (told,) = found.notes
    assert told.startswith("faces are turned over along 3 edges of a surface that is not closed")
    assert not wind(points, faces[:-3]).notes


def test_a_moebius_strip_is_said_and_left() -> None:
    count = 24
    angle = np.arange(count) * 2 * np.pi / count
    middle = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    across = 0.3 * np.stack(
        [np.cos(angle / 2) * np.cos(angle), np.cos(angle / 2) * np.sin(angle), np.sin(angle / 2)], 1
    )
    points = np.concatenate([middle - across, middle + across])
    low, high = np.arange(count), np.arange(count) + count
    next_low, next_high = np.r_[low[1:], high[0]], np.r_[high[1:], low[0]]
    faces = np.concatenate([np.stack([low, next_low, next_high], 1), np.stack([low, next_high, high], 1)])
    found = wind(points, faces)
    assert not found.turned.any()
    assert len(found.notes) == 1


def test_a_sheet_with_two_sides_is_said() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=np.float64)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    found = wind(points, np.concatenate([faces, faces[:, ::-1]]))
    assert len(found.kept) == 4
    (told,) = found.notes
    assert told.startswith("4 faces lie back to back in the same place, and either may be seen")


def test_copies_and_corners_that_coincide_are_left_out() -> None:
    points, faces = ball()
    given = np.concatenate([faces, np.roll(faces[:7], 1, axis=1), [[0, 0, 1]], faces[3:5, ::-1]])
    found = wind(points, given)
    assert np.array_equal(found.kept, np.arange(len(faces)))
    assert [each.split()[0] for each in found.notes] == ["1", "7", "2"]


def test_edges() -> None:
    edges = Edges.of(np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]]))
    assert not len(edges.first)  # three faces at the only edge that faces share
    edges = Edges.of(np.array([[0, 1, 2], [1, 0, 3], [2, 1, 4], [2, 0, 5]]))
    assert sorted(zip(edges.first.tolist(), edges.second.tolist(), edges.against.tolist(), strict=True)) == [
        (0, 1, False),
        (0, 2, False),
        (0, 3, True),
    ]
