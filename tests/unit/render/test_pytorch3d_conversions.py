"""Our conventions as PyTorch3D's, without PyTorch3D."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapes
import torch

from invrender.geometry.cameras import project
from invrender.render.adapters.pytorch3d.conversions import ndc_from_view, single_light, view_from_world
from invrender.scene import AmbientLight, Camera, DirectionalLight, Light, PointLight, Projection

POINTS = shapes.doubles([[0.0, 0.0, 0.0], [0.5, 0.2, -0.3], [-0.7, 0.9, 0.4], [0.1, -0.8, 0.6]])


def view(width: int, height: int, projection: Projection) -> Camera:
    """A camera whose principal point is off the centre, whose pixels are not square and whose axes are skewed."""
    intrinsics = shapes.doubles([[31.0, 0.7, 0.4 * width], [0.0, 29.0, 0.55 * height], [0.0, 0.0, 1.0]])
    base = shapes.camera(width, height, 30.0, (2.0, 1.5, 3.0), (0.2, 0.1, 0.0))
    return replace(base, intrinsics=intrinsics, projection=projection)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
@pytest.mark.parametrize(("width", "height"), [(20, 20), (31, 17), (12, 40)])
def test_points_land_in_the_same_pixels(width: int, height: int, projection: Projection) -> None:
    camera = view(width, height, projection)
    rotation, translation = view_from_world(camera.camera_from_world)
    seen = POINTS @ rotation + translation
    homogeneous = torch.cat([seen, torch.ones(len(seen), 1).double()], dim=1) @ ndc_from_view(camera).T
    x, y = (homogeneous[:, :2] / homogeneous[:, 3:]).unbind(1)

    pixels, depth = project(camera, POINTS)
    half = min(width, height) / 2
    torch.testing.assert_close(width / 2 - half * x, pixels[:, 0])
    torch.testing.assert_close(height / 2 - half * y, pixels[:, 1])
    torch.testing.assert_close(seen[:, 2], depth)


def test_pytorch3d_looks_along_z_with_x_to_the_left_and_y_up() -> None:
    rotation, translation = view_from_world(torch.eye(4).double())
    right_below_ahead = shapes.doubles([[1.0, 2.0, 3.0]])
    assert (right_below_ahead @ rotation + translation).tolist() == [[-1.0, -2.0, 3.0]]
    assert float(torch.linalg.det(rotation)) == pytest.approx(1.0)


def test_the_shorter_side_reaches_from_minus_one_to_one() -> None:
    camera = shapes.camera(30, 20, 10.0)
    camera = replace(camera, camera_from_world=torch.eye(4).double())
    corners = shapes.doubles([[-1.5, -1.0, 1.0], [1.5, 1.0, 1.0]])  # of the picture: upper left, lower right
    assert project(camera, corners)[0].tolist() == [[0.0, 0.0], [30.0, 20.0]]
    view = corners * shapes.doubles([-1.0, -1.0, 1.0])
    ndc = torch.cat([view, torch.ones(2, 1).double()], dim=1) @ ndc_from_view(camera).T
    assert (ndc[:, :2] / ndc[:, 3:]).tolist() == [[1.5, 1.0], [-1.5, -1.0]]


def test_gradients_pass_through_the_camera() -> None:
    camera = view(31, 17, "perspective")
    pose, intrinsics = camera.camera_from_world.requires_grad_(), camera.intrinsics.requires_grad_()
    rotation, translation = view_from_world(pose)
    total = rotation.sum() + translation.sum() + ndc_from_view(camera).sum()
    to_pose, to_intrinsics = torch.autograd.grad(total, [pose, intrinsics])
    assert (to_pose[:2] == -1).all() and (to_pose[2] == 1).all() and (to_pose[3] == 0).all()
    assert (to_intrinsics[:2] != 0).all()


WHITE = torch.ones(3).double()
AMBIENT = shapes.ambient(0.2)
SUN = DirectionalLight(WHITE, torch.tensor(0.5).double(), shapes.doubles([0.3, 1.0, 0.6]))
LAMP = PointLight(WHITE, torch.tensor(2.0).double(), shapes.doubles([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("lights", "kind", "ambient", "radiance"),
    [
        ([], "ambient", 0.0, 0.0),
        ([AMBIENT, AMBIENT], "ambient", 0.4, 0.0),
        ([AMBIENT, SUN], "directional", 0.2, 0.5),
        ([LAMP, AMBIENT], "point", 0.2, 2.0),
    ],
)
def test_lights_that_pytorch3d_has(lights: list[Light], kind: str, ambient: float, radiance: float) -> None:
    found = single_light(lights, WHITE)
    assert found is not None
    assert found.kind == kind
    torch.testing.assert_close(found.ambient, ambient * WHITE)
    torch.testing.assert_close(found.radiance, radiance * WHITE)
    places = [
        light.direction if isinstance(light, DirectionalLight) else light.position
        for light in lights[:]
        if not isinstance(light, AmbientLight)
    ]
    assert (found.place is None) == (places == [])
    assert all(torch.equal(place, found.place) for place in places if found.place is not None)


@pytest.mark.parametrize("lights", [[SUN, LAMP], [LAMP, LAMP], [replace(LAMP, falloff="inverse_square")]])
def test_lights_that_pytorch3d_has_not(lights: list[Light]) -> None:
    assert single_light(lights, WHITE) is None
