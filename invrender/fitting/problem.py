"""The problem of a fit: what is fitted to what, by which measure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from torch import Tensor
from torch.autograd.graph import Node

from invrender.errors import UserError, naming, note
from invrender.fitting.objective import Objective, apply_all
from invrender.fitting.schedule import Stage, blur_view, select, shrink_view
from invrender.fitting.solve.base import Raw
from invrender.losses.base import DataTerm, Loss, is_sum_of_squares
from invrender.parameters.base import Parameter, Parameters, Pose, Shape, Value, only_camera
from invrender.render.base import Renderer
from invrender.scene import Scene, Target
from invrender.scene.address import find_tensors

# Addresses of what throws shadows, sees them, or has them fall elsewhere.
PLACES = re.compile(r"\.(vertices|world_from_object|camera_from_world|intrinsics|position|direction)$")


@dataclass(frozen=True)
class Problem:
    """What is to be fitted to what, by which measure.

    scene: the start. target: the pictures. parameters, losses: by name.
    judged: the unknowns that the verdict on an answer is about; none for poses and cameras, and where there are none
        for all.
    """

    scene: Scene
    target: Target
    parameters: Parameters
    renderer: Renderer
    losses: Mapping[str, Loss]
    judged: Sequence[str] = ()

    @property
    def poses(self) -> dict[str, Pose]:
        """The unknowns that are poses, by name."""
        return {name: each for name, each in self.parameters.items() if isinstance(each, Pose)}

    @property
    def counting(self) -> list[str]:
        """The unknowns that the verdict is about."""
        if self.judged:
            return list(select(self.parameters, self.judged))
        poses = self.poses
        cameras = [
            name
            for name, each in self.parameters.items()
            # Lights of single views name a camera, too, and are linear or have no say in where it is.
            if name in poses or (hasattr(each, "camera") and not hasattr(each, "inner"))
        ]
        return cameras or list(self.parameters)

    def check(self) -> None:
        """Raise `UserError` where there is no unknown, or one or a loss does not go with the scene or the target."""
        for name, parameter in self.parameters.items():
            with naming(f"recover.{name}"):
                parameter.check(self.scene, self.target)
                self.check_edges(parameter)
        for name, loss in self.losses.items():
            with naming(f"loss.{name}"):
                self.check_loss(loss)
        self.renderer.supports.check_scene(self.scene)
        self.check_views()
        self.check_gauge()
        self.check_shadows()
        for name in self.judged:
            if not select(self.parameters, [name]):
                raise UserError(f"verdict.of: {name!r} is not among the unknowns, {', '.join(self.parameters)}")
        if not self.parameters:
            raise UserError("recover is empty, expected at least one unknown: recover=camera_pose")

    def check_loss(self, loss: Loss) -> None:
        """Raise `UserError` where a loss lacks something in a view, in the scene, or in what the renderer draws."""
        if not isinstance(loss, DataTerm):
            loss.check(self.scene)
            return
        drawn = self.renderer.supports.channels
        if missing := loss.channels - drawn:
            raise UserError(
                f"it compares {', '.join(sorted(missing))}, and this renderer draws {', '.join(sorted(drawn))}; "
                "choose another renderer"
            )
        for view in self.target.views:
            loss.check(view)

    def check_edges(self, parameter: Parameter) -> None:
        """Raise `UserError` for a shape where the renderer's gradient does not know that outlines move with it."""
        if isinstance(parameter, Shape) and not self.renderer.supports.moving_edges:
            raise UserError(
                "this renderer's edges have no gradient, so that outlines would say nothing of the shape; "
                "set renderer=embedded, soft or edge"
            )

    def check_shadows(self) -> None:
        """Say which unknowns move edges of shadows, of which no renderer has a gradient."""
        casting = [name for name, each in self.scene.lights.items() if getattr(each, "shadows", False)]
        moving = [name for name, each in self.parameters.items() if casting and self.moves_things(each)]
        if moving:
            note(
                f"light.{casting[0]} casts shadows, whose edges have no gradient: "
                f"{', '.join(moving)} can be found by all else that the pictures show"
            )

    def moves_things(self, parameter: Parameter) -> bool:
        """Whether an unknown moves any vertex, camera or light."""
        raw = parameter.initial(self.scene).requires_grad_()
        moved = find_tensors(parameter.apply(self.scene, raw))
        return any(each.requires_grad and PLACES.search(address) for address, each in moved.items())

    def check_views(self) -> None:
        """Raise `UserError` where a view was taken by a camera that the scene has not, or the renderer can't draw."""
        for view in self.target.views:
            if view.camera not in self.scene.cameras:
                cameras = ", ".join(self.scene.cameras)
                raise UserError(f"target: a view was taken by the camera {view.camera!r}, and the scene has {cameras}")
            self.renderer.supports.check_lens(self.scene.cameras[view.camera], view.camera)

    def check_gauge(self) -> None:
        """Raise `UserError` where several views and all objects have unknown poses: they may move as one, unseen."""
        poses = self.poses.values()
        taken = {view.camera for view in self.target.views}
        free = {camera for each in poses if (camera := only_camera(each)) is not None}
        objects = [each for each in poses if only_camera(each) is None]
        if len(taken) > 1 and taken <= free and len(objects) >= len(self.scene.objects):
            raise UserError(
                "recover: the poses of all views and of the object are unknown, so that all may move as one and no "
                "picture tells; leave object_pose out, or name a view that is known: "
                f"recover.camera_poses.known=[{self.target.views[0].camera}]"
            )

    def in_squares(self) -> Problem:
        """The problem with those losses alone that are sums of squares."""
        return replace(self, losses={name: loss for name, loss in self.losses.items() if is_sum_of_squares(loss)})

    def initial(self) -> Raw:
        """The raw tensors that stand for the scene as it is."""
        return {name: parameter.initial(self.scene) for name, parameter in self.parameters.items()}

    def values(self, raw: Raw) -> dict[str, dict[str, Value]]:
        """The unknowns as a person reads them."""
        scene = apply_all(self.scene, self.parameters, raw)
        return {name: parameter.value(scene) for name, parameter in self.parameters.items()}

    def at(self, stage: Stage, resting: Mapping[str, Tensor] | None = None) -> Objective:
        """The objective of a stage: its quality, its target reduced and blurred, its losses alone.

        resting: the raw tensors of unknowns that will not be given to it.
        """
        views = tuple(blur_view(shrink_view(view, stage.size), stage.blur) for view in self.target.views)
        losses = select(self.losses, stage.losses)
        return Objective(self.scene, views, self.parameters, self.renderer, losses, stage, resting or {})


def check_dependence(objective: Objective, raw: Raw, stages: Sequence[Stage]) -> None:
    """Raise `UserError` for an unknown that no loss of its stages depends on, and for a stage that can move nothing.

    As far as the renderer tells. objective: of all losses together.
    """
    losses = [tuple(select(objective.losses, stage.losses)) for stage in stages]
    unknowns = [set(select(raw, stage.unknowns)) for stage in stages]
    reached = {
        names: find_dependences(replace(objective, losses=select(objective.losses, names)), raw)
        for names in set(losses)
    }
    for name in raw:
        counting = [names for names, moving in zip(losses, unknowns, strict=True) if name in moving]
        if not any(name in reached[names] for names in counting):
            raise UserError(
                f"recover.{name}: none of the losses ({', '.join(dict.fromkeys(chain(*counting)))}) depends on it "
                "in what this renderer draws; choose another loss or another renderer"
            )
    for index, (names, moving) in enumerate(zip(losses, unknowns, strict=True)):
        if not reached[names] & moving:
            raise UserError(
                f"optimizer.stages[{index}]: none of its losses ({', '.join(names)}) depends on its unknowns "
                f"({', '.join(sorted(moving))}); choose other losses or other unknowns"
            )


def find_dependences(objective: Objective, raw: Raw) -> set[str]:
    """The unknowns that the loss depends on, as far as the renderer tells."""
    leaves = {name: value.detach().requires_grad_() for name, value in raw.items()}
    loss = objective(leaves).loss
    reached = set() if loss.grad_fn is None else find_leaves(loss.grad_fn)
    return {name for name, leaf in leaves.items() if leaf in reached}


def find_leaves(node: Node) -> set[Tensor]:
    """The tensors to which a gradient that begins at a node of autograd's graph would come."""
    found, seen, waiting = set[Tensor](), {node}, [node]
    while waiting:
        here = waiting.pop()
        if isinstance(variable := getattr(here, "variable", None), Tensor):
            found.add(variable)
        following = {each for each, _ in here.next_functions if each is not None} - seen
        seen |= following
        waiting += following
    return found
