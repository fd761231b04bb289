"""Other rules by which a hard picture gets the gradient of its edges, as their papers describe them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.render.backends.dispatch import implementation
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot
from invrender.render.film import Batch, Pixels, expose
from invrender.render.raster.antialias import outlines
from invrender.render.raster.project import project_surfaces
from invrender.render.raster.reference import barycentric, side_functions, smallest
from invrender.render.raster.screen import Screen
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import Channels, Mesh, Picture


@dataclass(frozen=True)
class Hard:
    """A hard picture [P, 4] of colour and alpha, the face that each pixel shows (−1 for none) and its depth there."""

    screen: Screen
    surfaces: Surfaces
    picture: Tensor
    winner: Tensor
    depth: Tensor


Rule = Callable[[Hard], Tensor]


@dataclass(frozen=True)
class RuleRenderer:
    """A z-buffer whose picture a rule makes differentiable at edges."""

    rule: Rule

    @property
    def supports(self) -> Capabilities:
        """Colour, silhouette and depth, in reverse mode alone."""
        return Capabilities(forward_mode=False)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures; depth has no gradient of edges."""
        return [expose([shot], 1, self.pixels)[0] for shot in shots]

    def pixels(self, batch: Batch) -> Pixels:
        """The pixels of one scene."""
        surfaces = Surfaces.of(batch.shots, mipmaps=True)
        screen = project_surfaces(surfaces, batch.cameras, False)
        work = implementation("auto", screen.vertices.device)
        winner = work.nearest_faces(screen)
        color, depth = work.hard_layers(screen, surfaces, winner, batch.background)
        covered = (winner >= 0)[:, None]
        picture = torch.cat([color, covered.to(color)], dim=1)
        picture = self.rule(Hard(screen, surfaces, picture, winner, depth))
        return {"rgb": picture[:, :3], "alpha": picture[:, 3], "depth": depth}


def neighbours(screen: Screen, sideways: bool) -> tuple[Tensor, Tensor]:
    """Each pixel [N] with its right neighbour, or with its lower one."""
    pixel = torch.arange(screen.pixels).reshape(screen.height, screen.width)
    first, second = (pixel[:, :-1], pixel[:, 1:]) if sideways else (pixel[:-1], pixel[1:])
    return first.reshape(-1), second.reshape(-1)


def centre(screen: Screen, pixel: Tensor) -> Tensor:
    """The centres [N, 2] of pixels [N]."""
    return torch.stack([pixel % screen.width, torch.div(pixel, screen.width, rounding_mode="floor")], 1) + 0.5


def no_rule(hard: Hard) -> Tensor:
    """The gradient of what is seen alone."""
    return hard.picture


def silhouette_blending(hard: Hard) -> Tensor:
    """Laine et al. (2020, arXiv:2011.03277), as in nvdiffrast.

    Where the face at the nearer of two neighbours ends between their centres, at a silhouette edge of its mesh that is
    closer to a right angle with the line between them than to a parallel, the pixel that the edge cuts takes a share of
    the other's colour: the distance of the edge from the middle of that line.
    """
    screen, picture = hard.screen, hard.picture
    silhouette = silhouette_sides(hard)
    corners = screen.corners[..., :2] / screen.corners[..., 2:3]
    found = picture
    for sideways in (True, False):
        first, second = neighbours(screen, sideways)
        differing = hard.winner[first] != hard.winner[second]
        first, second = first[differing], second[differing]
        depth = torch.where(hard.winner >= 0, hard.depth.detach(), torch.inf)
        swap = depth[second] < depth[first]
        near, far = torch.where(swap, second, first), torch.where(swap, first, second)
        face = hard.winner[near]
        # Coordinates with their origin at the nearer pixel's centre and the farther one's at (1, 0).
        place = corners[face] - centre(screen, near)[:, None]
        along, across = place.unbind(2) if sideways else place.flip(2).unbind(2)
        along = along * torch.where(swap, -1, 1)[:, None]
        run, rise = along.roll(-1, 1) - along, across.roll(-1, 1) - across
        crosses = (across > 0) != (across.roll(-1, 1) > 0)
        distance = along - across * run / torch.where(crosses, rise, 1)
        side = torch.where(crosses, distance, -torch.inf).detach().argmax(dim=1, keepdim=True)
        last = distance.gather(1, side)[:, 0]
        suits = silhouette[face] & crosses & (rise.abs() >= run.abs())
        cut = (suits.gather(1, side)[:, 0] & (last >= 0) & (last <= 1)).nonzero()[:, 0]
        near, far, last = near[cut], far[cut], last[cut]
        difference = (picture[far] - picture[near]) * (0.5 - last)[:, None]
        taker = torch.where(last.detach() < 0.5, near, far)
        found = found.index_add(0, taker, difference)
    return found


def silhouette_sides(hard: Hard) -> Tensor:
    """Which sides of the screen's faces [G, 3], from a corner to the next one, lie on silhouettes of their mesh."""
    screen = hard.screen
    smooth = tuple(plain(each) for each in hard.surfaces.meshes)
    ends = outlines(screen, replace(hard.surfaces, meshes=smooth)).ends.sort(dim=1).values
    count = len(screen.vertices)
    sides = torch.stack([screen.triangles, screen.triangles.roll(-1, 1)], dim=-1).sort(dim=-1).values
    return torch.isin(sides[..., 0] * count + sides[..., 1], ends[:, 0] * count + ends[:, 1])


def plain(mesh: Mesh) -> Mesh:
    """A mesh without creases: only positions count."""
    return Mesh(mesh.vertices, mesh.faces, mesh.faces)


def micro_edges(hard: Hard) -> Tensor:
    """Pidhorskyi et al. (2024, arXiv:2405.02508), as in DRTK, for surfaces that don't cut through each other.

    The picture stays as it is. Between two neighbours that show different faces lies an edge as long as a pixel's side,
    which moves with the surface in front. Neighbouring faces of one surface have none.
    """
    screen, picture = hard.screen, hard.picture
    found = picture
    for axis, sideways in ((0, True), (1, False)):
        first, second = neighbours(screen, sideways)
        differing = (hard.winner[first] != hard.winner[second]).nonzero()[:, 0]
        first, second = first[differing], second[differing]
        moved = moves(hard, first, second, axis) + moves(hard, second, first, axis)
        jump = (picture[second] - picture[first]).detach()
        change = -0.5 * jump * moved[:, None]
        found = found.index_add(0, first, change).index_add(0, second, change)
    return found


def moves(hard: Hard, own: Tensor, other: Tensor, axis: int) -> Tensor:
    """How the surfaces at pixels [N] move along an axis of the picture, [N] zeros with a gradient.

    Only those count that lie in front of the one at the ``other`` pixel, which then reaches as far as their own centre.
    """
    screen = hard.screen
    face, behind = hard.winner[own], hard.winner[other]
    reaches = smallest(side_functions(screen, behind.clamp(min=0), centre(screen, own).to(screen.vertices))) >= 0
    front = ((face >= 0) & ((behind < 0) | reaches)).nonzero()[:, 0]
    face = face[front]
    corners = screen.corners[face]
    with torch.no_grad():
        weights = barycentric(side_functions(screen, face, centre(screen, own[front]).to(corners)))
        weights = weights * corners[..., 2]  # on the screen, not in space
        weights = weights / weights.sum(dim=1, keepdim=True)
    place = (weights * corners[..., axis] / corners[..., 2]).sum(dim=1)
    return torch.zeros_like(screen.vertices[:1, 0]).expand(len(own)).index_add(0, front, place - place.detach())
