"""Pictures: channels by name, of one size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

Channels = frozenset[str]


@dataclass(frozen=True)
class Picture:
    """Channels by name; one that was not asked for is not there.

    rgb: [H, W, 3], linear, over the scene's background.
    alpha: [H, W], the silhouette: how much of the pixel the objects cover.
    depth: [H, W], camera z of what is seen; 0 where nothing is.
    Others, such as normal [H, W, 3], as `invrender.render.shading.channels` says.
    """

    channels: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.channels[name]

    def __contains__(self, name: str) -> bool:
        return name in self.channels

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = next(iter(self.channels.values())).shape[:2]
        return height, width

    @property
    def rgb(self) -> Tensor:
        """The colours [H, W, 3]."""
        return self["rgb"]

    @property
    def alpha(self) -> Tensor:
        """The silhouette [H, W]."""
        return self["alpha"]

    @property
    def depth(self) -> Tensor:
        """The depth [H, W]."""
        return self["depth"]

    def with_channels(self, **channels: Tensor) -> Picture:
        """The picture with some channels in place of its own."""
        return replace(self, channels={**self.channels, **channels})
