"""How long and how fast a network learns. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass

from invrender import checks


@dataclass
class Training:
    """How a network learns; the keys of ``training`` in a config.

    steps: of the optimizer. batch: pictures in each. lr: of AdamW, reached after ``warmup`` steps; from there it falls
    to 0 along a cosine. decay: of weights, in each step a share of them times the learning rate. clip: a gradient that
    is longer is shortened to it. examine_every: steps between two examinations; there is one at the start and in the
    end.

    Raises `UserError` for values out of range.
    """

    steps: int = 1000
    batch: int = 64
    lr: float = 1e-3
    warmup: int = 50
    decay: float = 1e-4
    clip: float = 1.0
    examine_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "examine_every"):
            checks.count(f"training.{name}", getattr(self, name))
        for name in ("lr", "clip"):
            checks.above(f"training.{name}", getattr(self, name), 0)
        for name in ("warmup", "decay"):
            checks.at_least(f"training.{name}", getattr(self, name), 0)
