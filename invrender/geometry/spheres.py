"""Spheres and ellipsoids, the starts of shapes; and where cameras look, to put them there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from invrender.geometry.cameras import rays
from invrender.scene import Camera, Mesh

# Of what a picture shows, how much a start takes up where no mask says it: a share of the shorter side.
FILLED = 0.5


def icosphere(subdivisions: int, low: Tensor, high: Tensor) -> Mesh:
    """The ellipsoid in the box between two corners [3]: an icosahedron whose 20 faces are cut in four so many times."""
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions)
    unit, faces = (torch.from_numpy(each.copy()) for each in (sphere.vertices, sphere.faces))
    vertices = (low + high) / 2 + (high - low) / 2 * unit.to(low)
    return Mesh(vertices, faces.long(), faces.long())


def find_region(cameras: Sequence[Camera], masks: Sequence[Tensor | None]) -> tuple[Tensor, float]:
    """The centre [3] and the radius of a sphere that fills what cameras look at together; float64.

    Its centre is the point nearest to the rays through the middles of the masks [H, W], or of the pictures where there
    are none. Seen from each camera it has the mask's area, or `FILLED` of the picture's side; the radius is the mean.
    """
    pairs = list(zip(cameras, masks, strict=True))
    lines = [axis(camera, middle(camera, mask)) for camera, mask in pairs]
    across = [torch.eye(3).double() - torch.outer(along, along) for _, along in lines]
    ahead = sum((p @ q for p, (q, _) in zip(across, lines, strict=True)), torch.zeros(3).double())
    # One axis, or parallel ones, meet nowhere: then it is the point on them that is nearest to where cameras look.
    towards = torch.stack([camera.look_at.double() for camera in cameras]).mean(dim=0)
    loose = 1e-6 * torch.eye(3).double()
    center = torch.linalg.solve(sum(across, loose), ahead + loose @ towards)
    found = [radius_at(camera, mask, center) for camera, mask in pairs]
    return center, sum(found) / len(found)


def middle(camera: Camera, mask: Tensor | None) -> Tensor:
    """The middle [2] of a mask [H, W] in the camera's pixels, or of its picture."""
    size = torch.tensor([camera.width, camera.height]).double()
    if mask is None or not bool((mask > 0).any()):
        return size / 2
    weights, (height, width) = mask.double(), mask.shape
    x = (weights.sum(dim=0) * (torch.arange(width) + 0.5)).sum() / weights.sum()
    y = (weights.sum(dim=1) * (torch.arange(height) + 0.5)).sum() / weights.sum()
    return torch.stack([x, y]) * size / torch.tensor([width, height])


def axis(camera: Camera, pixel: Tensor) -> tuple[Tensor, Tensor]:
    """A point [3] and the unit direction [3] of the line of sight through a pixel [2], in the world; float64."""
    turn, shift = camera.camera_from_world[:3, :3].double(), camera.camera_from_world[:3, 3].double()
    if camera.projection == "orthographic":
        place = torch.linalg.solve(camera.intrinsics.double(), torch.cat([pixel, pixel.new_ones(1)]))
        return turn.T @ (torch.cat([place[:2], place.new_zeros(1)]) - shift), turn[2]
    ray = rays(camera, pixel[None].to(camera.intrinsics))[0].double()
    return -turn.T @ shift, torch.nn.functional.normalize(turn.T @ ray, dim=0)


def radius_at(camera: Camera, mask: Tensor | None, center: Tensor) -> float:
    """The radius of a sphere about ``center`` [3] that is as large as a mask, or as `FILLED`, in a camera's picture."""
    if mask is None or not bool((mask > 0).any()):
        pixels = FILLED / 2 * min(camera.width, camera.height)
    else:
        share = float(mask.double().mean())
        pixels = math.sqrt(share * camera.width * camera.height / math.pi)
    focal = float(camera.intrinsics.diagonal()[:2].double().mean())
    if camera.projection == "orthographic":
        return pixels / focal
    depth = float((center - camera.position.double()).norm())
    return depth * math.sin(math.atan(pixels / focal))
