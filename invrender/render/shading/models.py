"""Colours of fragments, each by the model of its object's material."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.render.raster.fragments import Fragments
from invrender.render.shading import phong, principled
from invrender.render.shading.surfaces import Surfaces


def shade(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Linear RGB [N, 3] of every fragment, by `phong.shade` or `principled.shade`."""
    if surfaces.principled is None:
        return phong.shade(surfaces, fragments)
    chosen = surfaces.principled.index_select(0, surfaces.object.index_select(0, fragments.face))
    if bool(chosen.all()):
        return principled.shade(surfaces, fragments)
    parts = [(phong.shade, (~chosen).nonzero()[:, 0]), (principled.shade, chosen.nonzero()[:, 0])]
    found = [shader(surfaces, fragments.select(numbers)) for shader, numbers in parts if len(numbers)]
    order = torch.cat([numbers for _, numbers in parts])
    return torch.cat(found).index_select(0, torch.argsort(order))
