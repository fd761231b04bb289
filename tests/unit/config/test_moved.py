"""Configs that were written with earlier names keep working, and say the names of now, each in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from invrender.config.build import build
from invrender.config.moved import ARGUMENTS, TARGETS
from invrender.config.overrides import rewrite
from invrender.config.registry import CLASSES
from invrender.errors import UserError
from invrender.fitting.search import Search
from invrender.render.edge import EdgeRenderer
from invrender.render.embedded import EmbeddedRenderer

OPTIONS = Path(__file__).parents[3] / "configs"


def option(path: str, **changed: object) -> dict[str, Any]:
    found = yaml.safe_load((OPTIONS / f"{path}.yaml").read_text())
    return {**found, **changed}


def test_moved_targets_lead_to_classes_of_the_registry() -> None:
    assert set(TARGETS.values()) <= CLASSES
    assert not TARGETS.keys() & CLASSES


def test_a_target_of_before_is_built_and_told(caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(build(option("search/auto", _target_="invrender.search.Search"), "search"), Search)
    assert caplog.messages == [
        "search._target_ is invrender.search.Search, which is invrender.fitting.search.Search now"
    ]


def test_a_key_of_before_counts_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert ARGUMENTS == {"kernels": "backend"}
    built = build(option("renderer/embedded", kernels="reference"), "renderer")
    assert isinstance(built, EmbeddedRenderer) and built.backend == "reference"
    assert caplog.messages == ["renderer.kernels is called renderer.backend now"]


def test_a_wrong_value_is_told_under_the_key_of_now() -> None:
    with pytest.raises(UserError, match=r"^renderer\.backend is 'numpy', expected one of auto, numba"):
        build(option("renderer/edge", kernels="numpy"), "renderer")


def test_a_class_of_the_users_may_call_its_arguments_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "own_renderer.py").write_text("def own(kernels, backend):\n    return kernels, backend\n")
    monkeypatch.syspath_prepend(tmp_path)
    node = {"_target_": "own_renderer.own", "kernels": 1, "backend": 2}
    assert build(node, "renderer", ["own_renderer."]) == (1, 2)
    assert caplog.messages == []


@pytest.mark.parametrize("key", ["renderer.kernels", "target.renderer.kernels"])
def test_the_command_line_takes_a_key_of_before(key: str) -> None:
    assert rewrite([f"{key}=numba"], lambda group: ()).arguments == [f"++{key}=numba"]


def test_a_renderer_without_backends_has_no_such_key() -> None:
    with pytest.raises(UserError, match=r"^renderer has no key 'kernels'"):
        build(option("renderer/auto", device="cpu", kernels="numba"), "renderer")


def test_the_edge_renderer_too() -> None:
    built = build(option("renderer/edge", kernels="numba"), "renderer")
    assert isinstance(built, EdgeRenderer) and built.backend == "numba"
