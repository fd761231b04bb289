"""PyTorch's compiler, which forward mode imports and has no use for: that takes nearly as long as importing PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType

DISABLED = "__dynamo_disable"
"""Where `torch._disable_dynamo` looks for what the compiler has made of a function, before it imports the compiler."""


def spare_compiler() -> None:
    """Let a program that compiles nothing do forward mode without importing PyTorch's compiler.

    Tangents that are zero go through functions that are hidden from the compiler when they are first called: by the
    compiler, which is imported for it. Here they are marked as hidden already. Versions of PyTorch that look elsewhere
    import it as ever. A program that compiles something itself should not call this.
    """
    if "torch._dynamo" in sys.modules:
        return
    from torch import _decomp

    tables = getattr(_decomp, "global_decomposition_table", {})
    seen: set[FunctionType] = set()
    for function in (each for table in tables.values() for each in table.values()):
        for layer in layers(function, seen):
            layer.__dict__.setdefault(DISABLED, layer)


def layers(function: object, seen: set[FunctionType]) -> Iterator[FunctionType]:
    """A decorated function, and the functions that its decorators hold; those that were not seen before."""
    if isinstance(function, FunctionType) and function not in seen:
        seen.add(function)
        yield function
        for cell in function.__closure__ or ():
            yield from layers(cell.cell_contents, seen)
