"""Cameras: where they look, and where points land in their pictures."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invrender.constants import numbers
from invrender.geometry.fields import find_field
from invrender.geometry.lenses import film, solve_rays
from invrender.scene import Camera, Lens

LAST_ROW = (0.0, 0.0, 0.0, 1.0)  # of a rigid transform


def look_at(position: Tensor, target: Tensor, up: Tensor) -> Tensor:
    """camera_from_world [4, 4] of a camera at ``position`` [3] that sees ``target`` [3] in its centre.

    ``up`` [3] points to the top of the picture. Where the view is along ``up`` another axis takes its place, so the
    result is always a rigid transform; ``position`` and ``target`` must differ.
    """
    forward = scale_to_one(target - position)
    right = torch.linalg.cross(forward, up)
    if torch.linalg.vector_norm(right.detach()) < 1e-6 * torch.linalg.vector_norm(up.detach()):
        least = torch.zeros_like(up).index_fill(0, forward.detach().abs().argmin(), 1.0)
        right = torch.linalg.cross(forward, least)
    right = scale_to_one(right)
    rotation = torch.stack([right, torch.linalg.cross(forward, right), forward])
    return rigid(rotation, -rotation @ position)


def scale_to_one(vector: Tensor) -> Tensor:
    """A vector [3] other than zero at length one."""
    found: Tensor = vector / torch.linalg.vector_norm(vector)
    return found


def rigid(rotation: Tensor, translation: Tensor) -> Tensor:
    """[4, 4] from a rotation [3, 3] and a translation [3]."""
    top = torch.cat([rotation, translation[:, None]], dim=1)
    return torch.cat([top, numbers((LAST_ROW,), top)])


def transform(target_from_source: Tensor, points: Tensor) -> Tensor:
    """Points [..., 3] moved by a rigid or affine transform [4, 4]."""
    return points @ target_from_source[:3, :3].T + target_from_source[:3, 3]


def homogeneous_pixels(camera: Camera, points: Tensor) -> Tensor:
    """World points [N, 3] as homogeneous pixels and depths (x w, y w, w, depth), [N, 4].

    w is the depth of a perspective camera and 1 of an orthographic one, so points behind the camera keep a meaning.
    With a lens, w is the distance that `film` gives, which is the depth, too; points beyond the lens's field have no
    meaning.
    """
    if camera.lens is not None:
        return bent_pixels(camera, camera.lens, transform(camera.camera_from_world, points))
    camera_from_world = camera.camera_from_world[:3]
    rays = camera_from_world
    if camera.projection == "orthographic":
        rays = torch.cat([camera_from_world[:2], numbers((LAST_ROW,), camera_from_world)])
    projection = torch.cat([camera.intrinsics @ rays, camera_from_world[2:]])
    return torch.addmm(projection[:, 3], points, projection[:, :3].T)


def bent_pixels(camera: Camera, lens: Lens, points: Tensor) -> Tensor:
    """Points [..., 3] in the camera's frame as `homogeneous_pixels` through its lens, [..., 4]."""
    places, distance = film(lens, points)
    scaled = torch.cat([places * distance[..., None], distance[..., None]], dim=-1)
    return torch.cat([scaled @ camera.intrinsics.T, distance[..., None]], dim=-1)


def project(camera: Camera, points: Tensor) -> tuple[Tensor, Tensor]:
    """World points [N, 3] as pixels [N, 2] and depths [N]; meaningless for points behind a perspective camera."""
    homogeneous = homogeneous_pixels(camera, points)
    return homogeneous[:, :2] / homogeneous[:, 2:3], homogeneous[:, 3]


def unproject(camera: Camera, pixels: Tensor, depths: Tensor) -> Tensor:
    """The world points [N, 3] that are shown at pixels [N, 2] with depths [N]; `project` has them back."""
    if camera.projection == "orthographic":
        points = torch.cat([film_places(camera, pixels), depths[:, None]], dim=1)
    else:
        along = rays(camera, pixels)
        distances = along[:, 2] if camera.lens is None else film(camera.lens, along)[1]
        points = along * (depths / distances)[:, None]
    return transform(camera.camera_from_world.inverse(), points)


def film_places(camera: Camera, pixels: Tensor) -> Tensor:
    """Where pixels [N, 2] are on a film at distance 1, [N, 2]."""
    found: Tensor = (pixels - camera.intrinsics[:2, 2]) @ camera.intrinsics[:2, :2].inverse().T
    return found


def rays(camera: Camera, pixels: Tensor) -> Tensor:
    """The rays [N, 3] of pixels [N, 2] of a perspective camera, in its frame, of any length; differentiable.

    NaN where the field of its lens ends before them.
    """
    places = film_places(camera, pixels)
    if camera.lens is None:
        return torch.cat([places, torch.ones_like(places[:, :1])], dim=1)
    if camera.lens.model == "equirectangular":
        return sphere_rays(places)
    field, wanted = find_field(camera.lens), places.detach().double().cpu()
    radius = wanted.norm(dim=1)
    guess = wanted * (field.angle(radius) / radius.clamp(min=1e-12))[:, None]
    found = solve_rays(camera.lens, places, guess.to(places))
    angle = torch.atan2(found.detach()[:, :2].norm(dim=1), found.detach()[:, 2])
    return torch.where((angle <= field.limit)[:, None], found, torch.full_like(found, torch.nan))


def sphere_rays(places: Tensor) -> Tensor:
    """The rays [N, 3] of longitudes and latitudes [N, 2]; NaN beyond the sphere."""
    across, down = places.unbind(-1)
    found = torch.stack([across.sin() * down.cos(), down.sin(), across.cos() * down.cos()], dim=-1)
    within = (across.abs() <= math.pi) & (down.abs() <= math.pi / 2)
    return torch.where(within[:, None], found, torch.full_like(found, torch.nan))
