"""``transforms.json`` as Blender's NeRF exports and nerfstudio write it: frames with camera-to-world matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from invrender.checks import numbers
from invrender.errors import UserError, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.calibration import (
    BROWN,
    FISHEYE,
    PANORAMA,
    Calibration,
    LensValues,
    calibration_of,
    lens_values,
    panorama,
    picture_sides,
    positive,
    whole_panorama,
)
from invrender.io.cameras.documents import holds_key, read_json, row_by_row, say
from invrender.io.cameras.images import EXTENSIONS, check_unique, find_picture, name_picture
from invrender.io.cameras.poses import inverse, pose_numbers, rigid_pose
from invrender.io.pictures import Decoding, picture_size

# The file's cameras have OpenGL's axes: x right, y up, z backward.
OPENCV_FROM_OPENGL = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
# By the lens's model, the file's name for it, and its coefficients in our order; nerfstudio's k4 is not OpenCV's.
MODELS = {BROWN: ("OPENCV", ("k1", "k2", "p1", "p2", "k3")), FISHEYE: ("OPENCV_FISHEYE", ("k1", "k2", "k3", "k4"))}
PINHOLES, FISHEYES = ("PINHOLE", "SIMPLE_PINHOLE"), ("OPENCV_FISHEYE", "RADIAL_FISHEYE", "SIMPLE_RADIAL_FISHEYE")
BROWNS = ("OPENCV", "RADIAL", "SIMPLE_RADIAL", *PINHOLES)
COEFFICIENTS = ("k1", "k2", "k3", "k4", "p1", "p2")
WHOLE = "EQUIRECTANGULAR"
# How far focal lengths and angles of view may be from each other, as a share.
AGREE = 0.01
UP = [0.0, 0.0, 1.0]


@dataclass(frozen=True)
class Transforms:
    """``{"camera_angle_x": …, "frames": [{"file_path": …, "transform_matrix": [4][4]}, …]}``, or ``fl_x`` and so on.

    World axes stay as the file has them; in these exports z is up.
    """

    def recognizes(self, path: Path) -> bool:
        """Whether there are frames in it."""
        return holds_key(path, "frames")

    def read(self, path: Path) -> list[Photograph]:
        """The photographs, each with its intrinsics and its pose."""
        document = read_json(path)
        frames = document.get("frames")
        if not isinstance(frames, list) or not frames:
            raise UserError(f"{path}: frames is {shortened(frames)}, expected a list of at least one frame")
        check_agreement(document, str(path))
        found = [read_frame(frame, document, path, index) for index, frame in enumerate(frames)]
        check_unique([each.name for each in found], path)
        say(path, "Blender and nerfstudio, world_from_camera, OpenGL's axes, z up", found)
        return found

    def suits(self, path: Path) -> bool:
        """Whether it is JSON of that name, such as ``transforms_train.json``."""
        return path.name.startswith("transforms") and path.suffix == ".json"

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """A line for each frame, and the optics once where all frames have the same."""
        optics, places = [], []
        for index, photograph in enumerate(photographs, start=1):
            where = photograph.where or f"photograph {index}"
            calibration = calibration_of(photograph, where)
            optics.append(optics_of(calibration, where))
            places.append(frame_of(photograph, calibration.placed(where), path.parent, where))
        shared = optics[0] if all(each == optics[0] for each in optics) else {}
        frames = [{**place, **({} if shared else own)} for place, own in zip(places, optics, strict=True)]
        return {path: row_by_row({**shared, "frames": frames}, "frames")}


def read_frame(frame: Any, document: Mapping[str, Any], path: Path, index: int) -> Photograph:
    """One frame. Raises `UserError` for one without a file or a rigid matrix."""
    where = f"{path}: frames[{index}]"
    if not isinstance(frame, Mapping) or not isinstance(frame.get("file_path"), str):
        raise UserError(f'{where}: expected {{"file_path": "a.png", "transform_matrix": …}}')
    given_pose = tuple(rigid_pose(f"{where}: transform_matrix", frame.get("transform_matrix")).flatten().tolist())
    pose = read_pose(given_pose)
    picture = find_picture(path.parent, frame["file_path"], extensions=EXTENSIONS)
    given = {**document, **frame}
    check_agreement(frame, where)
    beside = {
        name: path.parent / frame[key]
        for name, key in (("mask", "mask_path"), ("depth", "depth_file_path"))
        if isinstance(frame.get(key), str)
    }
    return Photograph(
        picture=picture,
        **beside,
        camera={**intrinsics(given, picture, where).keys(), "camera_from_world": pose.tolist(), "up": UP},
        where=where,
        name=frame["file_path"],
        pose_numbers=given_pose,
    )


def read_pose(world_from_camera: Sequence[float]) -> Tensor:
    """camera_from_world [4, 4] with OpenCV's axes, of the inverse with OpenGL's, sixteen numbers."""
    return OPENCV_FROM_OPENGL @ inverse(torch.tensor(world_from_camera, dtype=torch.float64).reshape(4, 4)) + 0.0


def write_pose(camera_from_world: Tensor) -> list[float]:
    """world_from_camera, sixteen numbers, with OpenGL's axes, of the inverse [4, 4] with OpenCV's."""
    listed: list[float] = (inverse(OPENCV_FROM_OPENGL @ camera_from_world) + 0.0).flatten().tolist()
    return listed


def intrinsics(given: Mapping[str, Any], picture: Path, where: str) -> Calibration:
    """The camera's optics. Raises `UserError` where there are none, and where they contradict each other."""
    size = picture_sides(where, given["w"], given["h"]) if "w" in given and "h" in given else None
    if given.get("camera_model") == WHOLE:
        if size is None:
            raise UserError(f"{where}: w and h are missing, which an equirectangular picture has; give them")
        return panorama(size)
    angle = read_angle(given, where) if "camera_angle_x" in given else None
    if "fl_x" in given:
        focal = positive(where, given["fl_x"]), positive(where, given.get("fl_y", given["fl_x"]))
    elif angle is not None:
        height, width = picture_size(picture, Decoding()) if size is None else size[::-1]
        size, focal = (width, height), (width / 2 / math.tan(angle / 2),) * 2
    else:
        raise UserError(f"{where}: there is neither camera_angle_x nor fl_x, expected the camera's focal length")
    principal = None
    if "cx" in given and "cy" in given:
        x, y = numbers(f"{where}: cx and cy", [given["cx"], given["cy"]], (2,)).tolist()
        principal = (x, y)
    return Calibration(focal, principal, size, lens=read_lens(given, where))


def check_agreement(given: Mapping[str, Any], where: str) -> None:
    """Raise `UserError` where the same part of a file has focal lengths and angles of view of different cameras."""
    if not {"fl_x", "camera_angle_x", "w"} <= given.keys():
        return
    focal, angle = positive(where, given["fl_x"]), read_angle(given, where)
    width, _ = picture_sides(where, given["w"], given.get("h", 1))
    if abs(2 * math.atan(width / 2 / focal) / angle - 1) > AGREE:
        raise UserError(
            f"{where}: fl_x is {focal:g} and camera_angle_x {angle:g}, which are different cameras for a width of "
            f"{width}; take one of them out"
        )


def read_angle(given: Mapping[str, Any], where: str) -> float:
    """``camera_angle_x``, in radians."""
    angle = float(numbers(f"{where}: camera_angle_x", [given["camera_angle_x"]], (1,)))
    if not 0 < angle < math.pi:
        raise UserError(f"{where}: camera_angle_x is {angle:g}, expected radians between 0 and 3.1416")
    return angle


def read_lens(given: Mapping[str, Any], where: str) -> LensValues | None:
    """The lens. Raises `UserError`, by name, for models and coefficients that can't be expressed here."""
    model = given.get("camera_model", "OPENCV_FISHEYE" if given.get("is_fisheye") else "OPENCV")
    found = {name: given[name] for name in COEFFICIENTS if given.get(name)}
    if model in FISHEYES:
        return lens_values(FISHEYE, [found.get(name, 0.0) for name in MODELS[FISHEYE][1]], where)
    if model not in BROWNS:
        raise UserError(
            f"{where}: camera_model is {shortened(model)}, expected one of {', '.join((*BROWNS, *FISHEYES, WHOLE))}; "
            "undistort the pictures"
        )
    if "k4" in found:
        raise UserError(f"{where}: k4 of {model} is {shortened(found['k4'])}, which is not known here; undistort")
    return lens_values(BROWN, [found.get(name, 0.0) for name in MODELS[BROWN][1]], where)


def optics_of(calibration: Calibration, where: str) -> dict[str, Any]:
    """The optics as they are written. Raises `UserError` for lenses that the format has not."""
    lens = calibration.lens
    if lens is not None and lens.model == PANORAMA:
        width, height = whole_panorama(calibration, where)
        return {"camera_model": WHOLE, "fl_x": width / 2, "fl_y": height, "w": width, "h": height}
    model, order = ("PINHOLE", ()) if lens is None else MODELS.get(lens.model, ("", ()))
    if lens is not None and (not model or len(lens.coefficients) > len(order)):
        told = f"{lens.model} with {len(lens.coefficients)} coefficients"
        raise UserError(f"{where}: transforms.json has no lens of {told}; write another format, or undistort")
    (fx, fy), (cx, cy) = calibration.focal, calibration.principal_at("half", where)
    sides = {} if calibration.size is None else dict(zip(("w", "h"), calibration.size, strict=True))
    coefficients = {} if lens is None else dict(zip(order, lens.coefficients, strict=False))
    return {"camera_model": model, "fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, **sides, **coefficients}


def frame_of(photograph: Photograph, pose: Tensor, folder: Path, where: str) -> dict[str, Any]:
    """A frame as it is written, but for its optics."""
    if photograph.picture is None:
        raise UserError(f"{where}: it has no picture, and transforms.json is of pictures; write another format")
    named = {"file_path": photograph.picture, "mask_path": photograph.mask, "depth_file_path": photograph.depth}
    files = {key: name_picture(path, folder) for key, path in named.items() if path is not None}
    flat = pose_numbers(photograph, pose, read_pose, write_pose)
    return {**files, "transform_matrix": [flat[start : start + 4] for start in range(0, 16, 4)]}
