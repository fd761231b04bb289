"""The vertices of meshes: shape."""

from __future__ import annotations

from dataclasses import dataclass

from invrender.errors import UserError, note
from invrender.geometry.laplacian import weld
from invrender.geometry.surfaces import compare_surfaces
from invrender.geometry.topology import sort_sides
from invrender.parameters.displacement import Displacement
from invrender.scene import Mesh, Scene, Target, Truth


@dataclass(frozen=True)
class Vertices(Displacement):
    """Where the vertices of some objects are, each in its object's own frame; `Displacement` says how they move."""

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` for no such object or a mask without one; say what is dropped and what can't be known."""
        for name, mesh in self.meshes(scene).items():
            for text in remarks(mesh):
                note(f"recover.vertices: {name} {text}")
        check_masks(target)
        if len(target.views) < 2:
            note(
                "recover.vertices: there is one view, which does not determine depths; "
                "give several, as target=views or target.views=[{azimuth: 0}, {azimuth: 90}]"
            )

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """Distances between the surfaces, as `compare_surfaces` has them; of several objects the largest error."""
        found = [compare_surfaces(scene.objects[n], truth.scene.objects[n]) for n in self.names(scene)]
        worst = {key: max(each[key] for each in found) for key in found[0]}
        return worst | {"f_score": min(each["f_score"] for each in found)}


def check_masks(target: Target) -> None:
    """Raise `UserError` for a mask without an object, by which shapes would vanish; say where one has no outline."""
    for view in target.views:
        if view.mask is not None and not bool((view.mask > 0.5).any()):
            raise UserError(
                f"the mask of {view.camera} is black all over, so that no object is seen there; leave the view out, or "
                "give a mask that is white where the object is"
            )
        if view.mask is not None and bool((view.mask > 0.5).all()):
            note(f"recover.vertices: the mask of {view.camera} is white all over: it has no outline, and tells little")


def remarks(mesh: Mesh) -> list[str]:
    """What a person should know of a mesh whose vertices move, in words that follow the object's name."""
    welded, found = weld(mesh), []
    counts = sort_sides(welded.place[mesh.faces].cpu()).count
    if mesh.normals is not None:
        found.append("has normals of its own, which are dropped: they are computed from the faces as these move")
    if open_edges := int((counts == 1).sum()):
        found.append(f"is open: {open_edges} edges have one face, and what lies within the border is not determined")
    if crowded := int((counts > 2).sum()):
        found.append(f"is not manifold: {crowded} edges have more than two faces; it moves, but can't be remeshed")
    if alone := int((welded.degrees == 0).sum()):
        found.append(f"has {alone} vertices without a face, which stay where they are")
    return found
