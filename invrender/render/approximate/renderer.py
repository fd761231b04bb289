"""The renderer of approximate gradients: a hard picture, made differentiable at its edges by a published rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import Literal, get_args

import torch
from torch import Tensor

from invrender.checks import one_of
from invrender.render.approximate.base import HardPicture, Rule, hold_still, pixel_depths
from invrender.render.approximate.drtk import move_micro_edges
from invrender.render.approximate.nmr import move_by_pulls
from invrender.render.approximate.nvdiffrast import blend_silhouettes
from invrender.render.approximate.opendr import move_by_slopes
from invrender.render.backends.dispatch import Backend
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot, check_samples
from invrender.render.film import Batch, Pixels, expose
from invrender.render.hard import hard_pixels
from invrender.render.shading.channels import Shader, own_capabilities
from invrender.render.stages import Raster
from invrender.scene import Channels, Picture

RuleName = Literal["opendr", "nmr", "nvdiffrast", "drtk"]

RULES: Mapping[RuleName, Rule] = {
    "opendr": Rule(move_by_slopes, moves_inside=True),
    "nmr": Rule(move_by_pulls, moves_inside=True, linear=False),
    "nvdiffrast": Rule(blend_silhouettes),
    "drtk": Rule(move_micro_edges),
}


@dataclass(frozen=True)
class ApproximateRenderer:
    """The nearest face at each pixel's centre, with the gradient of edges by a rule. Its edges are hard at any quality.

    Lights, materials and textures have their exact gradient. Depth has none of edges.

    rule: of `RULES`. assumed: see `assume`. The others are those of `invrender.render.edge.EdgeRenderer`.
    """

    rule: RuleName
    cull_backfaces: bool = False
    samples: int = 1
    mipmaps: bool = True
    backend: Backend = "auto"
    shaders: Mapping[str, Shader] = field(default_factory=dict)
    assumed: float | None = None

    def __post_init__(self) -> None:
        one_of("renderer.rule", self.rule, get_args(RuleName))
        one_of("renderer.backend", self.backend, get_args(Backend))
        check_samples("renderer.samples", self.samples)

    @property
    def supports(self) -> Capabilities:
        """What our own renderers do, but for lenses; forward mode where the rule is linear."""
        linear, own = RULES[self.rule].linear, own_capabilities(self.shaders)
        return replace(own, lenses=frozenset(), forward_mode=linear, approximate=True, depends_on_loss=not linear)

    def assume(self, gradient: float) -> ApproximateRenderer:
        """The renderer whose pictures have derivatives, if by no other loss than one with this gradient everywhere."""
        return self if RULES[self.rule].linear else replace(self, assumed=gradient)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures, one after the other: rules look at neighbouring pixels."""
        samples = quality.samples or self.samples
        return [expose([shot], samples, lambda batch: self.pixels(batch, channels))[0] for shot in shots]

    def pixels(self, batch: Batch, channels: Channels) -> Pixels:
        """The fine pixels of one picture."""
        rule = RULES[self.rule]
        raster = Raster.of(batch, self.cull_backfaces, self.mipmaps, channels != {"alpha"}, self.backend)
        shaded = hard_pixels(hold_still(raster) if rule.moves_inside else raster, channels - {"depth"}, self.shaders)
        if self.assumed is not None:
            rule = replace(rule, move=partial(rule.move, assumed=self.assumed))
        found = move_channels(raster, rule, shaded) if shaded else {}
        return {**found, "depth": pixel_depths(raster)} if "depth" in channels else found


def move_channels(raster: Raster, rule: Rule, shaded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Channels [P, …] of a hard picture, with a rule's gradient."""
    flat = [values.reshape(raster.screen.pixels, -1) for values in shaded.values()]
    moved = rule.move(HardPicture(raster, torch.cat(flat, dim=1)))
    starts = accumulate([values.shape[1] for values in flat], initial=0)
    parts = [moved[:, start : start + values.shape[1]] for start, values in zip(starts, flat, strict=False)]
    return {name: part.reshape(values.shape) for (name, values), part in zip(shaded.items(), parts, strict=True)}
