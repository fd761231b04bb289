"""What is typed for a sweep, and the alternatives that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from invrender.config.alternatives import alternatives
from invrender.config.overrides import rewrite
from invrender.errors import UserError

FILES = ("a.png", "b.png", "b c.png", "a,b.png", "x,y,z.png", "it's.png", "q(1,2).png")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("adam,lm", ["adam", "lm"]),
        ("a.png, b.png", ["a.png", "b.png"]),
        ("a,b.png", ["a,b.png"]),
        ("a.png,a,b.png", ["a.png", "a,b.png"]),
        ("x,y,z.png,b c.png", ["x,y,z.png", "b c.png"]),
        ('a.png,"a,b.png"', ["a.png", "a,b.png"]),
        ("'none,such.png',b.png", ["none,such.png", "b.png"]),
        ("it's.png,b.png", ["it's.png", "b.png"]),
        ("q(1,2).png,b.png", ["q(1,2).png", "b.png"]),
        ("[a.png,b.png],[b.png]", ["[a.png,b.png]", "[b.png]"]),
        ("choice(a.png,a,b.png)", ["a.png", "a,b.png"]),
        ("glob(b*.png)", ["b c.png", "b.png"]),
        ("glob(*)", ["glob(*)"]),
        ("range(0,3)", ["range(0,3)"]),
        ("tag(log,interval(0.1,1))", ["tag(log,interval(0.1,1))"]),
        ("", [""]),
    ],
)
def test_alternatives(value: str, found: list[str]) -> None:
    assert alternatives(value, {"adam", "lm"} if "*" in value and "png" not in value else ()) == found


def test_a_glob_that_fits_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"glob\(\*\.jpg\) fits no file in"):
        alternatives("glob(*.jpg)")


@pytest.fixture
def swept() -> Callable[[str], list[str]]:
    options = {"target": {"render", "image", "views"}}
    return lambda argument: rewrite([argument, "-m"], lambda group: options.get(group, set())).arguments[:-1]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("target=glob(b*.png)", ["target=image", "target.path='b c.png','b.png'"]),
        ("target=choice(a.png,b.png)", ["target=image", "target.path='a.png','b.png'"]),
        ("target=a.png,a,b.png", ["target=image", "target.path='a.png','a,b.png'"]),
        ("target=glob(*)", ["target=glob(*)"]),
        ("scene.objects.vase.mesh=a.obj,b.obj", ["scene.objects.vase.mesh='a.obj','b.obj'"]),
        ("scene.objects.vase.texture=null,a.png", ["scene.objects.vase.texture=null,'a.png'"]),
        ("scene.objects.vase.texture=glob(a.*)", ["scene.objects.vase.texture='a.png'"]),
        ("scene.objects.vase.texture=choice(a.png,b.png)", ["scene.objects.vase.texture='a.png','b.png'"]),
        ("hydra.sweep.dir=a,b", ["hydra.sweep.dir='a,b'"]),
    ],
)
def test_files_are_one_job_each(swept: Callable[[str], list[str]], argument: str, arguments: list[str]) -> None:
    assert swept(argument) == arguments
