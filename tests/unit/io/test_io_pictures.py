from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from invrender.color import srgb_from_linear
from invrender.errors import UserError
from invrender.io.pictures import read_mask, read_picture, read_values, write_mask, write_picture

RGBA = np.random.default_rng(0).integers(0, 65536, (4, 5, 4), dtype=np.uint16)


def write_png(path: Path, values: Any, color_type: int) -> None:
    """A PNG of 16 bits, which Pillow can't write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize(("channels", "color_type"), [(1, 0), (3, 2), (4, 6)], ids=["grey", "rgb", "rgba"])
def test_sixteen_bits_are_read_whole(tmp_path: Path, channels: int, color_type: int) -> None:
    values = RGBA[..., :channels]
    write_png(tmp_path / "deep.png", values, color_type)
    assert np.array_equal(np.rint(read_values(tmp_path / "deep.png").numpy() * 65535), values)


def test_eight_bits_make_the_round_trip(tmp_path: Path) -> None:
    every = torch.arange(256, dtype=torch.uint8).reshape(16, 16, 1).expand(-1, -1, 3)
    Image.fromarray(every.numpy()).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png")
    assert read.alpha is None
    torch.testing.assert_close(srgb_from_linear(read.rgb) * 255, every.float(), atol=1e-4, rtol=0)
    write_picture(tmp_path / "b.png", read.rgb)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), every.numpy())
    assert torch.equal(read_picture(tmp_path / "a.png", "linear").rgb, every.float() / 255)


def test_grey_becomes_three_channels(tmp_path: Path) -> None:
    Image.new("L", (3, 2), 128).save(tmp_path / "grey.png")
    rgb = read_picture(tmp_path / "grey.png").rgb
    assert rgb.shape == (2, 3, 3)
    torch.testing.assert_close(rgb, torch.full((2, 3, 3), 0.2158605), atol=1e-6, rtol=0)


def test_alpha_is_linear_and_left_out_where_it_says_nothing(tmp_path: Path) -> None:
    Image.new("RGBA", (3, 2), (255, 0, 0, 51)).save(tmp_path / "half.png")
    alpha = read_picture(tmp_path / "half.png").alpha
    assert alpha is not None
    torch.testing.assert_close(alpha, torch.full((2, 3), 0.2))
    Image.new("RGBA", (3, 2), (255, 0, 0, 255)).save(tmp_path / "whole.png")
    assert read_picture(tmp_path / "whole.png").alpha is None


@pytest.mark.parametrize(("mode", "name"), [("P", "a.png"), ("CMYK", "a.jpg"), ("RGB", "a.gif"), ("1", "a.bmp")])
def test_other_colour_models(tmp_path: Path, mode: str, name: str) -> None:
    Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(tmp_path / name)
    rgb = read_picture(tmp_path / name).rgb
    assert rgb.shape == (8, 8, 3)
    assert float(rgb.min()) > 0.98


def test_rotation_marks_are_ignored(tmp_path: Path) -> None:
    picture = Image.new("RGB", (6, 2))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").rgb.shape == (2, 6, 3)


def test_masks(tmp_path: Path) -> None:
    mask = torch.tensor([[0.0, 1.0], [0.2, 0.6]])
    write_mask(tmp_path / "mask.png", mask)
    torch.testing.assert_close(read_mask(tmp_path / "mask.png"), mask)
    Image.new("RGBA", (3, 2), (255, 255, 255, 0)).save(tmp_path / "alpha.png")
    assert float(read_mask(tmp_path / "alpha.png").max()) == 0


def test_broken_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.png: no such picture file"):
        read_picture(tmp_path / "none.png")
    Image.new("RGB", (64, 64), (1, 2, 3)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:60])
    with pytest.raises(UserError, match=r"cut\.png: not a readable picture") as caught:
        read_picture(tmp_path / "cut.png")
    assert "\n" not in str(caught.value)
