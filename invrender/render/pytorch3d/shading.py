"""Our lighting, evaluated where PyTorch3D's shaders evaluate theirs: at fragments, at vertices or once a face."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.render.assembly import Assembly
from invrender.render.shade import albedo, interpolate, light_surface, view_directions
from invrender.scene import Scene


def lit_by_fragment(scene: Scene, assembly: Assembly, face: Tensor, weights: Tensor) -> Tensor:
    """Phong: linear RGB [N, 3] of points at barycentrics [N, 3] of faces [N]; the normal is interpolated."""
    points = interpolate(assembly.corners.index_select(0, face), weights)
    normals = interpolate(assembly.normals.index_select(0, face), weights)
    return lit(scene, assembly, face, weights, points, torch.nn.functional.normalize(normals, dim=1, eps=1e-6))


def lit_by_vertex(scene: Scene, assembly: Assembly, face: Tensor, weights: Tensor) -> Tensor:
    """Gouraud: the colours at the corners are interpolated; a texture is looked up at the corners alone."""
    count = assembly.faces.shape[0]
    every = torch.arange(count, device=face.device).repeat_interleave(3)
    corner = torch.eye(3).to(weights).repeat(count, 1)
    colors = lit(scene, assembly, every, corner, assembly.corners.reshape(-1, 3), assembly.normals.reshape(-1, 3))
    return interpolate(colors.reshape(-1, 3, 3).index_select(0, face), weights)


def lit_by_face(scene: Scene, assembly: Assembly, face: Tensor, weights: Tensor) -> Tensor:
    """Flat: lit at the middle of the face, with the face's own normal; the albedo is the fragment's."""
    corners = assembly.corners
    across = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = torch.nn.functional.normalize(across, dim=1, eps=1e-12)
    points = corners.mean(dim=1)
    return lit(scene, assembly, face, weights, points.index_select(0, face), normals.index_select(0, face))


def lit(scene: Scene, assembly: Assembly, face: Tensor, weights: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """Linear RGB [N, 3] of points [N, 3] with normals [N, 3]; the albedo is looked up at ``weights`` in ``face``."""
    towards_camera = view_directions(scene, points)
    colors = torch.zeros_like(points)
    for thing, chosen, local in assembly.split(face):
        reflected = light_surface(
            scene,
            thing.material,
            points.index_select(0, chosen),
            normals.index_select(0, chosen),
            towards_camera.index_select(0, chosen),
            albedo(thing, local, weights.index_select(0, chosen)),
        )
        colors = colors.index_add(0, chosen, reflected)
    return colors
