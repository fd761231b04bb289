"""Microfacets: GGX's distribution and Smith's masking (Walter et al., 2007), Schlick's Fresnel factor (1994).

Points are columns here, [C, N]: PyTorch is several times faster along a long dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

SMOOTHEST = 1e-3
"""The least width of a highlight, that of roughness 0.03: a mirror would show a point light at no pixel."""
DIELECTRIC = 0.04
"""What a surface of refractive index 1.5 reflects at normal incidence."""


@dataclass(frozen=True)
class Looks:
    """What N points of surfaces reflect, each a column.

    diffuse: [3, N], the albedo of what is no metal. straight: [3, N], what is reflected at normal incidence.
    roughness: [1, N].
    """

    diffuse: Tensor
    straight: Tensor
    roughness: Tensor

    @classmethod
    def of(cls, albedo: Tensor, roughness: Tensor, metallic: Tensor) -> Looks:
        """The looks of a material: albedo [3, N], roughness and metallic [1, N]."""
        straight = torch.lerp(torch.full_like(albedo, DIELECTRIC), albedo, metallic.expand_as(albedo))
        return cls(albedo * (1 - metallic), straight, roughness)


def reflect(looks: Looks, normals: Tensor, lights: Tensor, eyes: Tensor) -> Tensor:
    """π × the reflectance × the cosine [3, N] for unit vectors [3, N] to the lights and the eyes."""
    alpha = width(looks.roughness)
    halves = unit(lights + eyes)
    cosine = dot(normals, lights).clamp(min=0)
    between = dot(eyes, halves)
    below = 1 - fresnel(torch.full_like(between, DIELECTRIC), between)
    lobe = distribution(normals, halves, alpha) * masking(cosine, dot(normals, eyes).abs(), alpha)
    return cosine * (below * looks.diffuse + math.pi * fresnel(looks.straight, between) * lobe)


def width(roughness: Tensor) -> Tensor:
    """GGX's α: the square of the roughness, at least `SMOOTHEST`."""
    return (roughness * roughness).clamp(min=SMOOTHEST)


def distribution(normals: Tensor, halves: Tensor, alpha: Tensor) -> Tensor:
    """GGX's density D [1, N] of facets whose unit normals are ``halves`` [3, N], about unit normals [3, N].

    1 − (n·h)² is found as |n × h|², which does not cancel where the highlight is.
    """
    cosine, across = dot(normals, halves), cross(normals, halves)
    sine = dot(across, across)
    squared = alpha * alpha
    spread = sine + squared * cosine * cosine
    return torch.where(cosine > 0, squared / (math.pi * spread * spread), torch.zeros_like(spread))


def masking(light: Tensor, eye: Tensor, alpha: Tensor) -> Tensor:
    """Smith's G / (4 (n·l) (n·v)) for the cosines n·l and n·v, both 0 or more, of light and eye apart."""
    return masked(light, alpha) * masked(eye, alpha)


def masked(cosine: Tensor, alpha: Tensor) -> Tensor:
    """Smith's G₁ / (2 cosine)."""
    squared = alpha * alpha
    return 1 / (cosine + torch.sqrt(squared + (1 - squared) * cosine * cosine))


def fresnel(straight: Tensor, cosine: Tensor) -> Tensor:
    """Schlick's factor [C, N] from that at normal incidence [C, N] and the cosine [1, N] between eye and facet."""
    missing = (1 - cosine).clamp(min=0)
    squared = missing * missing
    return straight + (1 - straight) * (squared * squared * missing)


def dot(first: Tensor, second: Tensor) -> Tensor:
    """Products [1, N] of the columns of [3, N]."""
    x, y, z = (first * second).unbind(0)
    return (x + y + z)[None]


def cross(first: Tensor, second: Tensor) -> Tensor:
    """Vector products of the columns of [3, N]."""
    (x, y, z), (u, v, w) = first.unbind(0), second.unbind(0)
    return torch.stack([y * w - z * v, z * u - x * w, x * v - y * u])


def unit(vectors: Tensor) -> Tensor:
    """Columns of [3, N] of length 1; shorter ones than a millionth stay short."""
    return vectors / dot(vectors, vectors).clamp(min=1e-12).sqrt()
