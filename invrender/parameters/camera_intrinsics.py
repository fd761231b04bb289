"""The intrinsics: focal length, aspect, principal point and the lens's coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.geometry.cameras import project, rays
from invrender.parameters.base import Value
from invrender.parameters.camera import cameras_of, check_alike, check_camera
from invrender.scene import Camera, Scene, Target, Truth

GRID = 17  # by so many points across and down a picture errors are measured


@dataclass(frozen=True)
class CameraIntrinsics:
    """What maps rays to pixels; each part is switched on or off.

    raw: [N], the numbers of those parts that are on, in this order. All move the picture's points by about as much,
    seen from the film: in shares of the focal length.

    focal: the logarithm of a factor on both focal lengths.
    aspect: that of one more factor on the vertical one.
    principal: the principal point's shift across and down, as a share of the horizontal focal length.
    distortion: added to the coefficients of the camera's lens; it must have one.
    limit: of each number but the coefficients, up and down.
    camera: the name of the scene's camera; None for all that took views, which share what they change by.
    each: whether every view has its own.
    """

    linear: ClassVar[bool] = False
    focal: bool = True
    aspect: bool = False
    principal: bool = True
    distortion: bool = False
    lr: float = 0.01
    limit: float = 0.7
    camera: str | None = None
    each: bool = False

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr, limit=self.limit)
        if not (self.focal or self.aspect or self.principal or self.distortion):
            raise UserError("focal, aspect, principal and distortion are all false; set one of them to true")

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such camera, the target gives it, or a lens is asked for that it has not."""
        for name in cameras_of(self.camera, scene):
            check_camera(name, scene, target)
        check_alike(cameras_of(self.camera, scene), scene)
        camera = self.first(scene)
        if not self.distortion:
            return
        if camera.lens is None:
            raise UserError(
                "distortion is true, and the camera has no lens to start with; "
                "give camera.lens={model: brown_conrady, coefficients: [0, 0, 0, 0]}"
            )
        if not len(camera.lens.coefficients):
            raise UserError(
                f"distortion is true, and the {camera.lens.model} lens has no coefficients; set it to false"
            )

    def first(self, scene: Scene) -> Camera:
        """The camera, or the first of those that share the unknown."""
        return scene.cameras[cameras_of(self.camera, scene)[0]]

    def sizes(self, camera: Camera) -> list[int]:
        """How many numbers each part has: focal, aspect, principal, distortion."""
        coefficients = 0 if camera.lens is None else len(camera.lens.coefficients)
        return [int(self.focal), int(self.aspect), 2 * int(self.principal), coefficients * int(self.distortion)]

    def parts(self, camera: Camera, raw: Tensor) -> Sequence[Tensor]:
        """The numbers of each part."""
        return torch.split(raw, self.sizes(camera))

    def initial(self, scene: Scene) -> Tensor:
        """[N]."""
        return scene.background.new_zeros(sum(self.sizes(self.first(scene))))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Scale the focal lengths, shift the principal point and add to the coefficients."""
        for name in cameras_of(self.camera, scene):
            scene = scene.with_camera(self.change(scene.cameras[name], raw), name)
        return scene

    def change(self, camera: Camera, raw: Tensor) -> Camera:
        """A camera with other optics."""
        focal, aspect, principal, coefficients = self.parts(camera, raw)
        matrix = camera.intrinsics
        one = torch.ones_like(matrix[0, 0])
        across = focal.sum().exp() * one
        scale = torch.stack([across, across * aspect.sum().exp()])
        center = matrix[:2, 2] + (principal * matrix[0, 0] if self.principal else 0)
        top = torch.cat([scale[:, None] * matrix[:2, :2], center[:, None]], dim=1)
        moved = replace(camera, intrinsics=torch.cat([top, matrix[2:]]))
        if self.distortion and camera.lens is not None:
            lens = replace(camera.lens, coefficients=camera.lens.coefficients + coefficients)
            moved = replace(moved, lens=lens)
        return moved

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change; what it shifts the principal point by is in shares of the focal length as it is by now."""
        camera = self.first(scene)
        focal, *_ = self.parts(camera, raw)
        before, shift, after = torch.split(change, self.part_sizes(camera))
        return raw + torch.cat([before, focal.sum().exp() * shift, after])

    def part_sizes(self, camera: Camera) -> list[int]:
        """How many numbers there are before, of and after the principal point's."""
        focal, aspect, principal, coefficients = self.sizes(camera)
        return [focal + aspect, principal, coefficients]

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep the numbers within the limit; coefficients of long lenses may be large."""
        *others, coefficients = self.parts(self.first(scene), raw)
        return torch.cat([*(each.clamp(-self.limit, self.limit) for each in others), coefficients])

    def value(self, scene: Scene) -> dict[str, Value]:
        """Of those that are on: the focal lengths and the principal point in pixels, and the coefficients."""
        camera = self.first(scene)
        found: dict[str, Value] = {}
        if self.focal or self.aspect:
            found["focal_px"] = camera.intrinsics.diagonal()[:2].tolist()
        if self.principal:
            found["principal_px"] = camera.intrinsics[:2, 2].tolist()
        if self.distortion and camera.lens is not None:
            found["coefficients"] = camera.lens.coefficients.tolist()
        return found

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """Of those that are on; and displacement_px, by which a fixed camera's picture is off on average."""
        found, true = self.first(scene), self.first(truth.scene)
        errors = {"displacement_px": displacement(found, true)}
        if self.focal:
            errors["focal_relative"] = abs(float(found.intrinsics[0, 0] / true.intrinsics[0, 0]) - 1)
        if self.principal:
            errors["principal_px"] = float((found.intrinsics[:2, 2] - true.intrinsics[:2, 2]).norm())
        return errors


def displacement(found: Camera, true: Camera) -> float:
    """How far the points that are truly at a grid over the picture are from there, pixels, on average.

    The cameras are taken to be at the same place; what the true lens does not see does not count.
    """
    across, down = (torch.linspace(0, size, GRID) for size in (true.width, true.height))
    pixels = torch.cartesian_prod(across, down).to(true.intrinsics)
    seen = rays(true, pixels)
    here = torch.eye(4).to(seen)
    drawn, _ = project(replace(found, camera_from_world=here), seen)
    return float((drawn - pixels).norm(dim=1)[seen.isfinite().all(dim=1)].mean())
