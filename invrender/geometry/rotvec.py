"""Rotation vectors, the axis of a rotation times its angle in radians, and what they stand for.

Values and derivatives of either mode are those of the library RoMa, to the bit; its import takes as long as PyTorch's.
Quaternions are (x, y, z, w), of length 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SMALLEST = 1e-6  # radians, below which the matrix is that of first order


def rotvec_to_rotmat(rotvec: Tensor) -> Tensor:
    """The matrices [..., 3, 3] of rotation vectors [..., 3] (Rodrigues' formula)."""
    flat = rotvec.reshape(-1, 3)
    angle = flat.norm(dim=-1)
    # The length is kept from 0: `where` alone would leave derivatives that are not numbers.
    x, y, z = (flat / angle[:, None].clamp(min=SMALLEST)).unbind(-1)
    sin, versine = angle.sin(), 1 - angle.cos()
    xs, ys, zs = x * sin, y * sin, z * sin
    xy, xz, yz = x * y * versine, x * z * versine, y * z * versine
    xx, yy, zz = x**2 * versine, y**2 * versine, z**2 * versine
    turned = [1 - yy - zz, xy - zs, xz + ys, xy + zs, 1 - xx - zz, -xs + yz, xz - ys, xs + yz, 1 - xx - yy]
    x, y, z = flat.unbind(-1)
    one = torch.ones_like(x)
    nearly = torch.stack([one, -z, y, z, one, -x, -y, x, one], dim=-1)
    found = torch.where((angle < SMALLEST)[:, None], nearly, torch.stack(turned, dim=-1))
    return found.reshape(*rotvec.shape[:-1], 3, 3)


def rotmat_to_rotvec(rotation: Tensor) -> Tensor:
    """The rotation vectors [..., 3], of at most π, of matrices [..., 3, 3]."""
    return quaternion_to_rotvec(rotmat_to_quaternion(rotation))


def compose_rotvecs(second: Tensor, first: Tensor) -> Tensor:
    """The rotation vectors [..., 3], of at most π, of rotations by ``first`` [..., 3] and then by ``second``."""
    p, q = rotvec_to_quaternion(second), rotvec_to_quaternion(first)
    vector = p[..., 3:] * q[..., :3] + q[..., 3:] * p[..., :3] + torch.linalg.cross(p[..., :3], q[..., :3])
    scalar = p[..., 3] * q[..., 3] - (p[..., :3] * q[..., :3]).sum(dim=-1)
    product = torch.cat([vector, scalar[..., None]], dim=-1)
    return quaternion_to_rotvec(product / torch.linalg.norm(product, dim=-1, keepdim=True))


def rotvec_to_quaternion(rotvec: Tensor) -> Tensor:
    """The quaternions [..., 4] of rotation vectors [..., 3]."""
    flat = rotvec.reshape(-1, 3)
    half = flat.norm(dim=-1) / 2
    scale = sinc(half) / 2
    return torch.cat([scale[:, None] * flat, half.cos()[:, None]], dim=-1).reshape(*rotvec.shape[:-1], 4)


def quaternion_to_rotvec(quaternion: Tensor) -> Tensor:
    """The rotation vectors [..., 3], of at most π, of quaternions [..., 4]."""
    flat = quaternion.reshape(-1, 4)
    sign = (flat[:, 3] > 0).to(flat) * 2 - 1
    flat = flat * sign[:, None]
    half = torch.atan2(flat[:, :3].norm(dim=1), flat[:, 3])
    return ((2 * inverse_sinc(half))[:, None] * flat[:, :3]).reshape(*quaternion.shape[:-1], 3)


def quaternion_to_rotmat(quaternion: Tensor) -> Tensor:
    """The matrices [..., 3, 3] of quaternions [..., 4]."""
    x, y, z, w = quaternion.unbind(-1)
    xx, yy, zz, ww = x * x, y * y, z * z, w * w
    xy, zw, xz, yw, yz, xw = x * y, z * w, x * z, y * w, y * z, x * w
    rows = [
        *(xx - yy - zz + ww, 2 * (xy - zw), 2 * (xz + yw)),
        *(2 * (xy + zw), -xx + yy - zz + ww, 2 * (yz - xw)),
        *(2 * (xz - yw), 2 * (yz + xw), -xx - yy + zz + ww),
    ]
    return torch.stack(rows, dim=-1).reshape(*quaternion.shape[:-1], 3, 3)


def rotmat_to_quaternion(rotation: Tensor) -> Tensor:
    """The quaternions [..., 4] of matrices [..., 3, 3] (Markley, 2008, doi:10.2514/1.31730).

    Four multiples of the quaternion follow from the matrix, one for each of its numbers; that of the largest is taken.
    """
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in rotation.transpose(-1, -2).unbind(-2))
    multiples = [
        *(1 + a - e - i, b + d, c + g, f - h),
        *(d + b, 1 + e - i - a, f + h, g - c),
        *(g + c, h + f, 1 + i - a - e, b - d),
        *(f - h, g - c, b - d, 1 + a + e + i),
    ]
    table = torch.stack(multiples, dim=-1).reshape(*rotation.shape[:-2], 4, 4)
    largest = table.diagonal(dim1=-2, dim2=-1).argmax(dim=-1)
    chosen = table.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4))[..., 0, :]
    found: Tensor = chosen / chosen.norm(dim=-1, keepdim=True)
    return found


def rotation_distance(first: Tensor, second: Tensor) -> Tensor:
    """The angles [...], in radians, between rotations [..., 3, 3]: |R − S| = 2 √2 sin(angle / 2)."""
    chord: Tensor = (second - first).norm(dim=[-1, -2]) * (1 / (2 * math.sqrt(2)))
    return 2 * chord.clamp(max=1).asin()


def random_rotation(random: torch.Generator) -> Tensor:
    """A rotation [3, 3] from all rotations alike, float64 (Shoemake, 1992)."""
    share, first, second = (torch.rand((), generator=random, dtype=torch.float64) for _ in range(3))
    first, second = 2 * math.pi * first, 2 * math.pi * second
    inner, outer = (1 - share).sqrt(), share.sqrt()
    return quaternion_to_rotmat(
        torch.stack([inner * first.sin(), inner * first.cos(), outer * second.sin(), outer * second.cos()])
    )


def smallest_angle(like: Tensor) -> float:
    """Below it the series of `sinc` is nearer to the truth than the formula, in its derivative as well."""
    return float(2 * torch.finfo(like.dtype).eps ** (1 / 6))


def sinc(x: Tensor) -> Tensor:
    """sin(x) / x."""
    small = x.abs() < smallest_angle(x)
    return torch.where(small, 1 - x**2 / 6 + x**4 / 120, x.sin() / torch.where(small, torch.ones_like(x), x))


def inverse_sinc(x: Tensor) -> Tensor:
    """x / sin(x)."""
    small = x.abs() < smallest_angle(x)
    return torch.where(small, 1 + x**2 / 6 + 7 * x**4 / 360, x / torch.where(small, torch.ones_like(x), x.sin()))
