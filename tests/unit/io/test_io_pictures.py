from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
import tifffile
import torch
from PIL import Image, ImageOps

from invrender.errors import UserError
from invrender.images.color import linear_from_srgb, srgb_from_linear
from invrender.images.resample import resize_area
from invrender.io.pictures import (
    Decoding,
    picture_size,
    read_mask,
    read_picture,
    share_clipped,
    write_mask,
    write_picture,
)

RGBA = np.random.default_rng(0).integers(0, 65536, (4, 5, 4), dtype=np.uint16)
AS_STORED = Decoding(color_space="linear")
LINEAR_FILES = ("a.exr", "a.hdr", "a.pic", "a.tif", "a.tiff", "a.pfm")


def write_png(path: Path, values: Any, color_type: int) -> None:
    """A PNG of 16 bits, which Pillow can't write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def noise(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def bright(height: int, width: int) -> torch.Tensor:
    """Colours from 0 to some thousands."""
    return torch.rand(height, width, 3, generator=torch.Generator().manual_seed(0)).mul(16).sub(8).exp() - 1e-4


@pytest.mark.parametrize(("channels", "color_type"), [(1, 0), (3, 2), (4, 6)], ids=["grey", "rgb", "rgba"])
def test_sixteen_bits_are_read_whole(tmp_path: Path, channels: int, color_type: int) -> None:
    values = RGBA[..., :channels]
    write_png(tmp_path / "deep.png", values, color_type)
    read = read_picture(tmp_path / "deep.png", AS_STORED)
    expected = np.broadcast_to(values[..., :3], (4, 5, 3))
    assert np.array_equal(np.rint(read.rgb.numpy() * 65535), expected)
    if channels == 4:
        assert read.alpha is not None
        assert np.array_equal(np.rint(read.alpha.numpy() * 65535), values[..., 3])


def test_eight_bits_make_the_round_trip(tmp_path: Path) -> None:
    every = torch.arange(256, dtype=torch.uint8).reshape(16, 16, 1).expand(-1, -1, 3)
    Image.fromarray(every.numpy()).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png")
    assert read.alpha is None
    torch.testing.assert_close(srgb_from_linear(read.rgb) * 255, every.float(), atol=1e-4, rtol=0)
    write_picture(tmp_path / "b.png", read.rgb)
    with Image.open(tmp_path / "b.png") as written:
        assert np.array_equal(np.asarray(written), every.numpy())
    assert torch.equal(read_picture(tmp_path / "a.png", AS_STORED).rgb, every.float() / 255)


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


@pytest.mark.parametrize("name", LINEAR_FILES)
def test_floats_are_linear_and_not_clipped(tmp_path: Path, name: str) -> None:
    rgb = bright(11, 13)
    write_picture(tmp_path / name, rgb)
    read = read_picture(tmp_path / name, Decoding(marks_clipped=True))
    assert read.clipped is None
    if name in ("a.hdr", "a.pic"):
        # Mantissas of 8 bits are shared: each pixel is right to half a step of its largest channel.
        largest = rgb.amax(dim=-1, keepdim=True)
        assert float(((read.rgb - rgb.clamp(min=0)) / largest.clamp(min=1e-9)).abs().max()) <= 1 / 256
    else:
        assert torch.equal(read.rgb, rgb)
    assert share_clipped(tmp_path / name, rgb) == 0
    assert share_clipped(tmp_path / "a.png", rgb) == float((rgb > 1.005).any(dim=-1).double().mean())


def test_floats_are_linear_whatever_is_said_of_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_picture(tmp_path / "a.exr", bright(3, 4))
    assert torch.equal(read_picture(tmp_path / "a.exr", Decoding("srgb")).rgb, bright(3, 4))
    assert "color_space=srgb has no effect" in caplog.text


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tiff_of_floats_may_have_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    values = np.random.default_rng(0).random((6, 7, channels), np.float32) * 4
    if channels in (2, 4):
        values[..., -1] /= 4
    options: dict[str, Any] = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
    kind = "rgb" if channels > 2 else "minisblack"
    options |= {"planarconfig": "contig"} if channels > 1 else {}
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=kind, compression="zlib", **options)
    read = read_picture(tmp_path / "a.tif")
    colors = values[..., : 3 if channels > 2 else 1]
    torch.testing.assert_close(read.rgb, torch.from_numpy(np.broadcast_to(colors, (6, 7, 3)).copy()))
    assert (read.alpha is None) == (channels in (1, 3))


def test_planes_of_a_tiff_are_put_together(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((3, 6, 7)).astype(np.float64)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_picture(tmp_path / "a.tif").rgb.numpy(), values.transpose(1, 2, 0).astype(np.float32))


def write_exr(path: Path, channels: dict[str, Any], **header: Any) -> None:
    OpenEXR.File({"type": OpenEXR.scanlineimage, **header}, channels).write(str(path))


def test_exr_has_windows_alpha_and_half_floats(tmp_path: Path) -> None:
    # Colours in EXR are multiplied by alpha; pixels outside the display window are not part of the picture.
    pixels = np.random.default_rng(0).random((5, 6, 4)).astype(np.float16)
    pixels[..., :3] *= pixels[..., 3:]
    windows = {"dataWindow": ((-1, 2), (4, 6)), "displayWindow": ((0, 0), (7, 5))}
    as_corners = {key: tuple(np.array(corner, np.int32) for corner in value) for key, value in windows.items()}
    write_exr(tmp_path / "a.exr", {"RGBA": pixels}, **as_corners)
    read = read_picture(tmp_path / "a.exr")
    assert picture_size(tmp_path / "a.exr") == (6, 8)
    alpha = np.zeros((6, 8), np.float32)
    alpha[2:6, 0:5] = pixels[:4, 1:, 3]
    assert read.alpha is not None
    assert np.array_equal(read.alpha.numpy(), alpha)
    straight = pixels[:4, 1:, :3].astype(np.float32) / alpha[2:6, 0:5, None]
    np.testing.assert_allclose(read.rgb[2:6, 0:5].numpy(), straight, rtol=1e-5)


def test_exr_of_grey_and_of_layers(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).random((3, 4)).astype(np.float32)
    write_exr(tmp_path / "grey.exr", {"Y": grey})
    assert np.array_equal(read_picture(tmp_path / "grey.exr").rgb[..., 2].numpy(), grey)
    write_exr(tmp_path / "layers.exr", {"diffuse.R": grey, "depth.Z": grey})
    with pytest.raises(UserError, match=r"layers\.exr has the channels depth\.Z, diffuse\.R, expected R, G, B or Y"):
        read_picture(tmp_path / "layers.exr")


def packed_channel(values: Any) -> bytes:
    """A channel of a scanline in Radiance's runs: of single bytes for even ones, of repeated bytes for others."""
    data = b""
    start = 0
    while start < len(values):
        same = next((i for i in range(start, len(values)) if values[i] != values[start]), len(values)) - start
        if same > 2:
            data += bytes([128 + min(same, 127), values[start]])
            start += min(same, 127)
        else:
            data += bytes([1, values[start]])
            start += 1
    return data


def test_radiance_is_read_packed_and_in_any_order(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(128, 132, (9, 200, 4)).astype(np.uint8)
    pixels[:, 50:150] = pixels[:, 50:51]
    expected = np.ldexp(pixels[..., :3].astype(np.float32), pixels[..., 3:].astype(np.int32) - 136) / np.float32(2)
    lines = b"".join(
        bytes([2, 2, 0, 200]) + b"".join(packed_channel(line[:, channel]) for channel in range(4)) for line in pixels
    )
    head = b"#?RADIANCE\n# by hand\nEXPOSURE=4\nEXPOSURE=0.5\nFORMAT=32-bit_rle_rgbe\n\n"
    (tmp_path / "a.hdr").write_bytes(head + b"-Y 9 +X 200\n" + lines)
    assert np.array_equal(read_picture(tmp_path / "a.hdr").rgb.numpy(), expected)
    (tmp_path / "b.hdr").write_bytes(head + b"+X 9 -Y 200\n" + lines)
    assert np.array_equal(read_picture(tmp_path / "b.hdr").rgb.numpy(), expected.transpose(1, 0, 2))
    # The runs of the format's first days repeat whole pixels.
    old = b"".join(bytes(pixels[line, 0]) + bytes([1, 1, 1, 199]) for line in range(9))
    (tmp_path / "c.hdr").write_bytes(head + b"+Y 9 +X 200\n" + old)
    repeated = np.repeat(expected[::-1, :1], 200, axis=1)
    assert np.array_equal(read_picture(tmp_path / "c.hdr").rgb.numpy(), repeated)
    (tmp_path / "cut.hdr").write_bytes(head + b"-Y 9 +X 200\n" + lines[:-7])
    with pytest.raises(UserError, match=r"cut\.hdr: not a readable picture"):
        read_picture(tmp_path / "cut.hdr")


def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    rgb = bright(3, 4)
    rgb[1, 2, 0] = torch.nan
    write_picture(tmp_path / "a.exr", rgb)
    with pytest.raises(UserError, match=r"a\.exr: 1 of its pixels are infinite or no numbers"):
        read_picture(tmp_path / "a.exr")


@pytest.mark.parametrize("mark", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "floats.tif"])
def test_orientation_is_obeyed(tmp_path: Path, name: str, mark: int) -> None:
    picture = Image.fromarray(noise(16, 24, 1).repeat(3, axis=2))
    exif = picture.getexif()
    exif[274] = mark
    scale = 1 if name == "floats.tif" else 255
    if name == "floats.tif":
        values = np.asarray(picture).astype(np.float32)
        tifffile.imwrite(tmp_path / name, values, photometric="rgb", extratags=[(274, "H", 1, mark, True)])
        stored, upright = np.asarray(picture), np.asarray(ImageOps.exif_transpose(picture))
    else:
        picture.save(tmp_path / name, exif=exif)
        with Image.open(tmp_path / name) as saved:
            # Pillow turns TIFF by itself.
            stored = np.asarray(picture if name == "a.tif" else saved)
            upright = np.asarray(ImageOps.exif_transpose(saved))
    read = read_picture(tmp_path / name, Decoding("linear", orientation="file")).rgb * scale
    assert np.array_equal(read.numpy().round(), upright)
    assert picture_size(tmp_path / name, Decoding(orientation="file")) == upright.shape[:2]
    as_stored = read_picture(tmp_path / name, Decoding("linear", orientation="ignore")).rgb * scale
    assert np.array_equal(as_stored.numpy().round(), stored)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mark", [1, 6])
def test_reducing_while_reading_is_reducing_what_is_read(tmp_path: Path, channels: int, mark: int) -> None:
    values = noise(700, 1100, channels)
    picture = Image.fromarray(values.squeeze())
    exif = picture.getexif()
    exif[274] = mark
    picture.save(tmp_path / "a.png", exif=exif)
    whole = read_picture(tmp_path / "a.png", Decoding(orientation="file"))
    part = read_picture(tmp_path / "a.png", Decoding(orientation="file", max_size=90))
    height, width = part.rgb.shape[:2]
    assert (height, width) == ((57, 90) if mark == 1 else (90, 57))
    if whole.alpha is None:
        torch.testing.assert_close(part.rgb, resize_area(whole.rgb, height, width))
    else:
        assert part.alpha is not None
        torch.testing.assert_close(part.alpha, resize_area(whole.alpha, height, width))
        colors = resize_area(whole.rgb * whole.alpha[..., None], height, width)
        torch.testing.assert_close(part.rgb * part.alpha[..., None], colors)


@pytest.mark.parametrize("depth", [8, 16])
def test_what_is_burnt_out_in_part_is_marked(tmp_path: Path, depth: int) -> None:
    top = 2**depth - 1
    values = np.full((8, 8, 3), top - 1, np.uint16)
    values[1, 5, 2] = top
    if depth == 16:
        write_png(tmp_path / "a.png", values, 2)
    else:
        Image.fromarray(values.astype(np.uint8)).save(tmp_path / "a.png")
    marking = Decoding(marks_clipped=True)
    assert read_picture(tmp_path / "a.png").clipped is None
    clipped = read_picture(tmp_path / "a.png", marking).clipped
    assert clipped is not None
    assert clipped.nonzero().tolist() == [[1, 5, 2]]
    clipped = read_picture(tmp_path / "a.png", Decoding(max_size=4, marks_clipped=True)).clipped
    assert clipped is not None
    assert clipped.nonzero().tolist() == [[0, 2, 2]]


def test_lossy_files_are_burnt_out_a_little_below_the_top(tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 64), (252, 100, 100))
    picture.paste((200, 100, 100), (32, 0, 64, 64))
    picture.save(tmp_path / "a.jpg", quality=95)
    for size, reached in ((64, 34), (32, 17), (16, 9)):
        clipped = read_picture(tmp_path / "a.jpg", Decoding(max_size=size, marks_clipped=True)).clipped
        assert clipped is not None
        assert clipped[:, : size // 2, 0].all()
        assert not clipped[:, reached:].any()
        assert not clipped[..., 1:].any()


def test_what_is_not_seen_is_not_burnt_out(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 255, 255, 0)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", Decoding(marks_clipped=True)).clipped is None


def test_more_pixels_than_the_limit_are_not_decoded(tmp_path: Path) -> None:
    Image.new("1", (15000, 10000)).save(tmp_path / "a.png")
    assert picture_size(tmp_path / "a.png", Decoding(max_pixels=150_000_000)) == (10000, 15000)
    with pytest.raises(UserError, match=r"15000x10000 pixels, 150 million, .* 128 million .*; reduce the picture$"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"or set target\.max_pixels=150000000"):
        read_picture(tmp_path / "a.png", Decoding(key="target.max_pixels"))


BOUNDED = """
import resource, sys
from pathlib import Path
from invrender.io.pictures import Decoding, read_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_picture(Path(sys.argv[1]), Decoding(max_size=640, marks_clipped=True))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_large_pictures_take_little_memory(tmp_path: Path) -> None:
    # In floats it would be 600 MB at a time; decoded, it is 200.
    Image.new("RGB", (10000, 5000), (255, 10, 10)).save(tmp_path / "a.png")
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, tmp_path / "a.png"], capture_output=True, check=True, text=True
    )
    assert int(done.stdout) * (1 if sys.platform == "darwin" else 1024) < 400e6


def test_masks(tmp_path: Path) -> None:
    mask = torch.tensor([[0.0, 1.0], [0.2, 0.6]])
    write_mask(tmp_path / "mask.png", mask)
    torch.testing.assert_close(read_mask(tmp_path / "mask.png"), mask)
    Image.new("RGBA", (3, 2), (255, 255, 255, 0)).save(tmp_path / "alpha.png")
    assert float(read_mask(tmp_path / "alpha.png").max()) == 0
    write_picture(tmp_path / "weights.exr", torch.full((2, 2, 3), 4.0))
    assert torch.equal(read_mask(tmp_path / "weights.exr"), torch.full((2, 2), 4.0))
    write_picture(tmp_path / "below.exr", torch.full((2, 2, 3), -1.0))
    with pytest.raises(UserError, match=r"below\.exr has values below 0"):
        read_mask(tmp_path / "below.exr")


def test_broken_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.png: no such picture file"):
        read_picture(tmp_path / "none.png")
    (tmp_path / "program.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    for name in ("cut.png", "cut.exr", "cut.tif", "cut.pfm", "program.png"):
        if name != "program.png":
            write_picture(tmp_path / name, bright(64, 64))
            (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-300])
        with pytest.raises(UserError, match=rf"{name}: not a readable picture") as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_colours_are_looked_up_as_they_are_computed(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "a.png")
    exactly = linear_from_srgb(torch.from_numpy(values / np.float32(255)))
    assert torch.equal(read_picture(tmp_path / "a.png").rgb[..., 0], exactly)


def test_a_truncated_exr_is_refused_and_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_picture(tmp_path / "a.exr", torch.rand(64, 64, 3))
    content = (tmp_path / "a.exr").read_bytes()
    (tmp_path / "a.exr").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"a\.exr: not a readable picture"):
        read_picture(tmp_path / "a.exr")
    assert capfd.readouterr() == ("", "")
