"""Whether PyTorch3D is there and works, in words for the person who wants it."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType

from invrender.errors import UserError

GUIDE = "https://github.com/facebookresearch/pytorch3d/blob/main/INSTALL.md"
WAY_ON = f"see its own installation guide, {GUIDE}, or choose renderer=embedded"


def is_installed() -> bool:
    """Whether there is a package of that name; it may still be broken."""
    return find_spec("pytorch3d") is not None


def installed_version() -> str:
    """PyTorch3D's version, "of unknown version" for a copy of its source on the path."""
    try:
        return version("pytorch3d")
    except PackageNotFoundError:
        return "of unknown version"


def library() -> str | None:
    """PyTorch3D's version, None where it is not installed."""
    return installed_version() if is_installed() else None


def adapter() -> ModuleType:
    """The module that talks to PyTorch3D. Raises `UserError` where that is missing or does not load."""
    if not is_installed():
        raise UserError(f"renderer=pytorch3d needs PyTorch3D, which is not installed: {WAY_ON}")
    try:
        return importlib.import_module("invrender.render.adapters.pytorch3d.adapter")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise UserError(f"renderer=pytorch3d: {misfit('does not load', error)}: {WAY_ON}") from error


@cache
def problem(device: str) -> str | None:
    """What is wrong with PyTorch3D on ``device``: None where it loads and rasterizes a triangle."""
    if not is_installed():
        return "PyTorch3D is not installed"
    try:
        covered = adapter().rasterized_triangle(device)
    except UserError as error:
        cause = error.__cause__
        return misfit("does not load", cause if isinstance(cause, Exception) else error)
    except Exception as error:
        return misfit(f"does not rasterize on {device}", error)
    return None if covered else f"PyTorch3D {installed_version()} rasterizes a triangle on {device} and draws nothing"


def misfit(what: str, error: Exception) -> str:
    """What a broken PyTorch3D does, and the first line of its own words."""
    words = str(error).strip() or type(error).__name__
    return f"PyTorch3D {installed_version()} {what} ({words.splitlines()[0]})"
