"""What arrives at points of surfaces from lights that are somewhere: irradiance, its direction, and shadows."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from invrender.constants import numbers
from invrender.render.raster.fragments import Fragments
from invrender.render.shading.interpolation import select_rows
from invrender.render.shading.lights import DIRECTIONAL, INVERSE_SQUARE
from invrender.render.shading.shadows import Rays
from invrender.render.shading.surfaces import Surfaces
from invrender.render.shading.vectors import dot


def light_at(surfaces: Surfaces, fragments: Fragments, number: int, kind: int, points: Tensor) -> tuple[Tensor, Tensor]:
    """Irradiance [N, 3] at ``points`` [N, 3] that face a light, by its number, and unit vectors [N, 3] towards it."""
    light = select_rows(surfaces.lights[:, number], fragments.picture)
    irradiance, towards = incoming(light, kind, points)
    if surfaces.shadows and surfaces.shadows[number]:
        irradiance = irradiance * see(surfaces, fragments, light[:, 3:], kind, points)
    return irradiance, towards


def incoming(light: Tensor, kind: int, points: Tensor) -> tuple[Tensor, Tensor]:
    """Irradiance [N, 3] on surfaces at ``points`` that face a light [N, 6], and unit vectors [N, 3] towards it."""
    radiance, where = light[:, :3], light[:, 3:]
    if kind == DIRECTIONAL:
        return radiance, where
    offset = where - points
    squared = dot(offset, offset)
    towards = offset / squared.clamp(min=1e-12).sqrt()
    return (radiance / squared if kind == INVERSE_SQUARE else radiance), towards


def see(surfaces: Surfaces, fragments: Fragments, where: Tensor, kind: int, points: Tensor) -> Tensor:
    """Whether fragments at ``points`` [N, 3] see a light at ``where`` [N, 3], or in that direction; [N, 1], constant.

    What is in the way are the objects of the fragment's own picture.
    """
    ways, seen = where if kind == DIRECTIONAL else where - points, points.new_zeros(len(points), 1)
    bounds = tuple(pairwise(surfaces.first_face))
    for placed in dict.fromkeys(surfaces.placements):
        pictures = [number for number, each in enumerate(surfaces.placements) if each == placed]
        own = torch.isin(fragments.picture, numbers(tuple(pictures), fragments.picture)).nonzero()[:, 0]
        origins, directions, faces = (each.index_select(0, own) for each in (points, ways, fragments.face))
        rays = Rays(origins, directions, faces, kind == DIRECTIONAL)
        stretches = tuple(bounds[each] for each in placed)
        dark = surfaces.operations.occluded(surfaces.vertices, surfaces.faces, stretches, rays)
        seen = seen.index_copy(0, own, (~dark).to(points)[:, None])
    return seen
