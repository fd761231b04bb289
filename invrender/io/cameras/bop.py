"""The camera files of BOP, the benchmark of object poses: ``scene_camera.json`` with ``scene_gt.json`` beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from invrender.checks import numbers
from invrender.errors import UserError, note, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.calibration import (
    Calibration,
    calibration_of,
    from_matrix,
    picture_sides,
    to_matrix,
    without_pose,
)
from invrender.io.cameras.documents import holds_key, read_json, say
from invrender.io.cameras.poses import rigid_pose

CAMERAS, POSES = "scene_camera.json", "scene_gt.json"
PICTURES = ("rgb", "gray")
EXTENSIONS = (".png", ".jpg", ".tif")


@dataclass(frozen=True)
class Bop:
    """A folder of a scene: the two files, ``rgb/``, and if they are there ``mask_visib/`` and ``depth/``.

    The world is the object's own frame, in millimetres as BOP's meshes are. object: the ``obj_id`` of it; None takes
    the only one that there is, and writes 1. ``camera.json``, a data set's camera without poses, is read as well.
    """

    object: int | None = None

    def recognizes(self, path: Path) -> bool:
        """Whether it is such a folder, one of its files, or a data set's camera."""
        return scene_folder(path) is not None or (holds_key(path, "fx") and holds_key(path, "cx"))

    def read(self, path: Path) -> list[Photograph]:
        """The photographs that show the object; where nothing says where it is, the cameras alone."""
        folder = scene_folder(path)
        if folder is None:
            return [read_camera_alone(path)]
        cameras, poses = entries(folder / CAMERAS), {}
        if (folder / POSES).is_file():
            poses = entries(folder / POSES)
            check_same_pictures(cameras, poses, folder)
        wanted = self.object if self.object is not None else only_object(poses, folder)
        found = [
            photograph
            for number, entry in cameras.items()
            if (photograph := read_picture(number, entry, poses.get(number), wanted, folder)) is not None
        ]
        if not found:
            raise UserError(f"{folder / POSES}: no picture shows object {wanted}; known are {known_objects(poses)}")
        placed = f"camera_from_object of object {wanted}, millimetres" if poses else f"no {POSES}, millimetres"
        say(folder / CAMERAS, f"BOP, {placed}, OpenCV's axes, pixel centres at whole numbers", found)
        return found

    def suits(self, path: Path) -> bool:
        """Whether it is one of the two."""
        return path.name in (CAMERAS, POSES)

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """Both files, or cameras alone where there is no pose. Pictures that BOP names otherwise are numbered anew."""
        folder = path.parent if self.suits(path) else path
        numbered = picture_numbers(photographs, folder)
        cameras, poses = {}, {}
        for number, photograph in zip(numbered, photographs, strict=True):
            where = photograph.where or f"photograph {number}"
            calibration = calibration_of(photograph, where)
            cameras[str(number)] = camera_entry(calibration, photograph.depth_unit, where)
            if calibration.pose is not None:
                poses[str(number)] = [pose_entry(calibration.pose, self.object or 1)]
        if poses and len(poses) < len(cameras):
            raise UserError(f"{folder}: of {len(cameras)} cameras {len(poses)} have a pose, expected all or none")
        files: dict[str, dict[str, Any]] = {CAMERAS: cameras, **({POSES: poses} if poses else {})}
        return {folder / name: number_by_number(document) for name, document in files.items()}


def scene_folder(path: Path) -> Path | None:
    """The folder of a scene that a path stands for, None for other paths."""
    folder = path if path.is_dir() else path.parent
    return folder if (path.is_dir() or path.name in (CAMERAS, POSES)) and (folder / CAMERAS).is_file() else None


def entries(path: Path) -> dict[int, Any]:
    """What a file says of each picture, by its number."""
    document = read_json(path)
    if not isinstance(document, Mapping) or not document:
        raise UserError(f'{path}: expected {{"0": …, "1": …}} with at least one picture')
    for key in document:
        if not (key.isascii() and key.isdigit() and len(key) < 10):
            raise UserError(f"{path}: {shortened(key)} is no picture's number, expected a whole one")
    return {int(key): entry for key, entry in document.items()}


def check_same_pictures(cameras: Mapping[int, Any], poses: Mapping[int, Any], folder: Path) -> None:
    """Raise `UserError` where a file speaks of pictures that the other one has not."""
    for numbers_here, others, name in ((cameras, poses, POSES), (poses, cameras, CAMERAS)):
        missing = [number for number in numbers_here if number not in others]
        if missing:
            raise UserError(
                f"{folder / name}: picture {missing[0]} is missing, which the other file has; are both whole?"
            )
    for number, entry in poses.items():
        if not isinstance(entry, list) or not all(isinstance(each, Mapping) for each in entry):
            raise UserError(f"{folder / POSES}: picture {number} is {shortened(entry)}, expected a list of poses")
        for each in entry:
            if type(each.get("obj_id")) is not int:
                told = f"obj_id is {shortened(each.get('obj_id'))}, expected a whole number"
                raise UserError(f"{folder / POSES}: picture {number}: {told}")


def known_objects(poses: Mapping[int, Any]) -> list[Any]:
    """The objects that pictures show."""
    return list(dict.fromkeys(each.get("obj_id") for entry in poses.values() for each in entry))


def only_object(poses: Mapping[int, Any], folder: Path) -> int | None:
    """The object that all pictures show. Raises `UserError` where there are several."""
    known = known_objects(poses)
    if len(known) > 1:
        raise UserError(
            f"{folder / POSES}: it has poses of the objects {', '.join(map(str, known))}; choose one with target=bop "
            f"target.path={folder} target.format.object={known[0]}, or with object={known[0]} of invrender convert"
        )
    return known[0] if known else None


def read_picture(number: int, entry: Any, poses: Any, wanted: int | None, folder: Path) -> Photograph | None:
    """One picture; None where it does not show the object. Raises `UserError` where it shows it more than once."""
    where = f"{folder / CAMERAS}: picture {number}"
    if not isinstance(entry, Mapping):
        raise UserError(f"{where} is {shortened(entry)}, expected cam_K and so on")
    flat = numbers(f"{where}: cam_K", entry.get("cam_K"), (9,))
    camera = from_matrix(f"{where}: cam_K", flat.reshape(3, 3).tolist(), None).keys()
    places = [index for index, each in enumerate(poses or []) if each.get("obj_id") == wanted]
    if poses is not None and not places:
        return None
    if len(places) > 1:
        raise UserError(f"{folder / POSES}: picture {number} shows object {wanted} {len(places)} times; leave one")
    mask = None
    if poses is None and "cam_R_w2c" in entry:
        camera["camera_from_world"] = read_pose(entry, where, "w2c").tolist()
    if places:
        camera["camera_from_world"] = read_pose(poses[places[0]], f"{folder / POSES}: picture {number}").tolist()
        mask = existing(folder / "mask_visib" / f"{number:06d}_{places[0]:06d}")
    scale = entry.get("depth_scale")
    return Photograph(
        existing(*(folder / each / f"{number:06d}" for each in PICTURES)) or folder / "rgb" / f"{number:06d}.png",
        mask,
        depth=existing(folder / "depth" / f"{number:06d}"),
        camera=camera,
        where=where,
        name=str(number),
        depth_unit=None if scale is None else float(numbers(f"{where}: depth_scale", [scale], (1,))),
    )


def read_pose(entry: Mapping[str, Any], where: str, source: str = "m2c") -> Tensor:
    """camera_from_object [4, 4] in millimetres, or camera_from_world where the source is ``w2c``."""
    rotation = numbers(f"{where}: cam_R_{source}", entry.get(f"cam_R_{source}"), (9,)).reshape(3, 3).tolist()
    translation = numbers(f"{where}: cam_t_{source}", entry.get(f"cam_t_{source}"), (3,)).tolist()
    rows = [[*row, each] for row, each in zip(rotation, translation, strict=True)]
    return rigid_pose(f"{where}: cam_R_{source}", [*rows, [0.0, 0.0, 0.0, 1.0]])


def existing(*stems: Path) -> Path | None:
    """The first file of these names, whichever its extension; None where there is none."""
    candidates = (stem.with_name(stem.name + extension) for stem in stems for extension in EXTENSIONS)
    return next((each for each in candidates if each.is_file()), None)


def read_camera_alone(path: Path) -> Photograph:
    """The camera of a data set, for all of its pictures."""
    given = read_json(path)
    flat = numbers(f"{path}: fx, fy, cx, cy", [given.get(key) for key in ("fx", "fy", "cx", "cy")], (4,)).tolist()
    fx, fy, cx, cy = flat
    size = picture_sides(str(path), given.get("width"), given.get("height"))
    camera = from_matrix(str(path), [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], size).keys()
    found = Photograph(camera=camera, where=str(path), name=path.stem)
    say(path, "BOP, a data set's camera, pixel centres at whole numbers", [found])
    return found


def picture_numbers(photographs: Sequence[Photograph], folder: Path) -> list[int]:
    """The numbers of pictures that lie where BOP has them; else new ones, which is said."""
    at_home = [folder.resolve() / each for each in PICTURES]
    pictures = [each.picture.resolve() for each in photographs if each.picture is not None]
    stems = [each.stem for each in pictures if each.parent in at_home and each.stem.isdigit() and each.stem.isascii()]
    if len(stems) == len(photographs) == len({int(each) for each in stems}):
        return [int(each) for each in stems]
    if pictures:
        note(f"{folder / CAMERAS}: pictures are numbered in their order; copy them to rgb/000000.png and so on")
    return list(range(len(photographs)))


def camera_entry(calibration: Calibration, depth_unit: float | None, where: str) -> dict[str, Any]:
    """A picture's entry in ``scene_camera.json``. Raises `UserError` for a lens."""
    if calibration.lens is not None:
        raise UserError(f"{where}: BOP has pinhole cameras alone, and this lens is {calibration.lens.model}; undistort")
    matrix = to_matrix(without_pose(calibration), where)
    scale = {} if depth_unit is None else {"depth_scale": depth_unit}
    return {"cam_K": [each for row in matrix for each in row], **scale}


def pose_entry(pose: Tensor, number: int) -> dict[str, Any]:
    """A pose in ``scene_gt.json``."""
    rotation, translation = pose[:3, :3].flatten().tolist(), pose[:3, 3].tolist()
    return {"cam_R_m2c": rotation, "cam_t_m2c": translation, "obj_id": number}


def number_by_number(document: Mapping[str, Any]) -> bytes:
    """JSON with a line for each picture, as BOP has it."""
    lines = ",\n".join(f'  "{key}": {json.dumps(entry)}' for key, entry in document.items())
    return f"{{\n{lines}\n}}\n".encode()
