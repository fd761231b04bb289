"""Things that lie about: pictures of them with their outlines, drawn from random shapes, colours and words.

Each takes the size that it is about to have, in pixels, and returns an RGBA picture, sRGB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from invrender.photographs.chance import Array, Color, Random, between, muted_color, octaves_of_noise, pick, vivid_color

Picture = Image.Image
Thing = Callable[[Random, int], Picture]
Point = tuple[float, float]

INK: Sequence[Color] = ((25, 25, 30), (30, 40, 90), (120, 25, 25), (245, 240, 230))
SKINS: Sequence[Color] = ((236, 188, 160), (214, 160, 124), (170, 112, 78), (112, 72, 50), (226, 172, 148))
FEWEST = 8  # pixels of a thing
PALM, ARM = 1.35, 10  # how far below the picture's top a palm is, and its arm reaches, in sizes of the hand


def cover(mask: Picture, color: Color) -> Picture:
    """A plain colour within a mask."""
    covered = Image.new("RGB", mask.size, color)
    covered.putalpha(mask)
    return covered


def shade(tile: Picture, factor: Array) -> Picture:
    """A picture whose colours are multiplied by a factor [H, W]; its outline stays."""
    colors = np.asarray(tile.convert("RGB")).astype(np.float32) * factor[..., None]
    shaded = Image.fromarray(colors.clip(0, 255).astype(np.uint8))
    if tile.mode == "RGBA":
        shaded.putalpha(tile.getchannel("A"))
    return shaded


def slope(random: Random, width: int, height: int, strength: float) -> Array:
    """A factor [height, width] that runs evenly from side to side, as light does."""
    turn = between(random, (0, 2 * math.pi))
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    return (1 + strength * (math.cos(turn) * x + math.sin(turn) * y[:, None]) / 1.4142).astype(np.float32)


def polygon_mask(size: tuple[int, int], points: Sequence[Point]) -> Picture:
    """White inside a polygon."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon(list(points), fill=255)
    return mask


def words(random: Random, length: int) -> str:
    """Letters that look like a text."""
    letters = "aaabcdeeeefghiiklmnnooprrsssttuuvwxyz"
    lengths = random.integers(2, 9, size=max(1, length // 5))
    return " ".join("".join(random.choice(list(letters), size=count)) for count in lengths)


def write_lines(tile: Picture, random: Random, box: tuple[int, int, int, int], size: int, color: Color) -> None:
    """Write lines of text into a box (left, top, right, bottom) of a picture, ``size`` pixels high."""
    left, top, right, bottom = box
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(max(size, 4))
    for y in range(top, bottom - size, max(round(1.4 * size), 1)):
        share = 1.0 if random.random() < 0.75 else between(random, (0.3, 0.9))
        text = words(random, round(share * (right - left) / (0.5 * size)))
        while len(text) > 1 and draw.textlength(text, font=font) > right - left:
            text = text[:-1]
        draw.text((left, y), text, fill=color, font=font)


def label(random: Random, width: int, height: int) -> Picture:
    """A printed face: a ground with bands, a disk and a few words, RGB."""
    ground = vivid_color(random)
    face = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(face)
    for _ in range(random.integers(1, 4)):
        top = between(random, (0, height))
        draw.rectangle((0, top, width, top + between(random, (0.04, 0.3)) * height), fill=vivid_color(random))
    if random.random() < 0.6:
        x, y, radius = (between(random, (0.2, 0.8)) * side for side in (width, height, min(width, height) / 2))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=vivid_color(random))
    ink = INK[3] if sum(ground) < 330 else pick(random, INK[:3])
    top = round(between(random, (0.05, 0.55)) * height)
    for size, lines in ((height // int(random.integers(4, 7)), 1), (height // int(random.integers(10, 16)), 2)):
        bottom = min(height, top + round(1.4 * size * lines) + size)
        write_lines(face, random, (width // 12, top, width - width // 12, bottom), size, ink)
        top += round(1.4 * size)
    return face


def carton(random: Random, size: int) -> Picture:
    """A box that stands: its printed front, and darker and lighter sides that run off askew."""
    width, height = round(between(random, (0.35, 0.9)) * size), round(between(random, (0.5, 1.0)) * size)
    across, up = (max(1, round(between(random, (0.08, 0.3)) * size)) for _ in range(2))
    whole = (width + across, height + up)
    tile = Image.new("RGBA", whole)
    front = label(random, width, height)
    color = front.getpixel((1, 1))
    side = [(width, up), (width + across, 0), (width + across, height), (width, height + up)]
    top = [(0, up), (across, 0), (width + across, 0), (width, up)]
    for points, factor in ((side, between(random, (0.5, 0.85))), (top, between(random, (0.9, 1.2)))):
        tone = tuple(min(255, round(factor * each)) for each in color)  # type: ignore[union-attr]
        tile.paste(cover(polygon_mask(whole, points), (tone[0], tone[1], tone[2])), mask=polygon_mask(whole, points))
    mirrored = random.random() < 0.5
    if mirrored:
        tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tile.paste(shade(front, slope(random, width, height, 0.15)), (across if mirrored else 0, up))
    return tile


def sheet(random: Random, size: int) -> Picture:
    """Paper with a text, turned and foreshortened as it lies on a table."""
    width, height = size, round(between(random, (0.7, 1.4)) * size)
    paper = Image.new("RGBA", (width, height), (*(round(between(random, (215, 250))) for _ in range(3)), 255))
    edge = max(2, size // 12)
    lines = max(4, size // int(random.integers(12, 30)))
    write_lines(paper, random, (edge, edge, width - edge, height - edge), lines, INK[0])
    turned = paper.rotate(between(random, (0, 360)), Image.Resampling.BICUBIC, expand=True)
    flat = turned.resize((turned.width, max(1, round(between(random, (0.35, 0.8)) * turned.height))))
    return shade(flat, slope(random, flat.width, flat.height, 0.1))


def cup(random: Random, size: int) -> Picture:
    """A can or a cup: a body that is round across, with a rim."""
    width, height = round(between(random, (0.4, 0.7)) * size), size
    rim = max(2, round(between(random, (0.1, 0.25)) * width))
    body = Image.new("L", (width, height))
    draw = ImageDraw.Draw(body)
    draw.rectangle((0, rim / 2, width, height - rim / 2), fill=255)
    for top in (0, height - rim - 1):
        draw.ellipse((0, top, width - 1, top + rim), fill=255)
    tile = label(random, width, height) if random.random() < 0.5 else Image.new("RGB", body.size, vivid_color(random))
    tile.putalpha(body)
    around = np.linspace(-1, 1, width, dtype=np.float32) - between(random, (-0.5, 0.5))
    tile = shade(tile, np.broadcast_to(0.45 + 0.7 * np.sqrt((1 - around**2 / 2.4).clip(0, 1)), (height, width)))
    inside = tuple(round(between(random, (40, 200))) for _ in range(3))
    ImageDraw.Draw(tile).ellipse((1, 1, width - 2, rim), fill=(inside[0], inside[1], inside[2], 255))
    return tile


def ball(random: Random, size: int) -> Picture:
    """A ball or a fruit, lit from a side, with spots."""
    mask = Image.new("L", (size, size))
    ImageDraw.Draw(mask).ellipse((0, 0, size - 1, size - 1), fill=255)
    tile = cover(mask, vivid_color(random))
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    turn, high = between(random, (0, 2 * math.pi)), between(random, (0.4, 0.8))
    away = math.sqrt(1 - high**2)
    lit = x * away * math.cos(turn) + y * away * math.sin(turn) + high * np.sqrt((1 - x**2 - y**2).clip(0, 1))
    spots = 1 + 0.06 * octaves_of_noise(random, size, size, size / 4)
    return shade(tile, ((0.35 + 0.75 * lit.clip(0, 1)) * spots).astype(np.float32))


def plate(random: Random, size: int) -> Picture:
    """A plate or a lid that lies: rings in a flat ellipse."""
    height = max(2, round(between(random, (0.3, 0.7)) * size))
    tile, ring = Image.new("RGBA", (size, height)), vivid_color(random)
    draw, color = ImageDraw.Draw(tile), muted_color(random)
    for share, tone in ((0.0, color), (0.06, ring), (0.1, color), (0.2, muted_color(random))):
        x, y = share * size / 2, share * height / 2
        draw.ellipse((x, y, size - 1 - x, height - 1 - y), fill=(*tone, 255))
    return shade(tile, slope(random, size, height, 0.2))


def scrap(random: Random, size: int) -> Picture:
    """A cloth, a leaf or a shard: a polygon of one colour, with a grain."""
    corners = int(random.integers(3, 9))
    turns = np.sort(random.uniform(0, 2 * math.pi, corners))
    radii = size / 2 * random.uniform(0.4, 1.0, corners)
    points = [(size / 2 + r * math.cos(t), size / 2 + r * math.sin(t)) for t, r in zip(turns, radii, strict=True)]
    tile = cover(polygon_mask((size, size), points), vivid_color(random))
    grain = 1 + 0.08 * octaves_of_noise(random, size, size, max(4, size / 6), stretch=between(random, (1, 6)))
    return shade(tile, (slope(random, size, size, 0.3) * grain).astype(np.float32))


def limb(mask: Picture, color: Color, thickness: float) -> Picture:
    """A part of a hand: bright in its middle, darker towards its edges, as what is round."""
    height = np.asarray(mask.filter(ImageFilter.GaussianBlur(thickness / 3))).astype(np.float32) / 255
    return shade(cover(mask, color), 0.55 + 0.5 * height**1.5)


def hand(random: Random, size: int) -> Picture:
    """A hand on an arm that comes from far below, its fingers upwards."""
    skin = pick(random, SKINS)
    tile = Image.new("RGBA", (2 * size, ARM * size))
    thick, middle = 0.27 * size * between(random, (0.85, 1.1)), (size, PALM * size)
    lines: list[tuple[Point, Point, float]] = [((size, ARM * size), middle, 2.6 * thick)]
    for finger, length in enumerate((0.75, 0.92, 0.88, 0.66)):
        turn = (finger - 1.5) * between(random, (0.12, 0.24)) + between(random, (-0.06, 0.06))
        root = (size + (finger - 1.5) * 0.26 * size, middle[1] - 0.1 * size)
        reach = length * size * between(random, (0.85, 1.1))
        lines.append((root, (root[0] + reach * math.sin(turn), root[1] - reach * math.cos(turn)), thick))
    lines.append(((0.75 * size, 1.5 * size), (0.2 * size, between(random, (0.8, 1.2)) * size), 1.1 * thick))
    parts = [limb(line_mask(tile.size, [first, last], width), skin, width) for first, last, width in lines]
    palm = Image.new("L", tile.size)
    ImageDraw.Draw(palm).ellipse((0.42 * size, 0.95 * size, 1.58 * size, 2.1 * size), fill=255)
    for part in (parts[0], limb(palm, skin, size), *parts[1:]):
        tile.alpha_composite(part)
    return tile if random.random() < 0.5 else tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def line_mask(size: tuple[int, int], points: Sequence[Point], width: float) -> Picture:
    """White along a line with round ends."""
    mask = Image.new("L", size)
    draw, radius = ImageDraw.Draw(mask), width / 2
    draw.line(list(points), fill=255, width=max(1, round(width)), joint="curve")
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


def lay(canvas: Picture, tile: Picture, place: tuple[int, int], shadow: float = 0.0) -> None:
    """Lay a thing onto a picture, its upper left corner at ``place``, over a soft shadow so many pixels wide."""
    if shadow > 0:
        edge = round(2 * shadow)
        dark = Image.new("L", (tile.width + 2 * edge, tile.height + 2 * edge))
        dark.paste(tile.getchannel("A"), (edge, edge))
        dark = dark.filter(ImageFilter.GaussianBlur(shadow / 2)).point([round(0.55 * level) for level in range(256)])
        canvas.paste((0, 0, 0), (place[0] - edge, place[1] - edge + round(shadow / 2)), dark)
    canvas.paste(tile, place, tile)
