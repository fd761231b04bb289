"""What `import invrender` offers."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

import invrender
from invrender.config.resources import PACKAGE

ASKED = ("load_scene", "render", "fit", "RenderLayer", "rasterize", "interpolate", "shade", "antialias", "write_report")


def test_every_name_is_there_and_has_a_docstring() -> None:
    assert set(ASKED) <= set(invrender.__all__) <= set(dir(invrender))
    assert [name for name in invrender.__all__ if not inspect.getdoc(getattr(invrender, name))] == []
    with pytest.raises(AttributeError, match="no attribute 'load_scenes'"):
        getattr(invrender, "load_scenes")  # noqa: B009


def test_render_is_a_function_and_a_package() -> None:
    from invrender.render.base import Shot

    assert invrender.render.base.Shot is Shot  # type: ignore[attr-defined]
    assert callable(invrender.render)


def test_it_is_imported_at_once() -> None:
    code = """
import sys, time
begun = time.process_time()
import invrender
seconds = time.process_time() - begun
assert not {"torch", "numpy", "hydra", "omegaconf"} & set(sys.modules)
assert "fit" in dir(invrender) and not hasattr(invrender, "nothing")
print(seconds)
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.2
