"""Names that configs had before, and what they are now. The old ones keep working, and say the new one."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from invrender.errors import note

TARGETS = {
    "invrender.search.Search": "invrender.fitting.search.Search",
    "invrender.solve.FirstOrder": "invrender.fitting.solve.FirstOrder",
    "invrender.solve.LevenbergMarquardt": "invrender.fitting.solve.LevenbergMarquardt",
    "invrender.render.pytorch3d.renderer.PyTorch3DRenderer": (
        "invrender.render.adapters.pytorch3d.renderer.PyTorch3DRenderer"
    ),
}
"""By the ``_target_`` of before, the one of now."""

ARGUMENTS = {"kernels": "backend"}
"""By the argument of before, the one of now, of whatever takes the new one and not the old one."""

# Keys that the shipped configs have no more, so that Hydra takes them only as new ones.
KEYS = re.compile(r"(target\.)?renderer\.kernels")


def moved_target(name: object, key: str) -> object:
    """The name of now for a ``_target_``."""
    if not isinstance(name, str) or name not in TARGETS:
        return name
    note(f"{key}._target_ is {name}, which is {TARGETS[name]} now")
    return TARGETS[name]


def moved_arguments(node: dict[Any, Any], target: Callable[..., Any], key: str) -> dict[Any, Any]:
    """A node with the arguments of now. What is given by an old name replaces what the shipped configs say."""
    known = inspect.signature(target).parameters
    found = dict(node)
    for before, now in ARGUMENTS.items():
        if before in node and before not in known and now in known:
            note(f"{key}.{before} is called {key}.{now} now")
            found[now] = found.pop(before)
    return found
