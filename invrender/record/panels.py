"""Target, rendering and difference in one labelled picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from invrender.fitting.step import Step
from invrender.record.display import (
    AMPLIFICATION,
    Picture,
    difference_pictures,
    rendered_pictures,
    target_pictures,
)
from invrender.record.units import errors_text
from invrender.scene import Target

TITLES = ("target", "rendering", f"difference x{AMPLIFICATION}")
GROUND, INK, FAINT_INK = (24, 24, 27), (244, 244, 245), (161, 161, 170)
MARGIN = 8
LINE = 22
TITLE_SIZE, CAPTION_SIZE, SMALLEST_SIZE = 15, 15, 9
NARROWEST_COLUMN = 160
# The side of a picture by how many are above each other.
BOXES = {1: 256, 2: 224, 3: 176, 4: 144}


def panel(
    target: Sequence[Picture],
    rendered: Sequence[Picture],
    difference: Sequence[Picture],
    caption: Sequence[str],
) -> Picture:
    """A row for each view, with the target, the rendering and the difference, each [H, W, 3] of any size.

    All are shown at the size that the target's pictures get: tiny ones are enlarged, pixel by pixel, large ones
    reduced. The caption's parts stand below in columns. The panel's size depends on the target and on the number of
    the caption's parts alone. Returns [H, W, 3] uint8.
    """
    sizes = [tile_size(picture, BOXES[len(target)]) for picture in target]
    column = max(NARROWEST_COLUMN, *(width for _, width in sizes))
    columns = len(TITLES)
    lines = -(-len(caption) // columns)
    width = columns * column + (columns + 1) * MARGIN
    height = LINE + sum(h + MARGIN for h, _ in sizes) + lines * LINE + MARGIN
    canvas = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(canvas)
    lefts = [MARGIN + index * (column + MARGIN) for index in range(columns)]

    for left, title in zip(lefts, TITLES, strict=True):
        write(draw, (left + column // 2, LINE // 2 + 1), title, TITLE_SIZE, FAINT_INK, column, anchor="mm")
    top = LINE
    for row, (tile_height, tile_width) in zip(zip(target, rendered, difference, strict=True), sizes, strict=True):
        for left, picture in zip(lefts, row, strict=True):
            tile = Image.fromarray(resized(picture, tile_height, tile_width))
            canvas.paste(tile, (left + (column - tile_width) // 2, top))
        top += tile_height + MARGIN
    for index, text in enumerate(caption):
        place = (lefts[index % columns] + 2, top + (index // columns) * LINE + LINE // 2)
        write(draw, place, text, CAPTION_SIZE, INK, column - 2, anchor="lm")
    return np.asarray(canvas)


def tile_size(picture: Picture, box: int) -> tuple[int, int]:
    """Height and width of a picture enlarged by a whole number, or reduced, to a square box."""
    height, width = picture.shape[:2]
    longer = max(height, width)
    if longer <= box:
        return box // longer * height, box // longer * width
    return max(1, round(height * box / longer)), max(1, round(width * box / longer))


def resized(picture: Picture, height: int, width: int) -> Picture:
    """The picture at another size; where it grows, its pixels become rectangles."""
    if picture.shape[:2] == (height, width):
        return picture
    method = Image.Resampling.NEAREST if picture.shape[1] <= width else Image.Resampling.BOX
    return np.asarray(Image.fromarray(picture).resize((width, height), method))


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    color: tuple[int, int, int],
    width: int,
    anchor: str,
) -> None:
    """One line of text that shrinks, and at last loses its end, to keep within ``width`` pixels."""
    while size > SMALLEST_SIZE and draw.textlength(text, font=font(size)) > width:
        size -= 1
    while text and draw.textlength(text, font=font(size)) > width:
        text = text[:-1]
    draw.text(place, text, fill=color, font=font(size), anchor=anchor)


@cache
def font(size: int) -> FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    return ImageFont.load_default(size=size)


def step_caption(step: Step) -> list[str]:
    """Iteration, loss and errors of a step."""
    title = f"iteration {step.iteration}" if step.stopped_because is None else f"best of {step.iteration} steps"
    errors = [f"{name} {errors_text(errors)}" for name, errors in step.errors.items()]
    return [title, f"loss {step.loss:.3g}", *errors]


@dataclass(frozen=True)
class StepPictures:
    """What a panel shows of a step."""

    rendered: list[Picture]
    difference: list[Picture]
    caption: list[str]

    @classmethod
    def of(cls, step: Step, target: Target) -> StepPictures:
        """The pictures of a step."""
        return cls(rendered_pictures(step), difference_pictures(step, target), step_caption(step))


def step_panel(step: Step, target: Target) -> Picture:
    """The panel of a step."""
    pictures = StepPictures.of(step, target)
    return panel(target_pictures(target), pictures.rendered, pictures.difference, pictures.caption)
