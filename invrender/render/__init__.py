"""Renderers. The package can be called: ``invrender.render(scene)`` is `invrender.render.layer.render`."""

import sys
from types import ModuleType
from typing import Any


class CallableModule(ModuleType):
    """A module that has the name of a function, and passes calls on to it."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        """The picture of a scene, with the arguments of `invrender.render.layer.render`."""
        from invrender.render.layer import render

        return render(*given, **named)


sys.modules[__name__].__class__ = CallableModule
