"""Maps between the numbers of a scene and raw tensors: zeros are the start, and a change is about alike everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from invrender.errors import UserError


class Map(Protocol):
    """A map that is differentiable and has an inverse, number by number."""

    def check(self, start: Tensor) -> None:
        """Raise `UserError` for a start that the map can't leave."""
        ...

    def forward(self, start: Tensor, raw: Tensor) -> Tensor:
        """The values, of the start's shape; the start itself for a raw tensor of zeros."""
        ...

    def inverse(self, start: Tensor, values: Tensor) -> Tensor:
        """The raw tensor of values."""
        ...


@dataclass(frozen=True)
class Shift:
    """start + raw."""

    def check(self, start: Tensor) -> None:
        """Every start will do."""

    def forward(self, start: Tensor, raw: Tensor) -> Tensor:
        """start + raw."""
        return start + raw

    def inverse(self, start: Tensor, values: Tensor) -> Tensor:
        """values − start."""
        return values - start


@dataclass(frozen=True)
class Scale:
    """start × exp(raw), for numbers above 0 of which factors matter."""

    def check(self, start: Tensor) -> None:
        """Raise `UserError` for a start of 0 or below, which has no factors."""
        if not bool((start > 0).all()):
            raise UserError(f"map is scale, and the start is {float(start.min()):g}, expected a start above 0")

    def forward(self, start: Tensor, raw: Tensor) -> Tensor:
        """start × exp(raw)."""
        return start * raw.exp()

    def inverse(self, start: Tensor, values: Tensor) -> Tensor:
        """log(values / start)."""
        return torch.log(values / start)


MAPS: Mapping[str, Map] = {"shift": Shift(), "scale": Scale()}
"""By the name that a config has for each."""
