"""The formats of camera files: which of them a file is in, and which one is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from invrender.checks import one_of
from invrender.errors import UserError
from invrender.io.cameras.base import CameraFormat, Photograph, WritableFormat
from invrender.io.cameras.bop import Bop
from invrender.io.cameras.colmap_binary import ColmapBinary
from invrender.io.cameras.colmap_text import ColmapText
from invrender.io.cameras.native import Views
from invrender.io.cameras.opencv_xml import OpencvXml
from invrender.io.cameras.opencv_yaml import OpencvYaml
from invrender.io.cameras.transforms import Transforms

FORMATS: Mapping[str, WritableFormat] = {
    "transforms": Transforms(),
    "bop": Bop(),
    "colmap_binary": ColmapBinary(),
    "colmap": ColmapText(),
    "opencv": OpencvYaml(),
    "opencv_xml": OpencvXml(),
    "native": Views(),
}
"""In the order in which they are asked. The last one says what is wrong with JSON that none recognizes."""


def read_photographs(path: Path, given: CameraFormat | None = None, key: str = "target.path") -> list[Photograph]:
    """The photographs of a camera file or a folder, in the given format or in the one that recognizes it.

    key: what the path was given for. Raises `UserError` where there is no such file, or it can't be read whole.
    """
    if not path.exists():
        raise UserError(f"{key} is {path}: no such camera file")
    return (given or recognize(path)).read(path)


def recognize(path: Path) -> CameraFormat:
    """The format of a camera file that is there. Raises `UserError` for a file of none."""
    found = next((each for each in FORMATS.values() if each.recognizes(path)), None)
    if found is None and (path.is_dir() or path.suffix.lower() != ".json"):
        raise UserError(
            f"{path}: no camera file that is known; expected COLMAP's cameras and images, OpenCV's YAML or XML, BOP's "
            'scene_camera.json, transforms.json, or {"views": […]}'
        )
    return found or FORMATS["native"]


def format_named(name: str | None, path: Path) -> WritableFormat:
    """The format of a name, or where there is none that of a file's name. Raises `UserError` where that says none."""
    if name is not None:
        return FORMATS[one_of("format", name, tuple(FORMATS))]
    found = next((each for each in FORMATS.values() if each.suits(path)), None)
    if found is None:
        raise UserError(
            f"{path}: its name is that of no format; give format={', '.join(FORMATS)}, or a name such as cameras.json, "
            "transforms.json, scene_camera.json, cameras.txt, cameras.bin, camera.yaml or camera.xml"
        )
    return found
