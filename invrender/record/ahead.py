"""Imports that are needed when a fit is over, made while it goes on."""

from __future__ import annotations

from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invrender.fitting.step import Step


def import_ahead(step: Step, *modules: str) -> None:
    """Import modules beside a fit that has taken its first step: its kernels leave other cores idle again and again."""
    if step.iteration == 1 and step.stopped_because is None:
        Thread(target=import_all, args=(modules,), name="imports").start()


def import_all(modules: tuple[str, ...]) -> None:
    """Import modules. What can't be imported is told where it is needed."""
    try:
        for name in modules:
            import_module(name)
    except Exception:
        return
