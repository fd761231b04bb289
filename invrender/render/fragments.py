"""Fragments: which faces touch which pixels, and where."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Fragments:
    """A flat list of N (pixel, face) pairs; there is no limit to how many faces a pixel has.

    pixel: [N] int64, row × width + column.
    face: [N] int64, index of the face in the assembly.
    inside: [N], the squared distance from the pixel's centre to the face's outline in squared NDC units, positive
        inside and negative outside (δ d² of the paper).
    barycentric: [N, 3], perspective-correct, of the point that is seen; outside the face that of the nearest corner
        or edge in the sense of PyTorch3D: clipped to the face and renormalised.
    depth: [N], of the point that is seen.
    """

    pixel: Tensor
    face: Tensor
    inside: Tensor
    barycentric: Tensor
    depth: Tensor
