"""The choice of the scene's lights or objects that an unknown is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from invrender.errors import UserError

Item = TypeVar("Item")


def choose(items: Mapping[str, Item], names: Sequence[str] | None, what: str) -> list[str]:
    """The given names, or all; `UserError` for a name that is not there, and where there is none at all."""
    if not items:
        raise UserError(f"the scene has no {what}")
    if names is not None and not names:
        raise UserError(f"no {what} is named, expected some of {', '.join(items)}, or null for all")
    for name in names or ():
        if name not in items:
            raise UserError(f"{what} {name!r} is not in the scene, which has {', '.join(items)}")
    return list(items) if names is None else list(names)
