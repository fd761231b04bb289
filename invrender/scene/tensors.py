"""Nested dataclasses, mappings and tuples of tensors, taken as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

T = TypeVar("T")


def convert(value: T, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> T:
    """``value`` on another device, its floating-point tensors in another precision; None leaves either as it is."""

    def move(tensor: Tensor) -> Tensor:
        return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)

    return map_tensors(value, move)


def detach(value: T) -> T:
    """``value`` as constants; tensors that are constants already stay the same objects, and what is known of them."""
    return map_tensors(value, lambda tensor: tensor.detach() if tensor.requires_grad else tensor)


def map_tensors(value: T, function: Callable[[Tensor], Tensor]) -> T:
    """Rebuild nested dataclasses, mappings and tuples with ``function`` applied to every tensor in them."""
    return cast("T", map_nested(value, function))


def map_nested(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """`map_tensors` without its promise of a type."""
    if isinstance(value, Tensor):
        return function(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: map_nested(getattr(value, f.name), function) for f in fields(value)})
    if isinstance(value, Mapping):
        return {key: map_nested(item, function) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map_nested(item, function) for item in value)
    return value
