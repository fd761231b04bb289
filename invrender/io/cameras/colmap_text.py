"""COLMAP's ``cameras.txt`` and ``images.txt``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from invrender.checks import LARGEST_WHOLE
from invrender.errors import UserError, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.colmap import Camera, Image, find_folder, find_model, to_entries, to_photographs
from invrender.io.cameras.documents import read_text

CAMERA_LINE = re.compile(r"\d+\s+[A-Z][A-Z_]*(\s|$)")
CAMERAS_HEAD = "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
IMAGES_HEAD = (
    "# Image list with two lines of data per image:\n"
    "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n"
    "#   POINTS2D[] as (X, Y, POINT3D_ID)\n"
)


@dataclass(frozen=True)
class ColmapText:
    """The two files beside each other; either of them, their folder, or that of the project stands for both.

    ``points3D.txt`` and the points of the images are not read.
    """

    def recognizes(self, path: Path) -> bool:
        """Whether the cameras are entries of COLMAP's."""
        folder = find_folder(path, ".txt")
        if folder is None or not (folder / "cameras.txt").is_file():
            return False
        text = (folder / "cameras.txt").read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        entries = [line.strip() for line in lines if not line.lstrip().startswith("#")]
        return bool(CAMERA_LINE.match(entries[0])) if entries else text.startswith("# Camera list")

    def read(self, path: Path) -> list[Photograph]:
        """The photographs; where there is no file of images, or nothing in it, the cameras alone."""
        folder = find_folder(path, ".txt") or path.parent
        cameras, images = folder / "cameras.txt", folder / "images.txt"
        read = {f"{cameras}: line {line}": words for line, words in entries(cameras)}
        found = [read_camera(words, where) for where, words in read.items()]
        places = {camera.number: where for camera, where in zip(found, read, strict=True)}
        shown = [read_image(words, f"{images}: line {line}") for line, words in image_entries(images)]
        return to_photographs(found, shown, cameras, places)

    def suits(self, path: Path) -> bool:
        """Whether it is one of the two."""
        return path.name in ("cameras.txt", "images.txt")

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """Both files; each image's line of points is empty."""
        folder = path.parent if self.suits(path) else path
        cameras, images = to_entries(photographs, folder)
        texts = {
            "cameras.txt": CAMERAS_HEAD
            + f"# Number of cameras: {len(cameras)}\n"
            + "".join(f"{joined(each.number, each.model.name, *each.size, *each.parameters)}\n" for each in cameras),
            "images.txt": IMAGES_HEAD + f"# Number of images: {len(images)}\n" + "".join(map(image_line, images)),
        }
        return {folder / name: text.encode() for name, text in texts.items()}


def entries(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a file that are no comments, by their numbers, in words."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.split()


def image_entries(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The first lines of the images, in words; the name is the last one, whatever is in it. None where no file is."""
    lines = enumerate(read_text(path).splitlines() if path.is_file() else [], start=1)
    for number, line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip().split(maxsplit=9)
            after, points = next(lines, (0, ""))  # of which there may be none
            if len(points.split()) % 3:
                told = "expected the points of the image before, three numbers each, or an empty line"
                raise UserError(f"{path}: line {after}: {told}")


def read_camera(words: Sequence[str], where: str) -> Camera:
    """One camera. Raises `UserError` for a line that is none."""
    if len(words) < 4:
        raise UserError(f"{where}: it has {len(words)} words, expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS…")
    number, width, height = (whole(words[place], where) for place in (0, 2, 3))
    return Camera(
        number, find_model(words[1], where), (width, height), tuple(number_in(each, where) for each in words[4:])
    )


def read_image(words: Sequence[str], where: str) -> Image:
    """One image. Raises `UserError` for a line that is none, as where the line of points is missing."""
    if len(words) < 10:
        raise UserError(
            f"{where}: it has {len(words)} words, expected IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME; "
            "each image has two lines, the second one may be empty"
        )
    pose = [number_in(each, where) for each in words[1:8]]
    return Image(whole(words[0], where), pose[:4], pose[4:], whole(words[8], where), words[9])


def whole(word: str, where: str) -> int:
    """A whole number of 0 or more."""
    if not (word.isascii() and word.isdigit() and len(word) < 20 and int(word) <= LARGEST_WHOLE):
        raise UserError(f"{where}: {shortened(word)} stands where a whole number is expected")
    return int(word)


def number_in(word: str, where: str) -> float:
    """A number."""
    try:
        return float(word)
    except ValueError as error:
        raise UserError(f"{where}: {shortened(word)} stands where a number is expected") from error


def image_line(image: Image) -> str:
    """An image's two lines. Raises `UserError` for a name that lines can't hold."""
    if image.name.split() != [image.name]:
        told = f"{shortened(image.name)}: COLMAP's texts can't hold names with blanks"
        raise UserError(f"{told}; rename the picture, or give format=colmap_binary")
    return f"{joined(image.number, *image.rotation, *image.translation, image.camera, image.name)}\n\n"


def joined(*words: object) -> str:
    """Words with blanks between them; numbers with all of their digits."""
    return " ".join(map(str, words))
