"""Where PyTorch3D's gradients can't be trusted."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.geometry.cameras import transform
from invrender.scene import Camera

NEARLY = 1e-3  # a face's plane that is a thousand times further away than the face itself


def beyond_horizon(camera: Camera, corners: Tensor, face: Tensor) -> Tensor:
    """Whether a pixel looks beyond the horizon of the plane of each of its faces, or nearly so, [H, W, K] bool.

    corners: [F, 3, 3], world frame. face: [H, W, K] int64 into them, −1 for none.

    A pixel within reach of a face, but outside of it, may see no point of the face's plane. There PyTorch3D's
    perspective correction divides by a number that it has clamped to 1e-8, and its gradient explodes. An orthographic
    camera sees no horizon.
    """
    if camera.projection == "orthographic":
        return torch.zeros_like(face, dtype=torch.bool)
    first, second, third = transform(camera.camera_from_world, corners).unbind(1)
    normal = torch.linalg.cross(second - first, third - first)
    furthest = torch.stack([first, second, third])[..., 2].amax(dim=0)
    # The inverse depth of the plane along the ray r is (n · r) / (n · a).
    scaled = furthest[:, None] * normal / (normal * first).sum(dim=1, keepdim=True)
    rays = pixel_rays(camera)[:, :, None, :]
    inverse_depth = (scaled[face.clamp(min=0)] * rays).sum(dim=-1)
    beyond: Tensor = (inverse_depth < NEARLY) & (face >= 0)
    return beyond


def pixel_rays(camera: Camera) -> Tensor:
    """Where each pixel's centre looks, [H, W, 3] of depth 1, OpenCV axes."""
    like = camera.intrinsics
    rows = torch.arange(camera.height, device=like.device) + 0.5
    columns = torch.arange(camera.width, device=like.device) + 0.5
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1).to(like)
    directions: Tensor = pixels @ torch.linalg.inv(like).T
    return directions
