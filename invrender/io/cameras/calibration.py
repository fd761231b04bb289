"""Calibrated cameras: what the files of other programs say of a camera, in numbers that they all have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from invrender.checks import MOST_PIXELS, above, numbers, one_of
from invrender.errors import UserError, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.keys import extrinsics, focal_lengths
from invrender.io.cameras.lenses import read_keys
from invrender.io.cameras.merging import PLACES, merged_camera
from invrender.io.pictures import Decoding, picture_size
from invrender.io.schema import CameraConfig

Centers = Literal["half", "integer"]
BROWN, FISHEYE, DIVISION, PANORAMA = "brown_conrady", "kannala_brandt", "division", "equirectangular"
# The keys that files of other programs fill, whose values are checked here one by one.
PLAIN = frozenset(("width", "height", "focal", "principal", "pixel_centers", "camera_from_world", "up", "lens"))
MOST_COEFFICIENTS = {BROWN: 8, FISHEYE: 4, PANORAMA: 0}


@dataclass(frozen=True)
class LensValues:
    """A lens by its model and its coefficients, as the key ``lens`` of a camera has them, in OpenCV's order."""

    model: str
    coefficients: tuple[float, ...]

    def keys(self) -> dict[str, Any]:
        """The keys of `invrender.io.schema.LensConfig`."""
        return {"model": self.model, "coefficients": list(self.coefficients)}


@dataclass(frozen=True)
class Calibration:
    """A camera in pixels.

    focal: across and down. principal: x and y, counted from where ``centers`` says. size: width and height. lens: None
    for a pinhole. pose: camera_from_world [4, 4], float64, OpenCV's axes. None is what a file leaves out; the size is
    then that of the file ``picture``, if it is there.
    """

    focal: tuple[float, float]
    principal: tuple[float, float] | None = None
    size: tuple[int, int] | None = None
    centers: Centers = "half"
    lens: LensValues | None = None
    pose: Tensor | None = None
    picture: Path | None = field(default=None, compare=False)

    def keys(self) -> dict[str, Any]:
        """The keys of `invrender.io.schema.CameraConfig`."""
        found: dict[str, Any] = {}
        if self.size is not None:
            found |= {"width": self.size[0], "height": self.size[1]}
        found["focal"] = list(self.focal)
        if self.principal is not None:
            found["principal"] = list(self.principal)
            found |= {"pixel_centers": self.centers} if self.centers != "half" else {}
        found["lens"] = None if self.lens is None else self.lens.keys()
        if self.pose is not None:
            found["camera_from_world"] = self.pose.tolist()
        return found

    def principal_at(self, centers: Centers, where: str) -> tuple[float, float]:
        """The principal point, counted so that the first pixel's centre is at a half or at 0."""
        if self.principal is not None and self.centers == centers:
            return self.principal
        if self.principal is None:
            width, height = self.sized(where)
            x, y = width / 2, height / 2
        else:
            x, y = (each + (0.5 if self.centers == "integer" else 0.0) for each in self.principal)
        return (x - 0.5, y - 0.5) if centers == "integer" else (x, y)

    def sized(self, where: str) -> tuple[int, int]:
        """Width and height. Raises `UserError` where they are not known."""
        if self.size is not None:
            return self.size
        if self.picture is None or not self.picture.is_file():
            raise UserError(f"{where}: nothing says how large its picture is; put the picture there, or give its size")
        height, width = picture_size(self.picture, Decoding(orientation="file"))
        return width, height

    def placed(self, where: str) -> Tensor:
        """The pose. Raises `UserError` where there is none."""
        if self.pose is None:
            raise UserError(f"{where}: it says nothing of where the camera is, expected a pose; give camera_from_world")
        return self.pose


def calibration_of(photograph: Photograph, where: str) -> Calibration:
    """What is said of a photograph's camera. Raises `UserError` for cameras without perspective."""
    given = photograph.camera
    # Of thousands of photographs, merging is what takes time.
    config = CameraConfig(**given) if given.keys() <= PLAIN else merged_camera(CameraConfig(), given, where)
    if config.projection != "perspective":
        raise UserError(f"{where}: projection is {config.projection}, and other programs' files have perspective alone")
    one_of(f"{where}: pixel_centers", config.pixel_centers, ("half", "integer"))
    size = picture_sides(where, config.width, config.height) if {"width", "height"} <= given.keys() else None
    if config.focal is None and size is None:
        size = Calibration((1.0, 1.0), picture=photograph.picture).sized(where)
        config = replace(config, width=size[0], height=size[1])
    principal = None
    if config.principal is not None:
        x, y = numbers(f"{where}: principal", config.principal, (2,)).tolist()
        principal = (x, y)
    pose = None
    if PLACES & given.keys():
        if config.camera_from_world is None and config.look_at is None:
            raise UserError(f"{where}: look_at is missing: there is no scene whose middle it could be; give look_at")
        target = numbers(f"{where}: look_at", config.look_at or [0, 0, 0], (3,))
        pose, _ = extrinsics(config, target, numbers(f"{where}: up", config.up, (3,)), where)
    return Calibration(
        focal_lengths(config, where),
        principal,
        size,
        "integer" if config.pixel_centers == "integer" else "half",
        None if given.get("lens") is None else read_lens_key(given["lens"], where),
        pose,
        photograph.picture,
    )


def read_lens_key(given: Any, where: str) -> LensValues | None:
    """The lens of a camera's key. Raises `UserError` where it is not a model with its numbers."""
    lens = read_keys(given, f"{where}: lens")
    return lens_values(lens.model, lens.coefficients, where)


def lens_values(model: str, coefficients: Sequence[Any], where: str) -> LensValues | None:
    """A lens with no more coefficients than it needs; None where it bends nothing."""
    found = numbers(f"{where}: the lens's coefficients", list(coefficients), (len(coefficients),)).tolist()
    if len(found) > MOST_COEFFICIENTS.get(model, len(found)):
        raise UserError(f"{where}: a lens of {model} has {MOST_COEFFICIENTS[model]} coefficients, not {len(found)}")
    if model == BROWN:
        padded = [*found, *[0.0] * (8 - len(found))]
        if not any(padded):
            return None
        found = padded[: next(count for count in (4, 5, 8) if not any(padded[count:]))]
    if model == FISHEYE:
        found = [*found, *[0.0] * (4 - len(found))]
    if model == DIVISION and not any(found):
        return None
    return LensValues(model, tuple(found))


def panorama(size: tuple[int, int]) -> Calibration:
    """The camera of a whole sphere in a picture of a width and a height; its focal lengths are pixels for a radian."""
    width, height = size
    focal, principal = (width / (2 * math.pi), height / math.pi), (width / 2, height / 2)
    return Calibration(focal, principal, size, lens=LensValues(PANORAMA, ()))


def whole_panorama(calibration: Calibration, where: str) -> tuple[int, int]:
    """Width and height of a picture of the whole sphere. Raises `UserError` for a part of one."""
    size = calibration.sized(where)
    whole = panorama(size)
    wanted = (*whole.focal, *whole.principal_at("half", where))
    given = (*calibration.focal, *calibration.principal_at("half", where))
    if any(abs(one - other) > 1e-6 * size[0] for one, other in zip(given, wanted, strict=True)):
        raise UserError(f"{where}: a part of an equirectangular picture; other programs' files have whole ones alone")
    return size


def from_matrix(where: str, given: Any, size: tuple[int, int] | None) -> Calibration:
    """The calibration in a camera matrix [3, 3] as OpenCV has it, with the first pixel's centre at 0."""
    (fx, skew, cx), (low, fy, cy), last = numbers(where, given, (3, 3)).tolist()
    if last != [0, 0, 1] or low != 0:
        raise UserError(f"{where} is {shortened(given)}, expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
    if abs(skew) > 1e-9 * abs(fx):
        raise UserError(f"{where} has a skew of {skew:g}, and pixels here are upright; calibrate without skew")
    return Calibration((positive(where, fx), positive(where, fy)), (cx, cy), size, "integer")


def to_matrix(calibration: Calibration, where: str) -> list[list[float]]:
    """The camera matrix [3, 3] as OpenCV has it."""
    (fx, fy), (cx, cy) = calibration.focal, calibration.principal_at("integer", where)
    return [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]


def positive(where: str, given: Any) -> float:
    """A focal length in pixels."""
    return above(f"{where}: the focal length", float(numbers(f"{where}: the focal length", [given], (1,))), 0)


def picture_sides(where: str, width: Any, height: Any) -> tuple[int, int]:
    """Width and height of a picture, which some programs write as 640.0."""
    for name, side in (("width", width), ("height", height)):
        if isinstance(side, bool) or not isinstance(side, int | float) or side != side or not 1 <= side <= MOST_PIXELS:
            raise UserError(f"{where}: {name} is {shortened(side)}, expected 1 to {MOST_PIXELS} pixels")
        if side != math.floor(side):
            raise UserError(f"{where}: {name} is {shortened(side)}, expected a whole number of pixels")
    return int(width), int(height)


def without_pose(calibration: Calibration) -> Calibration:
    """The same camera wherever it is; equal for equal cameras."""
    return replace(calibration, pose=None)
