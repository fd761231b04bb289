"""Slopes of a picture as OpenDR takes them, with respect for outlines."""

from __future__ import annotations

import torch
from torch import Tensor


def picture_slopes(values: Tensor, outline: Tensor, height: int, width: int) -> Tensor:
    """The slopes [P, C, 2] of a picture [P, C] to the right and down.

    outline: [P] bool, the pixels at outlines. Between others a slope is the mean of the differences to both sides, or
    one of them where the other reaches an outline. At outlines, and where both do, it is twice the central difference.
    The slow twin of the kernel.
    """
    picture = values.reshape(height, width, -1)
    at_outline = outline.reshape(height, width)
    down = slopes_down(picture, at_outline)
    right = slopes_down(picture.transpose(0, 1), at_outline.T).transpose(0, 1)
    return torch.stack([right, down], dim=-1).reshape(height * width, -1, 2)


def slopes_down(picture: Tensor, outline: Tensor) -> Tensor:
    """The slopes [H, W, C] of a picture [H, W, C] downwards; outline: [H, W]."""
    step = picture.diff(dim=0)
    inside = ~(outline[1:] | outline[:-1])[..., None].expand_as(step)
    none = torch.zeros_like(picture[:1])
    before, after = torch.cat([none, step]), torch.cat([step, none])
    here = torch.cat([none.bool(), inside]), torch.cat([inside, none.bool()])
    count = here[0].to(picture) + here[1].to(picture)
    mean = (torch.where(here[0], before, 0) + torch.where(here[1], after, 0)) / count.clamp(min=1)
    # Twice the central difference; at the picture's border twice the one-sided one.
    across = before + after
    across[:1] *= 2
    across[-1:] *= 2
    return torch.where(count > 0, mean, across)
