"""Surface colour: Lambert's diffuse reflection and Phong's highlight at every fragment."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.geometry.harmonics import irradiance as irradiance_at
from invrender.render.raster.fragments import Fragments
from invrender.render.shading.interpolation import select_rows
from invrender.render.shading.lighting import light_at
from invrender.render.shading.surfaces import Surfaces
from invrender.render.shading.vectors import dot, unit


def shade(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Linear RGB [N, 3] of every fragment.

    albedo × Σ lights (ambient + diffuse) + specular × Σ lights highlight, as PyTorch3D's Phong shading; the normal is
    interpolated and not turned towards the camera, so a face seen from behind is lit from its outside.
    """
    interpolate, weights = surfaces.operations.interpolate, fragments.barycentric
    points = interpolate(surfaces.vertices, surfaces.faces, fragments.face, weights)
    normals = interpolate(surfaces.normals, surfaces.normal_faces, fragments.face, weights)
    return light_up(surfaces, fragments, points, unit(normals))


def light_up(surfaces: Surfaces, fragments: Fragments, points: Tensor, normals: Tensor) -> Tensor:
    """Linear RGB [N, 3] of fragments whose light is that of ``points`` [N, 3] with unit ``normals`` [N, 3]."""
    towards_camera = view_directions(surfaces, fragments.picture, points)
    materials = select_rows(surfaces.materials, surfaces.object.index_select(0, fragments.face))
    color = albedo(surfaces, fragments)

    diffuse = select_rows(surfaces.ambient, fragments.picture)
    if surfaces.harmonics is not None:
        diffuse = diffuse + irradiance_at(select_rows(surfaces.harmonics, fragments.picture), normals)
    highlight = torch.zeros_like(color)
    for number, kind in enumerate(surfaces.kinds.tolist()):
        irradiance, towards_light = light_at(surfaces, fragments, number, kind, points)
        cosine = dot(normals, towards_light)
        diffuse = diffuse + irradiance * cosine.clamp(min=0)
        if surfaces.shiny:
            mirrored = 2 * cosine * normals - towards_light
            alignment = dot(mirrored, towards_camera).clamp(min=0)
            lobe = alignment ** materials[:, 6:]
            highlight = highlight + irradiance * torch.where(cosine > 0, lobe, torch.zeros_like(lobe))
    return color * diffuse + materials[:, 3:6] * highlight


def view_directions(surfaces: Surfaces, picture: Tensor, points: Tensor) -> Tensor:
    """Unit vectors [N, 3] from points [N, 3] towards the camera of their ``picture`` [N]."""
    eyes = select_rows(surfaces.eyes, picture)
    return eyes if surfaces.parallel else unit(eyes - points)


def albedo(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """The diffuse colour [N, 3] of fragments: albedo × texture × vertex colours."""
    objects, work = surfaces.object.index_select(0, fragments.face), surfaces.operations
    color = select_rows(surfaces.materials[:, :3], objects)
    if surfaces.texels.shape[0]:
        uv = work.interpolate(surfaces.uv, surfaces.uv_faces, fragments.face, fragments.barycentric)
        minification = fragments.footprint * texel_areas(surfaces, fragments.face, surfaces.textures)
        color = color * work.sample_pyramids(surfaces.texels, surfaces.textures, objects, uv, minification)
    if surfaces.colors is not None:
        color = color * work.interpolate(surfaces.colors, surfaces.faces, fragments.face, fragments.barycentric)
    return color


def texel_areas(surfaces: Surfaces, face: Tensor, textures: Tensor) -> Tensor:
    """Twice the area of faces [N] in texels of the finest level of their objects' textures [O, L, 3], [N]."""
    sizes = (textures[:, 0, 1] * textures[:, 0, 2]).index_select(0, surfaces.object)
    return (uv_areas(surfaces) * sizes).index_select(0, face)


def uv_areas(surfaces: Surfaces) -> Tensor:
    """Twice the area of all faces [F] in texture coordinates."""
    first, second, third = (surfaces.uv.index_select(0, surfaces.uv_faces[:, corner]) for corner in range(3))
    across, along = second - first, third - first
    return (across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]).abs()
