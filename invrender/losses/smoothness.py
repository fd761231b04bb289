"""Losses on the scene alone, which say what is likely before any picture is seen."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from invrender.losses.base import check_weight
from invrender.scene import Channels, Picture, Scene, View


@dataclass(frozen=True)
class TotalVariation:
    """The mean absolute difference between neighbouring texels of every texture (Rudin, Osher and Fatemi, 1992)."""

    weight: float = 1e-3

    def __post_init__(self) -> None:
        check_weight(self.weight)

    @property
    def channels(self) -> Channels:
        """None: it looks at the scene."""
        return frozenset()

    def check(self, view: View) -> None:
        """Every view will do."""

    def __call__(self, rendered: Picture, view: View, scene: Scene) -> Tensor:
        """The unweighted mean, []; zero where there are no textures."""
        total = view.rgb.new_zeros(())
        for thing in scene.objects.values():
            texture = thing.material.texture
            if texture is not None:
                down, across = texture.diff(dim=0).abs(), texture.diff(dim=1).abs()
                total = total + (down.sum() + across.sum()) / max(down.numel() + across.numel(), 1)
        return total
