"""The Laplacian of a mesh, and the smoothing that it preconditions descent on vertices by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invrender.constants import Constants
from invrender.geometry.topology import sort_sides
from invrender.scene import Mesh

Solve = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Welded:
    """The vertices of a mesh that are at one place made one, such as those along seams of textures.

    place: [V] int64, the number of each vertex's place. count: of places, P. edges: [E, 2] int64, each pair of places
    that an edge joins once.
    """

    place: Tensor
    count: int
    edges: Tensor

    def gather(self, values: Tensor) -> Tensor:
        """Those of one vertex at each place: [P, C] of values [V, C]."""
        first = torch.full((self.count,), len(self.place), device=self.place.device)
        numbers = torch.arange(len(self.place), device=self.place.device)
        return values[first.scatter_reduce(0, self.place, numbers, "amin")]

    def differences(self, values: Tensor) -> Tensor:
        """L applied to values [P, C]: of each place the sum of its differences to those that edges join it with."""
        one, other = self.edges.unbind(1)
        along = values[one] - values[other]
        return torch.zeros_like(values).index_add(0, one, along).index_add(0, other, -along)

    @property
    def degrees(self) -> Tensor:
        """How many edges meet at each place, [P]."""
        return torch.bincount(self.edges.reshape(-1), minlength=self.count)


welds: Constants[Welded] = Constants()
factors: Constants[Solve] = Constants()


def weld(mesh: Mesh) -> Welded:
    """The welded vertices of a mesh; of one whose faces are the very same tensor they are found once.

    Vertices that move apart later stay one.
    """
    return welds.get(lambda: find_places(mesh.vertices.detach(), mesh.faces), mesh.faces, setting=len(mesh.vertices))


def find_places(vertices: Tensor, faces: Tensor) -> Welded:
    """The places of vertices [V, 3], and how faces [F, 3] join them."""
    unique, place = torch.unique(vertices, dim=0, return_inverse=True)
    sides = sort_sides(place[faces].cpu())
    edges = sides.ends(place[faces].cpu(), sides.side[sides.first]).to(faces.device)
    return Welded(place, len(unique), edges[edges[:, 0] != edges[:, 1]])


def smooth(mesh: Mesh, values: Tensor, length: float) -> Tensor:
    """(I + λ L)⁻¹ applied to values [P, C] of a mesh's welded vertices.

    L is the combinatorial Laplacian, and λ = length² P / √3 (Nicolet, Jacobson and Jakob, "Large Steps in Inverse
    Rendering of Geometry", 2021, whose λ is a number without a unit). On an even mesh, where L is −3/2 h² times the
    surface's own Laplacian and each of P vertices has an area of √3/2 h², that is the solution of
    (1 − r² ∇²) f = values, where r is ``length`` times the square root of the surface's area: how far a vertex takes
    others along is the same at any scale and at any resolution.

    Differentiable, symmetric and positive; constants stay as they are. The factor is found once for each mesh.
    """
    welded = weld(mesh)
    solve = factors.get(lambda: factorize(welded, length), mesh.faces, setting=(length, welded.count))
    return apply_factor(values, solve)


def roughen(mesh: Mesh, values: Tensor, length: float) -> Tensor:
    """The inverse of `smooth`."""
    welded = weld(mesh)
    return values + weight(welded, length) * welded.differences(values)


def weight(welded: Welded, length: float) -> float:
    """The λ of `smooth`."""
    return length**2 * welded.count / math.sqrt(3)


def factorize(welded: Welded, length: float) -> Solve:
    """The solution of (I + λ L) x = b, by a sparse factor; b is [P, C], float64."""
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    lam, (one, other) = weight(welded, length), welded.edges.cpu().numpy().T
    diagonal = np.arange(welded.count)
    values = [1 + lam * welded.degrees.cpu().numpy(), *[np.full(len(one), -lam)] * 2]
    rows, columns = np.concatenate([diagonal, one, other]), np.concatenate([diagonal, other, one])
    matrix = csc_array((np.concatenate(values), (rows, columns)), shape=(welded.count, welded.count))
    # The matrix is symmetric and its diagonal dominates: no pivots are needed, and an order for such is the sparser.
    options = {"SymmetricMode": True}
    found: Solve = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options).solve
    return found


def apply_factor(values: Tensor, solve: Solve) -> Tensor:
    """`Smoothing` of values [P, C]."""
    found: Tensor = Smoothing.apply(values, solve)  # type: ignore[no-untyped-call]
    return found


class Smoothing(torch.autograd.Function):
    """`smooth` with its derivatives: a symmetric linear map is its own adjoint and its own tangent."""

    @staticmethod
    def forward(values: Tensor, solve: Solve) -> Tensor:
        """The solution in the values' precision and on their device, computed in float64."""
        found = solve(np.asfortranarray(values.detach().cpu().double().numpy()))
        return torch.from_numpy(np.ascontiguousarray(found)).to(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the factor."""
        ctx.solve = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """The same map of the gradient."""
        return apply_factor(gradients[0], ctx.solve), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """The same map of the tangent."""
        return apply_factor(tangents[0], ctx.solve)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], values: Tensor, solve: Solve) -> tuple[Tensor, int]:
        """Many values are more columns."""
        columns = values.movedim(in_dims[0], -1)
        found = apply_factor(columns.flatten(1), solve)
        return found.reshape(columns.shape).movedim(-1, 0), 0
