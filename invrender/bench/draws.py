"""What seeds draw: true poses and views, and where the fits that look for them start."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import roma
import torch
from torch import Tensor

from invrender.checks import above
from invrender.errors import UserError

DECIMALS = 6
ATTEMPTS = 100  # at a start whose object is in the picture


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
        true = roma.rotvec_to_rotmat(scenes_own.deg2rad()) if self.upright else rotation(random)
        start = rotation(random)
        if self.angle is not None:
            start = roma.rotvec_to_rotmat(math.radians(self.angle) * direction(random)) @ true
        position = torch.tensor(obj.position or [0.0, 0.0, 0.0], dtype=torch.float64)
        moved = position + self.shift * float(config.camera.distance) * direction(random)
        key = f"scene.objects.{self.object}"
        return {
            f"{key}.rotation": plain(roma.rotmat_to_rotvec(start).rad2deg()),
            f"{key}.position": plain(moved),
            f"target.{key}.rotation": plain(roma.rotmat_to_rotvec(true).rad2deg()),
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


@dataclass(frozen=True)
class RoughViews:
    """The true camera, which sees an object small and anywhere in its picture, and a start that is rough.

    What the scene's camera looks at is the object's middle, ``diameter`` its width in scene units.
    width: smallest and largest share of the picture's width that the object takes. elevation, roll: degrees, of the
    true camera; the azimuth is any. angle: degrees by which the start is turned about the object's middle, about an
    axis from all axes alike. shift: of the start across the line of sight, as a share of the object's width, in a
    direction from all alike of those that leave its middle in the picture. depth: how much further or nearer it is at
    the start, as a share of the distance.
    """

    diameter: float
    width: tuple[float, float] = (0.1, 0.25)
    elevation: tuple[float, float] = (-90.0, 90.0)
    roll: tuple[float, float] = (-180.0, 180.0)
    angle: tuple[float, float] = (5.0, 40.0)
    shift: tuple[float, float] = (0.0, 0.5)
    depth: tuple[float, float] = (0.0, 0.2)

    def __post_init__(self) -> None:
        above("draw.diameter", self.diameter, 0)
        for name, least, most in (("width", 0.01, 0.9), ("angle", 0, 180), ("shift", 0, 1), ("depth", 0, 0.5)):
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise UserError(f"draw.{name} is [{low}, {high}], expected [lowest, highest] within {least} and {most}")

    def __call__(self, config: Any, random: torch.Generator) -> dict[str, Any]:
        """Both cameras' camera_from_world, and the seed of all else in the photograph."""
        size, focal = picture_of(config)
        middle = torch.tensor(config.camera.look_at or [0.0, 0.0, 0.0], dtype=torch.float64)
        share = between(random, self.width)
        margin = 0.6 * share * float(size[0])
        pixel = size / 2 + (2 * torch.rand(2, generator=random, dtype=torch.float64) - 1) * (size / 2 - margin).clamp(0)
        ray = torch.cat([(pixel - size / 2) / focal, torch.ones(1, dtype=torch.float64)])
        place = ray * self.diameter * focal / (share * float(size[0]))
        true = self.true_rotation(random)
        turned = roma.rotvec_to_rotmat(math.radians(between(random, self.angle)) * direction(random)) @ true
        moved = place + self.draw_shift(random, place, size - margin, focal)
        return {
            "camera.camera_from_world": matrix(turned, moved - turned @ middle),
            "target.camera.camera_from_world": matrix(true, place - true @ middle),
            "target.seed": int(torch.randint(2**31, (), generator=random)),
        }

    def true_rotation(self, random: torch.Generator) -> Tensor:
        """The rotation [3, 3] of camera_from_world: as many elevations as their circles are long."""
        low, high = (math.sin(math.radians(angle)) for angle in self.elevation)
        elevation, azimuth = math.asin(between(random, (low, high))), between(random, (0, 2 * math.pi))
        vectors = [[0.0, 0.0, math.radians(between(random, self.roll))], [elevation, 0.0, 0.0], [0.0, -azimuth, 0.0]]
        roll, tilt, turn = roma.rotvec_to_rotmat(torch.tensor(vectors, dtype=torch.float64))
        # The camera's axes are x right, y down, z forward.
        return torch.as_tensor(roll @ torch.diag(roll.new_tensor([1.0, -1.0, -1.0])) @ tilt @ turn)

    def draw_shift(self, random: torch.Generator, place: Tensor, limit: Tensor, focal: float) -> Tensor:
        """A shift [3] of the object in the camera's frame, at ``place``, that leaves its middle in the picture."""
        length, deeper = between(random, self.shift) * self.diameter, between(random, self.depth)
        further = (deeper if between(random, (0, 1)) < 0.5 else -deeper) * place
        for _ in range(ATTEMPTS):
            angle = between(random, (0, 2 * math.pi))
            shift = further + length * place.new_tensor([math.cos(angle), math.sin(angle), 0.0])
            moved = place + shift
            # From the middle of the picture.
            if bool(((focal * moved[:2] / moved[2]).abs() < limit / 2).all()):
                return shift
        return further


@dataclass(frozen=True)
class Numbers:
    """Values of any keys, each on its own.

    between: by key, [lowest, highest], or a list of such pairs for a key that is a list. choices: by key, a list, from
    which each is taken alike.
    """

    between: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, limits in self.between.items():
            for low, high in pairs_of(limits):
                if not low <= high:
                    raise UserError(f"draw.between.{key} has [{low}, {high}], expected [lowest, highest]")
        for key, choices in self.choices.items():
            if not choices:
                raise UserError(f"draw.choices.{key} is empty, expected a list")

    def __call__(self, config: Any, random: torch.Generator) -> dict[str, Any]:
        """The values by key."""
        drawn: dict[str, Any] = {}
        for key, limits in self.between.items():
            values = [round(between(random, pair), DECIMALS) for pair in pairs_of(limits)]
            drawn[key] = values if isinstance(limits[0], Sequence) else values[0]
        for key, choices in self.choices.items():
            drawn[key] = choices[int(torch.randint(len(choices), (), generator=random))]
        return drawn


def pairs_of(limits: Sequence[Any]) -> Sequence[Sequence[float]]:
    """[lowest, highest] of each number of a key: of one, or of a list."""
    return limits if isinstance(limits[0], Sequence) else [limits]


@dataclass(frozen=True)
class Together:
    """What several draws give, one after the other; a later one has the last word on a key."""

    draws: Sequence[Draw]

    def __call__(self, config: Any, random: torch.Generator) -> dict[str, Any]:
        """The values by key."""
        drawn = [draw(config, random) for draw in self.draws]
        return {key: value for each in drawn for key, value in each.items()}


def picture_of(config: Any) -> tuple[Tensor, float]:
    """Width and height [2] of the true camera's picture, and its focal length in pixels."""
    camera = {**config.camera, **config.target.camera}
    size = torch.tensor([camera["width"], camera["height"]], dtype=torch.float64)
    return size, float(size.min()) / 2 / math.tan(math.radians(camera["fov"]) / 2)


def matrix(turn: Tensor, translation: Tensor) -> list[list[float]]:
    """The rows of a rigid transform, for a config."""
    rows = torch.cat([turn, translation[:, None]], dim=1)
    return [*(plain(row) for row in rows), [0.0, 0.0, 0.0, 1.0]]


def between(random: torch.Generator, limits: Sequence[float]) -> float:
    """A number from all alike within the limits."""
    return limits[0] + (limits[1] - limits[0]) * float(torch.rand((), generator=random, dtype=torch.float64))


def rotation(random: torch.Generator) -> Tensor:
    """A rotation [3, 3] from all rotations alike, float64."""
    return torch.as_tensor(roma.random_rotmat(dtype=torch.float64, generator=random))


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
