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


@dataclass(frozen=True)
class Logit:
    """sigmoid(logit(start) + raw), for shares between 0 and 1."""

    def check(self, start: Tensor) -> None:
        """Raise `UserError` for a start that is no share, or one of the ends, which can't be left."""
        if not bool(((start > 0) & (start < 1)).all()):
            worst = float(start.min() if bool((start <= 0).any()) else start.max())
            raise UserError(f"map is logit, and the start is {worst:g}, expected a start between 0 and 1, such as 0.5")

    def forward(self, start: Tensor, raw: Tensor) -> Tensor:
        """sigmoid(logit(start) + raw), by a form that is the start itself to the last bit where raw is 0."""
        return start * raw.exp() / (1 + start * torch.expm1(raw))

    def inverse(self, start: Tensor, values: Tensor) -> Tensor:
        """logit(values) − logit(start)."""
        return torch.logit(values) - torch.logit(start)


MAPS: Mapping[str, Map] = {"shift": Shift(), "scale": Scale(), "logit": Logit()}
"""By the name that a config has for each."""
