"""Photographs as targets: pictures with masks, weights and cameras."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.images.resample import background_pixels, resize_depth
from invrender.io.cameras.base import CameraFormat, Photograph
from invrender.io.cameras.depths import say_depths
from invrender.io.cameras.formats import read_photographs
from invrender.io.cameras.images import check_pictures
from invrender.io.cameras.keys import build_camera, camera_keys, fit_to_picture
from invrender.io.cameras.merging import merged_camera, merged_light
from invrender.io.cameras.native import Views
from invrender.io.folder import Folder
from invrender.io.lights import build_light
from invrender.io.pictures import Decoding, depth_size, picture_size, read_depth, read_mask, read_picture
from invrender.io.region import Region
from invrender.io.schema import CameraConfig, LightConfig
from invrender.scene import CAMERA, Camera, Light, View, view_of


@dataclass(frozen=True)
class Reading:
    """How photographs are read.

    decoding: of pictures, masks and weights.
    background: the scene's, a colour [3] or a picture [H, W, 3]; transparent pixels are laid over it.
    center: [3], the middle of the objects, for cameras that don't say what they look at.
    radius: of the objects about it, which near and far follow from; None for such as are of the usual size.
    depth: whether depth maps are read. depth_unit: what a 1 in them is in the scene's unit, None for floats in it.
    region: where to look in each; None for the whole picture.
    """

    decoding: Decoding
    background: Tensor
    center: Tensor
    radius: float | None = None
    depth: bool = False
    depth_unit: float | None = None
    region: Region | None = None

    def resized(self, max_size: int) -> Reading:
        """The same with another limit of the longer side."""
        return replace(self, decoding=replace(self.decoding, max_size=max_size))

    def measured_in(self, unit: float | None) -> Reading:
        """The same with what a camera file says of its depths, unless that is known."""
        return self if self.depth_unit is not None else replace(self, depth_unit=unit)


def read_focused_view(
    picture: Path, mask: Path | None, weight: Path | None, reading: Reading, camera: Camera, depth: Path | None = None
) -> View:
    """A photograph, or the region of interest in it; camera: what is known of the one that took it."""

    def read(most: int) -> View:
        return read_view(picture, mask, weight, reading.resized(most), depth)

    view, most = read_view(picture, mask, weight, reading, depth), reading.decoding.max_size
    if reading.region is None or most is None:
        return view
    return reading.region.focus(view, picture_size(picture, reading.decoding), camera, read, most)


def read_view(
    picture: Path, mask: Path | None, weight: Path | None, reading: Reading, depth: Path | None = None
) -> View:
    """A photograph, reduced as it is read, by the scene's own camera."""
    for other in (mask, weight):
        if other is not None:
            check_same_size(other, picture_size(other, reading.decoding), picture, reading.decoding)
    read = read_picture(picture, reading.decoding)
    height, width = read.rgb.shape[:2]
    rgb, silhouette = read.rgb, read.alpha
    if silhouette is not None:
        behind = background_pixels(reading.background, height, width).reshape(height, width, 3)
        rgb = torch.lerp(behind, rgb, silhouette[..., None])
    if mask is not None:
        silhouette = checked_mask(mask, read_mask(mask, reading.decoding))
    weights = None if weight is None else read_mask(weight, reading.decoding)
    view = view_of(rgb, silhouette, weights, ceiling=ceiling_of(rgb, read.clipped))
    return view if depth is None or not reading.depth else with_depth(view, depth, picture, reading)


def with_depth(view: View, path: Path, picture: Path, reading: Reading) -> View:
    """The view of a picture with its depth map, reduced alike. Raises `UserError` for one of another size."""
    check_same_size(path, depth_size(path, reading.decoding), picture, reading.decoding)
    depth = resize_depth(read_depth(path, reading.depth_unit, reading.decoding), *view.size)
    return replace(view, picture=view.picture.with_channels(depth=depth))


def ceiling_of(rgb: Tensor, clipped: Tensor | None) -> Tensor | None:
    """What `View` calls its ceiling, of colours [H, W, 3] and which of them lie at the top of the file's range."""
    return None if clipped is None else torch.where(clipped, rgb, torch.inf)


def checked_mask(path: Path, mask: Tensor) -> Tensor:
    """``mask`` [H, W]. Raises `UserError` for values above 1, which only files of floats have."""
    if bool((mask > 1 + 1e-6).any()):
        raise UserError(f"{path} has values up to {float(mask.max()):g}, expected a mask of 0 to 1")
    return mask


def check_same_size(path: Path, size: tuple[int, int], picture: Path, decoding: Decoding) -> None:
    """Raise `UserError` for a mask, weights or depths that are not of their picture's size, both turned upright."""
    (height, width), wanted = size, picture_size(picture, decoding)
    if (height, width) == wanted:
        return
    stored = picture_size(picture, replace(decoding, orientation="ignore"))
    if (height, width) == stored:
        raise UserError(
            f"{path} is {width}x{height} pixels, as {picture} is before its EXIF orientation makes it "
            f"{wanted[1]}x{wanted[0]}; turn the mask, weights or depths upright, or set target.orientation=ignore"
        )
    raise UserError(
        f"{path} is {width}x{height} pixels, but {picture} is {wanted[1]}x{wanted[0]}; "
        "masks, weights and depths have their picture's size; resize it"
    )


def read_views(
    path: Path, camera: CameraConfig, reading: Reading, file_format: CameraFormat | None = None
) -> tuple[tuple[View, ...], dict[str, Camera]]:
    """The views of a camera file, and their cameras, named after the pictures.

    camera: what a view leaves out. file_format: of the file; None recognizes it.
    """
    views, cameras = [], dict[str, Camera]()
    photographs = read_photographs(path, file_format)
    check_pictures(photographs, path)
    for photograph, name in zip(photographs, name_views(photographs), strict=True):
        picture = photograph.picture
        assert picture is not None
        where = photograph.where or f"{path}: {picture.name}"
        height, width = picture_size(picture, reading.decoding)
        given = dict(photograph.camera)
        if "focal" in given:
            given = {"width": width, "height": height, **given}
        config = merged_camera(camera, given, where)
        config = fit_to_picture(config, width, height, picture, where)
        built = build_camera(config, reading.center, where, reading.radius)
        if not cameras:
            say_depths(built, config, where)
        own = reading.measured_in(photograph.depth_unit)
        view = read_focused_view(picture, photograph.mask, photograph.weight, own, built, photograph.depth)
        cameras[name] = built.resized(*reversed(whole_size(view)))
        views.append(replace(view, camera=name))
    return tuple(views), cameras


def read_own_lights(
    path: Path, lights: Mapping[str, LightConfig], folder: Path, file_format: CameraFormat | None = None
) -> dict[str, dict[str, Light]]:
    """By camera, the lights that the views of a camera file say are others in them than those of the scene.

    lights: the scene's. folder: where its files are. Raises `UserError` for lights that the scene has not.
    """
    photographs = read_photographs(path, file_format)
    found: dict[str, dict[str, Light]] = {}
    for photograph, name in zip(photographs, name_views(photographs), strict=True):
        for light, given in photograph.lights.items():
            where = f"{photograph.where}: light.{light}"
            if light not in lights:
                raise UserError(f"{where}: the scene has no such light, only {', '.join(lights) or 'none'}")
            merged = merged_light(lights[light], given, where)
            found.setdefault(name, {})[light] = build_light(merged, Folder(folder), where)
    return found


def name_views(photographs: Sequence[Photograph]) -> list[str]:
    """What the cameras of photographs are called: after the pictures, with a number where two have one name."""
    names: list[str] = []
    for photograph in photographs:
        assert photograph.picture is not None
        names.append(unused_name(photograph.picture.stem, {CAMERA, *names}))
    return names


def write_views(path: Path, photographs: Sequence[Photograph], cameras: Mapping[str, Camera]) -> dict[Path, bytes]:
    """Our own camera file at ``path``, and its content: the photographs with other cameras, by their names."""
    named = zip(photographs, name_views(photographs), strict=True)
    found = [replace(each, camera=camera_keys(cameras[name]), pose_numbers=()) for each, name in named]
    return Views().encode(found, path)


def whole_size(view: View) -> tuple[int, int]:
    """Height and width of the whole picture that a view shows a part of, at the view's resolution."""
    height, width = view.size
    return round(height / view.window[3]), round(width / view.window[2])


def unused_name(name: str, used: Collection[str]) -> str:
    """``name``, or with a number after it where that is taken."""
    numbered = (f"{name}_{number}" for number in count(2))
    return name if name not in used else next(each for each in numbered if each not in used)
