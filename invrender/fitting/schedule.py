"""The schedule of a fit: its stages, coarse to fine, and pictures as they see them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from invrender.checks import is_above
from invrender.errors import UserError
from invrender.images.blur import gaussian_blur
from invrender.images.resample import resize_view
from invrender.scene import Picture, Scene, View

Each = TypeVar("Each")


@dataclass(frozen=True)
class Stage:
    """A stretch of steps at one resolution and one softness, for some or all of the unknowns.

    steps: at most so many.
    size: pixels of the shorter side that pictures are reduced to, or None for the target's own resolution.
    blur: standard deviation of a Gaussian blur of target and rendering, in pixels of the reduced picture.
    sigma: the renderer's edge softness in squared NDC units, 0 for its hardest edges, or None for the renderer's own.
    lr: multiplies every unknown's learning rate; or a factor by unknown, 1 for those that are not named.
    samples: the renderer's, for each pixel in each direction, or None for its own.
    losses: the names of the losses that count, or None for all.
    unknowns: the names of the unknowns that move, or None for all. The others stay where they are.
    before: what the stage begins with, or None: a change of the meshes of the named objects, whose shape is unknown.
    """

    steps: int
    size: int | None = None
    blur: float = 0.0
    sigma: float | None = None
    samples: int | None = None
    lr: float | Mapping[str, float] = 1.0
    losses: Sequence[str] | None = None
    unknowns: Sequence[str] | None = None
    before: Callable[[Scene, Sequence[str]], Scene] | None = None

    def __post_init__(self) -> None:
        for name, good, expected in (
            ("steps", self.steps >= 1, "1 or more"),
            ("size", self.size is None or self.size >= 1, "1 or more pixels, or null"),
            ("blur", self.blur >= 0, "0 or more pixels"),
            ("sigma", self.sigma is None or self.sigma >= 0, "0 or a number above it, or null"),
            ("samples", self.samples is None or self.samples >= 1, "1 or more, or null"),
            ("lr", all(is_above(each, 0) for each in self.factors), "a number above 0, or such numbers by unknown"),
        ):
            if not good:
                raise UserError(f"stages: {name} is {getattr(self, name)}, expected {expected}")

    @property
    def factors(self) -> Collection[float]:
        """What ``lr`` multiplies learning rates by."""
        return self.lr.values() if isinstance(self.lr, Mapping) else (self.lr,)

    def factor(self, name: str) -> float:
        """What ``lr`` multiplies the learning rate of one unknown by."""
        if not isinstance(self.lr, Mapping):
            return self.lr
        return self.lr.get(name, self.lr.get(family_of(name), 1.0))


def select(named: Mapping[str, Each], names: Collection[str] | None) -> dict[str, Each]:
    """Those that a stage names, or all of them for None; the name of a family stands for all of it."""
    return {name: each for name, each in named.items() if names is None or name in names or family_of(name) in names}


def family_of(name: str) -> str:
    """The family of an unknown, which is called FAMILY.MEMBER; its own name where it has none."""
    return name.partition(".")[0]


def check_stages(stages: Sequence[Stage], losses: Collection[str], unknowns: Collection[str]) -> None:
    """Raise `UserError` for a choice that is empty or not there, and for an unknown that moves in no stage."""
    check_choices(stages, losses, unknowns, "optimizer.stages")
    for name in unknowns:
        if not any(select({name: None}, stage.unknowns) for stage in stages):
            raise UserError(
                f"optimizer.stages: {name} moves in none; add it to a stage's unknowns, or leave it out of recover"
            )


def check_choices(stages: Sequence[Stage], losses: Collection[str], unknowns: Collection[str], key: str) -> None:
    """Raise `UserError` for a stage's choice that is empty or not there; ``key`` names the stages."""
    for index, stage in enumerate(stages):
        for choice, kind, given, known in choices(stage, losses, unknowns):
            where = f"{key}[{index}].{choice}"
            if not given:
                raise UserError(f"{where} is empty, expected some of {', '.join(known)}, or null")
            for name in given:
                if name not in known and name not in map(family_of, known):
                    raise UserError(f"{where}: there is no {kind} {name!r} here, only {', '.join(known)}")


def choices(
    stage: Stage, losses: Collection[str], unknowns: Collection[str]
) -> Iterator[tuple[str, str, Collection[str], Collection[str]]]:
    """The keys by which a stage chooses: the key, the kind of thing, the names given and those there are."""
    factors = stage.lr if isinstance(stage.lr, Mapping) else None
    for key, kind, given, known in (
        ("losses", "loss", stage.losses, losses),
        ("unknowns", "unknown", stage.unknowns, unknowns),
        ("lr", "unknown", factors or None, unknowns),
    ):
        if given is not None:
            yield key, kind, given, known


def shrink_view(view: View, size: int | None) -> View:
    """The view with a shorter side of at most ``size`` pixels, each new pixel the mean of what it covers."""
    shorter = min(view.size)
    if size is None or size >= shorter:
        return view
    height, width = (round(side * size / shorter) for side in view.size)
    return resize_view(view, height, width)


def blur_view(view: View, blur: float) -> View:
    """The view with its picture blurred; weights and the ceiling stay as they are."""
    return replace(view, picture=blur_rendering(view.picture, blur))


def clip_picture(picture: Picture, view: View) -> Picture:
    """The rendering as the view's picture can show it: not above its ceiling, which is of the same size.

    So what is burnt out differs only from a rendering that is darker, and has no derivative in one that is brighter.
    Where the picture is not burnt out, a rendering of any brightness is shown as it is, and may go down. This is a
    censored residual (Tobin, 1958, doi:10.2307/1907382), for every loss alike, and must be taken before any blur.
    """
    if view.ceiling is None or "rgb" not in picture:
        return picture
    return picture.with_channels(rgb=torch.where(picture.rgb > view.ceiling, view.ceiling, picture.rgb))


def blur_rendering(picture: Picture, blur: float) -> Picture:
    """The picture with every channel blurred but depth, which has steps that mean nothing when mixed."""
    return Picture(
        {
            name: channel if name == "depth" else gaussian_blur(channel, blur)
            for name, channel in picture.channels.items()
        }
    )
