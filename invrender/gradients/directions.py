"""Directions in which an unknown moves: what derivatives are taken along, and in what unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.geometry.cameras import project
from invrender.geometry.meshes import world_vertices
from invrender.geometry.sequences import r2_sequence
from invrender.parameters.base import Parameter, Pose
from invrender.scene import Scene

MOST_NUMBERS = 9
SMALL = 1e-3  # learning rates, by which it is measured how far vertices move
STILL = 1e-9  # pixels
POSE = ("rotation x", "rotation y", "rotation z", "shift x", "shift y", "shift z")


@dataclass(frozen=True)
class Directions:
    """What one unknown of a scene is moved along, D directions.

    names: of the directions. raw: [D, …], the raw tensors that are one unit each: of what moves on the screen, one
    pixel of the vertex that moves farthest; of what does not, one learning rate. moving: whether it moves.
    """

    parameter: Parameter
    names: Sequence[str]
    raw: Tensor
    moving: bool

    @classmethod
    def of(cls, parameter: Parameter, scene: Scene, numbers: Sequence[int] = ()) -> Directions:
        """The numbers of the unknown that are asked for, none for all; one at random where there are many.

        Raises `UserError` for a number that it has not.
        """
        start = parameter.initial(scene)
        count = start.numel()
        if bad := [each for each in numbers if not 0 <= each < count]:
            raise UserError(f"numbers has {bad[0]}, and the unknown has {count:,}: expected 0 to {count - 1:,}")
        if not numbers and count > MOST_NUMBERS:
            random = torch.randn(start.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            names, raw = ["random direction"], random.to(start)[None]
        else:
            chosen = list(numbers) or list(range(count))
            names = [name_number(parameter, each, count) for each in chosen]
            raw = torch.eye(count).to(start)[chosen].reshape(-1, *start.shape)
        rates = raw * parameter.lr
        moved = torch.stack([farthest_movement(parameter, scene, SMALL * each) for each in rates]) / SMALL
        moving = bool((moved > STILL).any())
        scale = torch.where(moved > STILL, 1 / moved.clamp(min=STILL), 1.0)
        return cls(parameter, names, rates * scale.reshape(-1, *[1] * start.ndim), moving)

    def scene_at(self, scene: Scene, amounts: Tensor) -> Scene:
        """The scene moved by amounts [D] of the directions."""
        return self.parameter.apply(scene, torch.tensordot(amounts, self.raw, dims=1))


def name_number(parameter: Parameter, number: int, count: int) -> str:
    """What a number of an unknown is called."""
    if isinstance(parameter, Pose) and count == len(POSE):
        return POSE[number]
    return f"number {number}" if count > 1 else "value"


def farthest_movement(parameter: Parameter, scene: Scene, raw: Tensor) -> Tensor:
    """How many pixels the vertex moves that moves farthest, [], of those that the camera has in front of it."""
    ends = [screen_points(parameter.apply(scene, sign * raw)) for sign in (-0.5, 0.5)]
    seen = (ends[0][1] > scene.camera.near) & (ends[1][1] > scene.camera.near)
    moved = (ends[1][0] - ends[0][0]).norm(dim=1)[seen]
    found: Tensor = moved.max() if len(moved) else moved.new_zeros(())
    return found


def screen_points(scene: Scene) -> tuple[Tensor, Tensor]:
    """All vertices in pixels [V, 2], and their depths [V]."""
    found = [project(scene.camera, world_vertices(obj)) for obj in scene.objects.values()]
    return torch.cat([points for points, _ in found]), torch.cat([depth for _, depth in found])


def shifted(scene: Scene, offset: Sequence[float]) -> Scene:
    """The scene whose picture lies ``offset`` pixels further to the right and down."""
    camera = scene.camera
    move = camera.intrinsics.new_tensor([[1, 0, offset[0]], [0, 1, offset[1]], [0, 0, 1]])
    return scene.with_camera(replace(camera, intrinsics=move @ camera.intrinsics))


def sub_pixel_offsets(count: int) -> list[tuple[float, float]]:
    """Offsets that cover a pixel evenly, the first of them none."""
    return [(right, down) for right, down in r2_sequence(0, count).tolist()]
