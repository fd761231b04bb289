"""Channels beside colour, silhouette and depth: each is a shader of fragments, blended as colours are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from invrender.render.base import ALL, LENSES, MODELS, Capabilities
from invrender.render.raster.fragments import Fragments
from invrender.render.shading.models import shade
from invrender.render.shading.phong import albedo
from invrender.render.shading.principled import shading_normals
from invrender.render.shading.surfaces import Surfaces

Shader = Callable[[Surfaces, Fragments], Tensor]
"""Values [N, C] of fragments; differentiable in the surfaces and in the fragments."""


def shade_normal(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """The unit normal [N, 3] of the surface, world frame."""
    return shading_normals(surfaces, fragments)


def shade_albedo(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """The diffuse colour [N, 3] of the surface, linear."""
    return albedo(surfaces, fragments)


SHADERS: Mapping[str, Shader] = {"albedo": shade_albedo, "normal": shade_normal, "rgb": shade}
"""By channel. The kernels have a faster twin of rgb by Phong; a renderer's own ``shaders`` come before these."""


def find_shader(name: str, own: Mapping[str, Shader]) -> Shader:
    """The shader of a channel: a renderer's own, or the usual one."""
    return own[name] if name in own else SHADERS[name]


def own_capabilities(own: Mapping[str, Shader]) -> Capabilities:
    """What our own renderers can do: all channels, in forward mode too."""
    channels = ALL | SHADERS.keys() | own.keys()
    return Capabilities(channels=channels, models=MODELS, lenses=LENSES, harmonics=True, shadows=True)
