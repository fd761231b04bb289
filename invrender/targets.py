"""Targets whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
    colors = surface_colors(truth)
    leaves = {key: color.detach().requires_grad_() for key, color in colors.items()}
    seen = {key: torch.zeros(color.shape[:-1], dtype=torch.bool, device=color.device) for key, color in colors.items()}
    painted = with_surface_colors(truth, leaves)
    views = []
    for name in cameras:
        [drawn] = renderer.render([Shot(painted, truth.cameras[name])], channels | DRAWN, quality)
        if leaves and drawn.rgb.requires_grad:
            # A texel is seen where the picture depends on it.
            gradients = torch.autograd.grad(drawn.rgb.sum(), list(leaves.values()), allow_unused=True)
            for key, gradient in zip(leaves, gradients, strict=True):
                if gradient is not None:
                    seen[key] |= (gradient != 0).any(dim=-1)
        picture = detach(drawn)
        if noise > 0:
            rgb = picture.rgb + noise * torch.randn(picture.rgb.shape, generator=random).to(picture.rgb)
            picture = picture.with_channels(rgb=rgb)
        views.append(View(picture, camera=name))
    return Target(
        tuple(views),
        Truth(
            truth,
            seen_texels={name: mask for (name, kind), mask in seen.items() if kind == "texture"},
            seen_vertices={name: mask for (name, kind), mask in seen.items() if kind == "vertex_colors"},
        ),
    )


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
