"""Shadows: which lights a point sees, by exact rays. They are constants: no edge of a shadow has a gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.render.raster.decide import decide

AT_ONCE = 1 << 20  # pairs of a ray and a face
CLEARANCE = 1e-5  # of the size of what there is: nearer than this nothing stops a ray, so that no face shades itself

Stretches = tuple[tuple[int, int], ...]
"""Faces by number, each stretch as its first and the one after its last."""


@dataclass(frozen=True)
class Rays:
    """N straight ways along which light may come.

    origins: [N, 3]. ways: [N, 3], to where the rays end; of ``endless`` ones the direction alone counts.
    own: [N] int64, the face that each begins on, which does not stop it.
    """

    origins: Tensor
    ways: Tensor
    own: Tensor
    endless: bool


Occluded = Callable[[Tensor, Tensor, Stretches, Rays], Tensor]  # with the arguments of `occluded`


def occluded(vertices: Tensor, faces: Tensor, stretches: Stretches, rays: Rays) -> Tensor:
    """Whether anything lies in the way of rays, [N] bool, found by trying every face (Möller and Trumbore, 1997).

    vertices: [V, 3]. faces: [F, 3] into them. stretches: of the faces that may be in the way.
    """

    def find(vertices: Tensor, faces: Tensor, origins: Tensor, ways: Tensor, own: Tensor) -> tuple[Tensor]:
        return (try_all(vertices, faces, stretches, Rays(origins, ways, own, rays.endless)),)

    return decide(find, vertices, faces, rays.origins, rays.ways, rays.own)[0]


def try_all(vertices: Tensor, faces: Tensor, stretches: Stretches, rays: Rays) -> Tensor:
    """As `occluded`, from plain tensors."""
    numbers, origins, ways = count(stretches, vertices.device), rays.origins, rays.ways
    corners = vertices.double().index_select(0, faces.index_select(0, numbers).reshape(-1)).reshape(-1, 3, 3)
    nearest = clearance(vertices) / ways.double().norm(dim=1)
    found = torch.zeros(len(origins), dtype=torch.bool, device=vertices.device)
    size = max(AT_ONCE // max(len(numbers), 1), 1)
    for begin in range(0, len(origins), size):
        part = slice(begin, begin + size)
        hits = crossing(corners, origins[part].double(), ways[part].double(), nearest[part], rays.endless)
        found[part] = (hits & (numbers != rays.own[part, None])).any(dim=1)
    return found


def crossing(corners: Tensor, origins: Tensor, ways: Tensor, nearest: Tensor, endless: bool) -> Tensor:
    """Which rays [N] hit which faces with corners [M, 3, 3], [N, M] bool."""
    start, across, along = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = torch.linalg.cross(ways[:, None], along[None], dim=-1)
    determinant = (across * normal).sum(dim=-1)
    inverse = 1 / torch.where(determinant == 0, torch.ones_like(determinant), determinant)
    offset = origins[:, None] - start
    second = torch.linalg.cross(offset, across.expand_as(offset), dim=-1)
    u, v = (offset * normal).sum(dim=-1) * inverse, (ways[:, None] * second).sum(dim=-1) * inverse
    t = (along * second).sum(dim=-1) * inverse
    inside = (determinant != 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > nearest[:, None])
    found: Tensor = inside if endless else inside & (t < 1 - nearest[:, None])
    return found


def refuse(vertices: Tensor, faces: Tensor, stretches: Stretches, rays: Rays) -> Tensor:
    """What kernels that trace no rays do in place of `occluded`."""
    raise UserError(
        "a light casts shadows, which are drawn on the CPU alone; set device=cpu, or light.NAME.shadows=false"
    )


def clearance(vertices: Tensor) -> float:
    """How far from its origin a ray meets its first face."""
    sides = vertices.amax(dim=0) - vertices.amin(dim=0) if len(vertices) else vertices.new_zeros(3)
    return CLEARANCE * float(sides.norm())


def count(stretches: Stretches, device: torch.device | None = None) -> Tensor:
    """The numbers [M] of the faces in stretches."""
    ranges = [torch.arange(first, last, device=device) for first, last in stretches]
    return torch.cat(ranges) if ranges else torch.zeros(0, dtype=torch.int64, device=device)
