"""The diagnosis of a fit that went wrong: which of the usual suspects would explain the pictures better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from invrender.fitting.judge.explained import measure_unexplained
from invrender.fitting.judge.suspects import AS_IT_IS, SUSPECTS, Case, Suspect
from invrender.fitting.schedule import shrink_view
from invrender.render.base import Quality, Renderer, Shot
from invrender.scene import Channels, Picture, Scene, View

# Pixels of the shorter side at which cases are compared: coarse, for what is far off, and fine, for half a pixel.
SIZES = (48, 320)
COMPARED: Channels = frozenset(("rgb", "alpha"))
QUALITY = Quality(sigma=0.0, samples=2)
# Less of the picture than this share says nothing.
LEAST_SHOWN = 1e-3
# A suspect is named where it leaves less than this share of what is unexplained as it is, and explains so much more.
LEFT, MORE = 0.5, 0.01


@dataclass(frozen=True)
class Trial:
    """What comes of a suspect. explained: the share of the pictures, by what was changed: the start or the answer."""

    suspect: Suspect
    explained: Mapping[str, float]

    @property
    def best(self) -> tuple[str, float]:
        """What it explains most, changed, and how much of it."""
        return max(self.explained.items(), key=lambda each: each[1])


@dataclass(frozen=True)
class Diagnosis:
    """as_it_is: without a change. trials: of all suspects, those that explain most first."""

    as_it_is: Trial
    trials: Sequence[Trial]

    @property
    def named(self) -> Trial | None:
        """The suspect that explains clearly more than what is there; None where none does."""
        best, left = self.trials[0], 1 - self.as_it_is.best[1]
        explains = 1 - best.best[1] < LEFT * left and best.best[1] > self.as_it_is.best[1] + MORE
        return best if explains else None


def diagnose(scenes: Mapping[str, Scene], views: Sequence[View], renderer: Renderer) -> Diagnosis:
    """Try all suspects on scenes, such as a fit's start and its answer, by name."""
    cases = {name: cases_of(scene, views) for name, scene in scenes.items()}

    def tried(suspect: Suspect) -> Trial:
        return Trial(suspect, {name: measure_explained(each, suspect, renderer) for name, each in cases.items()})

    trials = sorted(map(tried, SUSPECTS), key=lambda trial: -trial.best[1])
    return Diagnosis(tried(AS_IT_IS), trials)


def cases_of(scene: Scene, views: Sequence[View]) -> list[Case]:
    """The case of each view."""
    return [Case(scene.lit_for(view.camera), view.frame(scene), view) for view in views]


def measure_explained(cases: Sequence[Case], suspect: Suspect, renderer: Renderer) -> float:
    """The share of the pictures that cases explain after a suspect's change: 0 to 1, the mean over views and sizes."""
    changed = [suspect.change(case) for case in cases]
    sizes = [(case, size) for case in changed for size in {min(size, *case.view.size) for size in SIZES}]
    shares = [measure_share(case, size, renderer) for case, size in sizes]
    return sum(shares) / len(shares)


def measure_share(case: Case, size: int, renderer: Renderer) -> float:
    """The share of its picture that a case explains, at so many pixels of the shorter side."""
    view = shrink_view(case.view, size)
    picture = draw(case, view, renderer)
    if float(picture.alpha.mean()) < LEAST_SHOWN:
        return 0.0
    return 1 - measure_unexplained(picture, view, COMPARED)


def draw(case: Case, view: View, renderer: Renderer) -> Picture:
    """The picture of a case at the size of its view."""
    shot = Shot(case.scene, case.camera.resized(*reversed(view.size)))
    with torch.no_grad():
        [picture] = renderer.render([shot], COMPARED, QUALITY)
    return picture


def draw_trials(
    diagnosis: Diagnosis, scenes: Mapping[str, Scene], view: View, renderer: Renderer
) -> list[tuple[View, Picture]]:
    """Without a change, and then by each trial: the view as a suspect has it, and what the best of the scenes shows."""
    drawn = []
    for trial in (diagnosis.as_it_is, *diagnosis.trials):
        [case] = cases_of(scenes[trial.best[0]], [view])
        changed = trial.suspect.change(case)
        drawn.append((changed.view, draw(changed, changed.view, renderer)))
    return drawn
