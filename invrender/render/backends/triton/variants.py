"""What kernels are compiled for."""

from __future__ import annotations

from typing import NamedTuple

from invrender.render.raster.screen import Screen
from invrender.render.shading.surfaces import Surfaces

ALPHA, DEPTH, SHADED = range(3)  # what is asked for; each includes those before it


class Variant(NamedTuple):
    """What a picture is made of; kernels are compiled for each combination.

    asked: `ALPHA`, `DEPTH` or `SHADED`. sides: of the outlines. shiny, parallel: as in `Surfaces`. painted: whether
    there are vertex colours. textured: whether there are textures.
    """

    asked: int
    sides: int
    shiny: bool
    parallel: bool
    painted: bool
    textured: bool

    @classmethod
    def of(cls, screen: Screen, surfaces: Surfaces | None, asked: int) -> Variant:
        """That of a screen and its surfaces."""
        sides = screen.outline.shape[1]
        if surfaces is None:
            return cls(asked, sides, shiny=False, parallel=False, painted=False, textured=False)
        painted, textured = surfaces.colors is not None, surfaces.texels.shape[0] > 0
        return cls(asked, sides, surfaces.shiny, surfaces.parallel, painted, textured)
