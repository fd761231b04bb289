"""Fragments: which faces touch which pixels, and where."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True)
class Fragments:
    """A flat list of N (pixel, face) pairs; there is no limit to how many faces a pixel has.

    pixel: [N] int64, (picture × height + row) × width + column. picture: [N] int64.
    face: [N] int64, index of the face in the surfaces.
    inside: [N], the squared distance from the pixel's centre to the face's outline in squared NDC units, positive
        inside and negative outside (δ d² of the paper).
    barycentric: [N, 3], perspective-correct, of the point that is seen; outside the face negative ones are set to
        zero and the others scaled to sum to one, as PyTorch3D does.
    depth: [N], of the point that is seen.
    footprint: [N], the area that the pixel covers there in barycentric coordinates (b₁, b₂).
    """

    pixel: Tensor
    picture: Tensor
    face: Tensor
    inside: Tensor
    barycentric: Tensor
    depth: Tensor
    footprint: Tensor

    def select(self, chosen: Tensor) -> Fragments:
        """The fragments at positions ``chosen`` [M]."""
        return Fragments(*(getattr(self, each.name).index_select(0, chosen) for each in fields(self)))
