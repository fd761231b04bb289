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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.geometry import harmonics
from invrender.render.raster.fragments import Fragments
from invrender.render.shading import phong
from invrender.render.shading.microfacets import DIELECTRIC, distribution, dot, fresnel, masking, unit, width
from invrender.render.shading.phong import incoming, interpolate, texel_areas, view_directions
from invrender.render.shading.split_sum import directional_albedo
from invrender.render.shading.surfaces import LAYERS, Surfaces
from invrender.render.shading.tangents import bump
from invrender.render.shading.textures import sample_pyramids


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


def shade(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Linear RGB [N, 3] of fragments of principled surfaces, a fragment seen from behind is lit from its outside."""
    weights = fragments.barycentric
    points = interpolate(surfaces.vertices, surfaces.faces, fragments.face, weights)
    found = properties(surfaces, fragments)
    normals = columns(shading_normals(surfaces, fragments, found))
    eyes = columns(view_directions(surfaces, fragments.picture, points))
    materials = surfaces.materials.index_select(0, surfaces.object.index_select(0, fragments.face))
    albedo = phong.albedo(surfaces, fragments, materials)
    looks = Looks.of(*(columns(each) for each in (albedo, found["roughness"], found["metallic"])))
    color = columns(found["emission"]) + everywhere(surfaces, fragments, looks, normals, eyes)
    lights = surfaces.lights.index_select(0, fragments.picture)
    for number, kind in enumerate(surfaces.kinds.tolist()):
        irradiance, towards_light = (columns(each) for each in incoming(lights[:, number], kind, points))
        color = color + irradiance * reflect(looks, normals, towards_light, eyes)
    return color.T


def columns(rows: Tensor) -> Tensor:
    """Rows [N, C] as columns [C, N]."""
    return rows.T.contiguous()


def shading_normals(surfaces: Surfaces, fragments: Fragments, found: Mapping[str, Tensor] | None = None) -> Tensor:
    """Unit normals [N, 3], world frame, after a map of normals where there is one. found: `properties`, if known."""
    normals = phong.unit(interpolate(surfaces.normals, surfaces.normal_faces, fragments.face, fragments.barycentric))
    if "normal" not in surfaces.layers:
        return normals
    found = properties(surfaces, fragments, ("normal",)) if found is None else found
    return bump(surfaces, fragments, normals, found["normal"])


def properties(surfaces: Surfaces, fragments: Fragments, names: Sequence[str] = tuple(LAYERS)) -> dict[str, Tensor]:
    """Properties [N, C] of fragments by name: factor × values of vertices × texture."""
    objects = surfaces.object.index_select(0, fragments.face)
    found = {}
    for name, layer in surfaces.layers.items():
        if name in names:
            found[name] = layer.factors.index_select(0, objects)
            if layer.vertex is not None:
                own = interpolate(layer.vertex, surfaces.faces, fragments.face, fragments.barycentric)
                found[name] = found[name] * own
    for maps in surfaces.maps:
        if found.keys() & set(maps.names):
            uv = interpolate(surfaces.uv, surfaces.uv_faces, fragments.face, fragments.barycentric)
            minification = fragments.footprint * texel_areas(surfaces, fragments.face, maps.textures)
            texels = sample_pyramids(maps.texels, maps.textures, objects, uv, minification)
            parts = torch.split(texels, [len(LAYERS[name]) for name in maps.names], dim=1)
            found |= {name: found[name] * part for name, part in zip(maps.names, parts, strict=True) if name in found}
    return found


def reflect(looks: Looks, normals: Tensor, lights: Tensor, eyes: Tensor) -> Tensor:
    """π × the reflectance × the cosine [3, N] for unit vectors [3, N] to the lights and the eyes."""
    alpha = width(looks.roughness)
    halves = unit(lights + eyes)
    cosine = dot(normals, lights).clamp(min=0)
    between = dot(eyes, halves)
    below = 1 - fresnel(torch.full_like(between, DIELECTRIC), between)
    lobe = distribution(normals, halves, alpha) * masking(cosine, dot(normals, eyes).abs(), alpha)
    return cosine * (below * looks.diffuse + math.pi * fresnel(looks.straight, between) * lobe)


def everywhere(surfaces: Surfaces, fragments: Fragments, looks: Looks, normals: Tensor, eyes: Tensor) -> Tensor:
    """What is reflected [3, N] of ambient light and of spherical harmonics."""
    diffuse = highlight = columns(surfaces.ambient.index_select(0, fragments.picture))
    cosine = dot(normals, eyes)
    if surfaces.harmonics is not None:
        coefficients = surfaces.harmonics.index_select(0, fragments.picture)
        mirrored = 2 * cosine * normals - eyes
        diffuse = diffuse + harmonics.irradiance(coefficients, normals.T).T
        highlight = highlight + harmonics.reflected(coefficients, mirrored.T, width(looks.roughness).T).T
    shares: Tensor = directional_albedo(cosine.abs().clamp(max=1)[0], looks.roughness[0]).T
    bright, grazing = shares[:1], shares[1:]
    below = 1 - DIELECTRIC * bright - grazing
    return below * looks.diffuse * diffuse + (looks.straight * bright + grazing) * highlight
