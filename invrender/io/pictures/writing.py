"""Pictures written: sRGB of 8 bits, or linear floats, as the file's name says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import torch
from torch import Tensor

from invrender.images.color import srgb_from_linear
from invrender.io.pictures.exr import write_exr
from invrender.io.pictures.floats import write_float_tiff, write_pfm
from invrender.io.pictures.radiance import write_radiance

# By the end of a file's name, what writes linear values that are not clipped.
LINEAR: Mapping[str, Callable[[Path, Tensor], None]] = {
    **dict.fromkeys((".hdr", ".pic"), write_radiance),
    **dict.fromkeys((".tif", ".tiff"), write_float_tiff),
    ".exr": write_exr,
    ".pfm": write_pfm,
}


def write_picture(path: Path, rgb: Tensor) -> None:
    """Write linear RGB [H, W, 3]: as linear floats in EXR, Radiance, TIFF and PFM, else as sRGB of 8 bits, clipped."""
    linear = rgb.detach().cpu().float().contiguous()
    write = LINEAR.get(path.suffix.lower())
    if write is None:
        write_bytes(path, to_bytes(srgb_from_linear(linear)))
    else:
        write(path, linear)


def write_linear_bytes(path: Path, values: Tensor) -> None:
    """Write numbers [H, W, 3] from 0 to 1 that are no colours, in 8 bits."""
    write_bytes(path, to_bytes(values))


def share_clipped(path: Path, rgb: Tensor) -> float:
    """The share of the pixels of linear RGB [H, W, 3] with a channel that `write_picture` clips at this path."""
    if path.suffix.lower() in LINEAR:
        return 0.0
    # Above 1 by half a step of 8 bits it's more than rounding.
    return float((srgb_from_linear(rgb) > 1 + 0.5 / 255).any(dim=-1).double().mean())


def write_mask(path: Path, alpha: Tensor) -> None:
    """Write a mask [H, W] as grey of 8 bits, linear."""
    write_bytes(path, to_bytes(alpha.detach().cpu()))


def write_bytes(path: Path, values: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """Write a picture of 8 bits. It is encoded before: a library's half-written files are hard to close."""
    encoded: bytes = iio.imwrite("<bytes>", values, extension=path.suffix.lower())
    path.write_bytes(encoded)


def to_bytes(values: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Values in [0, 1] as the nearest of 256 steps."""
    return (values.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
