"""The content of a mesh file, before it becomes a mesh of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.images.color import linear_from_srgb

Array = np.ndarray[Any, Any]
Wrap = Literal["repeat", "mirror", "clamp"]
MISSING = -1


@dataclass(frozen=True)
class Texture:
    """A picture of a part.

    key: tells it from the file's other pictures.
    read: gives it as linear [H, W, 3]; raises `UserError` where it can't be read.
    wrap: what is beyond its borders, along u and along v.
    """

    name: str
    key: str
    read: Callable[[], Tensor]
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")


@dataclass(frozen=True)
class Gloss:
    """What a material of glTF's metallic-roughness has beside its colour.

    roughness, metallic: from 0 to 1. emission: linear. normal_scale: of the map of normals.
    maps: by property, with ``read`` giving [H, W, 1] of roughness and metallic, [H, W, 3] of emission and normal, the
        latter as vectors.
    """

    roughness: float = 1.0
    metallic: float = 0.0
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    normal_scale: float = 1.0
    maps: Mapping[str, Texture] = field(default_factory=dict)

    @property
    def matte(self) -> bool:
        """Whether there is next to nothing in it but colour."""
        return not self.maps and self.roughness >= 1 and self.metallic <= 0 and max(self.emission) <= 0


@dataclass(frozen=True)
class Part:
    """The faces of a file that share a material.

    color: linear, or None where the file has none. texture: or None. gloss: or None for a matte surface.
    lost: why the material can't be told, in words for a message; None where it can.
    """

    name: str
    color: tuple[float, float, float] | None = None
    texture: Texture | None = None
    lost: str | None = None
    gloss: Gloss | None = None


@dataclass(frozen=True)
class Content:
    """The triangles of a file, with the numbers that it gives.

    points: [P, 3] float64. corners: [F, 3] int64 into them.
    uv: [T, 2] float64 or None; (0, 0) is the lower left corner of the picture, v runs up. uv_corners: [F, 3] int64 into
        it, `MISSING` where a corner has none.
    normals: [N, 3] float64 or None. normal_corners: [F, 3] int64, likewise.
    colors: [P, 3] float64, linear, or None.
    part: [F] int64 into ``parts``.
    undrawn: what the file has and is not drawn, each in a few words. notes: what else there is to tell, in sentences.
    """

    points: Array
    corners: Array
    uv: Array | None = None
    uv_corners: Array | None = None
    normals: Array | None = None
    normal_corners: Array | None = None
    colors: Array | None = None
    part: Array | None = None
    parts: tuple[Part, ...] = (Part(""),)
    undrawn: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def change_corners(self, change: Callable[[Array], Array]) -> Content:
        """The content whose faces [F, 3] into its points, texture coordinates and normals are changed alike."""
        uv, normals = self.uv_corners, self.normal_corners
        return replace(
            self,
            corners=change(self.corners),
            uv_corners=None if uv is None else change(uv),
            normal_corners=None if normals is None else change(normals),
        )


def join(contents: list[Content], parts: tuple[Part, ...], undrawn: tuple[str, ...], notes: tuple[str, ...]) -> Content:
    """Several contents, whose ``part`` counts in the same ``parts``, as one."""
    points, corners = stack([each.points for each in contents], [each.corners for each in contents])
    uv, uv_corners = stack([each.uv for each in contents], [absent(each.uv_corners, each) for each in contents])
    normals, normal_corners = stack(
        [each.normals for each in contents], [absent(each.normal_corners, each) for each in contents]
    )
    colors = None
    if any(each.colors is not None for each in contents):
        colors = np.concatenate(
            [np.ones_like(each.points) if each.colors is None else each.colors for each in contents]
        )
    part = np.concatenate(
        [np.zeros(len(each.corners), np.int64) if each.part is None else each.part for each in contents]
    )
    return Content(
        points=np.zeros((0, 3)) if points is None else points,
        corners=corners,
        uv=uv,
        uv_corners=None if uv is None else uv_corners,
        normals=normals,
        normal_corners=None if normals is None else normal_corners,
        colors=colors,
        part=part,
        parts=parts,
        undrawn=undrawn,
        notes=notes,
    )


def absent(corners: Array | None, content: Content) -> Array:
    """Indices [F, 3], all `MISSING` where there are none."""
    return np.full_like(content.corners, MISSING) if corners is None else corners


def stack(values: list[Array | None], corners: list[Array]) -> tuple[Array | None, Array]:
    """Values one after the other and the indices into them; None where there are no values at all."""
    given = [each for each in values if each is not None]
    counts = [0 if each is None else len(each) for each in values]
    first = np.cumsum([0, *counts[:-1]])
    moved = [np.where(each == MISSING, MISSING, each + start) for each, start in zip(corners, first, strict=True)]
    return (np.concatenate(given) if given else None), np.concatenate(moved)


def file_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises `UserError` where they can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from error


def linear(srgb: Array) -> Array:
    """Linear colours of an array in sRGB, in float64."""
    colors: Array = linear_from_srgb(torch.from_numpy(np.asarray(srgb, np.float64))).numpy()
    return colors
