"""Keeping a few of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from invrender.typed import check_type

Item = TypeVar("Item")


@dataclass
class Thinned(Generic[Item]):
    """At most ``limit`` items, evenly spaced over a sequence whose length is not known beforehand.

    The first item stays. Whenever there are too many, every second one goes, and from then on half as many are taken;
    so at least half of ``limit`` are there once so many have come.
    """

    limit: int
    items: list[Item] = field(default_factory=list, init=False)
    stride: int = field(default=1, init=False)
    offered: int = field(default=0, init=False)

    def offer(self, make: Callable[[], Item]) -> None:
        """The sequence's next item, which is made only if it is taken."""
        if self.offered % self.stride == 0:
            self.items.append(make())
            if len(self.items) > self.limit:
                self.items = self.items[::2]
                self.stride *= 2
        self.offered += 1

    def remember(self) -> dict[str, int]:
        """Which items of the sequence are taken."""
        return {"stride": self.stride, "offered": self.offered}

    def resume(self, items: list[Item], memory: Mapping[str, Any]) -> None:
        """Go on as one that had these items when it remembered. Raises `TypeError` or `ValueError` for no memory."""
        for name in ("stride", "offered"):
            check_type(name, memory[name], int)
        if memory["stride"] < 1:
            raise ValueError(f"stride is {memory['stride']}, expected 1 or more")
        self.items, self.stride, self.offered = items, memory["stride"], memory["offered"]
