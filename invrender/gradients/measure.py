"""Measures of gradients: each estimator's against finite differences, over sub-pixel shifts of the scene.

What is compared are gradients of squared losses between the picture and others nearby, as a fit would have them. All
estimators get the same losses, from the same fine pictures: what differs is what they make of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.gradients.directions import Directions, shifted, sub_pixel_offsets
from invrender.gradients.estimators import Estimator, differences, draw
from invrender.render.hard import HardRenderer
from invrender.scene import Scene

MOTION = 0.4  # pixels, of the vertex that moves farthest, to either side in finite differences
LOSSES = 12
AWAY = 1.0  # units of directions, from the scene to what losses compare it with
UNSEEN = 1e-12


@dataclass(frozen=True)
class Agreement:
    """How well gradients agree with the truth, over S shifts of the scene.

    Every direction counts alike: its gradients are divided by the root mean square of the true ones. bias: of the mean
    error over shifts, its length by that of the mean of the truth. variance: the mean squared length of what errors
    differ from their mean, by the squared length of the mean of the truth; NaN for one shift. cosine: of the angle
    between the two, the mean over shifts.
    """

    bias: float
    variance: float
    cosine: float

    @property
    def deviation(self) -> float:
        """The root of the variance."""
        return math.sqrt(self.variance)

    @classmethod
    def of(cls, found: Tensor, truth: Tensor) -> Agreement:
        """found, truth: [S, C, D], gradients of C losses along D directions."""
        scale = truth.square().mean(dim=(0, 1)).sqrt().clamp(min=UNSEEN)
        found, truth = (found / scale).flatten(1), (truth / scale).flatten(1)
        error, size = found - truth, truth.mean(dim=0).square().sum()
        mean = error.mean(dim=0)
        return cls(
            bias=float((mean.square().sum() / size).sqrt()),
            variance=float((error - mean).square().sum(dim=1).mean() / size) if len(error) > 1 else math.nan,
            cosine=float(torch.nn.functional.cosine_similarity(found, truth, dim=1).mean()),
        )


@dataclass(frozen=True)
class Case:
    """One shift of the scene: what losses ask of each pixel, [C, H, W, 3], and their true gradients [C, D]."""

    scene: Scene
    wanted: Tensor
    truth: Tensor


@dataclass(frozen=True)
class Measured:
    """One estimator: how well it agrees, the median seconds of a gradient, and its derivative images [D, H, W]."""

    name: str
    says: str
    agreement: Agreement
    seconds: float
    images: Tensor


@dataclass(frozen=True)
class Comparison:
    """What was measured of one unknown of a scene.

    picture: [H, W, 3], the scene. unknown: its name. directions: their names. moving: as in `Directions`. images:
    [D, H, W], the truth. measured: of each estimator.
    """

    picture: Tensor
    unknown: str
    directions: Sequence[str]
    moving: bool
    images: Tensor
    measured: Sequence[Measured]

    @property
    def scale(self) -> float:
        """The change of a pixel that has the strongest colour: few true ones are stronger."""
        strong = self.images.abs().flatten()
        if float(strong.max()) == 0:
            return 1.0  # colours change, and their means don't
        return float(strong[strong > 0.01 * strong.max()].quantile(0.98))


def loss_gradients(scene: Scene, directions: Directions, picture: Callable[[Scene], Tensor]) -> Tensor:
    """What squared losses ask of each pixel, [C, H, W, 3]: the picture less others, from random places nearby."""
    random = torch.Generator().manual_seed(0)
    places = torch.randn(LOSSES, len(directions.names), generator=random, dtype=torch.float64)
    places = AWAY * places / places.norm(dim=1, keepdim=True)
    with torch.no_grad():
        here = picture(scene)
        return torch.stack([here - picture(directions.scene_at(scene, each.to(here))) for each in places])


def compare(
    scene: Scene,
    unknown: str,
    directions: Directions,
    estimators: Sequence[Estimator],
    shifts: int,
    fine: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Measure estimators at a scene.

    shifts: how many sub-pixel shifts. fine: samples for each pixel in each direction, of the pictures whose finite
    differences are the truth. tell: is told what is measured next.

    Raises `UserError` where the picture does not depend on the unknown.
    """
    hard = HardRenderer(samples=fine)

    def picture(scene: Scene) -> Tensor:
        return draw(hard, scene, fine)

    cases, images = [], []
    for number, offset in enumerate(sub_pixel_offsets(shifts)):
        tell(f"finite differences {number + 1}/{shifts}")
        moved = shifted(scene, offset)
        wanted = loss_gradients(moved, directions, picture)
        images.append(differences(picture, moved, directions, MOTION))
        cases.append(Case(moved, wanted, torch.einsum("chwk,dhwk->cd", wanted, images[-1])))
    if float(torch.stack([case.truth for case in cases]).abs().max()) < UNSEEN:
        raise UserError(f"recover.{unknown}: the picture does not depend on it, so there is no gradient to compare")
    measured = []
    for estimator in estimators:
        tell(estimator.name)
        measured.append(measure(estimator, directions, cases))
    with torch.no_grad():
        return Comparison(picture(scene), unknown, directions.names, directions.moving, images[0].mean(dim=3), measured)


def measure(estimator: Estimator, directions: Directions, cases: Sequence[Case]) -> Measured:
    """One estimator, by its gradients in all cases and its derivative images in the first."""
    passes = [estimator.gradients(case.scene, directions, case.wanted) for case in cases]
    found = torch.stack([gradients for gradients, _ in passes]).double()
    truth = torch.stack([case.truth for case in cases]).double()
    seconds = median(each for _, times in passes for each in times)
    images = estimator.images(cases[0].scene, directions).detach()
    return Measured(estimator.name, estimator.says, Agreement.of(found, truth), seconds, images)
