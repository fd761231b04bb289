"""Targets whose truth is known: rendered with hard edges and many samples, never by the renderer that fits them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from invrender.render.hard import HardRenderer
from invrender.scene import Camera, Scene, Target, Truth, View


def rendered_target(
    truth: Scene, cameras: Sequence[Camera] | None = None, samples: int = 4, noise: float = 0.0, seed: int = 0
) -> Target:
    """Pictures of the true scene.

    cameras: None for one picture by the scene's own camera, which may then be an unknown; or one picture from each.
    samples: the pictures average ``samples`` × ``samples`` hard samples for each pixel.
    noise: standard deviation of Gaussian noise on each channel, in linear light; ``seed`` makes it repeat.
    """
    renderer = HardRenderer(samples=samples)
    random = torch.Generator().manual_seed(seed)
    colors = surface_colors(truth)
    leaves = {key: color.detach().requires_grad_() for key, color in colors.items()}
    seen = {key: torch.zeros(color.shape[:-1], dtype=torch.bool, device=color.device) for key, color in colors.items()}
    painted = with_surface_colors(truth, leaves)
    views = []
    for camera in cameras or [truth.camera]:
        rendered = renderer.render(replace(painted, camera=camera))
        if leaves:
            # A texel is seen where the picture depends on it.
            gradients = torch.autograd.grad(rendered.rgb.sum(), list(leaves.values()), allow_unused=True)
            for key, gradient in zip(leaves, gradients, strict=True):
                if gradient is not None:
                    seen[key] |= (gradient != 0).any(dim=-1)
        rgb = rendered.rgb.detach()
        if noise > 0:
            rgb = rgb + noise * torch.randn(rgb.shape, generator=random).to(rgb)
        views.append(View(rgb, mask=rendered.alpha.detach(), camera=None if cameras is None else camera))
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
    for name, thing in scene.objects.items():
        for kind in ("texture", "vertex_colors"):
            color = getattr(thing.material, kind)
            if color is not None:
                found[name, kind] = color
    return found


def with_surface_colors(scene: Scene, colors: Mapping[tuple[str, str], Tensor]) -> Scene:
    """The scene with other textures and vertex colours."""
    objects = dict(scene.objects)
    for (name, kind), color in colors.items():
        objects[name] = replace(objects[name], material=replace(objects[name].material, **{kind: color}))
    return replace(scene, objects=objects)
