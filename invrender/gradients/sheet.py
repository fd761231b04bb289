"""The picture sheet: a row for each estimator, with its derivative images, a sentence, and how well it does."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw

from invrender.gradients.colors import color_bar, signed_colors
from invrender.gradients.measure import Comparison
from invrender.gradients.results import TRUTH, Row, rows_of
from invrender.record.display import Picture, srgb_picture
from invrender.record.panels import font, resized, tile_size

GROUND, CARD, LINE, INK, FAINT = (244, 244, 246), (255, 255, 255), (222, 222, 228), (24, 24, 27), (96, 96, 106)
GOOD = (11, 122, 75)
MARGIN, GAP, HEADING = 24, 10, 96
WORDS, NUMBERS = 300, 330  # columns to the left and to the right of the pictures
BOX = 192  # the side of a picture
AROUND = 0.12  # what is shown around the part that changes, a share of its longer side
TITLE, NAME, TEXT, SMALL = 26, 17, 13, 12
LEADING, THUMBNAIL = 18, 96
UNSEEN = 0.02  # of the scale
NAMES = ("bias", "std. dev.", "cosine", "time")


def picture_sheet(comparison: Comparison) -> Picture:
    """The sheet, [H, W, 3] uint8."""
    window = window_of(comparison)
    rows = rows_of(comparison)
    tiles = len(comparison.directions) * (BOX + GAP)
    width, height = 2 * MARGIN + WORDS + tiles + NUMBERS, HEADING + len(rows) * (BOX + 2 * GAP) + 2 * MARGIN + 44
    canvas = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(canvas)
    draw_heading(draw, comparison)
    for number, row in enumerate(rows):
        top = HEADING + number * (BOX + 2 * GAP)
        draw.rounded_rectangle((MARGIN // 2, top, width - MARGIN // 2, top + BOX + GAP), 8, CARD, LINE)
        write_words(draw, (MARGIN, top + GAP + 2), row.title, row.says)
        for column, image in enumerate(row.images):
            place = MARGIN + WORDS + column * (BOX + GAP), top + GAP // 2
            paste_tile(canvas, signed_colors(image[window], comparison.scale), place, BOX)
        write_numbers(draw, (MARGIN + WORDS + tiles + 14, top + BOX // 2), row)
    paste_tile(canvas, srgb_picture(comparison.picture), (MARGIN, HEADING + BOX - THUMBNAIL), THUMBNAIL)
    draw_scale(canvas, draw, comparison, MARGIN, height - MARGIN - 36)
    return np.asarray(canvas)


def window_of(comparison: Comparison) -> tuple[slice, slice]:
    """The rows and the columns of a square around what changes, and some of what is around it."""
    seen = (comparison.images.abs() > UNSEEN * comparison.scale).any(dim=0)
    seen = seen if seen.any() else torch.ones_like(seen)
    rows, columns = (seen.any(dim=dim).nonzero()[:, 0].tolist() for dim in (1, 0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    side = min(round((1 + 2 * AROUND) * longer), *seen.shape)
    found = []
    for places, size in ((rows, seen.shape[0]), (columns, seen.shape[1])):
        first = min(max((places[0] + places[-1] + 1 - side) // 2, 0), size - side)
        found.append(slice(first, first + side))
    return found[0], found[1]


def draw_heading(draw: ImageDraw.ImageDraw, comparison: Comparison) -> None:
    """The title, and what the columns are."""
    draw.text((MARGIN, 16), f"d picture / d {comparison.unknown}", INK, font(TITLE))
    height, width = comparison.picture.shape[:2]
    told = f"{width} x {height} pixels; how each pixel's brightness changes, estimated in several ways"
    draw.text((MARGIN, 50), told, FAINT, font(TEXT))
    left = MARGIN + WORDS
    for column, name in enumerate(comparison.directions):
        draw.text((left + column * (BOX + GAP) + BOX // 2, HEADING - 12), name, INK, font(TEXT), anchor="mm")
    left += len(comparison.directions) * (BOX + GAP) + 14
    for column, name in enumerate(NAMES):
        draw.text((left + column * 76 + 62, HEADING - 12), name, FAINT, font(TEXT), anchor="rm")


def paste_tile(canvas: Image.Image, picture: Picture, place: tuple[int, int], box: int) -> None:
    """One picture in the middle of a square."""
    height, width = tile_size(picture, box)
    tile = Image.fromarray(resized(np.ascontiguousarray(picture), height, width))
    canvas.paste(tile, (place[0] + (box - width) // 2, place[1] + (box - height) // 2))


def write_words(draw: ImageDraw.ImageDraw, place: tuple[int, int], title: str, says: str) -> None:
    """The name of an estimator and its sentence, in lines."""
    left, top = place
    draw.text((left, top), title, INK, font(NAME))
    for number, line in enumerate(wrap(draw, says, WORDS - MARGIN)):
        draw.text((left, top + 26 + number * LEADING), line, FAINT, font(TEXT))


def wrap(draw: ImageDraw.ImageDraw, text: str, width: int) -> list[str]:
    """A text in lines of at most so many pixels."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and draw.textlength(longer, font=font(TEXT)) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def write_numbers(draw: ImageDraw.ImageDraw, place: tuple[int, int], row: Row) -> None:
    """How well an estimator does, in columns."""
    left, middle = place
    if row.title == TRUTH:
        draw.text((left + 62, middle), "the truth", FAINT, font(TEXT), anchor="rm")
    for column, text in enumerate(row.numbers):
        good = column < 2 and row.agreement is not None and (row.agreement.bias, row.agreement.deviation)[column] < 0.1
        draw.text((left + column * 76 + 62, middle), text, GOOD if good else INK, font(NAME), anchor="rm")


def draw_scale(canvas: Image.Image, draw: ImageDraw.ImageDraw, comparison: Comparison, left: int, top: int) -> None:
    """The colour bar, with its ends."""
    bar = color_bar(220, 14)
    ends = f"-{comparison.scale:.2g}", f"+{comparison.scale:.2g}"
    draw.text((left + 40, top + 7), ends[0], FAINT, font(SMALL), anchor="rm")
    canvas.paste(Image.fromarray(np.ascontiguousarray(bar)), (left + 48, top))
    draw.text((left + 48 + 220 + 8, top + 7), ends[1], FAINT, font(SMALL), anchor="lm")
    draw.text((left + 4, top + 30), unit_text(comparison), FAINT, font(SMALL), anchor="lm")


def unit_text(comparison: Comparison) -> str:
    """What a derivative is by."""
    if comparison.moving:
        return "linear intensity, per pixel that the farthest vertex moves; one scale for all pictures"
    return "linear intensity, per learning rate of the unknown; one scale for all pictures"
