"""Faces on the screen: projected, culled, and clipped at the near plane."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.geometry.cameras import homogeneous_pixels
from invrender.render.assembly import Assembly
from invrender.scene import Camera


@dataclass(frozen=True)
class ScreenFaces:
    """The faces that can show, as the rasterizer needs them (G of the assembly's F faces).

    face: [G], the index in the assembly.
    homogeneous: [G, 3, 3], each corner's (x w, y w, w) in pixels.
    depth: [G, 3], each corner's depth, which may lie behind the camera.
    winding: [G], +1 for corners that run clockwise on the screen (y down), −1 for the others.
    outline: [G, K, 2], pixels: what is left of the face in front of the near plane, as a convex polygon of K = 3 or,
        where faces were clipped, 4 corners (the last repeated in those that need fewer).
    near: the depth of the near plane.
    """

    face: Tensor
    homogeneous: Tensor
    depth: Tensor
    winding: Tensor
    outline: Tensor
    near: float


def screen_faces(assembly: Assembly, camera: Camera, cull_backfaces: bool) -> ScreenFaces:
    """Project the faces, leave out those that can't show, clip the others."""
    homogeneous, depth = homogeneous_pixels(camera, assembly.vertices)
    corners = assembly.faces.reshape(-1)
    homogeneous = homogeneous.index_select(0, corners).reshape(-1, 3, 3)
    depth = depth.index_select(0, corners).reshape(-1, 3)
    in_front = depth.detach() > camera.near
    shows = in_front.any(dim=1)
    # A determinant tells the winding whatever lies behind the camera; seen from outside, faces run counter-clockwise.
    winding = torch.linalg.det(homogeneous.detach().double()).sign().to(depth.dtype)
    if cull_backfaces:
        shows = shows & (winding < 0)
    kept = shows.nonzero()[:, 0]
    homogeneous, depth, winding, in_front = (
        each.index_select(0, kept) for each in (homogeneous, depth, winding, in_front)
    )
    outline = homogeneous if bool(in_front.all()) else clipped(homogeneous, depth, in_front, camera.near)
    return ScreenFaces(kept, homogeneous, depth, winding, outline[..., :2] / outline[..., 2:], camera.near)


def clipped(homogeneous: Tensor, depth: Tensor, in_front: Tensor, near: float) -> Tensor:
    """Cut faces [G, 3, 3] at depth ``near`` (Sutherland and Hodgman, 1974): homogeneous corners [G, 4, 3].

    in_front: [G, 3]; at least one corner of each face is. Homogeneous pixels are linear in position, so the cut is
    the same linear interpolation as in space.
    """
    count = in_front.sum(dim=1)
    lonely = torch.where(count == 1, in_front.int().argmax(1), in_front.int().argmin(1))
    order = (lonely[:, None] + torch.arange(3, device=lonely.device)) % 3
    first, second, third = homogeneous.gather(1, order[..., None].expand(-1, -1, 3)).unbind(1)
    depths = depth.gather(1, order)

    def cut(start: Tensor, end: Tensor, start_depth: Tensor, end_depth: Tensor) -> Tensor:
        span = torch.where(count == 3, torch.ones_like(start_depth), end_depth - start_depth)
        return start + ((near - start_depth) / span)[:, None] * (end - start)

    towards_second = cut(first, second, depths[:, 0], depths[:, 1])
    towards_third = cut(first, third, depths[:, 0], depths[:, 2])
    whole = torch.stack([first, second, third, third], dim=1)
    corner = torch.stack([first, towards_second, towards_third, towards_third], dim=1)
    quad = torch.stack([towards_second, second, third, towards_third], dim=1)
    cases = count[:, None, None]
    return torch.where(cases == 3, whole, torch.where(cases == 1, corner, quad))
