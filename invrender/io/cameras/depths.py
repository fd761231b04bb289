"""Depths between which cameras draw, near and far, which follow from the size of the scene."""

from __future__ import annotations

import math

from torch import Tensor

from invrender.checks import above
from invrender.errors import UserError, note
from invrender.io.schema import CameraConfig
from invrender.scene import Camera

# Of scenes of the usual size, a camera some 4 units away from objects of about 2.
NEAR, FAR, USUAL_DISTANCE = 0.1, 100.0, 4.0


def depths(
    config: CameraConfig, camera_from_world: Tensor, center: Tensor, radius: float | None, key: str
) -> tuple[float, float]:
    """near and far: as they are given, else those of usual scenes, else as much larger or smaller as the scene is."""
    usual = NEAR, FAR
    if radius is not None:
        middle = float(camera_from_world[2, :3] @ center.double() + camera_from_world[2, 3])
        usual = depths_around(middle, radius)
    near = usual[0] if config.near is None else above(f"{key}.near", config.near, 0)
    far = usual[1] if config.far is None else config.far
    if not (math.isfinite(far) and far > near):
        raise UserError(f"{key}.far is {far}, expected a number above {key}.near, which is {near}")
    return near, far


def depths_around(middle: float, radius: float) -> tuple[float, float]:
    """near and far for objects within ``radius`` of a depth: `NEAR` and `FAR` unless objects are out of their reach."""
    first, last, distance = middle - radius, middle + radius, max(abs(middle), radius)
    if ((first >= NEAR or distance >= 1) and last <= FAR) or not 1e-30 < distance < 1e30:
        return NEAR, FAR
    # By powers of two, so that cameras which are about as far away have the same depths, and are drawn together.
    share = 2.0 ** round(math.log2(distance / USUAL_DISTANCE))
    return NEAR * share * (1 if first >= NEAR * share else 0.01), FAR * share


def say_depths(camera: Camera, config: CameraConfig, key: str) -> None:
    """Say that near or far are not those of usual scenes."""
    if (config.near is None and camera.near != NEAR) or (config.far is None and camera.far != FAR):
        note(f"{key}.near and far follow from the scene's size: {camera.near:.3g} and {camera.far:.3g}")
