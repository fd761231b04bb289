"""The colours of surfaces: albedos, textures and vertex colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.geometry.grids import find_grid
from invrender.images.resample import resize_area
from invrender.parameters.base import Value, only_object
from invrender.parameters.choice import choose
from invrender.parameters.maps import Shift
from invrender.parameters.ranges import Range, clamp
from invrender.parameters.smoothing import roughen, smooth
from invrender.scene import Object, Scene, Target, Truth

Attribute = Literal["albedo", "texture", "vertex_colors"]
# What these are called among the parts of a material's albedo.
PARTS: Mapping[Attribute, str] = {"albedo": "factor", "texture": "texture", "vertex_colors": "vertex"}


@dataclass(frozen=True)
class SurfaceColors:
    """The colours of some objects, each channel on its own.

    raw: [N, 3], what is added to all the objects' colours, object after object. objects: their names, None for all that
    have such colours. range: of each channel. entries: what the colours are called.
    """

    linear: ClassVar[bool] = True
    entries: ClassVar[str] = "colors"
    objects: Sequence[str] | None = None
    lr: float = 0.02
    range: Range = (0.0, 1.0)

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr)
        checks.interval("range", self.range)

    @property
    def attribute(self) -> Attribute:
        """Which colours of the material."""
        raise NotImplementedError

    def having(self, scene: Scene) -> dict[str, Object]:
        """The objects that have such colours."""
        return {n: o for n, o in scene.objects.items() if getattr(o.material, self.attribute) is not None}

    def names(self, scene: Scene) -> list[str]:
        """The objects whose colours change."""
        return choose(self.having(scene), self.objects, f"object with {self.attribute}")

    def colors(self, scene: Scene, name: str) -> Tensor:
        """The colours of an object, [..., 3]."""
        colors = getattr(scene.objects[name].material, self.attribute)
        assert isinstance(colors, Tensor)
        return colors

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such object, or it has no such colours."""
        self.names(scene)

    def initial(self, scene: Scene) -> Tensor:
        """[N, 3]."""
        return torch.zeros_like(self.flat(scene))

    def flat(self, scene: Scene) -> Tensor:
        """All colours, [N, 3]."""
        return torch.cat([self.colors(scene, name).reshape(-1, 3) for name in self.names(scene)])

    def parts(self, scene: Scene, raw: Tensor) -> dict[str, Tensor]:
        """The raw tensor by object, each part in the shape of the object's colours."""
        names = self.names(scene)
        parts = torch.split(raw, [self.colors(scene, name).numel() // 3 for name in names])
        return {n: part.reshape(self.colors(scene, n).shape) for n, part in zip(names, parts, strict=True)}

    def added(self, part: Tensor) -> Tensor:
        """What an object's part of the raw tensor adds to its colours."""
        return part

    def part_adding(self, added: Tensor) -> Tensor:
        """The inverse of `added`."""
        return added

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Add to the colours."""
        added = [self.added(part).reshape(-1, 3) for part in self.parts(scene, raw).values()]
        return self.add(scene, torch.cat(added))

    def add(self, scene: Scene, added: Tensor) -> Scene:
        """Add ``added`` [N, 3] itself to the colours."""
        objects = dict(scene.objects)
        for name, part in self.parts(scene, added).items():
            colors = self.colors(scene, name) + part
            material = objects[name].material.with_property("albedo", **{PARTS[self.attribute]: colors})
            objects[name] = replace(objects[name], material=material)
        return replace(scene, objects=objects)

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change."""
        return raw + change

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep every channel in its range."""
        limited = []
        for name, part in self.parts(scene, raw).items():
            added = clamp(Shift(), self.added(part), self.colors(scene, name), self.range)
            limited.append(self.part_adding(added).reshape(-1, 3))
        return torch.cat(limited)

    def level(self, scene: Scene, raw: Tensor) -> Tensor:
        """The mean of the colours, []."""
        parts = self.parts(scene, raw).items()
        return torch.cat([(self.colors(scene, name) + self.added(part)).reshape(-1) for name, part in parts]).mean()

    def lighter(self, scene: Scene, raw: Tensor, factor: Tensor) -> Tensor:
        """The raw tensor for colours ``factor`` [] times as bright."""
        found = []
        for name, part in self.parts(scene, raw).items():
            colors = self.colors(scene, name)
            found.append(self.part_adding(factor * (colors + self.added(part)) - colors).reshape(-1, 3))
        return torch.cat(found)

    def value(self, scene: Scene) -> dict[str, Value]:
        """The mean colour by object; a truth may have objects without such colours."""
        names = [name for name in self.having(scene) if self.objects is None or name in self.objects]
        return {name: self.colors(scene, name).reshape(-1, 3).mean(dim=0).tolist() for name in names}

    def seen(self, truth: Truth) -> Mapping[str, Tensor]:
        """By object, which of its true colours some view shows."""
        raise NotImplementedError

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The peak signal-to-noise ratio over all colours that a view shows, in decibels (peak 1)."""
        return self.error_where(scene, truth, self.seen(truth))

    def error_of(self, scene: Scene, truth: Truth, entries: Tensor) -> dict[str, float]:
        """`error` over some of the colours alone: ``entries`` [N] bool, of objects whose truth has as many."""
        parts = self.parts(scene, entries[:, None].expand(-1, 3))
        return self.error_where(scene, truth, {name: part[..., 0] for name, part in parts.items()})

    def error_where(self, scene: Scene, truth: Truth, counting: Mapping[str, Tensor]) -> dict[str, float]:
        """`error` over the true colours that count, by object."""
        squares = []
        for name in self.names(scene):
            if name not in counting:
                continue
            found, true, seen = self.colors(scene, name), self.colors(truth.scene, name), counting[name]
            if found.shape != true.shape and found.ndim == 2:
                continue  # vertices of meshes that have nothing to do with each other
            if found.shape != true.shape:
                found = resize_area(found, *true.shape[:2])
            squares.append(((found - true) ** 2)[seen])
        error = float(torch.cat(squares).mean()) if squares and sum(s.numel() for s in squares) else math.nan
        return {"psnr_db": -10 * math.log10(max(error, 1e-12))}


@dataclass(frozen=True)
class Albedo(SurfaceColors):
    """One diffuse colour for each object, by which its texture and vertex colours are multiplied."""

    @property
    def attribute(self) -> Attribute:
        """The albedo."""
        return "albedo"

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest error of a channel."""
        pairs = [(self.colors(scene, name), self.colors(truth.scene, name)) for name in self.names(scene)]
        return {"absolute": max(float((found - true).abs().max()) for found, true in pairs)}


@dataclass(frozen=True)
class Texture(SurfaceColors):
    """Every texel of the textures.

    smoothness: in texels, how far neighbours move together at first; 0 for each on its own. What is added to a texture
    is then not the raw tensor itself but `smooth`. So descent on the raw tensor has a preconditioner that favours
    what is smooth, and noise comes last (Nicolet, Jacobson and Jakob, "Large Steps in Inverse Rendering of Geometry",
    2021, on meshes). Every texture can still be reached. Neighbours are those on the grid, whatever charts they are in.
    """

    entries: ClassVar[str] = "texels"
    smoothness: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.smoothness < math.inf:
            raise UserError(f"smoothness is {self.smoothness}, expected 0 or more texels")

    def added(self, part: Tensor) -> Tensor:
        """Smoothed."""
        return smooth(part, self.smoothness) if self.smoothness else part

    def part_adding(self, added: Tensor) -> Tensor:
        """The inverse of `added`."""
        return roughen(added, self.smoothness) if self.smoothness else added

    @property
    def attribute(self) -> Attribute:
        """Textures."""
        return "texture"

    def seen(self, truth: Truth) -> Mapping[str, Tensor]:
        """The texels that a view shows."""
        return truth.seen_texels


@dataclass(frozen=True)
class VertexColors(SurfaceColors):
    """The colour of every vertex."""

    entries: ClassVar[str] = "vertices"

    def places(self, scene: Scene) -> Tensor:
        """The row and the column of each vertex of the one object, [N, 2]. Raises `UserError` where it is no grid."""
        grid = find_grid(scene.objects[only_object(self.names(scene), "colours")].mesh)
        return grid.rows_and_columns(grid.place)

    def entry_changes(self, scene: Scene, raw: Tensor) -> Tensor:
        """The raw tensor itself."""
        return raw

    def raw_adding(self, scene: Scene, raw: Tensor, more: Tensor) -> Tensor:
        """The sum."""
        return raw + more

    @property
    def attribute(self) -> Attribute:
        """Vertex colours."""
        return "vertex_colors"

    def seen(self, truth: Truth) -> Mapping[str, Tensor]:
        """The vertices that a view shows."""
        return truth.seen_vertices
