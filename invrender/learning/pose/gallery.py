"""Pictures of every hypothesis, with which pictures from anywhere are compared all at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from invrender.scene import Camera

# Of pixels summed: halves of pictures and quarters of those, which count for more.
COARSE = 2.0
# What an outline counts beside colours.
OUTLINE = 0.1
# Pictures that no light falls on are of any brightness.
DARK = 1e-6


class Gallery(nn.Module):
    """Pictures of K hypotheses, seen from the usual distance in the middle of the picture, in two lights.

    A picture is linear in the factor on the lights, so the best factor for each hypothesis is known at once.

    fixed, lit: [K, D], what there is to compare: with the lights off, and what the lights add.
    light: the largest factor; one over it is the least. Were any allowed, bright sides would stand in for dark ones.
    """

    fixed: Tensor
    lit: Tensor

    def __init__(self, fixed: Tensor, lit: Tensor, camera: Camera, light: float) -> None:
        """fixed, lit: [K, 4, S, S], linear colours and silhouettes."""
        super().__init__()
        self.light = light
        self.focal = float(camera.intrinsics[0, 0])
        self.register_buffer("fixed", describe(fixed), persistent=False)
        self.register_buffer("lit", describe(lit), persistent=False)

    def compare(self, pictures: Tensor) -> Tensor:
        """The squared difference [N, K] of pictures [N, 4, S, S] to each hypothesis in its best light, as a share."""
        seen = describe(pictures)
        own = seen.square().sum(1, keepdim=True)
        apart = own - 2 * seen @ self.fixed.T + self.fixed.square().sum(1)
        along, length = seen @ self.lit.T - (self.fixed * self.lit).sum(1), self.lit.square().sum(1)
        factor = (along / length.clamp(min=DARK)).clamp(1 / self.light, self.light)
        return (apart - 2 * factor * along + factor.square() * length).clamp(min=0) / own

    def center(self, pictures: Tensor, places: Tensor, usual: Tensor) -> Tensor:
        """Pictures [N, C, S, S] as if what is at ``places`` [N, 3] were at the place ``usual`` [3]."""
        size = pictures.shape[-1]
        line = (torch.arange(size, device=places.device) + 0.5 - size / 2) / self.focal
        down, across = torch.meshgrid(line, line, indexing="ij")
        share = (usual[2] - places[:, 2]).exp()[:, None, None]
        at = [places[:, i, None, None] + share * grid for i, grid in enumerate((across, down))]
        grid = torch.stack(at, dim=3) * (2 * self.focal / size)
        return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def describe(pictures: Tensor) -> Tensor:
    """Pictures [N, 4, S, S] as vectors [N, D], whose distance tells how alike they are: halved, and halved again."""
    weighted = torch.cat([pictures[:, :3], OUTLINE * pictures[:, 3:]], dim=1)
    half = functional.avg_pool2d(weighted, 2)
    return torch.cat([half.flatten(1), COARSE * functional.avg_pool2d(half, 2).flatten(1)], dim=1)
