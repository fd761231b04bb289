"""The promises of what can be learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from invrender.record.display import Picture
from invrender.scene import Scene

Errors = Mapping[str, Mapping[str, float]]


class Learner(nn.Module, ABC):
    """A network, the pictures that it learns from, and what they tell it.

    Its random numbers are those of PyTorch's own generator. Whatever else it remembers from one step to the next is in
    its buffers, so that its ``state_dict`` is all of it.

    network: what is trained.
    """

    network: nn.Module

    @abstractmethod
    def terms(self, count: int) -> Mapping[str, Tensor]:
        """The weighted terms of the loss, [] each, of so many pictures; differentiable in the network's weights."""

    @abstractmethod
    def examine(self) -> Errors:
        """The errors on pictures that it never learns from, always the same; by name and measure, as a fit's are."""

    @abstractmethod
    def show(self) -> Picture:
        """Some of these pictures, and what the network makes of them."""

    @abstractmethod
    def metadata(self) -> Mapping[str, Any]:
        """What has to be known of the network by whoever uses its weights."""


class Lesson(Protocol):
    """What is to be learned, as a config says it."""

    def begin(self, scene: Scene) -> Learner:
        """A learner that knows nothing yet. Raises `UserError` for a scene that there is nothing to learn from."""
        ...
