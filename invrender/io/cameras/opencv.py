"""OpenCV's calibrations: what its YAML and XML share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from invrender.checks import numbers
from invrender.errors import UserError, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.calibration import (
    BROWN,
    FISHEYE,
    Calibration,
    LensValues,
    calibration_of,
    from_matrix,
    lens_values,
    picture_sides,
    to_matrix,
    without_pose,
)
from invrender.io.cameras.documents import say
from invrender.io.cameras.images import check_unique, find_picture, name_picture
from invrender.io.cameras.poses import from_rotation_vector, pose_numbers, rigid_pose, to_rotation_vector

# A node of OpenCV's FileStorage: a text, a list, or names and nodes, of which a matrix has rows, cols and data.
Tree = Mapping[str, Any]
MOST_BYTES = 2**20
# The names that OpenCV's samples, its documentation and ROS give the same things, without capitals.
MATRIX = ("camera_matrix", "cameramatrix", "k")
COEFFICIENTS = ("distortion_coefficients", "distcoeffs", "dist_coeffs", "d")
ROTATION, TRANSLATION, EXTRINSICS = ("rvec", "r"), ("tvec", "t"), ("extrinsic_parameters",)
PICTURES = ("image_names", "image_list")
FISHEYES = ("fisheye", "equidistant", "kannala_brandt")
ORDER = ["k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4", "tauX", "tauY"]
COUNTS = (4, 5, 8, 12, 14)
FOLDERS = (".", "images")


@dataclass(frozen=True)
class Matrix:
    """A matrix to be written, row by row."""

    rows: Sequence[Sequence[float]]


def read_tree(tree: Tree, path: Path) -> list[Photograph]:
    """The photographs of a calibration, or the camera alone; says what they are taken for.

    Raises `UserError` where there is no camera matrix, and for what can't be expressed here.
    """
    nodes = lowered(tree, path)
    calibration = read_calibration(nodes, path)
    poses = read_poses(nodes, path)
    names = [picture_name(each, path) for each in find(nodes, PICTURES) or []]
    if names and len(names) != max(len(poses), 1):
        raise UserError(f"{path}: it has {len(names)} pictures and {len(poses)} poses, expected one for each")
    check_unique(names, path)
    found = [
        Photograph(
            find_picture(path.parent, names[index], FOLDERS) if names else None,
            camera={**calibration.keys(), **({} if pose is None else {"camera_from_world": pose.tolist()})},
            where=f"{path}: view {index}" if len(poses) > 1 else str(path),
            name=names[index] if names else str(index),
            pose_numbers=given,
        )
        for index, (pose, given) in enumerate(poses or [(None, ())])
    ]
    placed = "camera_from_pattern, OpenCV's axes, the unit of the pattern" if poses else "OpenCV's axes, no pose"
    say(path, f"OpenCV, {placed}, pixel centres at whole numbers", found)
    return found


def lowered(tree: Tree, path: Path) -> dict[str, Any]:
    """The nodes by their names without capitals, which OpenCV's samples don't agree about."""
    check_unique([name.lower() for name in tree], path, "")
    return {name.lower(): node for name, node in tree.items()}


def find(nodes: Tree, names: Sequence[str]) -> Any:
    """The node of the first of some names that is there, None where none is."""
    return next((nodes[name] for name in names if name in nodes), None)


def read_calibration(nodes: Tree, path: Path) -> Calibration:
    """The intrinsics."""
    given = find(nodes, MATRIX)
    if given is None:
        there = ", ".join(shortened(each, 40) for each in list(nodes)[:8])
        raise UserError(f"{path}: there is no camera_matrix, only {there or 'nothing'}; name the camera's that")
    size = None
    if "image_width" in nodes or "image_height" in nodes:
        sides = (scalar(nodes.get(name), f"{path}: {name}") for name in ("image_width", "image_height"))
        size = picture_sides(f"{path}: image_width and image_height", *sides)
    flat = values(given, f"{path}: camera_matrix")
    if len(flat) != 9:
        raise UserError(f"{path}: camera_matrix has {len(flat)} numbers, expected 3x3")
    calibration = from_matrix(f"{path}: camera_matrix", [flat[:3], flat[3:6], flat[6:]], size)
    lens = read_lens(nodes, path)
    return Calibration(calibration.focal, calibration.principal, size, "integer", lens)


def read_lens(nodes: Tree, path: Path) -> LensValues | None:
    """The lens. Raises `UserError`, by name, for coefficients that can't be expressed here."""
    where = f"{path}: distortion_coefficients"
    node = find(nodes, COEFFICIENTS)
    given = [] if node is None else values(node, where)
    model = str(nodes.get("distortion_model", "")).lower()
    if model in FISHEYES or str(nodes.get("fisheye_model", "0")).strip() not in ("0", ""):
        if len(given) != 4:
            raise UserError(f"{where} has {len(given)} numbers, expected 4 for a fisheye (k1, k2, k3, k4)")
        return lens_values(FISHEYE, given, where)
    if given and len(given) not in COUNTS:
        raise UserError(
            f"{where} has {len(given)} numbers, expected {', '.join(map(str, COUNTS))} ({', '.join(ORDER)})"
        )
    beyond = [name for name, each in zip(ORDER[8:], given[8:], strict=False) if each]
    if beyond:
        raise UserError(f"{where} has {', '.join(beyond)}, which are not known here; calibrate without, or undistort")
    return lens_values(BROWN, given[:8], where)


def read_poses(nodes: Tree, path: Path) -> list[tuple[Tensor, tuple[float, ...]]]:
    """camera_from_pattern [4, 4] of each view, and its six numbers; none where the file says none."""
    extrinsics = find(nodes, EXTRINSICS)
    if extrinsics is not None:
        flat = values(extrinsics, f"{path}: extrinsic_parameters")
        if not flat or len(flat) % 6:
            raise UserError(f"{path}: extrinsic_parameters has {len(flat)} numbers, expected six for each view")
        rows = [flat[start : start + 6] for start in range(0, len(flat), 6)]
        return [read_pose(row[:3], row[3:], f"{path}: view {index}") for index, row in enumerate(rows)]
    rotation, translation = find(nodes, ROTATION), find(nodes, TRANSLATION)
    if rotation is None and translation is None:
        return []
    if rotation is None or translation is None:
        raise UserError(f"{path}: one of rvec and tvec is missing, expected both or none")
    return [read_pose(values(rotation, f"{path}: rvec"), values(translation, f"{path}: tvec"), str(path))]


def read_pose(rotation: Sequence[float], translation: Sequence[float], where: str) -> tuple[Tensor, tuple[float, ...]]:
    """The pose of a rotation vector in radians and a translation, and these; of a rotation matrix, and no numbers."""
    shift = numbers(f"{where}: tvec", list(translation), (3,)).tolist()
    if len(rotation) == 9:
        rows = [[*rotation[3 * row : 3 * row + 3], shift[row]] for row in range(3)]
        return rigid_pose(f"{where}: R", [*rows, [0.0, 0.0, 0.0, 1.0]]), ()
    six = (*numbers(f"{where}: rvec", list(rotation), (3,)).tolist(), *shift)
    return from_rotation_vector(six), six


def values(node: Any, where: str) -> list[float]:
    """The numbers of a matrix or of nested lists, one after the other."""
    data = node
    if isinstance(node, Mapping):
        data = node.get("data")
        sides = [scalar(node.get(name), f"{where}: {name}") for name in ("rows", "cols")]
        if not isinstance(data, list) or len(data) != sides[0] * sides[1]:
            counted = f"{len(data)} numbers" if isinstance(data, list) else "no data"
            raise UserError(f"{where} has {counted}, and rows and cols say {sides[0]:g}x{sides[1]:g}; correct them")
    if not isinstance(data, list):
        raise UserError(f"{where} is {shortened(node)}, expected a matrix")
    flat = [each for row in data for each in (row if isinstance(row, list) else [row])]
    return numbers(where, [scalar(each, where) for each in flat], (len(flat),)).tolist() if flat else []


def scalar(node: Any, where: str) -> float:
    """A number. Raises `UserError` for anything else."""
    try:
        return float(node)
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{where} has {shortened(node)} where a number is expected") from error


def picture_name(node: Any, path: Path) -> str:
    """A picture's name. Raises `UserError` for anything else."""
    if not isinstance(node, str) or not node:
        raise UserError(f"{path}: image_names has {shortened(node)}, expected the names of pictures")
    return node


def to_nodes(photographs: Sequence[Photograph], folder: Path) -> dict[str, int | Matrix | list[str]]:
    """What is written of photographs. Raises `UserError` where they are of several cameras, and for other lenses."""
    places = [photograph.where or f"photograph {index}" for index, photograph in enumerate(photographs, start=1)]
    found = [calibration_of(photograph, where) for photograph, where in zip(photographs, places, strict=True)]
    one, where = without_pose(found[0]), places[0]
    if any(without_pose(each) != one for each in found):
        raise UserError(
            f"{where}: a calibration of OpenCV's has one camera, and these are several; write another format"
        )
    sizes = {} if one.size is None else {"image_width": one.size[0], "image_height": one.size[1]}
    nodes: dict[str, int | Matrix | list[str]] = {**sizes, "camera_matrix": Matrix(to_matrix(one, where))}
    nodes |= lens_nodes(one.lens, where)
    if any(each.pose is not None for each in found):
        poses = [each.placed(at) for each, at in zip(found, places, strict=True)]
        rows = [
            pose_numbers(photograph, pose, from_rotation_vector, to_rotation_vector)
            for photograph, pose in zip(photographs, poses, strict=True)
        ]
        nodes["extrinsic_parameters"] = Matrix(rows)
    names = [name_picture(each.picture, folder, FOLDERS) for each in photographs if each.picture is not None]
    if any(re.search(r'[\x00-\x1f"\\]', name) for name in names):
        raise UserError(f"{where}: OpenCV's files can't hold names with quotes or backslashes; rename the pictures")
    if len(names) == len(photographs) and len(names) == len(found):
        nodes["image_names"] = names
    return nodes


def lens_nodes(lens: LensValues | None, where: str) -> dict[str, int | Matrix]:
    """What is written of a lens. Raises `UserError` for one that OpenCV has not."""
    if lens is None:
        return {"distortion_coefficients": Matrix([[0.0]] * 5)}
    if lens.model not in (BROWN, FISHEYE):
        raise UserError(f"{where}: OpenCV has no lens of {lens.model}; write another format")
    fisheye: dict[str, int | Matrix] = {"fisheye_model": 1} if lens.model == FISHEYE else {}
    return {**fisheye, "distortion_coefficients": Matrix([[each] for each in lens.coefficients])}
