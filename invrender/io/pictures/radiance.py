"""Radiance's .hdr and .pic: three mantissas of 8 bits with one exponent (Ward, 1991, Graphics Gems II)."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.io.pictures.orientation import upright, upright_size
from invrender.io.pictures.source import Array, Source, of_floats

MAGIC = (b"#?RADIANCE", b"#?RGBE")
# The order of scanlines and of the pixels in them, as EXIF counts it.
ORDERS = {
    ("-Y", "+X"): 1,
    ("-Y", "-X"): 2,
    ("+Y", "-X"): 3,
    ("+Y", "+X"): 4,
    ("+X", "-Y"): 5,
    ("-X", "-Y"): 6,
    ("-X", "+Y"): 7,
    ("+X", "+Y"): 8,
}
LONGEST_LINE = 4096
# Scanlines of these widths may be packed channel by channel.
NARROWEST, WIDEST = 8, 32767


def open_radiance(path: Path) -> Source:
    """A picture in Radiance's format, its exposure taken out again."""
    with path.open("rb") as file:
        exposure = read_exposure(file, path)
        words = file.readline(LONGEST_LINE).decode("ascii", "replace").split()
        order = ORDERS.get((words[0], words[2])) if len(words) == 4 else None
        if order is None or not (words[1].isdigit() and words[3].isdigit()):
            raise UserError(f"{path}: its size is {' '.join(words)!r}, expected such as '-Y 512 +X 768'")
        lines, length = int(words[1]), int(words[3])
        begin = file.tell()

    def decode() -> Array:
        with path.open("rb") as file:
            file.seek(begin)
            colors = floats_from_rgbe(unpacked(file.read(), lines, length)) / exposure
        return upright(torch.from_numpy(colors), order).numpy()

    height, width = upright_size(lines, length, order)
    return Source(height, width, of_floats(decode, path), linear=True)


def read_exposure(file: BinaryIO, path: Path) -> np.float32:
    """The product of the header's exposures, which the file's values have been multiplied by."""
    exposure = 1.0
    while line := file.readline(LONGEST_LINE).strip():
        key, _, value = line.decode("ascii", "replace").partition("=")
        if key == "EXPOSURE":
            exposure *= float(value)
        if key == "FORMAT" and value.strip() != "32-bit_rle_rgbe":
            raise UserError(f"{path}: its format is {value.strip()}, expected 32-bit_rle_rgbe; convert it to RGB")
    return np.float32(exposure)


def unpacked(data: bytes, lines: int, length: int) -> Array:
    """The pixels [lines, length, 4] of packed or plain scanlines. Raises ValueError where they end too early."""
    pixels = np.empty((lines, length, 4), np.uint8)
    packed = np.frombuffer(data, np.uint8)
    place = 0
    for line in pixels:
        if is_packed(data[place : place + 4], length):
            place = unpack_channels(packed, place + 4, line)
        else:
            place = unpack_pixels(packed, place, line)
    return pixels


def is_packed(head: bytes, length: int) -> bool:
    """Whether a scanline that begins with these four bytes is packed channel by channel."""
    if len(head) < 4 or not NARROWEST <= length <= WIDEST or head[:2] != b"\x02\x02":
        return False
    return int.from_bytes(head[2:], "big") == length


def unpack_channels(packed: Array, place: int, line: Array) -> int:
    """Fill a scanline [length, 4] from its four channels, each in runs; returns where the next one begins."""
    for channel in range(4):
        filled = 0
        while filled < len(line):
            if place + 1 >= len(packed):
                raise ValueError("it ends too early")
            count = int(packed[place])
            run = count - 128 if count > 128 else count
            # A run repeats one byte; anything else is as many bytes as they are.
            taken = packed[place + 1 : place + 2] if count > 128 else packed[place + 1 : place + 1 + run]
            if run == 0 or filled + run > len(line) or len(taken) not in (1, run):
                raise ValueError("a run of its pixels is broken")
            line[filled : filled + run, channel] = taken
            filled += run
            place += 1 + len(taken)
    return place


def unpack_pixels(packed: Array, place: int, line: Array) -> int:
    """Fill a scanline [length, 4] from pixels, (1, 1, 1, n) repeating the last; returns where the next begins."""
    length = len(line)
    plain = packed[place : place + 4 * length].reshape(-1, 4) if place + 4 * length <= len(packed) else None
    if plain is not None and not (plain[:, :3] == 1).all(axis=1).any():
        line[:] = plain
        return place + 4 * length
    filled = shift = 0
    while filled < length:
        pixel = packed[place : place + 4]
        if len(pixel) < 4:
            raise ValueError("it ends too early")
        place += 4
        if (pixel[:3] == 1).all() and filled:
            count = int(pixel[3]) << shift
            line[filled : filled + count] = line[filled - 1]
            filled, shift = filled + count, shift + 8
        else:
            line[filled] = pixel
            filled, shift = filled + 1, 0
    return place


def floats_from_rgbe(pixels: Array) -> Array:
    """Colours [H, W, 3] float32 of pixels [H, W, 4]."""
    exponents = pixels[..., 3:].astype(np.int32)
    colors: Array = np.ldexp(pixels[..., :3].astype(np.float32), exponents - 136)
    return np.where(exponents == 0, np.float32(0), colors)


def rgbe_from_floats(rgb: Array) -> Array:
    """Pixels [H, W, 4] of colours [H, W, 3]; what is below 0 becomes 0."""
    rgb = rgb.clip(0, None)
    largest = rgb.max(axis=-1, keepdims=True)
    # The largest mantissa must not be rounded up to 256.
    _, exponents = np.frexp(largest * np.float32(256 / 255.5))
    mantissas = np.rint(np.ldexp(rgb, 8 - exponents))
    pixels = np.concatenate([mantissas, exponents + 128], axis=-1)
    return np.where((largest > 0) & (exponents > -128), pixels, 0).clip(0, 255).astype(np.uint8)


def write_radiance(path: Path, rgb: Tensor) -> None:
    """Write linear RGB [H, W, 3] in plain scanlines; each pixel is right to a 256th of its largest channel."""
    height, width = rgb.shape[:2]
    header = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n"
    path.write_bytes(header.encode() + rgbe_from_floats(rgb.numpy()).tobytes())
