"""From fragments to pixels: SoftRas's aggregation (Liu et al., 2019, arXiv:1904.01786)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from invrender.render.fragments import Fragments
from invrender.render.reference import Pairs

Background = Literal["composite", "softmax"]
Touching = Fragments | Pairs

EPSILON = 1e-10  # PyTorch3D's ε: the background's normalised depth, and its least weight relative to the nearest face
NEGLIGIBLE = 1e-9  # a fragment that contributes at most this share of its pixel's colour is not shaded
OPAQUE = -25.0  # log transmittance below which a pixel is covered whole: 1 − alpha < 2e-11


@dataclass(frozen=True)
class Softness:
    """σ and γ as in SoftRas and PyTorch3D: of coverage in squared NDC units, of depth in normalised depth."""

    sigma: float
    gamma: float
    near: float
    far: float


def log_coverage(inside: Tensor, sigma: float) -> Tensor:
    """log D of fragments with signed squared distances [N]; D = sigmoid(δ d² / σ)."""
    return torch.nn.functional.logsigmoid(inside / sigma)


def log_transparency(inside: Tensor, sigma: float) -> Tensor:
    """log(1 − D), finite however deep inside the fragment lies."""
    return torch.nn.functional.logsigmoid(-inside / sigma)


def transmittance(fragments: Touching, sigma: float, pixels: int) -> Tensor:
    """log Π (1 − D) for each of ``pixels`` pixels, [P]."""
    logs = log_transparency(fragments.inside, sigma)
    return logs.new_zeros(pixels).index_add(0, fragments.pixel, logs)


def nearest_depth(fragments: Touching, pixels: int) -> Tensor:
    """The least depth in each pixel, [P]; infinite where there is no fragment."""
    far = fragments.depth.detach().new_full((pixels,), math.inf)
    return far.scatter_reduce(0, fragments.pixel, fragments.depth.detach(), "amin")


def color_logits(fragments: Touching, softness: Softness, nearest: Tensor) -> Tensor:
    """log (D exp(z / γ)) [N], measured from each pixel's nearest fragment so that float32 resolves it."""
    behind = (fragments.depth - nearest.index_select(0, fragments.pixel)) / (softness.far - softness.near)
    return log_coverage(fragments.inside, softness.sigma) - behind / softness.gamma


def background_logits(softness: Softness, nearest: Tensor) -> Tensor:
    """log exp(ε / γ) [P] on the same scale, and never below log ε, as in PyTorch3D's softmax blend."""
    inverse = (softness.far - nearest) / (softness.far - softness.near)
    return ((EPSILON - inverse.clamp(min=EPSILON)) / softness.gamma).clamp(min=math.log(EPSILON))


def contributing(fragments: Touching, softness: Softness, pixels: int) -> tuple[Tensor, Tensor]:
    """Which fragments matter: positions for colour [M], and a mask [P] of pixels whose alpha is not simply 1.

    A fragment is left out of the colour if its weight is below `NEGLIGIBLE` of its pixel's largest.
    """
    logits = color_logits(fragments, softness, nearest_depth(fragments, pixels))
    largest = logits.new_full((pixels,), -math.inf).scatter_reduce(0, fragments.pixel, logits, "amax")
    matters = logits > largest.index_select(0, fragments.pixel) + math.log(NEGLIGIBLE)
    return matters.nonzero()[:, 0], transmittance(fragments, softness.sigma, pixels) > OPAQUE


def blend(
    fragments: Fragments, colors: Tensor, softness: Softness, alpha: Tensor, background: Tensor, mode: Background
) -> tuple[Tensor, Tensor]:
    """Pixels' colours [P, 3] and depths [P] from shaded fragments.

    colors: [N, 3]; alpha: [P]; background: [P, 3].
    ``softmax`` is the paper's formula, in which the background takes part in the softmax: with a small γ the colour
    of a face fills its whole reach, and the picture has no gradient at silhouettes.
    ``composite`` takes the softmax over faces alone and lays it over the background by alpha.
    """
    pixels = alpha.shape[0]
    nearest = nearest_depth(fragments, pixels)
    logits = color_logits(fragments, softness, nearest)
    highest = logits.detach().new_full((pixels,), -math.inf)
    highest = highest.scatter_reduce(0, fragments.pixel, logits.detach(), "amax")
    if mode == "softmax":
        behind = background_logits(softness, nearest.clamp(max=softness.far))
        highest = torch.maximum(highest, behind)
    highest = torch.where(highest.isfinite(), highest, torch.zeros_like(highest))
    weights = (logits - highest.index_select(0, fragments.pixel)).exp()
    total = weights.new_zeros(pixels).index_add(0, fragments.pixel, weights)
    rgb = colors.new_zeros(pixels, 3).index_add(0, fragments.pixel, weights[:, None] * colors)
    depth = weights.new_zeros(pixels).index_add(0, fragments.pixel, weights * fragments.depth)
    covered = torch.where(total > 0, total, torch.ones_like(total))
    depth = depth / covered
    if mode == "softmax":
        share = (behind - highest).exp()
        return (rgb + share[:, None] * background) / (total + share)[:, None], depth
    return alpha[:, None] * (rgb / covered[:, None]) + (1 - alpha)[:, None] * background, depth
