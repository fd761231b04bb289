"""What GGX reflects of light that is alike from everywhere, in a table.

After Karis, "Real Shading in Unreal Engine 4", 2013.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from invrender.render.shading.microfacets import masked, width
from invrender.render.shading.textures import sample_bilinear

COSINES, ROUGHNESSES = 48, 24
RINGS, SPOKES = 32, 32


def directional_albedo(cosine: Tensor, roughness: Tensor) -> Tensor:
    """[N, 2] for the cosine [N] between the normal and the eye and for roughness [N]; differentiable in both.

    The shares A and B: of light that is alike from everywhere, facets whose Fresnel factor is f at normal incidence
    reflect f A + B. Light that hits facets twice is lost, as in all models of single scattering.
    """
    known = table().to(cosine)
    u = (cosine * (COSINES - 1) + 0.5) / COSINES
    v = (roughness * (ROUGHNESSES - 1) + 0.5) / ROUGHNESSES
    return sample_bilinear(known, torch.stack([u, 1 - v], dim=1))


@cache
def table() -> Tensor:
    """[R, K, 2] float64: A and B by roughness and cosine, from 0 to 1 each."""
    with torch.no_grad(), torch.inference_mode(False):
        cosine = torch.linspace(0, 1, COSINES, dtype=torch.float64).clamp(min=1e-4)
        roughness = torch.linspace(0, 1, ROUGHNESSES, dtype=torch.float64)
        return torch.stack([integrate(cosine, each) for each in roughness])


def integrate(cosine: Tensor, roughness: Tensor) -> Tensor:
    """A and B [K, 2] at cosines [K], by facets drawn as the eye sees them (Heitz, JCGT 7(4), 2018).

    A facet that the eye sees counts by the share G₁ of the light that it mirrors and no other facet stops.
    """
    alpha = width(roughness)
    sine = torch.sqrt(1 - cosine**2)
    across, up = facets(sine[:, None], cosine[:, None], alpha)
    along = sine[:, None] * across + cosine[:, None] * up
    leaving = 2 * along * up - cosine[:, None]
    passing = torch.where(leaving > 0, 2 * leaving * masked(leaving.clamp(min=0), alpha), 0.0)
    fresnel = (1 - along.clamp(0, 1)) ** 5
    return torch.stack([(passing * (1 - fresnel)).mean(dim=1), (passing * fresnel).mean(dim=1)], dim=1)


def facets(sine: Tensor, cosine: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """The x and z [K, N] of unit normals of facets that an eye at (sine, 0, cosine), [K, 1] each, sees."""
    u, v = (each.reshape(-1) for each in torch.meshgrid(middles(RINGS), middles(SPOKES), indexing="ij"))
    length = torch.sqrt((alpha * sine) ** 2 + cosine**2)
    x, z = alpha * sine / length, cosine / length
    first, second = u.sqrt() * torch.cos(2 * math.pi * v), u.sqrt() * torch.sin(2 * math.pi * v)
    second = (1 - z) / 2 * torch.sqrt(1 - first**2) + (1 + z) / 2 * second
    third = torch.sqrt((1 - first**2 - second**2).clamp(min=0))
    across = alpha * (third * x - second * z)
    up = (second * x + third * z).clamp(min=0)
    size = torch.sqrt(across**2 + (alpha * first) ** 2 + up**2)
    return across / size, up / size


def middles(count: int) -> Tensor:
    """The middles of ``count`` parts of 0 to 1."""
    return (torch.arange(count).double() + 0.5) / count
