"""Imports that are needed when a fit is over, made while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from threading import Thread


def import_ahead(modules: Sequence[str]) -> None:
    """Import modules beside what goes on: kernels leave the other cores idle for a while in every step.

    What can't be imported is told where it is needed.
    """

    def work() -> None:
        try:
            for name in modules:
                import_module(name)
        except Exception:
            return

    Thread(target=work, name="imports").start()
