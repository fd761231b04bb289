"""Principled surfaces: glTF's metallic-roughness at every fragment (glTF 2.0, appendix B.2 and B.3).

With the albedo a, metallic m and the half vector h, a light of irradiance E (in units of π) from the unit direction l
gives

    E (n·l) [(1 − m) (1 − F(0.04)) a + π F(0.04 (1 − m) + a m) D G / (4 (n·l) (n·v))],   F(f) = f + (1 − f) (1 − v·h)⁵,

D being GGX's distribution of width α = roughness² and G Smith's masking of light and eye apart. So pictures are linear
in albedo, in metallic, and in light. Of light from everywhere facets reflect what they do by this formula in all
(`split_sum`), and what is below them gets the rest, so that no more leaves than arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from invrender.geometry import harmonics
from invrender.render.raster.fragments import Fragments
from invrender.render.shading import phong
from invrender.render.shading.interpolation import select_rows
from invrender.render.shading.lighting import light_at
from invrender.render.shading.microfacets import DIELECTRIC, Looks, dot, width
from invrender.render.shading.phong import texel_areas, view_directions
from invrender.render.shading.split_sum import directional_albedo
from invrender.render.shading.surfaces import LAYERS, Surfaces
from invrender.render.shading.tangents import bump
from invrender.render.shading.vectors import unit


def shade(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Linear RGB [N, 3] of fragments of principled surfaces, a fragment seen from behind is lit from its outside."""
    work = surfaces.operations
    points = work.interpolate(surfaces.vertices, surfaces.faces, fragments.face, fragments.barycentric)
    found = properties(surfaces, fragments)
    normals = columns(shading_normals(surfaces, fragments, found))
    eyes = columns(view_directions(surfaces, fragments.picture, points))
    albedo = phong.albedo(surfaces, fragments)
    looks = Looks.of(*(columns(each) for each in (albedo, found["roughness"], found["metallic"])))
    color = columns(found["emission"])
    if surfaces.surrounded:
        color = color + everywhere(surfaces, fragments, looks, normals, eyes)
    for number, kind in enumerate(surfaces.kinds.tolist()):
        irradiance, towards_light = (columns(each) for each in light_at(surfaces, fragments, number, kind, points))
        color = color + irradiance * work.reflect(looks, normals, towards_light, eyes)
    return color.T


def columns(rows: Tensor) -> Tensor:
    """Rows [N, C] as columns [C, N]."""
    return rows.T.contiguous()


def shading_normals(surfaces: Surfaces, fragments: Fragments, found: Mapping[str, Tensor] | None = None) -> Tensor:
    """Unit normals [N, 3], world frame, after a map of normals where there is one. found: `properties`, if known."""
    work, weights = surfaces.operations, fragments.barycentric
    normals = unit(work.interpolate(surfaces.normals, surfaces.normal_faces, fragments.face, weights))
    if "normal" not in surfaces.layers:
        return normals
    found = properties(surfaces, fragments, ("normal",)) if found is None else found
    return bump(surfaces, fragments, normals, found["normal"])


def properties(surfaces: Surfaces, fragments: Fragments, names: Sequence[str] = tuple(LAYERS)) -> dict[str, Tensor]:
    """Properties [N, C] of fragments by name: factor × values of vertices × texture."""
    objects = surfaces.object.index_select(0, fragments.face)
    work, found = surfaces.operations, {}
    for name, layer in surfaces.layers.items():
        if name in names:
            found[name] = select_rows(layer.factors, objects)
            if layer.vertex is not None:
                own = work.interpolate(layer.vertex, surfaces.faces, fragments.face, fragments.barycentric)
                found[name] = found[name] * own
    for maps in surfaces.maps:
        if found.keys() & set(maps.names):
            uv = work.interpolate(surfaces.uv, surfaces.uv_faces, fragments.face, fragments.barycentric)
            minification = fragments.footprint * texel_areas(surfaces, fragments.face, maps.textures)
            texels = work.sample_pyramids(maps.texels, maps.textures, objects, uv, minification)
            parts = torch.split(texels, [len(LAYERS[name]) for name in maps.names], dim=1)
            found |= {name: found[name] * part for name, part in zip(maps.names, parts, strict=True) if name in found}
    return found


def everywhere(surfaces: Surfaces, fragments: Fragments, looks: Looks, normals: Tensor, eyes: Tensor) -> Tensor:
    """What is reflected [3, N] of ambient light and of spherical harmonics."""
    diffuse = highlight = columns(select_rows(surfaces.ambient, fragments.picture))
    cosine = dot(normals, eyes)
    if surfaces.harmonics is not None:
        coefficients = select_rows(surfaces.harmonics, fragments.picture)
        mirrored = 2 * cosine * normals - eyes
        diffuse = diffuse + harmonics.irradiance(coefficients, normals.T).T
        highlight = highlight + harmonics.reflected(coefficients, mirrored.T, width(looks.roughness).T).T
    shares: Tensor = directional_albedo(cosine.abs().clamp(max=1)[0], looks.roughness[0]).T
    bright, grazing = shares[:1], shares[1:]
    below = 1 - DIELECTRIC * bright - grazing
    return below * looks.diffuse * diffuse + (looks.straight * bright + grazing) * highlight
