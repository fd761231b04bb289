"""What a fit lowers: the weighted losses as a function of the raw tensors, at one stage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor
from torch.func import jacfwd

from invrender.errors import UserError
from invrender.losses.base import Loss, SumOfSquares
from invrender.parameters.base import Parameters, Value
from invrender.pixels import background_pixels
from invrender.pyramid import Stage, blurred_rendering, blurred_view, chosen, reduced
from invrender.render.base import Quality, Renderer, Shot
from invrender.scene import Channels, Picture, Scene, Target, View
from invrender.solve.base import Changes, Evaluation, Linearized, Raw

# So many pixels of targets are compared at once: those of 64 pictures of 32 by 32.
AT_ONCE = 1 << 16
# What PyTorch says of a function without forward mode.
NO_FORWARD_MODE = ("forward AD", "jvp", "setup_context", "generate_vmap_rule")
# The step of differences in its place, in learning rates: about a pixel, since hard edges move by whole ones.
DIFFERENCE = 0.5


T = TypeVar("T")
Comparison = tuple[Picture, View, Scene]


@dataclass(frozen=True)
class Objective:
    """The loss as a function of the raw tensors, at one stage.

    resting: the raw tensors of unknowns that are not given when it is called.
    """

    scene: Scene
    views: tuple[View, ...]
    parameters: Parameters
    renderer: Renderer
    losses: Mapping[str, Loss]
    stage: Stage
    resting: Mapping[str, Tensor] = field(default_factory=dict)

    def scene_at(self, raw: Mapping[str, Tensor]) -> Scene:
        """The scene with every unknown applied."""
        return applied(self.scene, self.parameters, {**self.resting, **raw})

    def pictures(self, scene: Scene) -> tuple[Picture, ...]:
        """A picture of the scene for each view of the target."""
        return tuple(self.renderer.render(self.shots(scene), quality=self.quality))

    @property
    def quality(self) -> Quality:
        """How finely the stage draws."""
        return Quality(sigma=self.stage.sigma, samples=self.stage.samples)

    def shots(self, scene: Scene) -> list[Shot]:
        """The scene as each view's camera sees it, at the view's resolution."""
        return [Shot(scene, scene.cameras[view.camera].resized(*reversed(view.size))) for view in self.views]

    def compared(self, scenes: Sequence[Scene], channels: Channels | None = None) -> Iterator[list[Comparison]]:
        """What the losses compare, by scene: in each view its picture, blurred, the view, and the scene it sees."""
        shots = [shot for scene in scenes for shot in self.shots(scene)]
        channels = self.channels if channels is None else channels
        pictures = iter(self.renderer.render(shots, channels, self.quality))
        for scene in scenes:
            yield [(blurred_rendering(next(pictures), self.stage.blur), view, scene) for view in self.views]

    def __call__(self, raw: Mapping[str, Tensor]) -> Evaluation:
        """Render every view and sum up the weighted losses, each the mean over the views."""
        scene = self.scene_at(raw)
        terms: dict[str, Tensor] = {}
        for comparison in next(self.compared([scene])):
            for name, loss in self.losses.items():
                term = loss.weight * loss(*comparison) / len(self.views)
                terms[name] = terms[name] + term if name in terms else term
        return Evaluation(torch.stack(list(terms.values())).sum(), terms, scene)

    def scores(self, raws: Sequence[Mapping[str, Tensor]]) -> list[float]:
        """The loss at each of many raw tensors, rendered in batches.

        Where lights are unknown, each picture is first made brighter or darker to go with its target.
        """
        channels: Channels = self.channels | {"alpha"} if self.brightness_is_unknown else self.channels
        with torch.no_grad():
            return [
                float(sum(self.scored(*comparison) for comparison in comparisons))
                for some in self.in_parts(raws)
                for comparisons in self.compared([self.scene_at(raw) for raw in some], channels)
            ]

    def in_parts(self, raws: Sequence[T]) -> Iterator[Sequence[T]]:
        """A few raw tensors at a time, of which pictures are rendered together."""
        count = max(1, AT_ONCE // sum(view.rgb[..., 0].numel() for view in self.views))
        for first in range(0, len(raws), count):
            yield raws[first : first + count]

    def scored(self, picture: Picture, view: View, scene: Scene) -> Tensor:
        """The weighted losses of one picture, [], which is made as bright as its target where lights are unknown."""
        if self.brightness_is_unknown and "rgb" in picture:
            background = background_pixels(scene.background, *view.rgb.shape[:2]).reshape(view.rgb.shape)
            behind = (1 - picture.alpha)[..., None] * background
            shown, wanted = picture.rgb - behind, view.rgb - behind
            gain = (shown * wanted).sum() / shown.square().sum().clamp(min=1e-12)
            picture = picture.with_channels(rgb=behind + gain.clamp(min=0) * shown)
        terms = [loss.weight * loss(picture, view, scene) for loss in self.losses.values()]
        return torch.stack(terms).sum() / len(self.views)

    @property
    def brightness_is_unknown(self) -> bool:
        """Whether the light is unknown, or something else that pictures are linear in."""
        return any(parameter.linear for parameter in self.parameters.values())

    @property
    def channels(self) -> Channels:
        """What the losses read of a rendering."""
        return frozenset().union(*(loss.channels for loss in self.losses.values()))

    def linear(self, names: Collection[str]) -> list[str]:
        """Those of the named unknowns in which the pictures are linear."""
        return [name for name in names if self.parameters[name].linear]

    def linearized(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        """The losses near each of ``raws`` as a sum of squares in the changes of the named unknowns, if any.

        By forward mode; by central differences where the renderer has none. Raises `UserError` for a loss that is no
        sum of squares.
        """
        return [local for some in self.in_parts(raws) for local in self.linearized_at_once(some, names)]

    def linearized_at_once(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        """`linearized`, of which all pictures are rendered together."""
        shapes = {name: raws[0][name].shape for name in names}
        sizes = [shape.numel() for shape in shapes.values()]
        here = [self.scene_at(raw) for raw in raws]

        def residuals(change: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            # All scenes change alike, and each residual depends on its own scene alone.
            scenes = list(here)
            for (name, shape), part in zip(shapes.items(), torch.split(change, sizes), strict=True):
                scenes = [self.parameters[name].apply(scene, part.reshape(shape)) for scene in scenes]
            values, weights = self.residuals_of(scenes)
            return values, (values, weights)

        zero = self.scene.background.new_zeros(sum(sizes))
        steps = [
            self.parameters[name].lr * DIFFERENCE for name, size in zip(names, sizes, strict=True) for _ in range(size)
        ]
        with torch.no_grad():
            jacobian, (values, weights) = differentiated(residuals, zero, steps)
        parts = (each.chunk(len(raws)) for each in (values, weights, jacobian))
        return [Linearized(shapes, *each) for each in zip(*parts, strict=True)]

    def residuals_of(self, scenes: Sequence[Scene]) -> tuple[Tensor, Tensor]:
        """The residuals of all losses on all views and their weights, [M], those of one scene after another's."""
        found = [self.squared(*comparison) for comparison in chain(*self.compared(scenes))]
        values, weights = (torch.cat(each) for each in zip(*found, strict=True))
        return values, weights

    def squared(self, rendered: Picture, view: View, scene: Scene) -> tuple[Tensor, Tensor]:
        """The residuals of all losses on one view and their weights, [M]."""
        found = []
        for name, loss in self.losses.items():
            if not isinstance(loss, SumOfSquares):
                raise UserError(
                    f"optimizer: loss.{name} is no sum of squares, which least squares need; set optimizer=adam"
                )
            values, weights = loss.residuals(rendered, view, scene)
            found.append((values.reshape(-1), loss.weight / len(self.views) * weights.reshape(-1)))
        values, weights = (torch.cat(each) for each in zip(*found, strict=True))
        return values, weights

    def moved(self, raw: Mapping[str, Tensor], changes: Changes) -> tuple[Raw, dict[str, Tensor]]:
        """The raw tensors after changes, kept in their ranges; and for each number whether its range held it back."""
        scene, found, stopped = self.scene, dict(raw), {}
        every = {**self.resting, **raw}
        for name, parameter in self.parameters.items():
            if name in changes:
                moved = parameter.moved(scene, raw[name], changes[name])
                found[name] = parameter.project(scene, moved)
                stopped[name] = found[name] != moved
            scene = parameter.apply(scene, every[name])
        return found, stopped


def applied(scene: Scene, parameters: Parameters, raw: Mapping[str, Tensor]) -> Scene:
    """The scene with every unknown displaced, one after the other."""
    for name, parameter in parameters.items():
        scene = parameter.apply(scene, raw[name])
    return scene


def differentiated(
    function: Callable[[Tensor], tuple[Tensor, T]], zero: Tensor, steps: Sequence[float]
) -> tuple[Tensor, T]:
    """The Jacobian [M, K] of a function of K numbers at ``zero`` [K], and what else the function returns there.

    By forward mode; by central differences of these steps where a part of the function has none.
    """
    if not steps:
        values, others = function(zero)
        return values.new_zeros(len(values), 0), others
    try:
        jacobian, others = jacfwd(function, has_aux=True)(zero)
        return jacobian, others
    except RuntimeError as error:
        if not any(sign in str(error) for sign in NO_FORWARD_MODE):
            raise
    return differences(lambda change: function(change)[0], zero, steps), function(zero)[1]


def differences(function: Callable[[Tensor], Tensor], zero: Tensor, steps: Sequence[float]) -> Tensor:
    """The Jacobian [M, K] of a function of K numbers at ``zero`` [K], by central differences of these steps."""
    columns = []
    for column, step in enumerate(steps):
        change = torch.zeros_like(zero)
        change[column] = step
        columns.append((function(change) - function(-change)) / (2 * step))
    return torch.stack(columns, dim=1)


@dataclass(frozen=True)
class Problem:
    """What is to be fitted to what, by which measure."""

    scene: Scene
    target: Target
    parameters: Parameters
    renderer: Renderer
    losses: Mapping[str, Loss]

    @property
    def rates(self) -> dict[str, float]:
        """The unknowns' learning rates."""
        return {name: parameter.lr for name, parameter in self.parameters.items()}

    def in_squares(self) -> Problem:
        """The problem with those losses alone that are sums of squares."""
        return replace(
            self, losses={name: loss for name, loss in self.losses.items() if isinstance(loss, SumOfSquares)}
        )

    def initial(self) -> Raw:
        """The raw tensors that stand for the scene as it is."""
        return {name: parameter.initial(self.scene) for name, parameter in self.parameters.items()}

    def values(self, raw: Raw) -> dict[str, dict[str, Value]]:
        """The unknowns as a person reads them."""
        scene = applied(self.scene, self.parameters, raw)
        return {name: parameter.value(scene) for name, parameter in self.parameters.items()}

    def at(self, stage: Stage, resting: Mapping[str, Tensor] | None = None) -> Objective:
        """The objective of a stage: its quality, its target reduced and blurred, its losses alone.

        resting: the raw tensors of unknowns that will not be given to it.
        """
        views = tuple(blurred_view(reduced(view, stage.size), stage.blur) for view in self.target.views)
        losses = chosen(self.losses, stage.losses)
        return Objective(self.scene, views, self.parameters, self.renderer, losses, stage, resting or {})


def check_dependence(objective: Objective, raw: Raw, stages: Sequence[Stage]) -> None:
    """Raise `UserError` for an unknown that no loss of its stages depends on, and for a stage that can move nothing.

    As far as the renderer tells. objective: of all losses together.
    """
    losses = [tuple(chosen(objective.losses, stage.losses)) for stage in stages]
    unknowns = [set(chosen(raw, stage.unknowns)) for stage in stages]
    reached = {
        names: depended_on(replace(objective, losses=chosen(objective.losses, names)), raw) for names in set(losses)
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


def depended_on(objective: Objective, raw: Raw) -> set[str]:
    """The unknowns that the loss depends on, as far as the renderer tells."""
    leaves = {name: value.detach().requires_grad_() for name, value in raw.items()}
    loss = objective(leaves).loss
    if not loss.requires_grad:
        return set()
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {name for name, gradient in zip(leaves, gradients, strict=True) if gradient is not None}
