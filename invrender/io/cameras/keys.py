"""Cameras: from config keys and camera files, and back."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from invrender.checks import above, numbers, one_of, pixels
from invrender.errors import UserError, note
from invrender.geometry.cameras import look_at
from invrender.io.cameras.depths import depths
from invrender.io.cameras.lenses import build_lens, check_field, lens_keys, read_keys
from invrender.io.cameras.poses import rigid_pose
from invrender.io.pictures.focal import exif_focal
from invrender.io.schema import CameraConfig
from invrender.scene import Camera, Projection

PROJECTIONS: tuple[Projection, ...] = ("perspective", "orthographic")
ORBIT = ("azimuth", "elevation", "distance")
FOV = 40.0


def build_camera(config: CameraConfig, center: Tensor, key: str = "camera", radius: float | None = None) -> Camera:
    """The camera that ``config`` describes.

    center: [3], the middle of the objects, which ``look_at: null`` stands for. key: names the config in messages.
    radius: of the objects about it, which near and far follow from; None for such as are of the usual size.

    Raises `UserError` for values out of range and for degenerate places.
    """
    width, height = pixels(f"{key}.width", config.width), pixels(f"{key}.height", config.height)
    one_of(f"{key}.projection", config.projection, PROJECTIONS)
    target = center.double() if config.look_at is None else numbers(f"{key}.look_at", config.look_at, (3,))
    up = numbers(f"{key}.up", config.up, (3,))
    if float(up.norm()) == 0:
        raise UserError(f"{key}.up is {config.up}, expected a direction, for example [0, 1, 0]")
    camera_from_world, up = extrinsics(config, target, up, key)
    near, far = depths(config, camera_from_world, center, radius, key)
    camera = Camera(
        intrinsics=intrinsics(config, key).float(),
        camera_from_world=camera_from_world.float(),
        look_at=target.float(),
        up=up.float(),
        width=width,
        height=height,
        near=near,
        far=far,
        projection="orthographic" if config.projection == "orthographic" else "perspective",
        lens=None if config.lens is None else build_lens(config, f"{key}.lens"),
    )
    check_field(camera, f"{key}.lens")
    return camera


def intrinsics(config: CameraConfig, key: str) -> Tensor:
    """pixel_from_camera [3, 3], float64."""
    fx, fy = focal_lengths(config, key)
    if config.principal is None:
        cx, cy = config.width / 2, config.height / 2
    else:
        cx, cy = numbers(f"{key}.principal", config.principal, (2,)).tolist()
        # Only here do centres at whole numbers become centres at halves.
        if one_of(f"{key}.pixel_centers", config.pixel_centers, ("half", "integer")) == "integer":
            cx, cy = cx + 0.5, cy + 0.5
    return torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)


def focal_lengths(config: CameraConfig, key: str) -> tuple[float, float]:
    """In pixels (orthographic: pixels for each world unit), across and down."""
    shorter = min(config.width, config.height)
    if config.focal is not None:
        given = config.focal if isinstance(config.focal, list) else [config.focal, config.focal]
        fx, fy = numbers(f"{key}.focal", given, (2,)).tolist()
        return above(f"{key}.focal", fx, 0), above(f"{key}.focal", fy, 0)
    if config.projection == "orthographic":
        focal = shorter / above(f"{key}.extent", config.extent, 0)
        return focal, focal
    model = None if config.lens is None else read_keys(config.lens, f"{key}.lens").model
    if model == "equirectangular":
        return config.width / (2 * math.pi), config.height / math.pi
    widest = 360 if model == "kannala_brandt" else 180
    fov = FOV if config.fov is None else config.fov
    if not 0 < fov < widest:
        raise UserError(f"{key}.fov is {fov}, expected degrees between 0 and {widest}")
    half = math.radians(fov) / 2
    focal = shorter / 2 / (half if model == "kannala_brandt" else math.tan(half))
    return focal, focal


def extrinsics(config: CameraConfig, target: Tensor, up: Tensor, key: str) -> tuple[Tensor, Tensor]:
    """camera_from_world [4, 4] and the up direction [3] that goes with it, float64."""
    if config.camera_from_world is not None:
        return rigid_pose(f"{key}.camera_from_world", config.camera_from_world), up
    if config.position is not None:
        position = numbers(f"{key}.position", config.position, (3,))
        if float((position - target).norm()) < 1e-9:
            raise UserError(
                f"{key}.position is {config.position}, the point that the camera looks at; move one of them"
            )
    else:
        azimuth, elevation = (
            math.radians(float(numbers(f"{key}.{name}", [getattr(config, name)], (1,))))
            for name in ("azimuth", "elevation")
        )
        above(f"{key}.distance", config.distance, 0)
        level = math.cos(elevation)
        offset = [level * math.sin(azimuth), math.sin(elevation), level * math.cos(azimuth)]
        position = target + config.distance * target.new_tensor(offset)
        if float(torch.linalg.cross(target.new_tensor(offset), up / up.norm()).norm()) < 1e-6:
            # At the poles the picture's top is where it was on the way there, so the orbit stays continuous.
            sign = -math.copysign(1.0, math.sin(elevation))
            up = target.new_tensor([sign * math.sin(azimuth), 0.0, sign * math.cos(azimuth)])
    return look_at(position, target, up), up


def without_effect(config: CameraConfig, keys: Collection[str]) -> str | None:
    """Why one of ``keys``, which somebody has set, changes nothing in this camera; None where all do."""
    for winner, losers in (("camera_from_world", (*ORBIT, "position")), ("position", ORBIT)):
        if getattr(config, winner) is not None:
            for loser in losers:
                if loser in keys:
                    return f"{loser} has no effect, for {winner} is given too; set {winner}=null"
    optics = "extent" if config.projection == "orthographic" else "fov"
    for name in ("fov", "extent"):
        if name not in keys:
            continue
        if config.focal is not None:
            return f"{name} has no effect, for focal is given too; set focal=null"
        if isinstance(config.lens, dict) and config.lens.get("model") == "equirectangular":
            return f"{name} has no effect, for the lens shows the whole sphere; set focal"
        if name != optics:
            return f"{name} has no effect on a camera of projection {config.projection}; set {optics}"
    if "pixel_centers" in keys and config.principal is None:
        return "pixel_centers has no effect without principal"
    return None


def camera_keys(camera: Camera) -> dict[str, Any]:
    """The keys of `CameraConfig` that give this camera back, to the last bit."""
    matrix = camera.intrinsics.detach().cpu().tolist()
    return {
        "projection": camera.projection,
        "width": camera.width,
        "height": camera.height,
        "focal": [matrix[0][0], matrix[1][1]],
        "principal": [matrix[0][2], matrix[1][2]],
        **({} if camera.lens is None else {"lens": lens_keys(camera.lens)}),
        "camera_from_world": camera.camera_from_world.detach().cpu().tolist(),
        "look_at": camera.look_at.detach().cpu().tolist(),
        "up": camera.up.detach().cpu().tolist(),
        "near": camera.near,
        "far": camera.far,
    }


def fit_to_picture(config: CameraConfig, width: int, height: int, path: Path, key: str = "camera") -> CameraConfig:
    """The config with a picture's size.

    A camera of fov or extent adopts it, and where there is neither fov nor focal what the picture's EXIF data say of
    its lens. One given in pixels is scaled with a picture that is larger or smaller but of the same shape; `UserError`
    for a picture of another shape.
    """
    config = with_exif(config, width, height, path, key)
    if (pixels(f"{key}.width", config.width), pixels(f"{key}.height", config.height)) == (width, height):
        return config
    sized = {**vars(config), "width": width, "height": height}
    if config.focal is None and config.principal is None:
        return CameraConfig(**sized)
    across, down = width / config.width, height / config.height
    if abs(config.width * down - width) > 1 and abs(config.height * across - height) > 1:
        on_its_side = abs(config.width * width - config.height * height) <= max(config.width, config.height)
        stored = ", or target.orientation=ignore if EXIF turns it" if on_its_side else ""
        raise UserError(
            f"{path} is {width}x{height} pixels, but {key} is calibrated for {config.width}x{config.height}; "
            f"give a picture of that shape{stored}, or {key}.fov instead of focal and principal"
        )
    edge = 0.5 if config.pixel_centers == "integer" else 0.0
    focal = [config.focal, config.focal] if isinstance(config.focal, int | float) else config.focal
    sized["focal"] = scaled(focal, (across, down), 0.0)
    sized["principal"] = scaled(config.principal, (across, down), edge)
    return CameraConfig(**sized)


def with_exif(config: CameraConfig, width: int, height: int, path: Path, key: str) -> CameraConfig:
    """The config with the field of view that a picture's EXIF data say, where nobody has given any."""
    if any(each is not None for each in (config.fov, config.focal, config.lens)) or config.projection != "perspective":
        return config
    found = exif_focal(path, width, height)
    if found is None:
        return config
    fov = math.degrees(2 * math.atan(min(width, height) / 2 / found.pixels))
    note(f"{path}: its EXIF data say {found.told}, so that {key}.fov is {fov:.4g}; set {key}.fov to give another")
    return CameraConfig(**{**vars(config), "fov": fov})


def scaled(pair: Any, scales: tuple[float, float], edge: float) -> Any:
    """Two pixel numbers at another resolution, or what was given; the picture's edge lies ``edge`` before 0."""
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, int | float) for each in pair):
        return pair
    return [(each + edge) * scale - edge for each, scale in zip(pair, scales, strict=True)]
