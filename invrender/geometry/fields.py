"""Fields of lenses: how far from its axis a lens sees, and what may lie in a camera's picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from invrender.geometry.lenses import directions, film, in_order
from invrender.scene import Camera, Lens, LensModel

ANGLES = 2048
WIDEST = {"brown_conrady": math.atan(999), "division": math.atan(999)}  # radians; others see all around
ALL_AROUND = math.pi - 1e-4
MARGIN = 1.1  # of the picture's half diagonal: soft faces reach into the picture from outside


@dataclass(frozen=True)
class Field:
    """How far from its axis a lens sees, all float64 and constant.

    angles: [M], radians from the axis, rising from 0 to the last at which the film's places still move outwards.
    radii: [M], how far from the film's centre these rays meet it. nearest: [M], the same on that side to which the
        lens is decentred least.
    """

    angles: Tensor
    radii: Tensor
    nearest: Tensor

    @property
    def limit(self) -> float:
        """The last angle, radians."""
        return float(self.angles[-1])

    def angle(self, radii: Tensor) -> Tensor:
        """The angles [N] of rays that meet the film about ``radii`` [N] from its centre, at most the last."""
        above = torch.searchsorted(self.radii, radii.contiguous()).clamp(min=1, max=len(self.radii) - 1)
        low, high = self.radii[above - 1], self.radii[above]
        share = ((radii - low) / (high - low)).clamp(0, 1)
        return self.angles[above - 1] + share * (self.angles[above] - self.angles[above - 1])


def find_field(lens: Lens) -> Field:
    """The field of a lens: up to where the image would fold over.

    That is where the film's places no longer move outwards with the ray or, for a decentred lens, where the least
    determinant of their derivatives falls to 0.
    """
    return known_field(lens.model, tuple(lens.coefficients.detach().tolist()))


@lru_cache(maxsize=64)
def known_field(model: LensModel, coefficients: tuple[float, ...]) -> Field:
    """`find_field` by numbers."""
    lens = Lens(torch.tensor(coefficients, dtype=torch.float64), model)
    angles = torch.linspace(0, WIDEST.get(lens.model, ALL_AROUND), ANGLES, dtype=torch.float64)
    if lens.model == "equirectangular":
        return Field(angles, angles, angles)
    bent, decentring = centred(lens)
    radii = film(bent, directions(torch.stack([angles, torch.zeros_like(angles)], dim=-1)))[0][:, 0].contiguous()
    nearest = radii - 3 * decentring * angles.tan() ** 2 if decentring else radii
    grows = torch.cat([radii.new_ones(1, dtype=torch.bool), radii.diff() > 0]) & radii.isfinite()
    if lens.model == "brown_conrady":
        grows &= least_determinant(lens, angles.tan()) > 0
    count = int(grows.to(torch.int64).cumprod(0).sum())
    return Field(angles[: max(count, 2)], radii[: max(count, 2)], nearest[: max(count, 2)])


def centred(lens: Lens) -> tuple[Lens, float]:
    """The lens without its decentring, and the length of (p1, p2)."""
    if lens.model != "brown_conrady":
        return lens, 0.0
    straight = lens.coefficients.clone()
    straight[2:4] = 0
    return Lens(straight, lens.model), float(lens.coefficients[2:4].norm())


def least_determinant(lens: Lens, radius: Tensor) -> Tensor:
    """The least determinant [M] around circles of tan θ = ``radius`` [M] of a Brown-Conrady lens's derivatives.

    At the angle ψ from the direction of the decentring, of length p, it is
    (f' + 6 r p cos ψ)(f / r + 2 r p cos ψ) − (2 r p sin ψ)², f the radial part: a parabola in cos ψ.
    """
    k1, k2, _, _, k3, k4, k5, k6 = in_order(lens.coefficients)
    t = radius * radius
    above, below = 1 + t * (k1 + t * (k2 + t * k3)), 1 + t * (k4 + t * (k5 + t * k6))
    by_t = (k1 + t * (2 * k2 + 3 * t * k3)) * below - above * (k4 + t * (2 * k5 + 3 * t * k6))
    factor, slope = above / below, above / below + 2 * t * by_t / below**2
    turn = radius * lens.coefficients[2:4].norm()
    linear, square = turn * (2 * slope + 6 * factor), 16 * turn * turn
    lowest = torch.where(square > 0, -linear / (2 * square), -1.0).clamp(min=-1, max=1)
    found = factor * slope - 4 * turn * turn + linear * lowest + square * lowest**2
    return torch.where((below > 0) & (factor > 0), found, -1.0)


def widest_angle(camera: Camera, field: Field) -> float:
    """The angle from the axis, radians, beyond which nothing comes into the picture."""
    assert camera.lens is not None
    matrix = camera.intrinsics.detach().double().cpu()
    width, height = camera.width, camera.height
    corners = matrix.new_tensor([[0, 0], [width, 0], [0, height], [width, height]]) - matrix[:2, 2]
    places = MARGIN * corners @ matrix[:2, :2].inverse().T
    if camera.lens.model == "equirectangular":
        across, down = places.abs().amax(dim=0).clamp(max=math.pi)
        return float((across.cos() * down.cos()).acos()) if bool(torch.maximum(across, down) < 1) else math.pi
    beyond = (field.nearest >= places.norm(dim=1).max()).nonzero()
    return float(field.angles[beyond[0, 0]]) if len(beyond) else field.limit


def may_be_seen(corners: Tensor, angle: float) -> Tensor:
    """Whether faces [F] with corners [F, 3, 3] in the camera's frame may show within an angle of its axis.

    None that shows is missed.
    """
    middle, spread = cones(corners)
    return (spread >= math.pi / 2) | (middle - spread <= angle)


def cones(corners: Tensor) -> tuple[Tensor, Tensor]:
    """The angles of the middles of faces [F, 3, 3] from the axis, and half angles of cones that hold them, [F] both."""
    middle = torch.nn.functional.normalize(corners.mean(dim=1), dim=1)
    cosine = (torch.nn.functional.normalize(corners, dim=2) * middle[:, None]).sum(dim=2).amin(dim=1)
    return middle[:, 2].clamp(-1, 1).acos(), cosine.clamp(-1, 1).acos()
