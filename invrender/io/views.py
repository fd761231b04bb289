"""Photographs as targets: pictures with masks, weights and cameras."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from invrender.errors import UserError, first_line, suggestion
from invrender.images.resample import background_pixels
from invrender.io.cameras.base import CameraFormat
from invrender.io.cameras.formats import read_photographs
from invrender.io.cameras.keys import ORBIT, build_camera, fit_to_picture, without_effect
from invrender.io.pictures import Decoding, picture_size, read_mask, read_picture
from invrender.io.region import Region
from invrender.io.schema import CameraConfig, literal
from invrender.scene import CAMERA, Camera, View, view_of


@dataclass(frozen=True)
class Reading:
    """How photographs are read.

    decoding: of pictures, masks and weights.
    background: the scene's, a colour [3] or a picture [H, W, 3]; transparent pixels are laid over it.
    center: [3], the middle of the objects, for cameras that don't say what they look at.
    region: where to look in each; None for the whole picture.
    """

    decoding: Decoding
    background: Tensor
    center: Tensor
    region: Region | None = None

    def resized(self, max_size: int) -> Reading:
        """The same with another limit of the longer side."""
        return replace(self, decoding=replace(self.decoding, max_size=max_size))


def read_focused_view(picture: Path, mask: Path | None, weight: Path | None, reading: Reading, camera: Camera) -> View:
    """A photograph, or the region of interest in it; camera: what is known of the one that took it."""
    view = read_view(picture, mask, weight, reading)
    most = reading.decoding.max_size
    if reading.region is None or most is None:
        return view
    size = picture_size(picture, reading.decoding)
    return reading.region.focus(
        view, size, camera, lambda longest: read_view(picture, mask, weight, reading.resized(longest)), most
    )


def read_view(picture: Path, mask: Path | None, weight: Path | None, reading: Reading) -> View:
    """A photograph, reduced as it is read, by the scene's own camera."""
    for other in (mask, weight):
        if other is not None:
            check_same_size(other, picture, reading.decoding)
    read = read_picture(picture, reading.decoding)
    height, width = read.rgb.shape[:2]
    rgb, silhouette = read.rgb, read.alpha
    if silhouette is not None:
        behind = background_pixels(reading.background, height, width).reshape(height, width, 3)
        rgb = torch.lerp(behind, rgb, silhouette[..., None])
    if mask is not None:
        silhouette = checked_mask(mask, read_mask(mask, reading.decoding))
    weights = None if weight is None else read_mask(weight, reading.decoding)
    return view_of(rgb, silhouette, weights, ceiling=ceiling_of(rgb, read.clipped))


def ceiling_of(rgb: Tensor, clipped: Tensor | None) -> Tensor | None:
    """What `View` calls its ceiling, of colours [H, W, 3] and which of them lie at the top of the file's range."""
    return None if clipped is None else torch.where(clipped, rgb, torch.inf)


def checked_mask(path: Path, mask: Tensor) -> Tensor:
    """``mask`` [H, W]. Raises `UserError` for values above 1, which only files of floats have."""
    if bool((mask > 1 + 1e-6).any()):
        raise UserError(f"{path} has values up to {float(mask.max()):g}, expected a mask of 0 to 1")
    return mask


def check_same_size(path: Path, picture: Path, decoding: Decoding) -> None:
    """Raise `UserError` for a mask or weights that are not of their picture's size, both turned upright."""
    (height, width), wanted = (picture_size(each, decoding) for each in (path, picture))
    if (height, width) == wanted:
        return
    stored = picture_size(picture, replace(decoding, orientation="ignore"))
    if (height, width) == stored:
        raise UserError(
            f"{path} is {width}x{height} pixels, as {picture} is before its EXIF orientation makes it "
            f"{wanted[1]}x{wanted[0]}; turn the mask or weights upright, or set target.orientation=ignore"
        )
    raise UserError(
        f"{path} is {width}x{height} pixels, but {picture} is {wanted[1]}x{wanted[0]}; "
        "masks and weights have their picture's size; resize it"
    )


def read_views(
    path: Path, camera: CameraConfig, reading: Reading, file_format: CameraFormat | None = None
) -> tuple[tuple[View, ...], dict[str, Camera]]:
    """The views of a camera file, and their cameras, named after the pictures.

    camera: what a view leaves out. file_format: of the file; None recognizes it.
    """
    views, cameras = [], dict[str, Camera]()
    for photograph in read_photographs(path, file_format):
        where, picture = photograph.where or f"{path}: {photograph.picture.name}", photograph.picture
        height, width = picture_size(picture, reading.decoding)
        given = dict(photograph.camera)
        if "focal" in given:
            given = {"width": width, "height": height, **given}
        config = merged_camera(camera, given, where)
        config = fit_to_picture(config, width, height, picture, where)
        name = unused_name(picture.stem, {CAMERA, *cameras})
        taker = build_camera(config, reading.center, where)
        view = read_focused_view(picture, photograph.mask, photograph.weight, reading, taker)
        cameras[name] = taker.resized(*reversed(whole_size(view)))
        views.append(replace(view, camera=name))
    return tuple(views), cameras


def whole_size(view: View) -> tuple[int, int]:
    """Height and width of the whole picture that a view shows a part of, at the view's resolution."""
    height, width = view.size
    return round(height / view.window[3]), round(width / view.window[2])


def unused_name(name: str, used: Collection[str]) -> str:
    """``name``, or with a number after it where that is taken."""
    numbered = (f"{name}_{number}" for number in count(2))
    return name if name not in used else next(each for each in numbered if each not in used)


def merged_camera(camera: CameraConfig, given: Mapping[str, Any], where: str) -> CameraConfig:
    """``camera`` with some keys given anew; a place or optics given anew replace those of ``camera`` whole.

    Raises `UserError` for keys that a camera has not or that change nothing.
    """
    known = {field.name for field in fields(CameraConfig)}
    for key in given:
        if key not in known:
            raise UserError(f"{where}: a camera has no key {key!r}{suggestion(key, known)}")
    replaced: dict[str, Any] = {}
    if {"position", *ORBIT} & given.keys():
        replaced |= {"camera_from_world": None}
    if {*ORBIT} & given.keys():
        replaced |= {"position": None}
    if {"fov", "extent"} & given.keys():
        replaced |= {"focal": None, "principal": None}
    try:
        base = OmegaConf.structured(CameraConfig(**literal({**asdict(camera), **replaced})))
        merged = OmegaConf.to_object(OmegaConf.merge(base, literal(dict(given))))
    except (OmegaConfBaseException, OverflowError, RecursionError) as error:
        raise UserError(f"{where}: {first_line(error)}") from error
    assert isinstance(merged, CameraConfig)
    ineffective = without_effect(merged, given.keys())
    if ineffective:
        raise UserError(f"{where}: {ineffective}")
    return merged
