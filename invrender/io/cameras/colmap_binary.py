"""COLMAP's ``cameras.bin`` and ``images.bin``, little-endian."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invrender.errors import UserError, first_line
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.colmap import Camera, Image, find_folder, find_model, to_entries, to_photographs

POINT_BYTES = 24


@dataclass(frozen=True)
class ColmapBinary:
    """The two files beside each other; either of them, their folder, or that of the project stands for both.

    ``points3D.bin`` and the points of the images are not read.
    """

    def recognizes(self, path: Path) -> bool:
        """Whether the files have their names: their first bytes are a count like any other."""
        return find_folder(path, ".bin") is not None

    def read(self, path: Path) -> list[Photograph]:
        """The photographs; where there is no file of images, or nothing in it, the cameras alone."""
        folder = find_folder(path, ".bin") or path.parent
        cameras = folder / "cameras.bin"
        found = read_cameras(Bytes(cameras))
        places = {each.number: f"{cameras}: camera {each.number}" for each in found}
        images = folder / "images.bin"
        return to_photographs(found, read_images(Bytes(images)) if images.is_file() else [], cameras, places)

    def suits(self, path: Path) -> bool:
        """Whether it is one of the two."""
        return path.name in ("cameras.bin", "images.bin")

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """Both files; the images have no points."""
        folder = path.parent if self.suits(path) else path
        cameras, images = to_entries(photographs, folder)
        files = {"cameras.bin": map(encode_camera, cameras), "images.bin": map(encode_image, images)}
        counts = {"cameras.bin": len(cameras), "images.bin": len(images)}
        return {folder / name: struct.pack("<Q", counts[name]) + b"".join(each) for name, each in files.items()}


class Bytes:
    """A binary file that is read from its beginning on."""

    def __init__(self, path: Path) -> None:
        self.path, self.place, self.reading = path, 0, "its beginning"
        try:
            self.content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: not readable ({first_line(error)})") from error

    def take(self, form: str) -> tuple[Any, ...]:
        """The next numbers, in a form of `struct`'s."""
        start = self.skip(struct.calcsize(f"<{form}"))
        return struct.unpack_from(f"<{form}", self.content, start)

    def skip(self, count: int) -> int:
        """Go on by so many bytes; the place before. Raises `UserError` where the file ends before."""
        start = self.place
        self.place += count
        if self.place > len(self.content):
            raise UserError(f"{self.path}: the file ends within {self.reading}; it is cut off, copy it again")
        return start

    def take_text(self) -> str:
        """What is before the next zero byte."""
        end = self.content.find(b"\0", self.place)
        start = self.skip((end if end >= 0 else len(self.content)) - self.place + 1)
        try:
            return self.content[start : self.place - 1].decode()
        except ValueError as error:
            raise UserError(f"{self.path}: the name of {self.reading} is no text; is the file COLMAP's?") from error

    def check_end(self) -> None:
        """Raise `UserError` where there is more."""
        if self.place != len(self.content):
            more = len(self.content) - self.place
            raise UserError(f"{self.path}: {more} bytes are left after the last entry; is it COLMAP's, and whole?")


def read_cameras(file: Bytes) -> list[Camera]:
    """The entries of ``cameras.bin``."""
    (count,) = file.take("Q")
    found = []
    for index in range(count):
        file.reading = f"camera {index + 1} of {count}"
        number, model_number, width, height = file.take("IiQQ")
        model = find_model(model_number, f"{file.path}: camera {number}")
        found.append(Camera(number, model, (width, height), file.take(f"{len(model.parameters)}d")))
    file.check_end()
    return found


def read_images(file: Bytes) -> list[Image]:
    """The entries of ``images.bin``; their points are skipped."""
    (count,) = file.take("Q")
    found = []
    for index in range(count):
        file.reading = f"image {index + 1} of {count}"
        number, *pose, camera = file.take("I7dI")
        found.append(Image(number, pose[:4], pose[4:], camera, file.take_text()))
        (points,) = file.take("Q")
        file.skip(POINT_BYTES * points)
    file.check_end()
    return found


def encode_camera(camera: Camera) -> bytes:
    """One entry of ``cameras.bin``."""
    head = struct.pack("<IiQQ", camera.number, camera.model.number, *camera.size)
    return head + struct.pack(f"<{len(camera.parameters)}d", *camera.parameters)


def encode_image(image: Image) -> bytes:
    """One entry of ``images.bin``."""
    numbers = struct.pack("<I7dI", image.number, *image.rotation, *image.translation, image.camera)
    return numbers + image.name.encode() + b"\0" + struct.pack("<Q", 0)
