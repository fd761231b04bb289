"""Plain values, from a file that anybody may have written, that are of the types a class declares."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")
HALVES = re.compile("[\ud800-\udfff]")
"""Halves of characters, for which JSON has escapes, and which can't be written anywhere else."""


def make_typed(kind: type[Kind], content: Mapping[str, Any]) -> Kind:
    """The dataclass with these fields. Raises `TypeError` for one that is missing, unknown or of another type."""
    made = kind(**content)
    for name, hint in hints_of(kind).items():  # type: ignore[arg-type]
        check_type(name, getattr(made, name), hint)
    return made


@cache
def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields by name."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def check_type(name: str, value: Any, hint: Any) -> None:
    """Raise `TypeError`, with the name, for a value of another type."""
    if not is_of(value, hint):
        raise TypeError(f"{name} is {value!r:.80}, expected {getattr(hint, '__name__', hint)}")


def is_of(value: Any, hint: Any) -> bool:
    """Whether a value, with all that it holds, is of a type. A whole number that a float can hold is one, too."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in inner
    if origin in (Union, types.UnionType):
        return any(is_of(value, each) for each in inner)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(is_of(k, inner[0]) and is_of(value[k], inner[1]) for k in value)
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, list | tuple) and all(is_of(each, inner[0]) for each in value)
    if isinstance(value, bool):
        return hint is bool
    if hint is float and isinstance(value, int):
        return abs(value) < 1 << 1023
    if hint is str and isinstance(value, str):
        return not HALVES.search(value)
    return isinstance(value, origin or hint)
