"""The hard renderer: coverage, shared edges, ties, and work done piece by piece."""

from __future__ import annotations

import math

import pytest
import shapes
import torch

from invrender.errors import UserError
from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.render.raster import reference, visible
from invrender.scene import Mesh, Scene


def fan(around: int, radius: float, phase: float = 0.0) -> Mesh:
    """A regular polygon of triangles about the origin, at depth 1."""
    angle = torch.arange(around).double() * (2 * math.pi / around) + phase
    ring = torch.stack([radius * angle.cos(), radius * angle.sin(), torch.full_like(angle, -1.0)], dim=1)
    here = torch.arange(around)
    faces = torch.stack([torch.full_like(here, around), here, (here + 1) % around], dim=1)
    return shapes.mesh(torch.cat([ring, shapes.doubles([[0.0, 0.0, -1.0]])]), faces)


def flat_view(scene: Scene, width: int, height: int, focal: float = 1.0) -> Scene:
    return scene.with_camera(shapes.camera(width, height, focal, projection="orthographic"))


@pytest.mark.parametrize("samples", [1, 4, 16])
def test_coverage_is_area_to_the_width_of_a_sample(samples: int) -> None:
    corners = shapes.doubles([[-7.3, -5.1, -1.0], [6.2, -3.4, -1.0], [0.4, 7.7, -1.0]])
    first, second = corners[1] - corners[0], corners[2] - corners[0]
    area = float((first[0] * second[1] - first[1] * second[0]) / 2)
    perimeter = float((corners - corners.roll(1, dims=0)).norm(dim=1).sum())
    triangle = shapes.scene(shapes.thing(shapes.mesh(corners, torch.tensor([[0, 1, 2]]))))
    rendered = render_scene(HardRenderer(samples=samples), flat_view(triangle, 16, 16))
    # Only samples whose cell meets the outline can be wrong, and half of each is a fair guess.
    assert float(rendered.alpha.sum()) == pytest.approx(area, abs=0.5 * perimeter / samples)
    assert torch.equal(rendered.alpha, (rendered.alpha * samples**2).round() / samples**2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [24, 25])
def test_faces_that_share_edges_leave_no_holes(dtype: torch.dtype, width: int) -> None:
    """Spokes in many directions; with an odd width the hub and whole spokes lie on pixel centres."""
    for around in (4, 8, 16, 57):
        polygon = flat_view(shapes.scene(shapes.thing(fan(around, 10.0))), width, width).to(dtype=dtype)
        alpha = render_scene(HardRenderer(samples=1), polygon).alpha
        place = torch.arange(width) + 0.5 - width / 2
        well_inside = place[:, None] ** 2 + place[None, :] ** 2 < (10 * math.cos(math.pi / around)) ** 2 - 0.1
        assert (alpha[well_inside] == 1).all()
        assert (
            alpha.sum() - 50 * around * math.sin(2 * math.pi / around)
        ).abs() < 24  # outer edges that run through pixels' centres


def test_faces_smaller_than_a_pixel_leave_no_holes() -> None:
    """In float32, far from the picture's corner: products of pixels' coordinates there do not resolve such areas."""
    size, half, cells = 2048, 5.0, 100
    corners = [[900.0 - half, half - 900, -1.0], [900.0 + half, half - 901, -1.0], [901.0 - half, -half - 900, -1.0]]
    patch = shapes.quad([corners[2], [corners[1][0] + 1, -half - 901, -1.0], corners[0]], cells)
    scene = flat_view(shapes.scene(shapes.thing(patch)), size, size).to(dtype=torch.float32)
    alpha = render_scene(HardRenderer(samples=1), scene).alpha
    row, column = size // 2 + 900, size // 2 + 900
    assert (alpha[row - 3 : row + 4, column - 3 : column + 4] == 1).all()
    assert int((alpha > 0).sum()) == pytest.approx(4 * half**2, rel=0.2)


def test_ties_go_to_the_first_object(monkeypatch: pytest.MonkeyPatch) -> None:
    red, green = (
        shapes.thing(shapes.facing(3.0, 2.0, cells=3), shapes.material(color)) for color in ((1, 0, 0), (0, 1, 0))
    )
    view = shapes.camera(9, 7)
    for objects, color in (((red, green), [1.0, 0.0, 0.0]), ((green, red), [0.0, 1.0, 0.0])):
        for at_once in (1 << 18, 11):
            monkeypatch.setattr(reference, "PAIRS_AT_ONCE", at_once)
            rgb = render_scene(HardRenderer(samples=1), shapes.scene(*objects, view=view)).rgb
            torch.testing.assert_close(rgb, shapes.doubles(color).expand(7, 9, 3))


@pytest.mark.parametrize(
    "renderer", [HardRenderer(samples=2, backend="reference"), EmbeddedRenderer(sigma=1e-3, backend="reference")]
)
def test_the_pieces_that_work_is_cut_into_do_not_show(
    renderer: HardRenderer | EmbeddedRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tube, box = shapes.thing(shapes.tube(24), shapes.material((1, 0, 0))), shapes.thing(shapes.box(0.7))
    scene = shapes.scene(tube, box, view=shapes.camera(14, 11, 14.0, (1.0, 2.0, 3.0), (0.0, 0.0, 0.0)))
    whole = render_scene(renderer, scene)
    monkeypatch.setattr(reference, "PAIRS_AT_ONCE", 97)
    monkeypatch.setattr(visible, "SHADED_AT_ONCE", 13)
    pieces = render_scene(renderer, scene)
    for name in ("rgb", "alpha", "depth"):
        torch.testing.assert_close(getattr(whole, name), getattr(pieces, name), rtol=1e-12, atol=1e-14)


def test_colour_is_averaged_in_linear_light_over_samples() -> None:
    """A white half over black: the pixel that it cuts is the share that is white."""
    half = shapes.quad([[0.25, -9.0, -1.0], [9.0, -9.0, -1.0], [0.25, 9.0, -1.0]])
    rendered = render_scene(HardRenderer(samples=4), flat_view(shapes.scene(shapes.thing(half)), 4, 1))
    torch.testing.assert_close(rendered.rgb[0, :, 0], shapes.doubles([0.0, 0.0, 0.75, 1.0]))
    torch.testing.assert_close(rendered.alpha[0], shapes.doubles([0.0, 0.0, 0.75, 1.0]))


def test_the_nearest_face_wins_at_every_pixel() -> None:
    """Two planes that cross in the middle of the picture."""
    left = shapes.quad([[-9.0, -9.0, -11.0], [9.0, -9.0, -2.0], [-9.0, 9.0, -11.0]])
    right = shapes.quad([[-9.0, -9.0, -2.0], [9.0, -9.0, -11.0], [-9.0, 9.0, -2.0]])
    crossed = shapes.scene(
        shapes.thing(left, shapes.material((1, 0, 0))), shapes.thing(right, shapes.material((0, 1, 0)))
    )
    rendered = render_scene(HardRenderer(samples=1), flat_view(crossed, 8, 2))
    expected = shapes.doubles([[0, 1, 0]] * 4 + [[1, 0, 0]] * 4).expand(2, 8, 3)
    torch.testing.assert_close(rendered.rgb, expected)
    place = (torch.arange(8).double() - 3.5).abs()
    torch.testing.assert_close(rendered.depth[0], 6.5 - place / 2)


def test_samples_must_be_at_least_one() -> None:
    with pytest.raises(UserError, match=r"^renderer.samples is 0, expected 1 to 64$"):
        HardRenderer(samples=0)
