"""The passes of the CPU's kernels over lists of fragments, and functions that are their twins of the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch import Tensor

from invrender.constants import Constants, constant
from invrender.render.backends.differentiable import Differentiable, differentiable
from invrender.render.backends.numba import gathering, lists, microfacets, soft
from invrender.render.backends.numba.compiling import divide_work
from invrender.render.backends.numba.frame import Array, Frame, array
from invrender.render.backends.numba.passes import given_or_empty, moved_or_empty, soft_pass
from invrender.render.backends.numba.rays import Tree
from invrender.render.backends.numba.rays import occluded as walk_down
from invrender.render.backends.numba.soft_listing import list_shown
from invrender.render.backends.numba.tangent import Tangent
from invrender.render.raster.blend import Layers, Softness
from invrender.render.raster.decide import decide
from invrender.render.raster.fragments import Fragments
from invrender.render.raster.reference import Pairs
from invrender.render.raster.screen import Screen
from invrender.render.shading.microfacets import Looks
from invrender.render.shading.operations import Operations
from invrender.render.shading.shadows import Rays, Stretches, clearance, count


def fragments(screen: Screen, pairs: Pairs) -> Fragments:
    """The fast twin of `reference.fragments`."""
    work = PlacePass(screen, pairs)
    inside, barycentric, depth, footprint = Differentiable.apply(work, screen.points, screen.vertices)
    return Fragments(
        pixel=pairs.pixel,
        picture=screen.picture.index_select(0, pairs.face),
        face=screen.face.index_select(0, pairs.face),
        inside=inside,
        barycentric=barycentric,
        depth=depth,
        footprint=footprint,
    )


def soft_fragments(screen: Screen, softness: Softness) -> tuple[Layers, Fragments]:
    """The fast twin of `blend.soft_fragments`."""
    work = soft_pass(screen, None, softness, soft.DEPTH)
    alpha, _, depth, weight, nearest = differentiable(work, screen, None)
    numbers, distances = list_shown(work.frame, work.numbers, work.bins, work.sums)
    face, pixel, edge = (torch.from_numpy(np.ascontiguousarray(each)) for each in numbers.T)
    inside, deep = torch.from_numpy(distances).to(screen.vertices.dtype).unbind(1)
    pairs = Pairs(face, pixel, edge, inside > 0, inside, deep)
    return Layers(alpha, None, depth, weight, nearest), fragments(screen, pairs)


def interpolate(values: Tensor, faces: Tensor, face: Tensor, weights: Tensor) -> Tensor:
    """The fast twin of `interpolation.interpolate`."""
    (found,) = Differentiable.apply(InterpolatePass(), values, weights, faces, face)
    return found


def sample_pyramids(texels: Tensor, textures: Tensor, which: Tensor, uv: Tensor, minification: Tensor) -> Tensor:
    """The fast twin of `textures.sample_pyramids`."""
    (found,) = Differentiable.apply(LookUpPass(), texels, uv, minification, textures, which)
    return found


def reflect(looks: Looks, normals: Tensor, lights: Tensor, eyes: Tensor) -> Tensor:
    """The fast twin of `microfacets.reflect`."""
    looked = (getattr(looks, each.name) for each in fields(looks))
    points = normals.shape[1]
    (found,) = Differentiable.apply(
        ReflectPass(), *(each.expand(-1, points) for each in (*looked, normals, lights, eyes))
    )
    return found


trees: Constants[dict[Stretches, Tree]] = Constants()


def occluded(vertices: Tensor, faces: Tensor, stretches: Stretches, rays: Rays) -> Tensor:
    """The fast twin of `shadows.occluded`; the tree of things that don't move is made once."""

    def make(vertices: Tensor, faces: Tensor) -> Tree:
        return Tree.of(array(vertices), array(faces), count(stretches).numpy())

    known = trees.get(dict, vertices, faces) if constant(vertices) else {}

    def find(vertices: Tensor, faces: Tensor, *given: Tensor) -> tuple[Tensor]:
        if stretches not in known:
            known[stretches] = make(vertices, faces)
        tree = known[stretches]
        origins, ways, own = (array(each) for each in given)
        return (torch.from_numpy(walk_down(tree, origins, ways, own, clearance(vertices), rays.endless)),)

    return decide(find, vertices, faces, rays.origins, rays.ways, rays.own)[0]


OPERATIONS = Operations(interpolate, sample_pyramids, reflect, occluded)


@dataclass
class PlacePass:
    """`lists` for pairs of one screen; its tensors are the screen's points and vertices."""

    screen: Screen
    pairs: Pairs
    constants: tuple[int, ...] = ()
    frame: Frame = field(init=False)
    listed: lists.Listed = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """inside, barycentric, depth and footprint."""
        self.frame = Frame.of(self.screen, tensors[1], tensors[0])
        pairs = self.pairs
        chosen = (array(each) for each in (pairs.face, pairs.pixel, pairs.edge, pairs.within))
        self.listed = lists.Listed.of(self.frame, *chosen)
        return tuple(torch.from_numpy(each) for each in lists.place(self.frame, self.listed))

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients of points and vertices."""
        count, dtype = len(self.listed.face), self.frame.vertices.dtype
        shapes = ((count,), (count, 3), (count,), (count,))
        given = (given_or_empty(each, shape, dtype) for each, shape in zip(cotangents, shapes, strict=True))
        found = lists.place_back(self.frame, self.listed, lists.Places(*given))
        return [torch.from_numpy(each) if want else None for each, want in zip(found, wanted, strict=True)]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How all four change."""
        points, vertices = moved_or_empty(moving, (self.frame.points, self.frame.vertices))
        nothing = np.zeros((0, 0, 0), self.frame.vertices.dtype)
        tangent = Tangent(points, vertices, *([nothing] * (len(Tangent._fields) - 2)))
        return tuple(
            torch.from_numpy(each) for each in lists.place_tangents(self.frame, self.listed, tangent, directions)
        )


@dataclass
class InterpolatePass:
    """Values at corners of faces in between; its tensors are the arguments of `interpolate`, the first two first."""

    constants: tuple[int, ...] = ()
    values: Array = field(init=False)
    weights: Array = field(init=False)
    faces: Array = field(init=False)
    face: Array = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The values [N, C]."""
        self.values, self.weights, self.faces, self.face = (array(each) for each in tensors)
        mixed = np.zeros((len(self.face), self.values.shape[1]), self.values.dtype)
        self.add(self.values, self.weights, mixed)
        return (torch.from_numpy(mixed),)

    def add(self, values: Array, weights: Array, mixed: Array) -> None:
        """Add what these values and weights make."""
        divide_work(
            lambda begin, end: gathering.mix_corners(begin, end, values, self.faces, self.face, weights, mixed),
            len(mixed),
        )

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients of values and barycentrics."""
        if cotangents[0] is None:
            return [None] * len(wanted)
        given = array(cotangents[0])
        of_values, of_weights = None, None
        if wanted[0]:
            of_values = np.zeros_like(self.values)
            gathering.pull_corners(self.faces, self.face, self.weights, given, of_values)
        if wanted[1]:
            of_weights = np.empty_like(self.weights)
            known = self.values, self.faces, self.face, given, of_weights
            divide_work(lambda begin, end: gathering.pull_weights(begin, end, *known), len(given))
        return [None if each is None else torch.from_numpy(each) for each in (of_values, of_weights)] + [None, None]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How the values change."""
        changes = np.zeros((directions, len(self.face), self.values.shape[1]), self.values.dtype)
        for k in range(directions):
            if moving[0] is not None:
                self.add(array(moving[0][k]), self.weights, changes[k])
            if moving[1] is not None:
                self.add(self.values, array(moving[1][k]), changes[k])
        return (torch.from_numpy(changes),)


@dataclass
class LookUpPass:
    """Look-ups in pyramids of textures; its tensors are the texels, uv, the minification, the table and the numbers."""

    constants: tuple[int, ...] = ()
    given: tuple[Array, ...] = field(init=False)
    textures: Array = field(init=False)
    which: Array = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The colours [N, C]."""
        texels, uv, size = self.given = tuple(array(each) for each in tensors[:3])
        self.textures, self.which = (array(each) for each in tensors[3:])
        color = np.empty((len(uv), texels.shape[1]), texels.dtype)
        divide_work(
            lambda begin, end: gathering.look_up(begin, end, texels, self.textures, self.which, uv, size, color),
            len(uv),
        )
        return (torch.from_numpy(color),)

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients of texels, uv and minification."""
        if cotangents[0] is None:
            return [None] * len(wanted)
        (texels, uv, size), cotangent = self.given, array(cotangents[0])
        of_texels, of_uv, of_size = None, np.empty_like(uv), np.empty_like(size)
        if wanted[0]:
            of_texels = np.zeros_like(texels)
            gathering.pull_texels(self.textures, self.which, uv, size, cotangent, of_texels)
        if wanted[1] or wanted[2]:
            known = texels, self.textures, self.which, uv, size, cotangent, of_uv, of_size
            divide_work(lambda begin, end: gathering.pull_places(begin, end, *known), len(uv))
        found = zip((of_texels, of_uv, of_size, None, None), wanted, strict=True)
        return [torch.from_numpy(each) if want and each is not None else None for each, want in found]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How the colours change."""
        moved = moved_or_empty(moving[: len(self.given)], self.given)
        texels, uv, size = self.given
        color = np.empty((directions, len(uv), texels.shape[1]), texels.dtype)
        divide_work(
            lambda begin, end: gathering.move_look_ups(
                begin, end, texels, self.textures, self.which, uv, size, *moved, color
            ),
            len(uv),
        )
        return (torch.from_numpy(color),)


@dataclass
class ReflectPass:
    """`microfacets` for points, which are columns."""

    constants: tuple[int, ...] = ()
    inputs: tuple[Array, ...] = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The colours [3, N]."""
        self.inputs = tuple(array(each) for each in tensors)
        return (torch.from_numpy(microfacets.reflect(self.inputs)),)

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients of all inputs."""
        if cotangents[0] is None:
            return [None] * len(wanted)
        found = microfacets.reflect_back(self.inputs, array(cotangents[0]))
        return [torch.from_numpy(each) if want else None for each, want in zip(found, wanted, strict=True)]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How the colours change."""
        changes = tuple(
            np.zeros((directions, *primal.shape), primal.dtype) if each is None else array(each)
            for each, primal in zip(moving, self.inputs, strict=True)
        )
        return (torch.from_numpy(microfacets.reflect_tangents(self.inputs, changes)),)
