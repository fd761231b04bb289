"""From fragments to pixels: SoftRas's aggregation (Liu et al., 2019, arXiv:1904.01786)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from invrender.render.raster.fragments import Fragments
from invrender.render.raster.reference import Pairs, fragments, rasterize_soft
from invrender.render.raster.screen import Screen
from invrender.render.shading.models import shade
from invrender.render.shading.surfaces import Surfaces

Background = Literal["composite", "softmax"]
Touching = Fragments | Pairs

EPSILON = 1e-10  # PyTorch3D's ε: the background's normalised depth, and its least weight relative to the nearest face
NEGLIGIBLE = 1e-9  # a fragment that contributes at most this share of its pixel's colour is not shaded
OPAQUE = -25.0  # log transmittance below which a pixel is covered whole: 1 − alpha < 2e-11


@dataclass(frozen=True)
class Softness:
    """σ and γ as in SoftRas and PyTorch3D: of coverage in squared NDC units, of depth in normalised depth.

    reach: the squared distance, in squared NDC units, beyond which a face does not touch a pixel.
    """

    sigma: float
    gamma: float
    reach: float
    near: float
    far: float

    @property
    def depth(self) -> float:
        """The depth that makes a factor of e between the weights of two surfaces."""
        return self.gamma * (self.far - self.near)


@dataclass(frozen=True)
class Layers:
    """What the faces alone make of each of P pixels.

    alpha: [P], 1 − Π (1 − D). color: [P, C], the weighted mean of the faces' colours, or None if it was not asked for.
    depth: [P], the weighted mean of the faces' depths; 0 where there is no face.
    weight: [P], Σ D exp((nearest − z) / γ) in units of depth; 0 where there is no face.
    nearest: [P], the least depth, infinite where there is no face; not differentiable.
    """

    alpha: Tensor
    color: Tensor | None
    depth: Tensor
    weight: Tensor
    nearest: Tensor


def soft_layers(
    screen: Screen, surfaces: Surfaces | None, softness: Softness, depth: bool = True, silhouette: bool = True
) -> Layers:
    """All layers of a soft picture; without ``surfaces`` no colours, and without them and ``depth`` alpha alone.

    silhouette: whether alpha is needed; where not, it need not be there, and here it is all the same.
    """
    if surfaces is None and not depth:
        alpha = coverage(screen, rasterize_soft(screen, softness.reach), softness)
        return Layers(alpha, None, *[alpha.new_zeros(0)] * 3)
    layers, shown = soft_fragments(screen, softness)
    return layers if surfaces is None else color_layers(layers, shown, shade(surfaces, shown), softness)


def soft_fragments(screen: Screen, softness: Softness) -> tuple[Layers, Fragments]:
    """All layers of a soft picture but its colours, and the fragments that these are made of."""
    pairs = rasterize_soft(screen, softness.reach)
    alpha = coverage(screen, pairs, softness)
    with torch.no_grad():
        colored = select_contributing(pairs, softness, screen.pixels)
    shown = fragments(screen, pairs.select(colored))
    nearest = nearest_depth(shown, screen.pixels)
    weights, total = weigh(shown, nearest, softness)
    depth = weights.new_zeros(screen.pixels).index_add(0, shown.pixel, weights * shown.depth) / positive(total)
    return Layers(alpha, None, depth, total, nearest), shown


def color_layers(layers: Layers, shown: Fragments, color: Tensor, softness: Softness) -> Layers:
    """The layers with what fragments of colours [N, C] make of the pixels."""
    weights, total = weigh(shown, layers.nearest, softness)
    weighted = weights[:, None] * color
    sums = weighted.new_zeros(len(total), weighted.shape[1]).index_add(0, shown.pixel, weighted)
    return replace(layers, color=sums / positive(total)[:, None])


def weigh(shown: Fragments, nearest: Tensor, softness: Softness) -> tuple[Tensor, Tensor]:
    """The weights [N] of fragments, and their sums [P]; nearest: [P], the least depths."""
    weights = (log_coverage(shown.inside, softness.sigma) - measure_depths(shown, nearest, softness)).exp()
    return weights, weights.new_zeros(len(nearest)).index_add(0, shown.pixel, weights)


def positive(total: Tensor) -> Tensor:
    """Sums [P] to divide by: 1 where there is nothing."""
    return torch.where(total > 0, total, torch.ones_like(total))


def coverage(screen: Screen, pairs: Pairs, softness: Softness) -> Tensor:
    """alpha [P] of pairs; those in pixels that are covered whole are left out."""
    with torch.no_grad():
        open_pixels = transmittance(pairs, softness.sigma, screen.pixels) > OPAQUE
    edges = open_pixels.index_select(0, pairs.pixel).nonzero()[:, 0]
    alpha = -torch.expm1(transmittance(fragments(screen, pairs.select(edges)), softness.sigma, screen.pixels))
    return torch.where(open_pixels, alpha, torch.ones_like(alpha))


def log_coverage(inside: Tensor, sigma: float) -> Tensor:
    """log D of fragments with signed squared distances [N]; D = sigmoid(δ d² / σ)."""
    return torch.nn.functional.logsigmoid(inside / sigma)


def log_transparency(inside: Tensor, sigma: float) -> Tensor:
    """log(1 − D), finite however deep inside the fragment lies."""
    return torch.nn.functional.logsigmoid(-inside / sigma)


def transmittance(touching: Touching, sigma: float, pixels: int) -> Tensor:
    """log Π (1 − D) for each of ``pixels`` pixels, [P]."""
    logs = log_transparency(touching.inside, sigma)
    return logs.new_zeros(pixels).index_add(0, touching.pixel, logs)


def nearest_depth(touching: Touching, pixels: int) -> Tensor:
    """The least depth in each pixel, [P]; infinite where there is no fragment."""
    far = touching.depth.detach().new_full((pixels,), math.inf)
    return far.scatter_reduce(0, touching.pixel, touching.depth.detach(), "amin")


def measure_depths(touching: Touching, nearest: Tensor, softness: Softness) -> Tensor:
    """How far [N] fragments are behind their pixel's nearest, in units of γ; so measured, float32 resolves it."""
    return (touching.depth - nearest.index_select(0, touching.pixel)) / softness.depth


def select_contributing(pairs: Pairs, softness: Softness, pixels: int) -> Tensor:
    """The positions [M] of the pairs whose weight is above `NEGLIGIBLE` of their pixel's largest."""
    logits = log_coverage(pairs.inside, softness.sigma) - measure_depths(pairs, nearest_depth(pairs, pixels), softness)
    largest = logits.new_full((pixels,), -math.inf).scatter_reduce(0, pairs.pixel, logits, "amax")
    return (logits > largest.index_select(0, pairs.pixel) + math.log(NEGLIGIBLE)).nonzero()[:, 0]


def over_background(layers: Layers, softness: Softness, background: Tensor, mode: Background) -> Tensor:
    """The pixels' colours [P, C] before a background [P, C].

    ``softmax`` is the paper's formula, in which the background takes part in the softmax: with a small γ the colour
    of a face fills its whole reach, and the picture has no gradient at silhouettes.
    ``composite`` takes the softmax over faces alone and lays it over the background by alpha.
    """
    assert layers.color is not None
    share = layers.alpha
    if mode == "softmax":
        inverse = (softness.far - layers.nearest) / (softness.far - softness.near)
        logit = ((EPSILON - inverse.clamp(min=EPSILON)) / softness.gamma).clamp(min=math.log(EPSILON))
        share = layers.weight / (layers.weight + logit.exp())
    return torch.lerp(background, layers.color, share[:, None])
