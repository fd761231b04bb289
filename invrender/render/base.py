"""What every renderer promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from torch import Tensor

from invrender.errors import UserError
from invrender.scene import Scene

MOST_SAMPLES = 64

Channel = Literal["rgb", "alpha", "depth"]
Channels = frozenset[Channel]
ALL: Channels = frozenset(("rgb", "alpha", "depth"))


@dataclass(frozen=True)
class Rendered:
    """A picture and what comes with it.

    rgb: [H, W, 3], linear, over the scene's background.
    alpha: [H, W], the silhouette: how much of the pixel the objects cover.
    depth: [H, W], camera z of what is seen; 0 where nothing is.
    A channel that was not asked for is a tensor without entries.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor


class Renderer(Protocol):
    """`render` is a pure function of the scene and differentiable in every tensor that the renderer supports."""

    def render(self, scene: Scene, channels: Channels = ALL) -> Rendered:
        """The picture that the scene's camera takes. Raises `UserError` for a scene that it can't draw."""
        ...

    def render_batch(self, scenes: Sequence[Scene], channels: Channels = ALL) -> tuple[Rendered, ...]:
        """The pictures of many scenes, such as views of one or candidates for one, at less than the cost of each."""
        ...

    def sampled(self, samples: int) -> Self:
        """This renderer with another number of samples, for each pixel in each direction."""
        ...

    def softened(self, sigma: float) -> Self:
        """This renderer with edges of softness ``sigma`` (squared NDC units), 0 for its hardest."""
        ...


def check_samples(samples: int) -> None:
    """Raise `UserError` for a number of samples, for each pixel in each direction, that is out of range."""
    if not 1 <= samples <= MOST_SAMPLES:
        raise UserError(f"renderer.samples is {samples}, expected 1 to {MOST_SAMPLES}")
