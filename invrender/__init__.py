"""Inverse rendering: recover cameras, lights and textures from pictures, from the command line or from Python.

``__init__.pyi`` lists what there is. It is imported when it is first used, so that ``import invrender`` takes no time.
"""

from functools import cache
from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What is listed, imported now."""
    if name == "__all__":
        return sorted(homes())
    if name not in homes():
        raise AttributeError(f"module 'invrender' has no attribute {name!r}")
    if name == "render":
        return import_module("invrender.render")  # a package of this name, which can be called
    found = globals()[name] = getattr(import_module(homes()[name]), name)
    return found


def __dir__() -> list[str]:
    """What is listed, imported or not."""
    return sorted({*globals(), *homes()})


@cache
def homes() -> dict[str, str]:
    """By name, the module of what is listed."""
    import ast
    from pathlib import Path

    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {each.name: str(node.module) for node in imports for each in node.names}
