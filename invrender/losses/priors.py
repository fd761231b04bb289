"""The priors: losses on the scene alone."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from invrender import checks
from invrender.scene import Scene


@dataclass(frozen=True)
class TotalVariation:
    """The mean absolute difference between neighbouring texels of every texture (Rudin, Osher and Fatemi, 1992)."""

    weight: float = 1e-3

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)

    def check(self, scene: Scene) -> None:
        """Every scene will do."""

    def __call__(self, scene: Scene, start: Scene) -> Tensor:
        """The unweighted mean, []; zero where there are no textures."""
        textures = [obj.material.texture for obj in scene.objects.values() if obj.material.texture is not None]
        return sum((roughness(texture) for texture in textures), scene.background.new_zeros(()))


def roughness(texture: Tensor) -> Tensor:
    """The mean absolute difference between neighbouring texels [H, W, C], []."""
    down, across = texture.diff(dim=0).abs(), texture.diff(dim=1).abs()
    return (down.sum() + across.sum()) / max(down.numel() + across.numel(), 1)
