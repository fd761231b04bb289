"""The base of a fit: the scene that displacements start from, which has other meshes after remeshing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.objective import Objective, apply_all
from invrender.fitting.problem import Problem
from invrender.fitting.scale_ambiguity import ScaleAmbiguity
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import Raw
from invrender.parameters.base import Shape, is_by_vertex
from invrender.scene import Object, Scene, detach

Meshes = Mapping[str, Mapping[str, Tensor]]
"""By object that was remeshed, its vertices, its faces, and what its material has by vertex, by property."""


@dataclass(frozen=True, eq=False)
class Base:
    """A problem with the meshes that it has at some time of a fit, and what follows from it for all stages."""

    problem: Problem
    stages: Sequence[Stage]
    meshes: Meshes

    @classmethod
    def of(cls, problem: Problem, stages: Sequence[Stage], meshes: Meshes) -> Base:
        """The base of a problem in which some meshes are others."""
        if not meshes:
            return cls(problem, stages, meshes)
        changed = {name: problem.scene.objects[name].with_surface(**parts) for name, parts in meshes.items()}
        scene = replace(problem.scene, objects={**problem.scene.objects, **changed})
        return cls(replace(problem, scene=scene), stages, meshes)

    @cached_property
    def objectives(self) -> list[Objective]:
        """The objectives of the stages."""
        return [self.problem.at(stage) for stage in self.stages]

    @property
    def final(self) -> Objective:
        """The objective of the last stage, by which results are compared."""
        return self.objectives[-1]

    @cached_property
    def ambiguity(self) -> ScaleAmbiguity | None:
        """The convention for what the pictures leave open."""
        return ScaleAmbiguity.find(self.problem.scene, self.problem.parameters)

    def constrain(self, raw: Raw) -> Raw:
        """The nearest raw tensors within the unknowns' ranges, by the convention for what pictures leave open."""
        parameters, scene = self.problem.parameters, self.problem.scene
        raw = {name: parameters[name].project(scene, value) for name, value in raw.items()}
        return raw if self.ambiguity is None else self.ambiguity.resolve(raw)

    def change(self, raw: Raw, before: Callable[[Scene, Sequence[str]], Scene]) -> tuple[Base, Raw]:
        """The base after a change of the meshes at ``raw``, and the raw tensors of the same scene from there.

        Unknowns of vertices begin anew, at zeros; all others go on from where they are.
        """
        problem = self.problem
        names = shaped(problem)
        found = detach(apply_all(problem.scene, problem.parameters, raw))
        after = before(found, names)
        meshes = {**self.meshes, **{name: mesh_parts(after.objects[name]) for name in names}}
        base = Base.of(problem, self.stages, meshes)
        parameters = problem.parameters
        fresh = {n: parameters[n].initial(base.problem.scene) for n in raw if is_by_vertex(parameters[n])}
        return base, {**raw, **fresh}


def shaped(problem: Problem) -> list[str]:
    """The objects whose shape is unknown. Raises `UserError` where there is none."""
    shapes = [each for each in problem.parameters.values() if isinstance(each, Shape)]
    names = list(dict.fromkeys(name for each in shapes for name in each.meshes(problem.scene)))
    if not names:
        raise UserError("optimizer.stages: before changes meshes of unknown shape, and there is none: recover=vertices")
    return names


def mesh_parts(obj: Object) -> dict[str, Tensor]:
    """What `Meshes` has of an object."""
    return {"vertices": obj.mesh.vertices, "faces": obj.mesh.faces, **obj.material.vertex_values}
