"""PyTorch3D that is missing or broken, and settings that are out of range; it need not be there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from invrender.errors import UserError
from invrender.render.adapters.pytorch3d import loading
from invrender.render.adapters.pytorch3d.renderer import PyTorch3DRenderer

ADAPTER = "invrender.render.adapters.pytorch3d.adapter"
WAY_ON = r"see its own installation guide, https://\S+INSTALL\.md, or choose renderer=embedded$"


Pretend = Callable[[str], None]


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    loading.problem.cache_clear()


def take_out() -> dict[str, ModuleType]:
    """PyTorch3D and what has imported it, no longer imported."""
    names = [name for name in sys.modules if name.partition(".")[0] == "pytorch3d" or name == ADAPTER]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretend]:
    """Puts a package pytorch3d, made of a source, in the place of the real one."""

    def put(source: str) -> None:
        (tmp_path / "pytorch3d").mkdir()
        (tmp_path / "pytorch3d" / "__init__.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(loading, "installed_version", lambda: "1.2")

    before = take_out()
    yield put
    take_out()
    sys.modules.update(before)


def test_a_missing_one_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "is_installed", lambda: False)
    with pytest.raises(UserError, match=rf"^renderer=pytorch3d needs PyTorch3D, which is not installed: {WAY_ON}"):
        PyTorch3DRenderer()
    assert loading.problem("cpu") == "PyTorch3D is not installed"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise ImportError('_C.so: undefined symbol: _ZN3c10\\nand more')", r"_C\.so: undefined symbol: _ZN3c10"),
        ("raise OSError('libcudart.so.12: cannot open')", r"libcudart\.so\.12: cannot open"),
        ("", r"No module named 'pytorch3d\.renderer'"),
        ("raise RuntimeError", "RuntimeError"),
    ],
)
def test_a_broken_one_is_told_in_a_line(source: str, words: str, pretend: Pretend) -> None:
    pretend(source)
    told = rf"PyTorch3D 1\.2 does not load \({words}\)"
    with pytest.raises(UserError, match=rf"^renderer=pytorch3d: {told}: {WAY_ON}"):
        PyTorch3DRenderer()
    found = loading.problem("cpu")
    assert found is not None
    assert "does not load" in found and "INSTALL" not in found


def test_one_that_does_not_rasterize_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    class Adapter:
        @staticmethod
        def rasterized_triangle(device: str) -> bool:
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nand more")

    monkeypatch.setattr(loading, "is_installed", lambda: True)
    monkeypatch.setattr(loading, "adapter", lambda: Adapter)
    monkeypatch.setattr(loading, "installed_version", lambda: "1.2")
    words = "CUDA error: no kernel image is available for execution on the device"
    assert loading.problem("cuda") == f"PyTorch3D 1.2 does not rasterize on cuda ({words})"


def test_a_working_one_has_no_problem() -> None:
    pytest.importorskip("pytorch3d", reason="PyTorch3D is not installed")
    assert loading.problem("cpu") is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sigma": 0.0}, r"renderer\.sigma is 0\.0, expected a number above 0"),
        ({"gamma": -1.0}, r"renderer\.gamma is -1\.0"),
        ({"faces_per_pixel": 0}, r"renderer\.faces_per_pixel is 0, expected 1 to 150"),
        ({"faces_per_pixel": 151}, r"renderer\.faces_per_pixel is 151"),
        ({"blur_radius": 3.0}, r"renderer\.blur_radius is 3\.0, expected 0 to 2, or null"),
        ({"bin_size": -1}, r"renderer\.bin_size is -1, expected at least 0, or null"),
        ({"max_faces_per_bin": 0}, r"renderer\.max_faces_per_bin is 0, expected at least 1, or null"),
        ({"samples": 0}, r"renderer\.samples is 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PyTorch3DRenderer(**settings)
