"""What the centre of each pixel shows: the nearest face, its colour and depth. The slow twins of the kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from invrender.render.raster.fragments import Fragments
from invrender.render.raster.reference import Pairs, fragments, rasterize_hard
from invrender.render.raster.screen import Screen
from invrender.render.shading.channels import Shader
from invrender.render.shading.models import shade
from invrender.render.shading.surfaces import Surfaces

SHADED_AT_ONCE = 1 << 18

Place = Callable[[Screen, Pairs], Fragments]  # with the arguments of `fragments`


def nearest_faces(screen: Screen) -> Tensor:
    """The screen's face that each pixel's centre shows, [P] int64; −1 where there is none."""
    pairs = rasterize_hard(screen)
    return pairs.pixel.new_full((screen.pixels,), -1).index_copy(0, pairs.pixel, pairs.face)


def winning_pairs(winner: Tensor, like: Tensor) -> Pairs:
    """The pixels that show a face, with it; winner: [P], the face that wins each pixel, −1 for none."""
    pixel = (winner >= 0).nonzero()[:, 0]
    none = like.detach().new_zeros(len(pixel))
    within = torch.ones_like(pixel, dtype=torch.bool)
    return Pairs(winner.index_select(0, pixel), pixel, torch.zeros_like(pixel), within, none, none)


def winning_fragments(screen: Screen, winner: Tensor, place: Place = fragments) -> Fragments:
    """What is seen of the faces that win pixels, in the pixels' order; differentiable in the screen."""
    return place(screen, winning_pairs(winner, screen.vertices))


def hard_layers(
    screen: Screen,
    surfaces: Surfaces,
    winner: Tensor,
    background: Tensor,
    shader: Shader = shade,
    place: Place = fragments,
) -> tuple[Tensor, Tensor]:
    """The colours [P, C] and depths [P] of pixels: of the faces that win them, or of the background, whose depth is 0.

    winner: [P], the screen's face that each pixel shows, −1 for none. background: [P, C], or [P, 1] of C alike.
    shader: colours fragments. place: finds where they are.
    """
    pairs = winning_pairs(winner, screen.vertices)
    colors, depths = [], []
    for begin in range(0, max(len(pairs.pixel), 1), SHADED_AT_ONCE):
        seen = place(screen, pairs.select(slice(begin, begin + SHADED_AT_ONCE)))
        colors.append(shader(surfaces, seen))
        depths.append(seen.depth)
    color = torch.cat(colors)
    return (
        background.to(pairs.depth.dtype).expand(-1, color.shape[1]).index_copy(0, pairs.pixel, color),
        pairs.depth.new_zeros(screen.pixels).index_add(0, pairs.pixel, torch.cat(depths)),
    )
