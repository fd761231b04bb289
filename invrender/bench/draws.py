"""What seeds draw: true poses and views, and where the fits that look for them start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.geometry.rotvec import random_rotation, rotmat_to_rotvec, rotvec_to_rotmat

DECIMALS = 6


class Draw(Protocol):
    """Draws the truth and the start of one fit."""

    def __call__(self, config: Any, random: torch.Generator) -> Mapping[str, Any]:
        """Values of keys of `invrender fit`. ``config``: the fit's, before anything is drawn."""
        ...


@dataclass(frozen=True)
class ObjectPoses:
    """An object's true rotation, and a start that is turned and shifted from the truth.

    With ``angle`` and without ``shift`` it is the protocol of Le Lidec et al. (2021, arXiv:2110.09107): a true rotation
    from all rotations alike, and a start that is turned by the angle about an axis from all axes alike. With neither it
    is that of nvdiffrast's cube (Laine et al., 2020, arXiv:2011.03277): two independent rotations.

    object: its name. angle: between start and truth, degrees; None for a start that does not depend on the truth.
    shift: of the start, as a share of the camera's distance, in a direction from all directions alike.
    upright: leave the true rotation as the scene has it.
    """

    object: str
    angle: float | None = None
    shift: float = 0.0
    upright: bool = False

    def __post_init__(self) -> None:
        if self.angle is not None and not 0 <= self.angle <= 180:
            raise UserError(f"draw.angle is {self.angle}, expected degrees from 0 to 180, or null")

    def __call__(self, config: Any, random: torch.Generator) -> dict[str, Any]:
        """The rotation and the position of the object, of the truth and at the start."""
        if self.object not in config.scene.objects:
            raise UserError(f"draw.object is {self.object!r}, but the scene has {', '.join(config.scene.objects)}")
        obj = config.scene.objects[self.object]
        scenes_own = torch.tensor(obj.rotation or [0.0, 0.0, 0.0], dtype=torch.float64)
        true = rotvec_to_rotmat(scenes_own.deg2rad()) if self.upright else random_rotation(random)
        start = random_rotation(random)
        if self.angle is not None:
            start = rotvec_to_rotmat(math.radians(self.angle) * direction(random)) @ true
        position = torch.tensor(obj.position or [0.0, 0.0, 0.0], dtype=torch.float64)
        moved = position + self.shift * float(config.camera.distance) * direction(random)
        key = f"scene.objects.{self.object}"
        return {
            f"{key}.rotation": plain(rotmat_to_rotvec(start).rad2deg()),
            f"{key}.position": plain(moved),
            f"target.{key}.rotation": plain(rotmat_to_rotvec(true).rad2deg()),
            f"target.{key}.position": plain(position),
        }


@dataclass(frozen=True)
class CameraViews:
    """The true camera and the start's, each of them anywhere around what the scene's camera looks at.

    within: degrees between the view and the +z axis; 180 is the whole sphere. Directions are drawn from all alike.
    distance: smallest and largest factor on the scene's. look_at: how far the point that is looked at may be moved
    along each axis, as a share of the distance.
    """

    within: float = 180.0
    distance: tuple[float, float] = (0.8, 1.2)
    look_at: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.within <= 180:
            raise UserError(f"draw.within is {self.within}, expected degrees above 0 up to 180")
        if not 0 < self.distance[0] <= self.distance[1]:
            raise UserError(f"draw.distance is {list(self.distance)}, expected a smaller and a larger factor above 0")

    def __call__(self, config: Any, random: torch.Generator) -> dict[str, Any]:
        """Azimuth, elevation, distance and look_at of both cameras."""
        start, true = self.camera(config, random), self.camera(config, random)
        return {
            **{f"camera.{key}": value for key, value in start.items()},
            **{f"target.camera.{key}": value for key, value in true.items()},
        }

    def camera(self, config: Any, random: torch.Generator) -> dict[str, Any]:
        """One camera's keys."""
        x, y, z = direction(random, self.within).tolist()
        low, high = self.distance
        distance = float(config.camera.distance) * (low + (high - low) * float(torch.rand((), generator=random)))
        around = torch.tensor(config.camera.look_at or [0.0, 0.0, 0.0], dtype=torch.float64)
        aside = (2 * torch.rand(3, generator=random, dtype=torch.float64) - 1) * self.look_at * distance
        return {
            "azimuth": round(math.degrees(math.atan2(x, z)), DECIMALS),
            "elevation": round(math.degrees(math.asin(max(-1.0, min(1.0, y)))), DECIMALS),
            "distance": round(distance, DECIMALS),
            "look_at": plain(around + aside),
        }


def direction(random: torch.Generator, within: float = 180.0) -> Tensor:
    """A unit vector [3] from all alike that are within so many degrees of +z, float64.

    Equal heights cut equal areas from a sphere (Archimedes).
    """
    first, second = torch.rand(2, generator=random, dtype=torch.float64).tolist()
    z = 1 - (1 - math.cos(math.radians(within))) * first
    around = 2 * math.pi * second
    across = math.sqrt(max(0.0, 1 - z * z))
    return torch.tensor([across * math.cos(around), across * math.sin(around), z], dtype=torch.float64)


def plain(values: Tensor) -> list[float]:
    """Numbers for a config."""
    return [round(value, DECIMALS) for value in values.tolist()]
