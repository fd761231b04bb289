"""Our lenses against OpenCV's projection: numbers that OpenCV 5.0 computed, and OpenCV itself where it is installed.

The file holds points in the world, a camera, and for each lens its coefficients and the pixels by `cv2.projectPoints`
or `cv2.fisheye.projectPoints`; for those of Brown and Conrady the places that `cv2.undistortPoints` finds, too. OpenCV
calls the first pixel's centre 0 and we call it 0.5, which does not matter here: the principal point is the same number.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from invrender.geometry.cameras import project, rays, transform
from invrender.scene import Camera, Lens

FILE = np.load(Path(__file__).with_name("opencv_lenses.npz"))
LENSES = ("brown_conrady_4", "brown_conrady_5", "brown_conrady_8", "kannala_brandt_4")


def stored(name: str) -> Tensor:
    return torch.from_numpy(FILE[name])


def camera(name: str) -> Camera:
    model = "kannala_brandt" if name.startswith("kannala") else "brown_conrady"
    lens = Lens(stored(f"{name}_coefficients"), model)
    return Camera(
        stored("intrinsics"), stored("camera_from_world"), torch.zeros(3), torch.zeros(3), 256, 256, lens=lens
    )


@pytest.mark.parametrize("name", LENSES)
def test_points_are_where_opencv_has_them(name: str) -> None:
    pixels, _ = project(camera(name), stored("points"))
    torch.testing.assert_close(pixels, stored(f"{name}_pixels"), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", LENSES[:3])
def test_rays_are_where_opencv_has_them(name: str) -> None:
    found = rays(camera(name), stored(f"{name}_pixels"))
    torch.testing.assert_close(found[:, :2] / found[:, 2:], stored(f"{name}_undistorted"), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", LENSES)
def test_numbers_are_still_opencvs(name: str) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    view = camera(name)
    points = transform(view.camera_from_world, stored("points")).numpy()
    kind = cv2.fisheye if name.startswith("kannala") else cv2
    optics = view.intrinsics.numpy(), stored(f"{name}_coefficients").numpy()
    pixels = kind.projectPoints(points[:, None], np.zeros(3), np.zeros(3), *optics)[0]
    np.testing.assert_allclose(project(view, stored("points"))[0].numpy(), pixels.reshape(-1, 2), rtol=0, atol=1e-9)
