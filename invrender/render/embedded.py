"""The embedded renderer: soft edges while a fit needs them, and hard ones with their own gradient in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from invrender.checks import one_of
from invrender.render.backends.dispatch import Backend
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot
from invrender.render.edge import EdgeRenderer
from invrender.render.raster.blend import Background
from invrender.render.shading.channels import Shader
from invrender.render.soft import SoftRenderer
from invrender.scene import Channels, Picture

Visibility = Literal["soft", "edge"]


@dataclass(frozen=True)
class EmbeddedRenderer:
    """The soft renderer and the edge renderer: which of them draws follows from the softness that is asked for.

    visibility: which draws where no softness is asked for, "soft" or "edge".
    The others are those of `SoftRenderer` and `EdgeRenderer`. sigma, gamma, reach and background count in soft pictures
    alone.
    """

    sigma: float = 1e-4
    gamma: float = 1e-4
    reach: float = 1e-4
    cull_backfaces: bool = False
    background: Background = "composite"
    samples: int = 1
    visibility: Visibility = "soft"
    mipmaps: bool = True
    backend: Backend = "auto"
    shaders: Mapping[str, Shader] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("renderer.visibility", self.visibility, get_args(Visibility))
        _ = self.soft, self.edge  # they check their settings

    @cached_property
    def soft(self) -> SoftRenderer:
        """What draws soft edges."""
        return SoftRenderer(
            sigma=self.sigma,
            gamma=self.gamma,
            reach=self.reach,
            cull_backfaces=self.cull_backfaces,
            background=self.background,
            samples=self.samples,
            mipmaps=self.mipmaps,
            backend=self.backend,
            shaders=self.shaders,
        )

    @cached_property
    def edge(self) -> EdgeRenderer:
        """What draws hard edges."""
        return EdgeRenderer(self.cull_backfaces, self.samples, self.mipmaps, self.backend, self.shaders)

    @property
    def supports(self) -> Capabilities:
        """What both can do; shadows in hard pictures alone."""
        return self.edge.supports

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures; hard-edged ones for a quality whose sigma is 0."""
        soft = self.visibility == "soft" if quality.sigma is None else quality.sigma > 0
        drawn: SoftRenderer | EdgeRenderer = self.soft if soft else self.edge
        return drawn.render(shots, channels, quality)
