"""The objective of a fit at one stage: the weighted losses as a function of the raw tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch import Tensor
from torch.func import jacfwd

from invrender.errors import UserError
from invrender.fitting.jacobian import differentiate
from invrender.fitting.schedule import Stage, blur_rendering, clip_picture
from invrender.fitting.solve.base import Changes, Evaluation, Linearized, Raw
from invrender.fitting.solve.sparsity import Layout
from invrender.images.crop import crop_background
from invrender.images.resample import background_pixels
from invrender.losses.base import DataTerm, Loss, Prior, Residuals, SquaredDataTerm, SquaredPrior, channels_of
from invrender.parameters.base import Entrywise, Parameters, only_camera
from invrender.render.base import ALL, Quality, Renderer, Shot
from invrender.scene import Channels, Picture, Scene, View

# So many pixels of targets are compared at once: those of 64 pictures of 32 by 32.
AT_ONCE = 1 << 16
# The step of differences where there is no forward mode, in learning rates: about a pixel, since hard edges move by
# whole ones.
DIFFERENCE = 0.5

T = TypeVar("T")
Comparison = tuple[Picture, View]
Groups = Callable[[Sequence[Scene]], list[tuple[int, Residuals]]]


@dataclass(frozen=True)
class Objective:
    """The loss as a function of the raw tensors, at one stage.

    scene: the start. resting: the raw tensors of unknowns that are not given when it is called.
    """

    scene: Scene
    views: tuple[View, ...]
    parameters: Parameters
    renderer: Renderer
    losses: Mapping[str, Loss]
    stage: Stage
    resting: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def rates(self) -> dict[str, float]:
        """The unknowns' learning rates."""
        return {name: parameter.lr for name, parameter in self.parameters.items()}

    @property
    def data_terms(self) -> dict[str, DataTerm]:
        """The losses of pictures."""
        return {name: loss for name, loss in self.losses.items() if isinstance(loss, DataTerm)}

    @property
    def priors(self) -> dict[str, Prior]:
        """The losses of the scene alone."""
        return {name: loss for name, loss in self.losses.items() if not isinstance(loss, DataTerm)}

    @property
    def channels(self) -> Channels:
        """What the losses read of a rendering."""
        return channels_of(self.losses.values())

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """The height and the width of each view."""
        return [view.size for view in self.views]

    def scene_at(self, raw: Mapping[str, Tensor], changes: Changes | None = None) -> Scene:
        """The scene with every unknown applied, and right after it its change, if any.

        To first order this is the scene at the raw tensors that `retract` gives.
        """
        return apply_all(self.scene, self.parameters, {**self.resting, **raw}, changes)

    def scene_with(self, raw: Mapping[str, Tensor], added: Mapping[str, Tensor]) -> Scene:
        """The scene at ``raw``, and with so much added to the entries of some unknowns, right after each."""
        scene, every = self.scene, {**self.resting, **raw}
        for name, parameter in self.parameters.items():
            scene = parameter.apply(scene, every[name])
            if name in added:
                add = parameter.add if isinstance(parameter, Entrywise) else parameter.apply
                scene = add(scene, added[name])
        return scene

    def pictures(self, scene: Scene) -> tuple[Picture, ...]:
        """A picture of the scene for each view of the target, with all that losses read."""
        return tuple(self.renderer.render(self.shots(scene), ALL | self.channels, self.quality))

    @property
    def quality(self) -> Quality:
        """How finely the stage draws."""
        return Quality(sigma=self.stage.sigma, samples=self.stage.samples)

    def shots(self, scene: Scene) -> list[Shot]:
        """What each view shows of the scene, at the view's resolution."""
        return [
            Shot(crop_background(scene.lit_for(view.camera), view.window, view.size), view.frame(scene))
            for view in self.views
        ]

    def compare(self, scenes: Sequence[Scene], channels: Channels | None = None) -> list[list[Comparison]]:
        """What the losses compare, by scene: in each view its picture, blurred, and the view; nothing for priors."""
        if not self.data_terms:
            return [[] for _ in scenes]
        shots = [shot for scene in scenes for shot in self.shots(scene)]
        pictures = iter(self.renderer.render(shots, self.channels if channels is None else channels, self.quality))
        return [
            [(blur_rendering(clip_picture(next(pictures), view), self.stage.blur), view) for view in self.views]
            for _ in scenes
        ]

    def __call__(self, raw: Mapping[str, Tensor]) -> Evaluation:
        """Render every view and sum up the weighted losses: of those of pictures the mean over the views."""
        scene = self.scene_at(raw)
        [comparisons] = self.compare([scene])
        terms = {name: loss.weight * self.value(loss, comparisons, scene) for name, loss in self.losses.items()}
        return Evaluation(torch.stack(list(terms.values())).sum(), terms, scene)

    def value(self, loss: Loss, comparisons: Sequence[Comparison], scene: Scene) -> Tensor:
        """An unweighted loss, []."""
        if isinstance(loss, DataTerm):
            return torch.stack([loss(*comparison) for comparison in comparisons]).mean()
        return loss(scene, self.scene)

    def scores(self, raws: Sequence[Mapping[str, Tensor]]) -> list[float]:
        """The loss at each of many raw tensors, rendered in batches.

        Where lights are unknown, each picture is first made brighter or darker to go with its target.
        """
        with torch.no_grad():
            return [score for some in self.in_parts(raws) for score in self.scores_at_once(some)]

    def scores_at_once(self, raws: Sequence[Mapping[str, Tensor]]) -> list[float]:
        """`scores`, of which all pictures are rendered together."""
        scenes = [self.scene_at(raw) for raw in raws]
        channels: Channels = self.channels | {"alpha"} if self.brightness_is_unknown else self.channels
        found = []
        for scene, comparisons in zip(scenes, self.compare(scenes, channels), strict=True):
            if self.brightness_is_unknown:
                comparisons = [(brighten(picture, view, scene), view) for picture, view in comparisons]
            terms = [loss.weight * float(self.value(loss, comparisons, scene)) for loss in self.losses.values()]
            found.append(sum(terms))
        return found

    def in_parts(self, raws: Sequence[T]) -> Iterator[Sequence[T]]:
        """A few raw tensors at a time, of which pictures are rendered together."""
        count = max(1, AT_ONCE // sum(height * width for height, width in self.sizes))
        for first in range(0, len(raws), count):
            yield raws[first : first + count]

    @property
    def brightness_is_unknown(self) -> bool:
        """Whether the light is unknown, or something else that pictures are linear in."""
        return any(parameter.linear for parameter in self.parameters.values())

    @property
    def has_jacobian(self) -> bool:
        """Whether the renderer's gradient is one of pictures, and not of a loss alone."""
        return not self.renderer.supports.depends_on_loss

    def linear(self, names: Collection[str]) -> list[str]:
        """Those of the named unknowns in which the pictures are linear."""
        return [name for name in names if self.parameters[name].linear]

    def linearize(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        """The losses near each of ``raws`` as a sum of squares in the changes of the named unknowns, if any.

        By forward mode; by central differences where the renderer has none. Raises `UserError` for a loss that is no
        sum of squares.
        """
        return [local for some in self.in_parts(raws) for local in self.linearize_at_once(some, names)]

    def linearize_at_once(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        """`linearize`, of which all pictures are rendered together."""
        shapes = {name: raws[0][name].shape for name in names}
        layout = Layout(shapes, {name: self.reach(name) for name in names}, self.rates)
        found = []
        if self.data_terms:
            found.append(self.differentiate(raws, layout, self.data_residuals))
        if self.priors:
            found.append(self.differentiate(raws, layout.whole, self.prior_residuals))
        return [Linearized.together(each) for each in zip(*found, strict=True)]

    def differentiate(self, raws: Sequence[Mapping[str, Tensor]], layout: Layout, function: Groups) -> list[Linearized]:
        """Residuals near each of ``raws`` in the columns of a layout."""

        def residuals(change: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            # All scenes change alike, and each residual depends on its own scene alone.
            changes = layout.split(change)
            groups = function([self.scene_at(raw, changes) for raw in raws])
            found = Residuals.together([residuals for _, residuals in groups])
            view = torch.cat([torch.full(each.pixel.shape, number) for number, each in groups])
            return found.values, (found.values, found.weights, found.pixel, view)

        with torch.no_grad():
            zero = self.scene.background.new_zeros(layout.width)
            forward = self.renderer.supports.forward_mode
            jacobian, others = differentiate(residuals, zero, layout.steps(DIFFERENCE), forward)
        parts = (each.chunk(len(raws)) for each in (*others, jacobian))
        return [
            Linearized(layout.shapes, values, weights, pixel, jacobian, layout.parts(view))
            for values, weights, pixel, view, jacobian in zip(*parts, strict=True)
        ]

    def probe(self, raw: Mapping[str, Tensor], name: str, directions: Tensor) -> Linearized:
        """The losses near ``raw`` as a sum of squares in shares [K] of directions in the entries of one unknown.

        directions: [K, …], each like the unknown's raw tensor, and of any length, so no finite differences will do.
        Raises `UserError` for a loss that is no sum of squares, and for a renderer without forward mode.
        """
        if not self.renderer.supports.forward_mode:
            raise UserError(
                "optimizer: sparse least squares take derivatives in forward mode, which this renderer has not; set "
                "renderer=embedded, or optimizer=auto"
            )

        def residuals(shares: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
            added = torch.einsum("k,k...->...", shares, directions)
            found = self.residuals([self.scene_with(raw, {name: added})])
            return found.values, (found.values, found.weights, found.pixel)

        count = len(directions)
        with torch.no_grad():
            zero = directions.new_zeros(count)
            jacobian, (values, weights, pixel) = jacfwd(residuals, has_aux=True)(zero)
        return Linearized({name: torch.Size([count])}, values, weights, pixel, jacobian)

    def frame(self, number: int) -> Objective:
        """The objective of the pictures of one view alone."""
        return replace(self, views=self.views[number : number + 1], losses=self.data_terms)

    def reach(self, name: str) -> list[int]:
        """The numbers of the views that an unknown shows in."""
        only = only_camera(self.parameters[name])
        return [number for number, view in enumerate(self.views) if only in (None, view.camera)]

    def residuals(self, scenes: Sequence[Scene]) -> Residuals:
        """The residuals of all losses, those of one scene after another's; pixels count on through a scene's views."""
        found = [
            residuals
            for scene, comparisons in zip(scenes, self.compare(scenes), strict=True)
            for residuals in (*self.residuals_of(comparisons), *self.residuals_of_priors(scene))
        ]
        return Residuals.together(found)

    def data_residuals(self, scenes: Sequence[Scene]) -> list[tuple[int, Residuals]]:
        """The residuals of the losses of pictures, each view's with its number, of one scene after another."""
        return [pair for comparisons in self.compare(scenes) for pair in enumerate(self.residuals_of(comparisons))]

    def prior_residuals(self, scenes: Sequence[Scene]) -> list[tuple[int, Residuals]]:
        """Those of the priors, as if all were in one view."""
        return [(0, residuals) for scene in scenes for residuals in self.residuals_of_priors(scene)]

    def residuals_of(self, comparisons: Sequence[Comparison]) -> Iterator[Residuals]:
        """The residuals of all losses of pictures, by view. Raises `UserError` for a loss that is no sum of squares."""
        before = 0
        for picture, view in comparisons:
            found = []
            for name, term in self.data_terms.items():
                if not isinstance(term, SquaredDataTerm):
                    raise no_sum_of_squares(name)
                own = term.residuals(picture, view)
                pixel = torch.where(own.pixel < 0, own.pixel, own.pixel + before)
                found.append(Residuals(own.values, term.weight / len(comparisons) * own.weights, pixel))
            yield Residuals.together(found)
            before += view.rgb[..., 0].numel()

    def residuals_of_priors(self, scene: Scene) -> Iterator[Residuals]:
        """The residuals of each prior. Raises `UserError` for one that is no sum of squares."""
        for name, prior in self.priors.items():
            if not isinstance(prior, SquaredPrior):
                raise no_sum_of_squares(name)
            own = prior.residuals(scene, self.scene)
            yield replace(own, weights=prior.weight * own.weights)

    def retract(self, raw: Mapping[str, Tensor], changes: Changes) -> tuple[Raw, dict[str, Tensor]]:
        """The raw tensors after changes, kept in their ranges; and for each number whether its range held it back."""
        scene, found, stopped = self.scene, dict(raw), {}
        every = {**self.resting, **raw}
        for name, parameter in self.parameters.items():
            if name in changes:
                free = parameter.retract(scene, raw[name], changes[name])
                found[name] = parameter.project(scene, free)
                stopped[name] = found[name] != free
            scene = parameter.apply(scene, every[name])
        return found, stopped


def apply_all(scene: Scene, parameters: Parameters, raw: Mapping[str, Tensor], changes: Changes | None = None) -> Scene:
    """The scene with every unknown displaced, one after the other, and each by its change, if any, right after."""
    for name, parameter in parameters.items():
        scene = parameter.apply(scene, raw[name])
        if changes and name in changes:
            scene = parameter.apply(scene, changes[name])
    return scene


def no_sum_of_squares(name: str) -> UserError:
    """The error for a loss that least squares can't lower."""
    return UserError(f"optimizer: loss.{name} is no sum of squares, which least squares need; set optimizer=adam")


def brighten(picture: Picture, view: View, scene: Scene) -> Picture:
    """The picture with what it shows made as bright as in its target; as it is where there are no colours."""
    if "rgb" not in picture:
        return picture
    behind = crop_background(scene.lit_for(view.camera), view.window, view.size).background
    background = background_pixels(behind, *view.size).reshape(view.rgb.shape)
    behind = (1 - picture.alpha)[..., None] * background
    shown, wanted = picture.rgb - behind, view.rgb - behind
    # What is burnt out says little of how bright the picture is.
    told = shown if view.ceiling is None else torch.where(view.ceiling.isfinite(), 0, shown)
    gain = (told * wanted).sum() / told.square().sum().clamp(min=1e-12)
    return clip_picture(picture.with_channels(rgb=behind + gain.clamp(min=0) * shown), view)
