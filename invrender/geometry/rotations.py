"""Rotations and directions that cover all of them evenly, and those under which shapes look alike."""

from __future__ import annotations

import math

import roma
import torch
from torch import Tensor

GOLDEN = (1 + math.sqrt(5)) / 2
# The constants of super-Fibonacci spirals: √2, and the real root near 1.53 of ψ⁴ = ψ + 4.
TURNS = 24
PHI, PSI = math.sqrt(2.0), 1.533751168755204288118041
# Variances along two axes are alike where their ratio is above this.
ALIKE = 0.98
# Of the iteration that finds a cube's axes: cubic convergence needs fewer.
ROUNDS = 30


def sample_rotations(count: int) -> Tensor:
    """Rotation vectors [count, 3] spread evenly over all rotations, float64 (super-Fibonacci spirals: Alexa, 2022)."""
    index = torch.arange(count, dtype=torch.float64) + 0.5
    share = index / count
    first, second = 2 * math.pi * index / PHI, 2 * math.pi * index / PSI
    inner, outer = share.sqrt(), (1 - share).sqrt()
    quaternions = torch.stack(
        [inner * first.sin(), inner * first.cos(), outer * second.sin(), outer * second.cos()], dim=1
    )
    return torch.as_tensor(roma.unitquat_to_rotvec(quaternions))


def sample_directions(count: int) -> Tensor:
    """Unit vectors [count, 3] spread evenly over the sphere, float64 (Fibonacci's lattice)."""
    index = torch.arange(count, dtype=torch.float64)
    height = 1 - (2 * index + 1) / count
    angle = 2 * math.pi * index / GOLDEN
    radius = (1 - height**2).sqrt()
    return torch.stack([radius * angle.cos(), height, radius * angle.sin()], dim=1)


def symmetries(points: Tensor) -> Tensor:
    """Rotations, as vectors [N, 3], after which a shape may look as before; points [V, 3] in camera axes.

    The reversal of depths that a flat shape can't be told from where perspective is weak; and turns about the shape's
    principal axes, under which boxes, vases and wheels are symmetric, each also upside down.
    """
    points = points.double()
    axes = axes_of(points)
    normal = axes[:, 0]
    sight = torch.nn.functional.normalize(points.mean(dim=0), dim=0)
    # A plane whose depths are reversed has the normal n − 2 (n · v) v, up to its sign.
    reversed_normal = 2 * (normal @ sight) * sight - normal
    axis = torch.linalg.cross(normal, reversed_normal)
    angle = torch.atan2(axis.norm(), normal @ reversed_normal)
    reversal = torch.nn.functional.normalize(axis, dim=0) * angle
    steps = torch.arange(TURNS, dtype=torch.float64, device=points.device) * (2 * math.pi / TURNS)
    turns = roma.rotvec_to_rotmat((steps[:, None, None] * axes.T).reshape(-1, 3)).reshape(TURNS, 3, 3, 3)
    over = roma.rotvec_to_rotmat(math.pi * axes.T.roll(1, dims=0))
    both = torch.cat([turns[1:].reshape(-1, 3, 3), (turns @ over).reshape(-1, 3, 3)])
    return torch.cat([reversal[None], torch.as_tensor(roma.rotmat_to_rotvec(both))])


def axes_of(points: Tensor) -> Tensor:
    """The axes of a shape as columns [3, 3], the one of least extent first; points [V, 3].

    The principal axes; where all extents are alike, as a cube's are, the axes along which coordinates are the most
    independent of each other (FastICA: Hyvärinen, 1999).
    """
    extents, axes = torch.linalg.eigh(torch.cov(points.T, correction=0))
    if extents[0] < ALIKE * extents[2]:
        return torch.as_tensor(axes)
    whitened = (points - points.mean(dim=0)) / extents.mean().sqrt()
    # Not along the axes of anything that people model, where the iteration may rest on a saddle.
    axes = roma.rotvec_to_rotmat(points.new_tensor([0.3, 0.5, 0.7]))
    for _ in range(ROUNDS):
        left, _, right = torch.linalg.svd(whitened.T @ (whitened @ axes) ** 3 / len(points) - 3 * axes)
        axes = left @ right
    return torch.as_tensor(axes)
