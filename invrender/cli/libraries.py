"""PyTorch's shared libraries, which take as long to load as all that comes before PyTorch is imported."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

LIBRARIES = {"libtorch_global_deps.so": ctypes.RTLD_GLOBAL, "libtorch_python.so": ctypes.RTLD_LOCAL}
"""Those that PyTorch loads itself, in its order and its way; the others come with them."""

COMMANDS = ("fit", "render", "train")


def wants_torch(arguments: Sequence[str]) -> bool:
    """Whether this process will most likely import PyTorch: for a command that renders and not for its help."""
    return bool(arguments) and arguments[0] in COMMANDS and not any(each.startswith("-") for each in arguments[1:2])


def load_ahead() -> None:
    """Load the libraries beside what goes on, so that PyTorch finds them when it is imported.

    Where there is another core, a program that begins with other things is there sooner. These should be Python's:
    only one thread at a time loads libraries, those of modules among them.
    """
    if sys.platform == "linux" and "torch" not in sys.modules:
        spec = find_spec("torch")
        folders = [] if spec is None else list(spec.submodule_search_locations or ())
        Thread(target=load, args=(folders,), name="libraries", daemon=True).start()


def load(folders: Sequence[str]) -> None:
    """Load the libraries. What can't be loaded is told where PyTorch is imported."""
    # As a foreign function it lets go of Python's lock, and `ctypes.CDLL` keeps it.
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    for folder in folders:
        for name, mode in LIBRARIES.items():
            if dlopen(os.fsencode(Path(folder) / "lib" / name), mode | os.RTLD_NOW) is None:
                return
