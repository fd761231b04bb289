"""Picture files. sRGB is turned into linear values here, and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from invrender import checks
from invrender.color import linear_from_srgb, srgb_from_linear
from invrender.errors import UserError

COLOR_SPACES = ("srgb", "linear")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Picture:
    """rgb: [H, W, 3] linear float32; alpha: [H, W] in [0, 1], or None where the file has none or it is all 1."""

    rgb: Tensor
    alpha: Tensor | None


def read_picture(path: Path, color_space: str = "srgb") -> Picture:
    """A grey, RGB, RGBA or palette picture of 8 or 16 bits; rotation marks (EXIF) are ignored.

    color_space: how the file's colours are encoded, "srgb" or "linear"; alpha is always linear.
    """
    checks.one_of("color_space", color_space, COLOR_SPACES)
    values = read_values(path)
    colors, alpha = (values[..., :-1], values[..., -1]) if values.shape[-1] in (2, 4) else (values, None)
    rgb = colors.expand(-1, -1, 3).contiguous()
    if alpha is not None and bool((alpha == 1).all()):
        alpha = None
    return Picture(linear_from_srgb(rgb) if color_space == "srgb" else rgb, alpha)


def read_mask(path: Path) -> Tensor:
    """A mask or a weight map [H, W] in [0, 1]: the mean of the colours, or alpha where the file has one."""
    values = read_values(path)
    if values.shape[-1] in (2, 4) and bool((values[..., -1] < 1).any()):
        return values[..., -1].contiguous()
    return values[..., : 1 if values.shape[-1] < 3 else 3].mean(dim=-1)


def read_values(path: Path) -> Tensor:
    """The file's channels [H, W, C] as float32 in [0, 1], C = 1 to 4.

    Read with Pillow itself: through imageio, colours of 16 bits come out in 8, and CMYK as RGBA.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such picture file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                array = pixels_of(picture)
                low = low_bytes(path)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: not a readable picture ({reason}); expected PNG, JPEG, TIFF, BMP or WebP") from error
    if low is not None:
        array = array.astype(np.uint16) << 8 | low
    checks.pixels(f"{path}: height", array.shape[0])
    checks.pixels(f"{path}: width", array.shape[1])
    return scaled(array)


def pixels_of(picture: Image.Image) -> Array:
    """The picture's channels, [H, W] or [H, W, C]: palettes looked up, colour models other than RGB turned into it."""
    if picture.mode in ("P", "PA"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    elif picture.mode not in ("1", "L", "LA", "RGB", "RGBA", "F") and not picture.mode.startswith("I"):
        picture = picture.convert("RGB")
    return np.asarray(picture)


def low_bytes(path: Path) -> Array | None:
    """The low bytes of a colour picture of 16 bits, whose high bytes alone Pillow returns; None for any other."""
    with Image.open(path) as picture:
        tiles: list[Any] = list(getattr(picture, "tile", ()))
        order = {";16B": ";16L", ";16L": ";16B"}
        if picture.mode not in ("RGB", "RGBA") or not tiles or str(tiles[0][3])[-4:] not in order:
            return None
        # With the other byte order, what Pillow takes for the high byte is the low one.
        swapped: Any = [(*tile[:3], tile[3][:-4] + order[tile[3][-4:]]) for tile in tiles]
        picture.tile = swapped
        try:
            return np.asarray(picture)
        except (ValueError, OSError):
            return None


def scaled(array: Array) -> Tensor:
    """Grey [H, W] or channels [H, W, C] of any depth as float32 [H, W, C] in [0, 1]."""
    array = array if array.ndim == 3 else array[..., None]
    if np.issubdtype(array.dtype, np.unsignedinteger):
        return torch.from_numpy(array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max))
    if np.issubdtype(array.dtype, np.signedinteger):
        # Pillow keeps some greys of 16 bits in 32.
        return torch.from_numpy((array / 65535).clip(0, 1).astype(np.float32))
    return torch.from_numpy(array.astype(np.float32))


def write_picture(path: Path, rgb: Tensor) -> None:
    """Write linear RGB [H, W, 3] as sRGB of 8 bits; values outside [0, 1] are clipped."""
    iio.imwrite(path, to_bytes(srgb_from_linear(rgb.detach().cpu())))


def write_mask(path: Path, alpha: Tensor) -> None:
    """Write a mask [H, W] as grey of 8 bits, linear."""
    iio.imwrite(path, to_bytes(alpha.detach().cpu()))


def to_bytes(values: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Values in [0, 1] as the nearest of 256 steps."""
    return (values.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
