"""Pictures whose numbers are no colours: maps of roughness and metal, and of normals."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from invrender.errors import UserError
from invrender.io.pictures.reading import Decoding, read_picture
from invrender.io.pictures.writing import write_linear_bytes

RAW = Decoding(color_space="linear")
# How much the channels of a grey picture may differ: lossy compression leaves as much.
GREY = 0.04


def read_map(path: Path, name: str) -> Tensor:
    """The map of a property: [H, W, 1] from 0 to 1 of roughness and metallic, vectors [H, W, 3] of normals.

    Raises `UserError` where the picture is none of that kind.
    """
    values = read_picture(path, RAW).rgb
    return vectors(values, str(path)) if name == "normal" else grey(values, str(path), name)


def grey(values: Tensor, told: str, name: str) -> Tensor:
    """The one channel [H, W, 1] of a picture [H, W, 3] whose channels are alike."""
    if float((values.amax(dim=-1) - values.amin(dim=-1)).max()) > GREY:
        raise UserError(f"{told} has colours, expected a grey picture for {name}; give its channel as a picture")
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise UserError(f"{told} has values outside 0 to 1, expected {name} from 0 to 1")
    return values[..., :1].contiguous()


def vectors(values: Tensor, told: str) -> Tensor:
    """The vectors [H, W, 3] of a map of normals: 0 to 1 stands for −1 to 1; the third looks out of the surface."""
    found = 2 * values - 1
    if float(found[..., 2].mean()) <= 0:
        raise UserError(f"{told} is no map of normals: its blue channel, which points outwards, is mostly below 1/2")
    return found


def write_map(path: Path, name: str, values: Tensor) -> None:
    """Write a map so that `read_map` reads it, rounded to 8 bits."""
    values = values.detach().cpu().float()
    write_linear_bytes(path, (values + 1) / 2 if name == "normal" else values.expand(-1, -1, 3))
