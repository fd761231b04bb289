"""COLMAP's cameras and images, which stand in two files beside each other: what its texts and binaries share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from invrender.checks import numbers
from invrender.errors import UserError, note
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.calibration import (
    BROWN,
    DIVISION,
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
    without_pose,
)
from invrender.io.cameras.documents import say
from invrender.io.cameras.images import check_unique, find_picture, name_picture
from invrender.io.cameras.poses import check_quaternion, from_quaternion, pose_numbers, to_quaternion

# Where pictures are looked for, from the folder of the two files: a project has them in images/, these in sparse/0/.
FOLDERS = ("images", "../images", "../../images", ".", "..", "../..")
MODELS_WITHIN = (".", "sparse/0", "sparse")


@dataclass(frozen=True)
class Model:
    """One of COLMAP's models of cameras. Panoramas have their size for parameters.

    focals: how many focal lengths come first, before the principal point. lens: the model of the coefficients
    that come after it, which are ``order``.
    """

    name: str
    number: int
    focals: int
    lens: str | None = None
    order: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in order."""
        if self.lens == PANORAMA:
            return ("w", "h")
        return (*(("f",) if self.focals == 1 else ("fx", "fy")), "cx", "cy", *self.order)


OPENCV_ORDER = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
FISHEYE_ORDER = ("k1", "k2", "k3", "k4")
MODELS = (
    Model("SIMPLE_PINHOLE", 0, 1),
    Model("PINHOLE", 1, 2),
    Model("SIMPLE_RADIAL", 2, 1, BROWN, ("k1",)),
    Model("RADIAL", 3, 1, BROWN, ("k1", "k2")),
    Model("OPENCV", 4, 2, BROWN, OPENCV_ORDER[:4]),
    Model("OPENCV_FISHEYE", 5, 2, FISHEYE, FISHEYE_ORDER),
    Model("FULL_OPENCV", 6, 2, BROWN, OPENCV_ORDER),
    Model("SIMPLE_RADIAL_FISHEYE", 8, 1, FISHEYE, ("k1",)),
    Model("RADIAL_FISHEYE", 9, 1, FISHEYE, ("k1", "k2")),
    Model("SIMPLE_DIVISION", 12, 1, DIVISION, ("k",)),
    Model("DIVISION", 13, 2, DIVISION, ("k",)),
    Model("SIMPLE_FISHEYE", 14, 1, FISHEYE),
    Model("FISHEYE", 15, 2, FISHEYE),
    Model("EQUIRECTANGULAR", 17, 0, PANORAMA),
)
BY_NAME = {model.name: model for model in MODELS}
BY_NUMBER = {model.number: model for model in MODELS}
REFUSED = {7: "FOV", 10: "THIN_PRISM_FISHEYE", 11: "RAD_TAN_THIN_PRISM_FISHEYE", 16: "EUCM"}


@dataclass(frozen=True)
class Camera:
    """An entry of ``cameras``. size: width and height."""

    number: int
    model: Model
    size: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class Image:
    """An entry of ``images``. rotation: a quaternion w, x, y, z; with the translation it is camera_from_world."""

    number: int
    rotation: Sequence[float]
    translation: Sequence[float]
    camera: int
    name: str


def find_model(model: str | int, where: str) -> Model:
    """The model of a name or a number. Raises `UserError`, by name, for those that can't be expressed here."""
    found = BY_NAME.get(model) if isinstance(model, str) else BY_NUMBER.get(model)
    if found is None:
        name = model if isinstance(model, str) else REFUSED.get(model, f"number {model}")
        known = ", ".join(BY_NAME)
        raise UserError(f"{where}: the camera model {name} is not known here; undistort the pictures, or use {known}")
    return found


def to_calibration(camera: Camera, where: str) -> Calibration:
    """A camera in the words of all formats. Raises `UserError` for a wrong number of parameters and wrong ones."""
    names, given = camera.model.parameters, camera.parameters
    if len(given) != len(names):
        expected = f"{len(names)} parameters ({', '.join(names)})"
        raise UserError(f"{where}: {camera.model.name} has {expected}, but {len(given)} are given")
    values = dict(zip(names, numbers(f"{where}: the parameters", given, (len(names),)).tolist(), strict=True))
    if camera.model.lens == PANORAMA:
        if given != camera.size:
            raise UserError(f"{where}: {camera.model.name} is of {given}, but its picture of {camera.size}")
        return panorama(picture_sides(where, *camera.size))
    focal = [values["f"]] * 2 if camera.model.focals == 1 else [values["fx"], values["fy"]]
    fx, fy = (positive(where, each) for each in focal)
    lens = None if camera.model.lens is None else lens_of(camera.model, values, where)
    return Calibration((fx, fy), (values["cx"], values["cy"]), picture_sides(where, *camera.size), lens=lens)


def lens_of(model: Model, values: Mapping[str, float], where: str) -> LensValues | None:
    """The lens of a model's coefficients."""
    assert model.lens is not None
    order = OPENCV_ORDER if model.lens == BROWN else FISHEYE_ORDER if model.lens == FISHEYE else model.order
    return lens_values(model.lens, [values.get(name, 0.0) for name in order], where)


def from_calibration(number: int, calibration: Calibration, where: str) -> Camera:
    """A camera as an entry, by the model that says it whole. Raises `UserError` where there is none."""
    lens = calibration.lens
    if lens is not None and lens.model == PANORAMA:
        width, height = whole_panorama(calibration, where)
        return Camera(number, BY_NAME["EQUIRECTANGULAR"], (width, height), (float(width), float(height)))
    wanted = 0 if lens is None else len(lens.coefficients)
    model = next(
        (
            each
            for each in (BY_NAME[name] for name in ("PINHOLE", "OPENCV", "FULL_OPENCV", "OPENCV_FISHEYE", "DIVISION"))
            if each.lens == (None if lens is None else lens.model) and len(each.order) >= wanted
        ),
        None,
    )
    if model is None:
        assert lens is not None
        raise UserError(f"{where}: COLMAP has no model for a lens of {lens.model} with {wanted} coefficients")
    coefficients = () if lens is None else lens.coefficients
    padding = (0.0,) * (len(model.order) - wanted)
    parameters = (*calibration.focal, *calibration.principal_at("half", where), *coefficients, *padding)
    return Camera(number, model, calibration.sized(where), parameters)


def find_folder(path: Path, suffix: str) -> Path | None:
    """The folder of the files ``cameras`` and ``images`` that a path stands for, None if it is not there."""
    if path.is_dir():
        return next((path / each for each in MODELS_WITHIN if (path / each / f"cameras{suffix}").is_file()), None)
    return path.parent if path.name in (f"cameras{suffix}", f"images{suffix}") and path.is_file() else None


def to_photographs(
    cameras: Sequence[Camera], images: Sequence[Image], path: Path, places: Mapping[int, str]
) -> list[Photograph]:
    """The photographs of the entries, or where there are no images the cameras alone; says what they are taken for.

    path: of the file of cameras. places: by camera, the place in its file.
    """
    check_unique([str(each.number) for each in cameras], path, "the camera")
    calibrations = {each.number: to_calibration(each, places[each.number]) for each in cameras}
    if not calibrations:
        raise UserError(f"{path}: there is no camera in it, expected at least one")
    beside = path.with_stem("images")
    check_unique([str(each.number) for each in images], beside, "the image")
    check_unique([each.name for each in images], beside)
    found = [to_photograph(each, calibrations, beside) for each in images] or [
        Photograph(camera=each.keys(), where=places[number], name=str(number)) for number, each in calibrations.items()
    ]
    say(path, "COLMAP, camera_from_world, OpenCV's axes, the unit of the reconstruction", found)
    return found


def to_photograph(image: Image, calibrations: Mapping[int, Calibration], path: Path) -> Photograph:
    """One image with its camera. Raises `UserError` where that is not there."""
    where = f"{path}: image {image.number}"
    if image.camera not in calibrations:
        raise UserError(
            f"{where}: there is no camera {image.camera} in {path.with_stem('cameras').name}; are both whole?"
        )
    if not image.name:
        raise UserError(f"{where}: it has no name, expected that of a picture")
    rotation = check_quaternion(f"{where}: its quaternion", image.rotation)
    given = (*rotation, *numbers(f"{where}: its translation", list(image.translation), (3,)).tolist())
    return Photograph(
        find_picture(path.parent, image.name, FOLDERS),
        camera={**calibrations[image.camera].keys(), "camera_from_world": from_quaternion(given).tolist()},
        where=where,
        name=image.name,
        pose_numbers=given,
    )


def to_entries(photographs: Sequence[Photograph], folder: Path) -> tuple[list[Camera], list[Image]]:
    """The entries of photographs; equal cameras are one. Raises `UserError` for what COLMAP can't say."""
    numbered: list[Camera] = []
    images: list[Image] = []
    for index, photograph in enumerate(photographs, start=1):
        where = photograph.where or f"photograph {index}"
        calibration = calibration_of(photograph, where)
        camera = from_calibration(len(numbered) + 1, without_pose(calibration), where)
        equal = (each for each in numbered if (each.model, each.size, each.parameters) == what_of(camera))
        if (known := next(equal, None)) is None:
            numbered.append(known := camera)
        if photograph.picture is not None:
            seven = pose_numbers(photograph, calibration.placed(where), from_quaternion, to_quaternion)
            name = name_picture(photograph.picture, folder, FOLDERS)
            images.append(Image(len(images) + 1, seven[:4], seven[4:], known.number, name))
    check_unique([each.name for each in images], folder)
    if 0 < len(images) < len(photographs):
        note(f"{folder}: of {len(photographs)} cameras those without a picture are left out of the images")
    return numbered, images


def what_of(camera: Camera) -> tuple[Model, tuple[int, int], tuple[float, ...]]:
    """All of a camera but its number."""
    return camera.model, camera.size, camera.parameters
