"""Microfacets: GGX's distribution and Smith's masking (Walter et al., 2007), Schlick's Fresnel factor (1994)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invrender.render.shading.phong import dot

SMOOTHEST = 1e-3
"""The least width of a highlight, that of roughness 0.03: a mirror would show a point light at no pixel."""
DIELECTRIC = 0.04
"""What a surface of refractive index 1.5 reflects at normal incidence."""


def width(roughness: Tensor) -> Tensor:
    """GGX's α: the square of the roughness, at least `SMOOTHEST`."""
    return (roughness * roughness).clamp(min=SMOOTHEST)


def distribution(normals: Tensor, halves: Tensor, alpha: Tensor) -> Tensor:
    """GGX's density D [N, 1] of facets whose unit normals are ``halves`` [N, 3], about unit normals [N, 3].

    1 − (n·h)² is found as |n × h|², which does not cancel where the highlight is.
    """
    cosine, across = dot(normals, halves), torch.linalg.cross(normals, halves)
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
    """Schlick's factor [N, C] from that at normal incidence [N, C] and the cosine [N, 1] between eye and facet."""
    return straight + (1 - straight) * (1 - cosine).clamp(min=0) ** 5
