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
from invrender.io.cameras import ORBIT, build_camera, fit_to_picture, without_effect
from invrender.io.pictures import read_mask, read_picture
from invrender.io.schema import CameraConfig, literal
from invrender.pixels import background_pixels, resize_view
from invrender.scene import CAMERA, Camera, View, view_of

FILES = ("picture", "mask", "weight")


@dataclass(frozen=True)
class Reading:
    """How photographs are read.

    color_space: of the pictures, "srgb" or "linear". max_size: their longer side is reduced to so many pixels.
    background: the scene's, a colour [3] or a picture [H, W, 3]; transparent pixels are laid over it.
    center: [3], the middle of the objects, for cameras that don't say what they look at.
    """

    color_space: str
    max_size: int
    background: Tensor
    center: Tensor


def read_view(picture: Path, mask: Path | None, weight: Path | None, reading: Reading) -> View:
    """A photograph of its full size, by the scene's own camera."""
    read = read_picture(picture, reading.color_space)
    height, width = read.rgb.shape[:2]
    rgb, silhouette = read.rgb, read.alpha
    if silhouette is not None:
        behind = background_pixels(reading.background, height, width).reshape(height, width, 3)
        rgb = torch.lerp(behind, rgb, silhouette[..., None])
    if mask is not None:
        silhouette = of_same_size(mask, picture, read_mask(mask), height, width)
    weights = None if weight is None else of_same_size(weight, picture, read_mask(weight), height, width)
    return view_of(rgb, silhouette, weights)


def of_same_size(path: Path, picture: Path, values: Tensor, height: int, width: int) -> Tensor:
    """``values`` [H, W], which must be of the picture's size."""
    if values.shape != (height, width):
        raise UserError(
            f"{path} is {values.shape[1]}x{values.shape[0]} pixels, but {picture} is {width}x{height}; "
            "masks and weights have their picture's size; resize it"
        )
    return values


def reduced_size(height: int, width: int, max_size: int) -> tuple[int, int]:
    """Height and width with the longer side at most ``max_size``."""
    share = min(1.0, max_size / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def reduced_view(view: View, max_size: int) -> View:
    """The view with its longer side at most ``max_size``."""
    size = reduced_size(*view.size, max_size)
    return view if size == view.size else resize_view(view, *size)


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
        height, width = view.size
        if "focal" in given:
            given = {"width": width, "height": height, **given}
        config = merged_camera(camera, given, where)
        config = fit_to_picture(config, width, height, files["picture"], where)
        name = unused_name(files["picture"].stem, {CAMERA, *cameras})
        view = replace(reduced_view(view, reading.max_size), camera=name)
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
