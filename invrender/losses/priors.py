"""The priors: losses on the scene alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender import checks
from invrender.losses.base import Residuals
from invrender.scene import CAMERA, Camera, Scene


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


@dataclass(frozen=True)
class KnownIntrinsics:
    """What is known of a camera's intrinsics: that they are those of the start, with standard deviations.

    The sum of the squares of what they have changed by, in standard deviations.

    focal: of the logarithm of the horizontal focal length. aspect: of that of the ratio of both. principal: of the
    principal point, as a share of the focal length, across and down. distortion: of each coefficient of the lens.
    camera: the name of the scene's camera; None for the scene's own, or that of all views, which share theirs.
    """

    weight: float = 1e-6
    focal: float = 0.1
    aspect: float = 0.01
    principal: float = 0.03
    distortion: float = 0.1
    camera: str | None = None

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)
        checks.above_zero(focal=self.focal, aspect=self.aspect, principal=self.principal, distortion=self.distortion)

    def check(self, scene: Scene) -> None:
        """Raise `UserError` if the scene has no such camera."""
        if self.camera is not None:
            checks.one_of("camera", self.camera, list(scene.cameras))

    def __call__(self, scene: Scene, start: Scene) -> Tensor:
        """The unweighted sum, []."""
        return self.residuals(scene, start).sum_of_squares

    def residuals(self, scene: Scene, start: Scene) -> Residuals:
        """A number for each of the intrinsics, in standard deviations."""
        name = self.camera or next((each for each in scene.cameras if each != CAMERA), CAMERA)
        now, before = scene.cameras[name], start.cameras[name]
        found, known = focal_lengths(now).log(), focal_lengths(before).log()
        changes = [
            (found - known)[:1] / self.focal,
            ((found - known)[1:] - (found - known)[:1]) / self.aspect,
            (now.intrinsics[:2, 2] - before.intrinsics[:2, 2]) / before.intrinsics[0, 0] / self.principal,
        ]
        if now.lens is not None and before.lens is not None:
            changes.append((now.lens.coefficients - before.lens.coefficients) / self.distortion)
        values = torch.cat(changes)
        return Residuals.of_no_pixel(values, torch.ones_like(values))


def focal_lengths(camera: Camera) -> Tensor:
    """Across and down, [2], pixels."""
    return camera.intrinsics.diagonal()[:2]
