"""``transforms.json`` as Blender's NeRF exports and nerfstudio write it: frames with camera-to-world matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from invrender.checks import numbers
from invrender.errors import UserError, note, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.documents import read_json
from invrender.io.pictures import Decoding, picture_size

# The file's cameras have OpenGL's axes: x right, y up, z backward.
OPENCV_FROM_OPENGL = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
EXTENSIONS = ("", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Transforms:
    """``{"camera_angle_x": …, "frames": [{"file_path": …, "transform_matrix": [4][4]}, …]}``, or ``fl_x`` and so on.

    World axes stay as the file has them; in these exports z is up.
    """

    def recognizes(self, path: Path) -> bool:
        """Whether there are frames in it."""
        document = read_json(path)
        return isinstance(document, Mapping) and "frames" in document

    def read(self, path: Path) -> list[Photograph]:
        """The photographs, each with its intrinsics and its pose; says which coefficients of lenses are ignored."""
        document = read_json(path)
        frames = document.get("frames")
        if not isinstance(frames, list) or not frames:
            raise UserError(f"{path}: frames is {shortened(frames)}, expected a list of at least one frame")
        bent = [
            key for key in DISTORTION if any(each.get(key) for each in (document, *frames) if isinstance(each, dict))
        ]
        if bent:
            note(f"{path}: the lens's distortion ({', '.join(bent)}) is ignored; undistort the pictures first")
        return [read_frame(frame, document, path, index) for index, frame in enumerate(frames)]


def read_frame(frame: Any, document: Mapping[str, Any], path: Path, index: int) -> Photograph:
    """One frame. Raises `UserError` for one without a file or a rigid matrix."""
    where = f"{path}: frames[{index}]"
    if not isinstance(frame, Mapping) or not isinstance(frame.get("file_path"), str):
        raise UserError(f'{where}: expected {{"file_path": "a.png", "transform_matrix": …}}')
    matrix = numbers(f"{where}: transform_matrix", frame.get("transform_matrix"), (4, 4))
    if abs(float(torch.linalg.det(matrix[:3, :3]))) < 1e-12:
        raise UserError(f"{where}: transform_matrix has no inverse, expected a camera-to-world matrix")
    camera_from_world = OPENCV_FROM_OPENGL @ torch.linalg.inv(matrix)
    picture = find_picture(path.parent / frame["file_path"])
    optics = intrinsics({**document, **frame}, picture, where)
    beside = {
        name: path.parent / frame[key]
        for name, key in (("mask", "mask_path"), ("depth", "depth_file_path"))
        if isinstance(frame.get(key), str)
    }
    return Photograph(
        picture=picture,
        **beside,
        camera={**optics, "camera_from_world": camera_from_world.tolist(), "up": [0.0, 0.0, 1.0]},
        where=where,
    )


def find_picture(named: Path) -> Path:
    """The picture file that a frame names, which may leave out the extension."""
    candidates = [Path(f"{named}{extension}") for extension in EXTENSIONS]
    return next((each for each in candidates if each.is_file()), named)


def intrinsics(given: Mapping[str, Any], picture: Path, where: str) -> dict[str, Any]:
    """The keys of the camera's optics. Raises `UserError` where there are none."""
    if "fl_x" in given:
        size = {name: given[key] for name, key in (("width", "w"), ("height", "h")) if key in given}
        focal = [given["fl_x"], given.get("fl_y", given["fl_x"])]
        principal = {"principal": [given["cx"], given["cy"]]} if "cx" in given and "cy" in given else {}
        return {**size, "focal": focal, **principal}
    if "camera_angle_x" in given:
        angle = float(numbers(f"{where}: camera_angle_x", [given["camera_angle_x"]], (1,)))
        if not 0 < angle < math.pi:
            raise UserError(f"{where}: camera_angle_x is {angle:g}, expected radians between 0 and 3.1416")
        height, width = picture_size(picture, Decoding())
        return {"width": width, "height": height, "focal": width / 2 / math.tan(angle / 2)}
    raise UserError(f"{where}: there is neither camera_angle_x nor fl_x, expected the camera's focal length")
