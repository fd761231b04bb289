"""Many small pictures with their titles, in rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from invrender.record.display import Picture
from invrender.record.panels import FAINT_INK, GROUND, INK, LINE, MARGIN, resized, tile_size, write

COLUMNS, BOX = 5, 192
TITLE_SIZE, CAPTION_SIZE = 13, 12


def contact_sheet(pictures: Sequence[Picture], titles: Sequence[str], captions: Sequence[str]) -> Picture:
    """Pictures [H, W, 3], each with its title above and its caption below. Returns [H, W, 3] uint8."""
    cell_width, cell_height = BOX + MARGIN, BOX + 2 * LINE + MARGIN
    rows = -(-len(pictures) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * cell_width + MARGIN, rows * cell_height + MARGIN), GROUND)
    draw = ImageDraw.Draw(canvas)
    for number, (picture, title, caption) in enumerate(zip(pictures, titles, captions, strict=True)):
        left, top = MARGIN + number % COLUMNS * cell_width, MARGIN + number // COLUMNS * cell_height
        middle = left + BOX // 2
        height, width = tile_size(picture, BOX)
        tile = Image.fromarray(resized(picture, height, width))
        write(draw, (middle, top + LINE // 2), title, TITLE_SIZE, INK, BOX, anchor="mm")
        canvas.paste(tile, (left + (BOX - width) // 2, top + LINE + (BOX - height) // 2))
        write(draw, (middle, top + LINE + BOX + LINE // 2), caption, CAPTION_SIZE, FAINT_INK, BOX, anchor="mm")
    return np.asarray(canvas)
