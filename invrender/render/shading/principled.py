"""Principled surfaces: glTF's metallic-roughness at every fragment (glTF 2.0, appendix B.2 and B.3).

With the albedo a, metallic m and the half vector h, a light of irradiance E (in units of π) from the unit direction l
gives

    E (n·l) [(1 − m) (1 − F(0.04)) a + π F(0.04 (1 − m) + a m) D G / (4 (n·l) (n·v))],   F(f) = f + (1 − f) (1 − v·h)⁵,

D being GGX's distribution of width α = roughness² and G Smith's masking of light and eye apart. So pictures are linear
in albedo, in metallic, and in light. Of light from everywhere facets reflect what they do by this formula in all
(`split_sum`), and what is below them gets the rest, so that no more leaves than arrives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.geometry import harmonics
from invrender.render.raster.fragments import Fragments
from invrender.render.shading import phong
from invrender.render.shading.microfacets import DIELECTRIC, distribution, fresnel, masking, width
from invrender.render.shading.phong import incoming, interpolate, texel_areas, view_directions
from invrender.render.shading.split_sum import directional_albedo
from invrender.render.shading.surfaces import Surfaces
from invrender.render.shading.tangents import bump
from invrender.render.shading.textures import sample_pyramids


@dataclass(frozen=True)
class Looks:
    """What N points of surfaces reflect.

    diffuse: [N, 3], the albedo of what is no metal. straight: [N, 3], what is reflected at normal incidence.
    roughness: [N, 1].
    """

    diffuse: Tensor
    straight: Tensor
    roughness: Tensor

    @classmethod
    def of(cls, albedo: Tensor, roughness: Tensor, metallic: Tensor) -> Looks:
        """The looks of a material: albedo [N, 3], roughness and metallic [N, 1]."""
        straight = torch.lerp(torch.full_like(albedo, DIELECTRIC), albedo, metallic.expand_as(albedo))
        return cls(albedo * (1 - metallic), straight, roughness)


def shade(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Linear RGB [N, 3] of fragments of principled surfaces, a fragment seen from behind is lit from its outside."""
    weights = fragments.barycentric
    points = interpolate(surfaces.vertices, surfaces.faces, fragments.face, weights)
    normals = shading_normals(surfaces, fragments)
    eyes = view_directions(surfaces, fragments.picture, points)
    materials = surfaces.materials.index_select(0, surfaces.object.index_select(0, fragments.face))
    albedo = phong.albedo(surfaces, fragments, materials)
    roughness, metallic = (sample(surfaces, fragments, name) for name in ("roughness", "metallic"))
    looks = Looks.of(albedo, roughness, metallic)
    color = sample(surfaces, fragments, "emission") + everywhere(surfaces, fragments, looks, normals, eyes)
    lights = surfaces.lights.index_select(0, fragments.picture)
    for number, kind in enumerate(surfaces.kinds.tolist()):
        irradiance, towards_light = incoming(lights[:, number], kind, points)
        color = color + irradiance * reflect(looks, normals, towards_light, eyes)
    return color


def shading_normals(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Unit normals [N, 3], world frame, after a map of normals where there is one."""
    normals = interpolate(surfaces.normals, surfaces.normal_faces, fragments.face, fragments.barycentric)
    normals = torch.nn.functional.normalize(normals, dim=1, eps=1e-6)
    if "normal" not in surfaces.layers:
        return normals
    return bump(surfaces, fragments, normals, sample(surfaces, fragments, "normal"))


def sample(surfaces: Surfaces, fragments: Fragments, name: str) -> Tensor:
    """One property [N, C] of fragments: factor × texture × values of vertices."""
    layer = surfaces.layers[name]
    objects = surfaces.object.index_select(0, fragments.face)
    found = layer.factors.index_select(0, objects)
    if len(layer.texels):
        uv = interpolate(surfaces.uv, surfaces.uv_faces, fragments.face, fragments.barycentric)
        textures = layer.textures.index_select(0, objects)
        minification = fragments.footprint * texel_areas(surfaces, fragments.face, textures)
        found = found * sample_pyramids(layer.texels, textures, uv, minification)
    if layer.vertex is not None:
        found = found * interpolate(layer.vertex, surfaces.faces, fragments.face, fragments.barycentric)
    return found


def reflect(looks: Looks, normals: Tensor, lights: Tensor, eyes: Tensor) -> Tensor:
    """π × the reflectance × the cosine [N, 3] for unit vectors [N, 3] to the lights and the eyes."""
    alpha = width(looks.roughness)
    halves = torch.nn.functional.normalize(lights + eyes, dim=1, eps=1e-6)
    cosine = dot(normals, lights).clamp(min=0)
    between = dot(eyes, halves)
    below = 1 - fresnel(torch.full_like(between, DIELECTRIC), between)
    lobe = distribution(normals, halves, alpha) * masking(cosine, dot(normals, eyes).abs(), alpha)
    return cosine * (below * looks.diffuse + math.pi * fresnel(looks.straight, between) * lobe)


def everywhere(surfaces: Surfaces, fragments: Fragments, looks: Looks, normals: Tensor, eyes: Tensor) -> Tensor:
    """What is reflected [N, 3] of ambient light and of spherical harmonics."""
    diffuse = highlight = surfaces.ambient.index_select(0, fragments.picture)
    cosine = dot(normals, eyes)
    if surfaces.harmonics is not None:
        coefficients = surfaces.harmonics.index_select(0, fragments.picture)
        mirrored = 2 * cosine * normals - eyes
        diffuse = diffuse + harmonics.irradiance(coefficients, normals)
        highlight = highlight + harmonics.reflected(coefficients, mirrored, width(looks.roughness))
    shares = directional_albedo(cosine.abs().clamp(max=1)[:, 0], looks.roughness[:, 0])
    bright, grazing = shares[:, :1], shares[:, 1:]
    below = 1 - DIELECTRIC * bright - grazing
    return below * looks.diffuse * diffuse + (looks.straight * bright + grazing) * highlight


def dot(first: Tensor, second: Tensor) -> Tensor:
    """Row-wise products [N, 1] of [N, 3]."""
    return (first * second).sum(dim=1, keepdim=True)
