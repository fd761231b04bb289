"""Surfaces that reach behind the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.render.base import Renderer, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Camera, Projection, Scene

# So sharp that a pixel's centre is either in a face or out of it; the softmax lets no background through where two
# faces meet.
SHARP = EmbeddedRenderer(sigma=1e-12, gamma=1e-9, background="softmax")
HARD = HardRenderer(samples=1)
BOTH = [pytest.param(HARD, id="hard"), pytest.param(SHARP, id="soft")]
SOFT = EmbeddedRenderer(sigma=1e-2, gamma=1e-1, reach=1e-12)

FLOOR = shapes.quad([[-5.0, -1.0, 3.0], [5.0, -1.0, 3.0], [-5.0, -1.0, -6.0]])
VIEWS = [
    pytest.param(shapes.camera(20, 14, focal=10.0, position=(0.03, 0.02, 0.0)), id="level"),
    pytest.param(shapes.camera(20, 14, focal=10.0, target=(0.4, -0.5, -1.0)), id="down"),
    pytest.param(shapes.camera(14, 20, focal=8.0, position=(1.0, -0.7, 0.5), target=(-2.0, -1.2, 0.3)), id="low"),
    pytest.param(shapes.camera(20, 14, focal=10.0, target=(0.1, -1.0, -0.1), near=1.0), id="cut in view"),
]


def colored_by_place(shape_vertices: Tensor) -> Tensor:
    """Vertex colours that say where a point is."""
    return shape_vertices / 8 + 0.5


def floor_scene(view: Camera, vertices: Tensor = FLOOR.vertices) -> Scene:
    looks = shapes.material(vertex_colors=colored_by_place(FLOOR.vertices))
    return shapes.scene(shapes.thing(replace(FLOOR, vertices=vertices), looks), view=view, background=(9.0, 9.0, 9.0))


def rays(view: Camera) -> Tensor:
    """[H, W, 3], world frame, of depth one: where each pixel's centre looks."""
    y, x = torch.meshgrid(
        torch.arange(view.height).double() + 0.5, torch.arange(view.width).double() + 0.5, indexing="ij"
    )
    in_camera = torch.stack([x, y, torch.ones_like(x)], dim=-1) @ torch.linalg.inv(view.intrinsics).T
    in_world: Tensor = in_camera @ view.camera_from_world[:3, :3]
    return in_world


@pytest.mark.parametrize("renderer", BOTH)
@pytest.mark.parametrize("view", VIEWS)
def test_a_floor_is_where_the_rays_meet_it(renderer: Renderer, view: Camera) -> None:
    ray = rays(view)
    depth = (-1 - view.position[1]) / ray[..., 1]
    point = view.position + depth[..., None] * ray
    on_floor = (point[..., 0].abs() < 5) & (point[..., 2] > -6) & (point[..., 2] < 3) & (depth > view.near)
    assert 0 < int(on_floor.sum()) < view.width * view.height

    rendered = render_scene(renderer, floor_scene(view))
    torch.testing.assert_close(rendered.alpha, on_floor.double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(rendered.depth[on_floor], depth[on_floor])
    torch.testing.assert_close(rendered.rgb[on_floor], colored_by_place(point[on_floor]))
    assert (rendered.rgb[~on_floor] == 9).all()


@pytest.mark.parametrize("renderer", BOTH)
@pytest.mark.parametrize("view", VIEWS)
def test_cutting_the_mesh_finely_changes_nothing(renderer: Renderer, view: Camera) -> None:
    fine = shapes.subdivided(FLOOR, 3)
    looks = shapes.material(vertex_colors=colored_by_place(fine.vertices))
    whole, cut = (
        render_scene(renderer, each)
        for each in (
            floor_scene(view),
            shapes.scene(shapes.thing(fine, looks), view=view, background=(9.0, 9.0, 9.0)),
        )
    )
    torch.testing.assert_close(whole.rgb, cut.rgb, atol=1e-6, rtol=0)
    torch.testing.assert_close(whole.depth, cut.depth, atol=1e-6, rtol=0)


def test_a_clipped_face_has_the_soft_outline_of_what_is_left() -> None:
    """One corner in front: what is left is a triangle, which can be cut by hand."""
    near = 0.5
    face = shapes.doubles([[-0.3, 0.2, -3.0], [-1.0, -2.0, 2.0], [2.5, -0.5, 1.0]])
    tip = face[0]
    shares = [(near - 3) / (float(-corner[2]) - 3) for corner in face[1:]]
    by_hand = torch.stack(
        [tip, *(tip + share * (corner - tip) for share, corner in zip(shares, face[1:], strict=True))]
    )
    view = shapes.camera(16, 16, focal=8.0, near=near)
    pictures = [
        render_scene(SOFT, shapes.scene(shapes.thing(shapes.mesh(corners, torch.tensor([[0, 1, 2]]))), view=view)).alpha
        # In front of the near plane by a hair, so that nothing is left to clip.
        for corners in (face, torch.cat([by_hand[:1], by_hand[1:] * (1 + 1e-12)]))
    ]
    assert 0.1 < float(pictures[0].mean()) < 0.9
    torch.testing.assert_close(pictures[0], pictures[1], atol=1e-8, rtol=0)


@pytest.mark.parametrize("view", VIEWS)
def test_soft_gradients_are_those_of_the_picture(view: Camera) -> None:
    random = torch.Generator().manual_seed(3)

    def response(values: Sequence[Tensor]) -> Tensor:
        vertices, pose, intrinsics = values
        moved = replace(view, camera_from_world=pose, intrinsics=intrinsics)
        rendered = render_scene(SOFT, floor_scene(moved, vertices))
        picture = torch.cat([rendered.rgb, rendered.alpha[..., None], rendered.depth[..., None]], dim=-1)
        return (picture * cotangent).sum()

    cotangent = torch.randn(view.height, view.width, 5, generator=random, dtype=torch.float64)
    starts = [FLOOR.vertices, view.camera_from_world, view.intrinsics]
    leaves = [start.clone().requires_grad_() for start in starts]
    slopes = torch.autograd.grad(response(leaves), leaves)
    for index, slope in enumerate(slopes):
        direction = torch.randn(slope.shape, generator=random, dtype=torch.float64)
        if index:
            direction[-1] = 0  # the last row of a matrix is fixed
        step = 1e-6 * direction
        with torch.no_grad():
            ahead, back = (
                response([*starts[:index], starts[index] + sign * step, *starts[index + 1 :]]) for sign in (1, -1)
            )
        assert float((slope * direction).sum()) == pytest.approx(float(ahead - back) / 2e-6, rel=1e-4)


def test_hard_gradients_are_those_of_what_is_seen() -> None:
    """The floor fills the picture, so that no edge can move."""
    view = shapes.camera(6, 4, focal=10.0, target=(0.0, -1.0, -0.5))
    assert float(render_scene(HARD, floor_scene(view)).alpha.min()) == 1
    vertices = FLOOR.vertices.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda moved: render_scene(HARD, floor_scene(view, moved)).rgb, (vertices,))


@pytest.mark.parametrize("renderer", [*BOTH, pytest.param(SOFT, id="very soft")])
@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
@pytest.mark.parametrize("depth", [-2.0, 0.0, 0.05, 0.1])
def test_what_is_behind_does_not_show(renderer: Renderer, projection: Projection, depth: float) -> None:
    square = shapes.thing(shapes.facing(1.0, depth))
    view = replace(shapes.camera(8, 6, focal=4.0, near=0.1), projection=projection)
    rendered = render_scene(renderer, shapes.scene(square, view=view, background=(0.2, 0.3, 0.4)))
    assert (rendered.alpha == 0).all() and (rendered.depth == 0).all()
    assert (rendered.rgb == shapes.doubles([0.2, 0.3, 0.4])).all()


@pytest.mark.parametrize("renderer", BOTH)
@pytest.mark.parametrize("target", [(0.0, 0.0, -1.0), (1.0, 0.4, 0.2), (-0.3, -1.0, 0.6)])
def test_inside_a_box_walls_are_everywhere(renderer: Renderer, target: Sequence[float]) -> None:
    box = shapes.box()
    looks = shapes.material(vertex_colors=colored_by_place(box.vertices))
    view = shapes.camera(12, 9, focal=4.0, position=(0.3, -0.2, 0.1), target=[0.3 + target[0], *target[1:]], near=0.05)
    ray = rays(view)
    walls = (torch.where(ray > 0, 1.0, -1.0) - view.position) / ray
    depth = walls.amin(dim=-1)
    rendered = render_scene(renderer, shapes.scene(shapes.thing(box, looks), view=view))
    assert (rendered.alpha > 1 - 1e-9).all()
    torch.testing.assert_close(rendered.depth, depth)
    torch.testing.assert_close(rendered.rgb, colored_by_place(view.position + depth[..., None] * ray))


def test_an_orthographic_camera_cuts_at_its_near_plane_too() -> None:
    """A steep ramp from depth 1 to depth −1, cut at 0.5: a quarter of its width is left."""
    ramp = shapes.quad([[-2.0, -2.0, -1.0], [2.0, -2.0, 1.0], [-2.0, 2.0, -1.0]])
    view = shapes.camera(16, 4, focal=4.0, near=0.5, projection="orthographic")
    for renderer in (HARD, SHARP):
        rendered = render_scene(renderer, shapes.scene(shapes.thing(ramp), view=view))
        expected = (torch.arange(16) < 4).double().expand(4, 16)
        torch.testing.assert_close(rendered.alpha, expected, atol=1e-9, rtol=0)
    assert math.isclose(float(rendered.depth[0, 3]), 1 - 3.5 / 8, rel_tol=1e-9)


@pytest.mark.parametrize("renderer", BOTH)
def test_the_cut_may_run_in_any_direction(renderer: Renderer) -> None:
    """A slanted square, cut askew in the middle of the picture."""
    origin, right, top = shapes.doubles([[-0.8, -0.6, -1.6], [0.8, -0.2, -1.3], [-0.6, 0.7, -0.8]])
    slanted = shapes.quad([origin.tolist(), right.tolist(), top.tolist()])
    view = shapes.camera(40, 40, focal=30.0, near=1.0)
    # Each ray's point in coordinates along the sides.
    sides = torch.stack([right - origin, top - origin], dim=1)
    ray = rays(view).reshape(-1, 3)
    system = torch.cat([ray[..., None], -sides.expand(len(ray), 3, 2)], dim=-1)
    depth, u, v = torch.linalg.solve(system, origin.expand(len(ray), 3)).unbind(-1)
    on_square = (u > 0) & (u < 1) & (v > 0) & (v < 1)
    seen = on_square & (depth > 1)
    assert 100 < int(seen.sum()) < int(on_square.sum()) - 100

    rendered = render_scene(renderer, shapes.scene(shapes.thing(slanted), view=view))
    torch.testing.assert_close(rendered.alpha.reshape(-1), seen.double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(rendered.depth.reshape(-1), torch.where(seen, depth, torch.zeros_like(depth)))
