"""SoftRas's formulas, pixel by pixel and face by face: the slow twin of the embedded renderer.

Written from the paper and without a line of the package's renderer: barycentrics come from the ray through the pixel,
not from the screen, and nothing is sorted, pruned or rescaled. Light is ambient and full, colour is the vertices'.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from invrender.scene import Camera

EPSILON = 1e-10


def edge_distance(point: Tensor, start: Tensor, end: Tensor) -> Tensor:
    along = end - start
    share = torch.dot(point - start, along) / torch.dot(along, along)
    gap = point - start - share.clamp(0, 1) * along
    return torch.dot(gap, gap)


def picture(
    camera: Camera,
    corners: Tensor,
    colors: Tensor,
    background: Tensor,
    sigma: float,
    gamma: float,
    reach: float,
    mode: Literal["composite", "softmax"],
) -> Tensor:
    """[H, W, 5] of colour, alpha and depth. corners: [F, 3, 3], world frame, in front; colors: [F, 3, 3] at them."""
    unit = 2 / min(camera.width, camera.height)
    farthest = sigma * math.log(1 / reach - 1)
    in_camera = corners @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    homogeneous = in_camera @ camera.intrinsics.T
    if camera.projection == "orthographic":
        plane = torch.cat([in_camera[..., :2], torch.ones_like(in_camera[..., :1])], dim=-1)
        homogeneous = plane @ camera.intrinsics.T
    on_screen = homogeneous[..., :2] / homogeneous[..., 2:]
    pixels = []
    for row in range(camera.height):
        for column in range(camera.width):
            point = on_screen.new_tensor([column + 0.5, row + 0.5])
            weights, shades, depths, clear = [], [], [], torch.ones_like(on_screen[0, 0, 0])
            for face in range(len(corners)):
                # The corners' shares in the ray through the pixel; their sum is negative where it leaves the plane.
                ray = torch.cat([point, point.new_ones(1)])
                shares = torch.linalg.solve(homogeneous[face].T, ray)
                within = bool((shares > 0).all())
                distance = torch.stack(
                    [edge_distance(point, on_screen[face, k], on_screen[face, (k + 1) % 3]) for k in range(3)]
                ).min()
                distance = distance * unit**2
                if not within and float(distance.detach()) >= farthest:
                    continue
                coverage = torch.sigmoid((distance if within else -distance) / sigma)
                clear = clear * (1 - coverage)
                shares = shares.clamp(min=0)
                shares = shares / shares.sum()
                depth = torch.dot(shares, in_camera[face, :, 2])
                inverse = (camera.far - depth) / (camera.far - camera.near)
                weights.append(coverage * torch.exp(inverse / gamma))
                shades.append(shares @ colors[face])
                depths.append(depth)
            share = math.exp(EPSILON / gamma)
            color, depth = background, clear.new_zeros(())
            if weights:
                total = torch.stack(weights).sum()
                depth = torch.dot(torch.stack(weights), torch.stack(depths)) / total
                seen = torch.stack(weights) @ torch.stack(shades)
                if mode == "softmax":
                    color = (seen + share * background) / (total + share)
                else:
                    color = (1 - clear) * seen / total + clear * background
            pixels.append(torch.cat([color, (1 - clear)[None], depth[None]]))
    return torch.stack(pixels).reshape(camera.height, camera.width, 5)
