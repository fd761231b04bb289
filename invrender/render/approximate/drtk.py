"""The rule of DRTK (Pidhorskyi et al., 2024, arXiv:2405.02508): between pixels lie micro-edges that move.

Between two neighbours that show different faces lies an edge as long as a pixel's side, which moves with the surface
in front; half of what it sweeps over counts for each pixel. Neighbouring faces of one surface have none. Here surfaces
don't cut through each other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.render.approximate.base import HardPicture, neighbours
from invrender.render.raster.reference import barycentric, pixel_centres, side_functions, smallest


def move_micro_edges(hard: HardPicture) -> Tensor:
    """The picture [P, C], with the gradient of micro-edges."""
    found = hard.values
    for axis, sideways in ((0, True), (1, False)):
        first, second = neighbours(hard.screen, sideways)
        differing = (hard.winner[first] != hard.winner[second]).nonzero()[:, 0]
        first, second = first[differing], second[differing]
        moved = movement(hard, first, second, axis) + movement(hard, second, first, axis)
        jump = (hard.values[second] - hard.values[first]).detach()
        change = -0.5 * jump * moved[:, None]
        found = found.index_add(0, first, change).index_add(0, second, change)
    return found


def movement(hard: HardPicture, own: Tensor, other: Tensor, axis: int) -> Tensor:
    """How the surfaces at pixels [N] move along an axis of the picture, [N] zeros with a gradient.

    Only those count that lie in front of the one at the ``other`` pixel, which then reaches as far as their own centre.
    """
    screen = hard.screen
    face, behind = hard.winner[own], hard.winner[other]
    reaches = smallest(side_functions(screen, behind.clamp(min=0), pixel_centres(screen, own))) >= 0
    front = ((face >= 0) & ((behind < 0) | reaches)).nonzero()[:, 0]
    face = face[front]
    corners = screen.corners[face]
    weights = barycentric(side_functions(screen, face, pixel_centres(screen, own[front]))) * corners[..., 2]
    weights = (weights / weights.sum(dim=1, keepdim=True)).detach()  # on the screen, not in space
    place = (weights * corners[..., axis] / corners[..., 2]).sum(dim=1)
    return torch.zeros_like(screen.vertices[:1, 0]).expand(len(own)).index_add(0, front, place - place.detach())
