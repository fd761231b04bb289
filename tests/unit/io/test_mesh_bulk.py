"""What is read and sorted in bulk is what a loop over words, rows and links finds."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from invrender.geometry.topology import label_connected, sort_stably
from invrender.io.meshes import welding
from invrender.io.meshes.numbers import table
from invrender.io.meshes.off import polygons, polygons_by_line
from invrender.io.meshes.stl import VERTEX, ascii_points, points_of_lines


@pytest.mark.parametrize(
    "lines",
    [
        ["3 0 1 2", "4 2 1 0 3"],
        ["3 0 1 2 255 0 0", "2 0 1", "4 0 1 2 3 0 255 0 9"],
        ["3 0 1 2 255 0 0", "3 2 1 0"],
        ["3 0 1 2 1 0 0.5"],
        ["1 0"],
        [],
    ],
)
def test_polygons_of_an_off_file(lines: list[str]) -> None:
    for found, expected in zip(polygons(lines), polygons_by_line(lines), strict=True):
        if expected is None:
            assert found is None
        else:
            assert found is not None and found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("line", ["3 0 1", "4 0 1 2", "9223372036854775807 0 1 2"])
def test_a_face_of_an_off_file_with_too_few_corners(line: str) -> None:
    with pytest.raises(ValueError, match="fewer vertices than it promises"):
        polygons(["3 0 1 2", line])


REGULAR = b"""solid v vertices
 facet normal 0 0 1
  outer loop
   vertex 0 1e-3 -.5
   vertex\t1 0 0 \r
   vertex 7 8. +9
  endloop
 endfacet
endsolid
"""


def test_points_of_an_ascii_stl() -> None:
    expected = np.array(VERTEX.findall(REGULAR), np.float64)
    np.testing.assert_array_equal(points_of_lines(REGULAR), expected)


@pytest.mark.parametrize("between", [b"\n", b" "])
def test_points_of_an_ascii_stl_without_lines_of_their_own(between: bytes) -> None:
    text = REGULAR.replace(b"1 0 0", b"1 0" + between + b"0") if between == b"\n" else REGULAR.replace(b"\n", between)
    found = ascii_points(Path("a.stl"), text)
    np.testing.assert_array_equal(found.reshape(-1, 3), np.array(VERTEX.findall(text), np.float64))


@pytest.mark.parametrize("text", [b" 1 2x\n", b" 1-2\n", b" 1,2\n", b" vertex\n", b" 0x10\n", b" 1_0\n"])
def test_a_word_that_is_no_number(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"unmatched|is no number"):
        table(text, np.float64)


@pytest.mark.parametrize("size", [50, 2**62])
def test_keys_are_sorted_stably(size: int) -> None:
    keys = torch.from_numpy(np.random.default_rng(0).integers(0, 50, 1000)) * (size // 50)
    ordered, place = sort_stably(keys, size)
    expected = torch.sort(keys, stable=True)
    assert torch.equal(ordered, expected.values) and torch.equal(place, expected.indices)


def test_connected_parts_of_graphs() -> None:
    random = Random(0)
    for _ in range(200):
        count = random.randint(1, 30)
        links = [(random.randrange(count), random.randrange(count)) for _ in range(random.randint(0, 30))]
        lowest = list(range(count))
        for _ in range(count):
            for one, other in links:
                lowest[one] = lowest[other] = min(lowest[one], lowest[other])
        assert label_connected(torch.tensor(links).reshape(-1, 2), count).tolist() == lowest


def test_rows_are_told_apart_where_their_keys_fall_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).integers(0, 4, (100, 3)).astype(np.uint32)
    expected = [next(k for k, other in enumerate(rows) if (other == row).all()) for row in rows]
    assert welding.same(rows).tolist() == expected
    monkeypatch.setattr(welding, "mixed", lambda rows: rows[:, 0].astype(np.uint64) // 2)
    assert welding.same(rows).tolist() == expected
    assert not welding.all_differ(rows[:2] * 0) and not welding.all_differ(rows)
