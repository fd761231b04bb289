"""Pictures read: opened, held against the limit, decoded, reduced while they are decoded, and turned upright."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from invrender import checks
from invrender.errors import UserError, first_line
from invrender.images.color import linear_from_srgb
from invrender.images.resample import area_weights
from invrender.io.pictures import exr, floats, radiance
from invrender.io.pictures.orientation import upright, upright_size
from invrender.io.pictures.pillow import open_with_pillow
from invrender.io.pictures.source import Array, Source, scaled

log = logging.getLogger(__name__)

COLOR_SPACES = ("auto", "srgb", "linear")
ORIENTATIONS = ("file", "ignore")
KNOWN = "PNG, JPEG, TIFF, BMP, WebP, EXR, HDR or PFM"
# Pixels that are decoded unless more are asked for: those of the largest sensors that people carry about.
MOST_PIXELS = 128_000_000
# Pixels that are turned into floats at a time.
AT_ONCE = 1 << 19
# What lossy compression may take from a channel at the top, in 255ths, and how many pixels away it may put that.
LOST, MIXED = 8, 2
# Shares of pixels below it are rounding errors.
NOTHING = 1e-6


@dataclass(frozen=True)
class Decoding:
    """How a picture file becomes numbers.

    color_space: "srgb", "linear", or "auto": linear for floats, sRGB for others. Floats and alpha are always linear.
    max_size: the longer side is reduced to so many pixels, None for none; each new pixel is the mean of its area.
    orientation: "file" turns the picture as its EXIF orientation says, "ignore" leaves it as it is stored.
    max_pixels: a file of more is refused before it is decoded. key: of the user's, which raises that limit.
    marks_clipped: whether to tell which channels are at the top.
    """

    color_space: str = "auto"
    max_size: int | None = None
    orientation: str = "ignore"
    max_pixels: int = MOST_PIXELS
    key: str | None = None
    marks_clipped: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture that is read.

    rgb: [H, W, 3] linear float32. alpha: [H, W] in [0, 1], or None where the file has none or it is all 1.
    clipped: [H, W, 3] bool, the channels that lie, wholly or in part, at the top of the file's range; None where there
        are none, as in files of floats, or nobody asked.
    """

    rgb: Tensor
    alpha: Tensor | None
    clipped: Tensor | None


def read_picture(path: Path, decoding: Decoding = Decoding()) -> Picture:
    """A grey, RGB, RGBA or palette picture of 8 or 16 bits, or of floats.

    Raises `UserError` for files that are no picture, are larger than the limit, or hold what is no number.
    """
    checks.one_of("color_space", decoding.color_space, COLOR_SPACES)
    with readable(path):
        source = opened(path, decoding)
        if source.linear and decoding.color_space == "srgb":
            log.warning("%s: floating-point values are linear; color_space=srgb has no effect on it", path)
        reduces = stored_size(source, decoding) != (source.height, source.width)
        planes = reduced(source, decoding, lambda rows: color_planes(rows, source, decoding, reduces))
    colors, alpha, clipped = planes[..., :3], planes[..., 3:4], planes[..., 4:] > NOTHING
    if reduces or source.associated:
        colors = torch.where(alpha > NOTHING, colors / alpha.clamp(min=NOTHING), 0)
    if source.lossy and decoding.marks_clipped:
        clipped = spread(clipped, MIXED * max(clipped.shape[:2]) / max(source.height, source.width))
    opaque = bool((alpha > 1 - NOTHING).all())
    return Picture(
        colors.contiguous(), None if opaque else alpha[..., 0].contiguous(), clipped if bool(clipped.any()) else None
    )


def read_mask(path: Path, decoding: Decoding = Decoding()) -> Tensor:
    """A mask or a weight map [H, W] of 0 or more: the mean of the colours, or alpha where the file has one."""
    with readable(path):
        source = opened(path, decoding)
        values, alpha = reduced(source, decoding, mask_planes).unbind(dim=-1)
    mask = (alpha if bool((alpha < 1 - NOTHING).any()) else values).contiguous()
    if bool((mask < 0).any()):
        raise UserError(f"{path} has values below 0, expected a mask or weights of 0 or more")
    return mask


def picture_size(path: Path, decoding: Decoding = Decoding()) -> tuple[int, int]:
    """Height and width of a picture as it is turned, but not reduced. Of the file, the header alone is read."""
    with readable(path):
        source = opened(path, decoding)
    return upright_size(source.height, source.width, source.orientation)


def reduced_size(height: int, width: int, max_size: int | None) -> tuple[int, int]:
    """Height and width with the longer side at most ``max_size``."""
    share = 1.0 if max_size is None else min(1.0, max_size / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into a `UserError` that names the file."""
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(f"{path}: there is not enough memory to read it; reduce the picture") from error
    except Exception as error:
        reason = first_line(error, type(error).__name__)
        raise UserError(f"{path}: not a readable picture ({reason}); expected {KNOWN}") from error


def opened(path: Path, decoding: Decoding, depth: bool = False) -> Source:
    """The file's header, by its first bytes and not by its name. Raises `UserError` for more pixels than the limit.

    depth: it is a picture of depths, and what is no number in it was not measured.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such picture file")
    source = open_source(path, depth)
    check_pixels(source, path, decoding)
    return source if decoding.orientation == "file" else replace(source, orientation=1)


def check_pixels(source: Source, path: Path, decoding: Decoding) -> None:
    """Raise `UserError` for more pixels than the limit."""
    checks.pixels(f"{path}: height", source.height)
    checks.pixels(f"{path}: width", source.width)
    count = source.height * source.width
    if count > decoding.max_pixels:
        raises = f", or set {decoding.key}={count}" if decoding.key else ""
        raise UserError(
            f"{path} has {source.width}x{source.height} pixels, {count / 1e6:.0f} million, of which at most "
            f"{decoding.max_pixels / 1e6:g} million are decoded; reduce the picture{raises}"
        )


def open_source(path: Path, depth: bool = False) -> Source:
    """The file by the reader of its format."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(exr.MAGIC):
        return exr.open_exr(path, depth)
    if head.startswith(radiance.MAGIC):
        return radiance.open_radiance(path)
    if head[:2] in floats.PFM_MAGIC:
        return floats.open_pfm(path, finite=not depth)
    of_floats = floats.open_float_tiff(path, finite=not depth) if head.startswith(floats.TIFF_MAGIC) else None
    return of_floats or open_with_pillow(path)


def stored_size(source: Source, decoding: Decoding) -> tuple[int, int]:
    """Height and width that the picture is reduced to, before it is turned."""
    return reduced_size(source.height, source.width, decoding.max_size)


def reduced(source: Source, decoding: Decoding, planes: Callable[[Array], Tensor]) -> Tensor:
    """What ``planes`` makes of the source's rows [n, W, C], upright: [H, W, P] float32, each the mean of its area.

    A few rows at a time, so that the picture is never there in floats as a whole unless it is as large in the end.
    """
    height, width = stored_size(source, decoding)
    rows_of_rows = area_weights(source.height, height).float()
    total: Tensor | None = None
    step = max(1, AT_ONCE // source.width)
    for first in range(0, source.height, step):
        last = min(source.height, first + step)
        values = planes(source.rows(first, last))
        if total is None:
            total = values.new_zeros(height, *values.shape[1:])
        if height == source.height:
            total[first:last] = values
            continue
        weights = rows_of_rows[:, first:last]
        touched = weights.any(dim=1)
        total[touched] += torch.einsum("ih,hwc->iwc", weights[touched], values)
    assert total is not None
    if width != source.width:
        total = torch.einsum("hwc,jw->hjc", total, area_weights(source.width, width).float())
    return upright(total, source.orientation)


def color_planes(rows: Array, source: Source, decoding: Decoding, weighted: bool) -> Tensor:
    """Linear colours, alpha and, if they are wanted, the channels at the top, [n, W, 4 or 7], of rows [n, W, C].

    weighted: whether colours are multiplied by alpha, which is what may be averaged.
    """
    opacity = rows.shape[-1] in (2, 4)
    colors = rows[..., :-1] if opacity else rows
    linear = as_linear(colors, source.linear or decoding.color_space == "linear").expand(-1, -1, 3)
    alpha = (as_linear(rows[..., -1:], True) if opacity else torch.ones(1)).expand(*rows.shape[:2], 1)
    if opacity and weighted and not source.associated:
        linear = linear * alpha
    if not decoding.marks_clipped or source.linear:
        return torch.cat([linear, alpha], dim=-1)
    top = at_the_top(colors, source.lossy).expand(-1, -1, 3) & (alpha > 0)
    return torch.cat([linear, alpha, top.float()], dim=-1)


def spread(clipped: Tensor, pixels: float) -> Tensor:
    """Marks [H, W, C] that reach so many pixels further."""
    reach = math.ceil(pixels)
    channels = clipped.permute(2, 0, 1).float()
    return max_pool2d(channels, 2 * reach + 1, stride=1, padding=reach).permute(1, 2, 0) > 0


def mask_planes(rows: Array) -> Tensor:
    """The mean of the colours, and alpha, [n, W, 2], of rows [n, W, C]."""
    values = as_linear(rows, True)
    opacity = rows.shape[-1] in (2, 4)
    colors = values[..., :-1] if opacity else values
    alpha = values[..., -1] if opacity else torch.ones(rows.shape[:2])
    return torch.stack([colors.mean(dim=-1), alpha], dim=-1)


def as_linear(values: Array, linear: bool) -> Tensor:
    """Values as float32, sRGB ones turned into linear ones unless they are that already."""
    if values.dtype.kind == "f":
        return scaled(values)
    # Looked up: there are at most 65,536 of them.
    return torch.from_numpy(table(values.dtype.str, linear).numpy()[values])


@cache
def table(kind: str, linear: bool) -> Tensor:
    """What each unsigned integer of a NumPy type stands for."""
    every = scaled(np.arange(np.iinfo(kind).max + 1, dtype=kind))
    return every if linear else linear_from_srgb(every)


def at_the_top(values: Array, lossy: bool) -> Tensor:
    """Which unsigned integers are as large as the file can say."""
    top = np.iinfo(values.dtype).max
    return torch.from_numpy(values >= top - (LOST * (top // 255) if lossy else 0))
