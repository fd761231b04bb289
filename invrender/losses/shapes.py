"""The priors on shapes: how smooth surfaces are, and how even their meshes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender import checks
from invrender.geometry.laplacian import weld
from invrender.geometry.meshes import diagonal, vector_areas
from invrender.geometry.topology import sort_sides
from invrender.losses.base import Residuals
from invrender.scene import Mesh, Scene


@dataclass(frozen=True)
class ShapePrior:
    """A sum over the meshes of some objects, of squares or of what is about one.

    None of them depends on the scene's scale, nor, on an even mesh of a smooth surface, on its resolution.

    objects: their names, None for all.
    """

    weight: float = 1e-3
    objects: Sequence[str] | None = None

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)

    def check(self, scene: Scene) -> None:
        """Raise `UserError` for an object that is not there."""
        for name in self.objects or ():
            checks.one_of("objects", name, list(scene.objects))

    def meshes(self, scene: Scene, start: Scene) -> Iterator[tuple[Mesh, Mesh]]:
        """The meshes that it is about, and what they were at the start."""
        for name, obj in scene.objects.items():
            if self.objects is None or name in self.objects:
                yield obj.mesh, start.objects[name].mesh

    def __call__(self, scene: Scene, start: Scene) -> Tensor:
        """The unweighted sum, []."""
        return self.residuals(scene, start).sum_of_squares

    def residuals(self, scene: Scene, start: Scene) -> Residuals:
        """Of all meshes."""
        return Residuals.together([self.of_mesh(*pair) for pair in self.meshes(scene, start)])

    def of_mesh(self, mesh: Mesh, start: Mesh) -> Residuals:
        """Of one mesh."""
        raise NotImplementedError


@dataclass(frozen=True)
class RelativePrior(ShapePrior):
    """A prior on the places of vertices or, if ``relative``, on what was added to those of the start."""

    relative: bool = False

    def places(self, mesh: Mesh, start: Mesh) -> Tensor:
        """Where the vertices are, one at each place, or how far they have moved: [P, 3]."""
        return weld(mesh).gather(mesh.vertices - start.vertices.detach() if self.relative else mesh.vertices)


@dataclass(frozen=True)
class Laplacian(RelativePrior):
    """∫ |∇v|² over the surface, as a share of the square of the diagonal of the box around the start.

    The sum over edges of the squared differences of their ends, over √3: so it is on an even mesh. Of a surface as it
    is, it is twice its area, and pulls it together; relative to the start it is the strain of a membrane.
    """

    def of_mesh(self, mesh: Mesh, start: Mesh) -> Residuals:
        """Three for each edge."""
        one, other = weld(mesh).edges.unbind(1)
        places = self.places(mesh, start)
        values = ((places[one] - places[other]) / diagonal(start)).reshape(-1)
        return Residuals.of_no_pixel(values, torch.full_like(values, 3**-0.5))


@dataclass(frozen=True)
class BiLaplacian(RelativePrior):
    """∫ |∇²v|² over the surface: the bending of a thin plate, 16 π for an evenly meshed sphere of any size.

    Where a mesh is not even, edges that change along the surface count as bending, too. The sum of the squares of the
    combinatorial Laplacian, times the number P of places over three times the start's area: so it is on an even mesh,
    where each place has a share of √3/2 h² of the area.
    """

    def of_mesh(self, mesh: Mesh, start: Mesh) -> Residuals:
        """Three for each place."""
        welded = weld(mesh)
        values = welded.differences(self.places(mesh, start)).reshape(-1)
        weight = welded.count / (3 * area(start))
        return Residuals.of_no_pixel(values, weight.expand_as(values))


@dataclass(frozen=True)
class NormalConsistency(ShapePrior):
    """The sum over edges of 1 − cos of the angle between the two faces there: half the square of the normals' change.

    4 π / √3 for an evenly meshed sphere of any size.
    """

    def of_mesh(self, mesh: Mesh, start: Mesh) -> Residuals:
        """Three for each edge at which two faces meet."""
        faces = weld(mesh).place[mesh.faces]
        first, second = (torch.div(side, 3, rounding_mode="floor") for side in sort_sides(faces.cpu()).pairs)
        normals = torch.nn.functional.normalize(vector_areas(mesh.vertices, mesh.faces), dim=1, eps=1e-30)
        values = (normals[first.to(normals.device)] - normals[second.to(normals.device)]).reshape(-1)
        return Residuals.of_no_pixel(values, torch.full_like(values, 0.5))


@dataclass(frozen=True)
class EdgeLengths(ShapePrior):
    """The mean squared difference of edges from their mean length, as a share of that."""

    def of_mesh(self, mesh: Mesh, start: Mesh) -> Residuals:
        """One for each edge."""
        welded = weld(mesh)
        one, other = welded.edges.unbind(1)
        places = welded.gather(mesh.vertices)
        # Where two ends have met, their distance has no derivative, and none is needed.
        lengths = ((places[one] - places[other]).square().sum(dim=1) + 1e-24).sqrt()
        values = lengths / lengths.mean() - 1
        return Residuals.of_no_pixel(values, torch.full_like(values, 1 / max(len(values), 1)))


def area(mesh: Mesh) -> Tensor:
    """The area of a mesh in its own frame, [], as a constant."""
    total: Tensor = vector_areas(mesh.vertices.detach(), mesh.faces).norm(dim=1).sum() / 2
    return total
