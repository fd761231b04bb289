"""Photographs as targets: pictures with masks, weights and cameras."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from invrender.errors import UserError, shortened, suggestion
from invrender.images.resample import background_pixels
from invrender.io.cameras import ORBIT, build_camera, fit_to_picture, without_effect
from invrender.io.pictures import Decoding, picture_size, read_mask, read_picture
from invrender.io.schema import CameraConfig, literal
from invrender.scene import CAMERA, Camera, View, view_of

FILES = ("picture", "mask", "weight")


@dataclass(frozen=True)
class Reading:
    """How photographs are read.

    decoding: of pictures, masks and weights.
    background: the scene's, a colour [3] or a picture [H, W, 3]; transparent pixels are laid over it.
    center: [3], the middle of the objects, for cameras that don't say what they look at.
    """

    decoding: Decoding
    background: Tensor
    center: Tensor


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


def read_views(path: Path, camera: CameraConfig, reading: Reading) -> tuple[tuple[View, ...], dict[str, Camera]]:
    """The views of a camera file, and their cameras, named after the pictures.

    The file is JSON: ``{"views": [{"picture": "a.png", "mask": …, "weight": …, <keys of the camera>}, …]}``. Files are
    relative to it. Keys of the camera that a view leaves out are those beside "views", else ``camera``'s.
    """
    if not path.is_file():
        raise UserError(f"target.path is {path}: no such camera file")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(document, Mapping) or not isinstance(document.get("views"), list) or not document["views"]:
        raise UserError(f'{path}: expected {{"views": [{{"picture": "a.png", …}}, …]}} with at least one view')
    common = {key: value for key, value in document.items() if key != "views"}
    views, cameras = [], dict[str, Camera]()
    for index, entry in enumerate(document["views"]):
        where = f"{path}: views[{index}]"
        files = files_of(entry, path.parent, where)
        view = read_view(files["picture"], files.get("mask"), files.get("weight"), reading)
        given = {key: value for key, value in {**common, **entry}.items() if key not in FILES}
        height, width = picture_size(files["picture"], reading.decoding)
        if "focal" in given:
            given = {"width": width, "height": height, **given}
        config = merged_camera(camera, given, where)
        config = fit_to_picture(config, width, height, files["picture"], where)
        name = unused_name(files["picture"].stem, {CAMERA, *cameras})
        view = replace(view, camera=name)
        cameras[name] = build_camera(config, reading.center, where).resized(*reversed(view.size))
        views.append(view)
    return tuple(views), cameras


def files_of(entry: Any, folder: Path, where: str) -> dict[str, Path]:
    """The files that a view names, by key. Raises `UserError` for other things than names, and without a picture."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("picture"), str):
        raise UserError(f'{where}: expected {{"picture": "a.png", …}}')
    named = {key: entry[key] for key in FILES if entry.get(key) is not None}
    for key, name in named.items():
        if not isinstance(name, str) or not name:
            raise UserError(f"{where}: {key} is {shortened(name)}, expected the name of a picture file")
    return {key: folder / name for key, name in named.items()}


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
        raise UserError(f"{where}: {str(error).splitlines()[0]}") from error
    assert isinstance(merged, CameraConfig)
    ineffective = without_effect(merged, given.keys())
    if ineffective:
        raise UserError(f"{where}: {ineffective}")
    return merged
