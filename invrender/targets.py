"""Targets whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from invrender.render.base import Quality, Renderer, Shot
from invrender.render.hard import HardRenderer
from invrender.scene import CAMERA, Channels, Scene, Target, Truth, View, detach

DRAWN: Channels = frozenset(("rgb", "alpha"))
"""The channels that every rendered target has."""


def render_target(
    truth: Scene,
    cameras: Sequence[str] = (CAMERA,),
    renderer: Renderer | None = None,
    samples: int = 4,
    noise: float = 0.0,
    seed: int = 0,
    channels: Channels = DRAWN,
) -> Target:
    """Pictures of the true scene.

    cameras: the names of the scene's cameras that take one picture each.
    renderer: draws them, with ``samples`` × ``samples`` samples for each pixel; None for hard edges.
    noise: standard deviation of Gaussian noise on each channel of the colours, in linear light; ``seed`` makes it
        repeat. channels: of the pictures.
    """
    renderer, quality = renderer or HardRenderer(), Quality(samples=samples)
    random = torch.Generator().manual_seed(seed)
    views = []
    for name in cameras:
        with torch.no_grad():
            [picture] = renderer.render([Shot(truth, truth.cameras[name])], channels | DRAWN, quality)
        if noise > 0:
            rgb = picture.rgb + noise * torch.randn(picture.rgb.shape, generator=random).to(picture.rgb)
            picture = picture.with_channels(rgb=rgb)
        views.append(View(detach(picture), camera=name))
    shown = ShownColors(truth, tuple(cameras), renderer, quality)
    return Target(tuple(views), Truth(truth, Seen(shown, "texture"), Seen(shown, "vertex_colors")))


@dataclass(frozen=True, eq=False)
class ShownColors:
    """Which colours of a scene's surfaces its pictures by some cameras show."""

    scene: Scene
    cameras: tuple[str, ...]
    renderer: Renderer
    quality: Quality

    @cached_property
    def masks(self) -> dict[tuple[str, str], Tensor]:
        """By object and kind, bool: the colours on which some picture depends."""
        leaves = {key: color.detach().requires_grad_() for key, color in surface_colors(self.scene).items()}
        found = {key: torch.zeros_like(color[..., 0], dtype=torch.bool) for key, color in leaves.items()}
        painted = with_surface_colors(self.scene, leaves)
        for name in self.cameras:
            with torch.enable_grad():
                [drawn] = self.renderer.render([Shot(painted, self.scene.cameras[name])], DRAWN, self.quality)
                if not (leaves and drawn.rgb.requires_grad):
                    continue
                gradients = torch.autograd.grad(drawn.rgb.sum(), list(leaves.values()), allow_unused=True)
            for key, gradient in zip(leaves, gradients, strict=True):
                if gradient is not None:
                    found[key] |= (gradient != 0).any(dim=-1)
        return found


@dataclass(frozen=True, eq=False)
class Seen(Mapping[str, Tensor]):
    """By object, which of its colours of one kind are shown.

    Found when somebody looks: it takes a gradient, for which a fit of other unknowns has no kernels compiled.
    """

    shown: ShownColors
    kind: str

    def __getitem__(self, name: str) -> Tensor:
        return self.shown.masks[name, self.kind]

    def __iter__(self) -> Iterator[str]:
        return (name for name, kind in surface_colors(self.shown.scene) if kind == self.kind)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def surface_colors(scene: Scene) -> dict[tuple[str, str], Tensor]:
    """Textures and vertex colours by object and kind."""
    found = {}
    for name, obj in scene.objects.items():
        for kind in ("texture", "vertex_colors"):
            color = getattr(obj.material, kind)
            if color is not None:
                found[name, kind] = color
    return found


def with_surface_colors(scene: Scene, colors: Mapping[tuple[str, str], Tensor]) -> Scene:
    """The scene with other textures and vertex colours."""
    objects = dict(scene.objects)
    for (name, kind), color in colors.items():
        part = "vertex" if kind == "vertex_colors" else kind
        objects[name] = replace(objects[name], material=objects[name].material.with_property("albedo", **{part: color}))
    return replace(scene, objects=objects)
