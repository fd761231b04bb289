"""The passes of the CPU's kernels, and the functions that are their twins of the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from invrender.geometry.edges import Edges
from invrender.render.backends.differentiable import Differentiable, differentiable
from invrender.render.backends.numba import antialiasing, edges, hard, soft, soft_gradients, soft_tangents
from invrender.render.backends.numba.compiling import divide_work
from invrender.render.backends.numba.frame import FEW, Array, Bins, Frame, Surface, array, bin_faces, classify_faces
from invrender.render.backends.numba.gradients import Which
from invrender.render.backends.numba.tangent import Tangent
from invrender.render.raster.antialias import EDGES_REACH, Crossings, Outlines
from invrender.render.raster.blend import Layers, Softness
from invrender.render.raster.decide import decide
from invrender.render.raster.screen import Screen
from invrender.render.shading.surfaces import Surfaces


def soft_layers(
    screen: Screen, surfaces: Surfaces | None, softness: Softness, depth: bool = True, silhouette: bool = True
) -> Layers:
    """The fast twin of `blend.soft_layers`."""
    asked = soft.SHADED if surfaces is not None else soft.DEPTH if depth else soft.ALPHA
    work = soft_pass(screen, surfaces, softness, asked, silhouette)
    alpha, color, depth_, weight, nearest = differentiable(work, screen, surfaces)
    return Layers(alpha, None if surfaces is None else color, depth_, weight, nearest)


def soft_pass(
    screen: Screen, surfaces: Surfaces | None, softness: Softness, asked: int, silhouette: bool = True
) -> SoftPass:
    """The pass that draws soft pictures. asked: `soft.ALPHA`, `soft.DEPTH` or `soft.SHADED`."""
    negligible = soft.NEGLIGIBLE[screen.vertices.element_size()]
    settings = soft.Soft(softness.sigma, softness.depth, softness.reach, asked, silhouette, negligible)
    return SoftPass(screen, surfaces, settings)


def classify(vertices: Tensor, triangles: Tensor, near: float, cull_backfaces: bool) -> tuple[Tensor, Tensor]:
    """The fast twin of `reference.classify`."""
    points = array(vertices)
    winding, crossing = np.empty(len(triangles), points.dtype), np.empty(len(triangles), np.bool_)
    corners = array(triangles)

    def run(begin: int, end: int) -> None:
        classify_faces(begin, end, points, corners, near, cull_backfaces, winding, crossing)

    divide_work(run, len(corners), len(corners) < FEW)
    return torch.from_numpy(winding), torch.from_numpy(crossing)


# Hard pictures take three passes over one screen; they share its frame and bins.
framed: WeakKeyDictionary[Screen, tuple[Frame, Bins]] = WeakKeyDictionary()


def frame_of(screen: Screen, vertices: Tensor, points: Tensor) -> tuple[Frame, Bins]:
    """The arrays of a screen and its faces by tile, made once."""
    if screen not in framed:
        frame = Frame.of(screen, vertices, points)
        framed[screen] = frame, bin_faces(frame, EDGES_REACH)
    return framed[screen]


def nearest_faces(screen: Screen) -> Tensor:
    """The fast twin of `visible.nearest_faces`."""

    def find(vertices: Tensor, points: Tensor) -> tuple[Tensor]:
        frame, bins = frame_of(screen, vertices, points)
        return (torch.from_numpy(hard.nearest_faces(frame, bins, screen.pictures)),)

    return decide(find, screen.vertices, screen.points)[0]


def hard_layers(screen: Screen, surfaces: Surfaces, winner: Tensor, background: Tensor) -> tuple[Tensor, Tensor]:
    """The fast twin of `visible.hard_layers`."""
    color, depth = differentiable(HardPass(screen, surfaces, winner), screen, surfaces, background)
    return color, depth


def jumps(meeting: Edges, facing: Tensor) -> Tensor:
    """The fast twin of `antialias.jumps`."""

    def find(facing: Tensor) -> tuple[Tensor]:
        return (torch.from_numpy(edges.jumps(array(meeting.faces), array(meeting.creased), array(facing))),)

    return decide(find, facing)[0]


def crossings(screen: Screen, found: Outlines) -> Crossings:
    """The fast twin of `antialias.crossings`."""

    def find(vertices: Tensor, points: Tensor) -> tuple[Tensor, ...]:
        frame, bins = frame_of(screen, vertices, points)
        crossed = edges.crossings(frame, bins, array(found.ends), array(found.picture))
        return tuple(torch.from_numpy(each) for each in crossed)

    return Crossings(*decide(find, screen.vertices, screen.points))


def antialias(screen: Screen, found: Outlines, crossed: Crossings, pictures: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The fast twin of `antialias.antialias_all`."""
    smooth: tuple[Tensor, ...] = Differentiable.apply(AntialiasPass(screen, found, crossed), screen.vertices, *pictures)
    return smooth


@dataclass
class SoftPass:
    """`soft` for one screen."""

    screen: Screen
    surfaces: Surfaces | None
    numbers: soft.Soft
    constants: tuple[int, ...] = (4,)
    frame: Frame = field(init=False)
    surface: Surface = field(init=False)
    bins: Bins = field(init=False)
    sums: soft.Sums = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """alpha, color, depth, weight and nearest."""
        self.frame = Frame.of(self.screen, tensors[1], tensors[0])
        self.surface = Surface.of(self.surfaces, *tensors[2:])
        self.bins = bin_faces(self.frame, self.numbers.reach**0.5 / self.screen.unit)
        self.sums = soft.forward(self.frame, self.surface, self.numbers, self.bins, self.screen.pictures)
        found = (1 - self.sums.transparency, *self.sums[1:])
        return tuple(torch.from_numpy(each).to(tensors[0].dtype) for each in found)

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The tensors' gradients where wanted."""
        dtype = self.frame.vertices.dtype
        given = soft_gradients.Cotangents(
            *(
                given_or_empty(each, (0, 3) if number == 1 else (0,), dtype)
                for number, each in enumerate(cotangents[:4])
            )
        )
        found = soft_gradients.backward(
            self.frame, self.surface, self.numbers, self.bins, self.sums, given, Which(*wanted)
        )
        return [None if each is None else torch.from_numpy(each) for each in found]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How alpha, color, depth and weight change."""
        changes = soft_tangents.tangents(
            self.frame, self.surface, self.numbers, self.bins, self.sums,
            tangent_of(self.frame, self.surface, moving), directions,
        )  # fmt: skip
        return (*(torch.from_numpy(each) for each in changes), None)


@dataclass
class HardPass:
    """`hard` for one screen; the last of its tensors is the background.

    winner: [P], the face that each pixel shows, −1 for none.
    """

    screen: Screen
    surfaces: Surfaces
    winner: Tensor
    constants: tuple[int, ...] = ()
    frame: Frame = field(init=False)
    surface: Surface = field(init=False)
    shown: hard.Shown = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Color and depth."""
        self.frame, _ = frame_of(self.screen, tensors[1], tensors[0])
        self.surface = Surface.of(self.surfaces, *tensors[2:-1])
        self.shown = hard.Shown.of(self.winner.numpy(), len(self.frame.triangles))
        color = tensors[-1].to(tensors[0].dtype, copy=True, memory_format=torch.contiguous_format)
        depth = color.new_zeros(len(color))
        hard.forward(self.frame, self.surface, self.shown, color.numpy(), depth.numpy())
        return color, depth

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The tensors' gradients where wanted."""
        dtype = self.frame.vertices.dtype
        color, depth = (
            given_or_empty(each, shape, dtype) for each, shape in zip(cotangents, ((0, 3), (0,)), strict=True)
        )
        asked = Which(False, *wanted[1:-1])  # nothing depends on where the outlines are
        found = hard.backward(self.frame, self.surface, self.shown, color, depth, asked)
        behind = None
        if wanted[-1] and cotangents[0] is not None:
            behind = cotangents[0].index_fill(0, torch.from_numpy(self.shown.pixels), 0.0)
        return [*(None if each is None else torch.from_numpy(each) for each in found), behind]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How color and depth change."""
        dtype, motion = self.screen.vertices.dtype, tangent_of(self.frame, self.surface, moving[:-1])
        shape, behind = (directions, len(self.winner), 3), moving[-1]
        color = torch.zeros(shape, dtype=dtype) if behind is None else behind.expand(shape).clone()
        depth = color.new_zeros(shape[:2])
        hard.tangents(self.frame, self.surface, self.shown, motion, color.numpy(), depth.numpy())
        return color, depth


@dataclass
class AntialiasPass:
    """`antialiasing` for one screen; its tensors are the screen's vertices and the pictures, [P, C] each."""

    screen: Screen
    found: Outlines
    crossed: Crossings
    constants: tuple[int, ...] = ()
    pairs: antialiasing.Pairs = field(init=False)
    shares: antialiasing.Shares = field(init=False)
    differences: list[Array] = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The pictures, antialiased."""
        screen, crossed = self.screen, self.crossed
        ends = array(self.found.ends)[array(crossed.edge)]
        self.pairs = antialiasing.Pairs(
            array(tensors[0]), ends, array(crossed.pixel), array(crossed.sideways),
            float(screen.near), screen.height, screen.width,
        )  # fmt: skip
        self.shares = antialiasing.shares(self.pairs, screen.pixels)
        smooth = [each.clone(memory_format=torch.contiguous_format) for each in tensors[1:]]
        self.differences = [np.empty((len(ends), each.shape[1])) for each in smooth]
        for picture, difference in zip(smooth, self.differences, strict=True):
            antialiasing.blend(self.pairs, self.shares.share, picture.numpy(), difference)
        return tuple(smooth)

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The tensors' gradients where wanted."""
        of_shares = np.zeros(self.shares.share.shape)
        gradients: list[Tensor | None] = []
        for cotangent, difference in zip(cotangents, self.differences, strict=True):
            if cotangent is not None:
                cotangent = cotangent.clone(memory_format=torch.contiguous_format)
                antialiasing.blend_back(self.pairs, self.shares.share, difference, cotangent.numpy(), of_shares)
            gradients.append(cotangent)
        vertices = None
        if wanted[0]:
            vertices = torch.from_numpy(
                antialiasing.shares_back(self.pairs, self.shares, of_shares, self.screen.pixels)
            )
        return [vertices, *gradients]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How the pictures change."""
        shares, pixels = self.shares.share, self.screen.pixels
        dtype = self.screen.vertices.dtype
        found: list[Tensor] = []
        for each, difference in zip(moving[1:], self.differences, strict=True):
            shape = directions, pixels, difference.shape[1]
            found.append(torch.zeros(shape, dtype=dtype) if each is None else each.expand(shape).clone())
        vertices = moving[0]
        slopes = antialiasing.share_slopes(self.pairs) if vertices is not None else np.empty(0)
        for k in range(directions):
            change = np.zeros(shares.shape)
            if vertices is not None:
                change = antialiasing.shares_tangent(self.pairs, self.shares, slopes, array(vertices[k]), pixels)
            for picture, difference in zip(found, self.differences, strict=True):
                antialiasing.blend_tangent(self.pairs, shares, difference, change, picture[k].numpy())
        return tuple(found)


def given_or_empty(cotangent: Tensor | None, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """A cotangent as an array; without entries where there is none."""
    return np.zeros(shape, dtype) if cotangent is None else cotangent.contiguous().numpy()


def tangent_of(frame: Frame, surface: Surface, moving: Sequence[Tensor | None]) -> Tangent:
    """Tangents as arrays; without directions where there is none."""
    return Tangent(*moved_or_empty(moving, (frame.points, frame.vertices, *surface[:9])))


def moved_or_empty(moving: Sequence[Tensor | None], primals: Sequence[Array]) -> list[Array]:
    """Tangents as arrays; without directions where there is none."""
    return [
        np.zeros((0,) * (primal.ndim + 1), primal.dtype) if each is None else each.contiguous().numpy()
        for each, primal in zip(moving, primals, strict=True)
    ]
