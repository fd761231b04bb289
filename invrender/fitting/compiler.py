"""PyTorch's compiler and symbolic algebra, which forward mode imports and has no use for.

Importing them takes nearly as long as importing PyTorch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

DISABLED = "__dynamo_disable"
"""Where `torch._disable_dynamo` looks for what the compiler has made of a function, before it imports the compiler."""

ELEMENTWISE = ("add", "sub", "mul", "div")
"""What tangents that are zero take part in without becoming numbers."""


def spare_compiler() -> None:
    """Let a program that compiles nothing do forward mode without importing PyTorch's compiler, or SymPy.

    Tangents that are zero go through functions that are hidden from the compiler when they are first called: by the
    compiler, which is imported for it. Here they are marked as hidden already. What becomes of shapes in
    `ELEMENTWISE` functions is found here, not by symbols. Rules for forward mode of gradients that have none of their
    own (of softmax, and of layers that normalize) are not compiled. Versions of PyTorch that look elsewhere import it
    all as ever. A program that compiles something itself, or wants those rules, should not call this.
    """
    if "torch._dynamo" in sys.modules:
        return
    from torch import _decomp, _refs

    tables = getattr(_decomp, "global_decomposition_table", {})
    seen: set[FunctionType] = set()
    for function in (each for table in tables.values() for each in table.values()):
        for layer in layers(function, seen):
            layer.__dict__.setdefault(DISABLED, layer)
    for name in ELEMENTWISE:
        for layer in layers(getattr(_refs, name, None), set()):
            layer.__dict__[DISABLED] = with_shapes(layer)
    if not hasattr(_decomp, "decompositions_for_jvp"):
        _decomp.decompositions_for_jvp = None  # type: ignore[attr-defined]


def with_shapes(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An elementwise function of two tensors; of tensors without numbers it finds the shape and type itself."""

    def find(*arguments: Any, **settings: Any) -> Tensor:
        if (
            len(arguments) == 2
            and all(isinstance(each, Tensor) and each.is_meta for each in arguments)
            and (dtype := torch.result_type(*arguments)).is_floating_point
            and settings.get("out") is None
        ):
            one, other = arguments
            return torch.empty(torch._C._infer_size(one.shape, other.shape), dtype=dtype, device="meta")
        return function(*arguments, **settings)

    return find


def layers(function: object, seen: set[FunctionType]) -> Iterator[FunctionType]:
    """A decorated function, and the functions that its decorators hold; those that were not seen before."""
    if isinstance(function, FunctionType) and function not in seen:
        seen.add(function)
        yield function
        for cell in function.__closure__ or ():
            yield from layers(cell.cell_contents, seen)
