"""PyTorch's shared libraries, which take as long to load as all that comes before PyTorch is imported."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

LIBRARIES = {"libtorch_global_deps.so": ctypes.RTLD_GLOBAL, "libtorch_python.so": ctypes.RTLD_LOCAL}
"""Those that PyTorch loads itself, in its order and its way; the others come with them."""

COMMANDS = ("fit", "render")


def wants_torch(arguments: Sequence[str]) -> bool:
    """Whether this process will most likely import PyTorch: for a command that renders and not for its help."""
    return bool(arguments) and arguments[0] in COMMANDS and not any(each.startswith("-") for each in arguments[1:2])


def load_ahead() -> None:
    """Load the libraries beside what goes on, so that PyTorch finds them when it is imported.

    Where there is another core, a program that begins with other things is there sooner. Python goes on meanwhile.
    """
    if sys.platform == "linux" and "torch" not in sys.modules:
        Thread(target=load, name="libraries", daemon=True).start()


def load() -> None:
    """Load the libraries. What can't be loaded is told where PyTorch is imported."""
    spec = find_spec("torch")
    for folder in () if spec is None else spec.submodule_search_locations or ():
        with contextlib.suppress(OSError):
            for name, mode in LIBRARIES.items():
                ctypes.CDLL(str(Path(folder) / "lib" / name), mode=mode)
