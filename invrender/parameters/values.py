"""Any numbers of a scene, by their address: an unknown that a YAML file alone can describe."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.parameters.base import Value
from invrender.parameters.maps import MAPS, Map
from invrender.parameters.ranges import Range, clamp
from invrender.scene import Scene, Target, Truth
from invrender.scene.address import get_tensors, set_tensors

SHORT = 4
"""A tensor of more numbers is not printed."""


@dataclass(frozen=True)
class Values:
    """The tensors at an address.

    raw: [N], all numbers of all tensors, one after the other.

    path: where they are, as in `invrender.scene.address`: ``objects.*.material.specular.factor``.
    map: from raw tensors to values: "shift" adds, "scale" multiplies by exp(raw), "logit" adds to log(x / (1 − x)).
    linear: whether a picture, in linear light, is linear in them; then least squares solve for them exactly.
    range: of each number.
    """

    path: str
    lr: float = 0.02
    map: str = "shift"
    linear: bool = False
    range: Range = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr)
        checks.interval("range", self.range, 0 if self.map == "scale" else None)
        checks.one_of("map", self.map, list(MAPS))
        if self.linear and self.map != "shift":
            raise UserError(f"linear is true and map is {self.map}: pictures are linear in shifts alone; set map=shift")

    @property
    def mapping(self) -> Map:
        """The map by its name."""
        return MAPS[self.map]

    def start(self, scene: Scene) -> Tensor:
        """The numbers of the scene, [N]."""
        return torch.cat([tensor.reshape(-1) for tensor in get_tensors(scene, self.path).values()])

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if the scene has nothing at the address, or the map can't leave the start."""
        self.mapping.check(self.start(scene))

    def initial(self, scene: Scene) -> Tensor:
        """[N]."""
        return torch.zeros_like(self.start(scene))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Map the raw tensor to values, and put these in place."""
        found = get_tensors(scene, self.path)
        parts = torch.split(raw, [tensor.numel() for tensor in found.values()])
        return set_tensors(
            scene,
            {
                address: self.mapping.forward(tensor, part.reshape(tensor.shape))
                for (address, tensor), part in zip(found.items(), parts, strict=True)
            },
        )

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change."""
        return raw + change

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep every number in its range."""
        return clamp(self.mapping, raw, self.start(scene), self.range)

    def value(self, scene: Scene) -> dict[str, Value]:
        """The numbers, by what stands for ``*`` in the path; None for tensors of many."""
        return {
            self.label(address): tensor.tolist() if tensor.numel() <= SHORT else None
            for address, tensor in get_tensors(scene, self.path).items()
        }

    def label(self, address: str) -> str:
        """What tells an address of this path from the others; the end of a path to one tensor alone."""
        pairs = list(zip(self.path.split("."), address.split("."), strict=True))
        return ".".join(own for part, own in pairs if part == "*") or pairs[-1][1]

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest error of a number; and relative, of those that are truly above 0."""
        found, true = self.start(scene), self.start(truth.scene)
        above = true > 0
        relative = {"relative": float((found / true - 1)[above].abs().max())} if bool(above.any()) else {}
        return {"absolute": float((found - true).abs().max())} | relative
