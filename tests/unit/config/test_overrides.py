from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from invrender.config.files import load
from invrender.config.overrides import option_name, rewrite
from invrender.errors import UserError

OPTIONS = {"scene": {"teapot", "vase"}, "target": {"render", "image", "views"}, "camera": {"perspective"}}


@pytest.fixture
def rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Rewrites arguments in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def rewrites(*arguments: str, positional: str | None = None) -> list[str]:
        return rewrite(arguments, lambda group: OPTIONS.get(group, set()), positional).arguments

    return rewrites


def value_of(argument: str) -> object:
    """What Hydra and OmegaConf make of an override's value."""
    value = OverridesParser.create().parse_override(argument).value()
    return OmegaConf.to_container(OmegaConf.create({"x": value}), resolve=True)["x"]  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    "argument",
    [
        "camera.azimuth=30",
        "scene=teapot",
        "camera.position=[1,2,3]",
        "recover=[camera_pose,texture]",
        "--cfg=job",
        "-m",
        "~light.key",
        "+recover.new.lr=1",
        "loss.mse.weight=0.5",
        "target=image",
        "target.mask=null",
        "target.noise=0.1",
        "camera=persp",
        "target.path='my photo.png'",
        "hydra.run.dir=${now:%Y}",
        "target.path=${scenes:teapot/target.png}",
        "runs=[a,b]",
    ],
)
def test_passed_on_unchanged(rewritten: Callable[..., list[str]], argument: str) -> None:
    assert rewritten(argument) == [argument]


def test_a_picture_is_a_target(rewritten: Callable[..., list[str]], tmp_path: Path) -> None:
    assert rewritten("target=photo.JPG") == ["target=image", "target.path='photo.JPG'"]
    assert rewritten("target=cameras.json") == ["target=views", "target.path='cameras.json'"]
    (tmp_path / "photo").touch()
    assert rewritten("target=photo") == ["target=image", "target.path='photo'"]
    assert rewritten("-m", "target=a.png,b.png")[0] == "target=image"


@pytest.mark.parametrize(
    "name",
    ["my photo.png", "[a].png", "a,b.png", "a=b.png", "~a.png", "it's.png", '"a".png', "a$b.png", "${a}.png",
     "a\\b.png", "{a: 1}.png", "(a).png", "a\\", "a\\'.png", "\\${a}.png", "ä.png", "a:b.png", " a.png", "a.png "],
)  # fmt: skip
def test_names_of_files_arrive_as_they_are(rewritten: Callable[..., list[str]], tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    for key in ("target.path", "target.mask", "target.scene.picture", "scene.objects.cube.texture", "output"):
        (argument,) = rewritten(f"{key}={name}")
        assert value_of(argument) == name
    _, path = rewritten(f"target={name}")
    assert value_of(path) == name


def test_names_of_new_files_are_quoted_too(rewritten: Callable[..., list[str]]) -> None:
    assert value_of(rewritten("output=a, (b).png")[0]) == "a, (b).png"


def test_sweeps_over_files_stay_sweeps(rewritten: Callable[..., list[str]], tmp_path: Path) -> None:
    for name in ("a.png", "b c.png"):
        (tmp_path / name).touch()
    assert rewritten("-m", "target.path=a.png,b c.png")[0] == "target.path='a.png','b c.png'"
    assert rewritten("--multirun", "target=a.png,b c.png")[:2] == ["target=image", "target.path='a.png','b c.png'"]


def test_changes_of_the_truth_are_added(rewritten: Callable[..., list[str]]) -> None:
    assert rewritten("target.camera.azimuth=40") == ["++target.camera.azimuth=40"]
    assert rewritten("+target.light.key.intensity=2") == ["++target.light.key.intensity=2"]
    assert rewritten("target.scene.objects.a.texture=b c.png") == ["++target.scene.objects.a.texture='b c.png'"]


def test_yaml_files_become_options(rewritten: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "folder [x]").mkdir()
    for name in ("my scene.yaml", "folder [x]/scene.yaml"):
        (tmp_path / name).write_text("scene: {}\n")
    plain, inside = option_name(tmp_path / "my scene.yaml"), option_name(tmp_path / "folder [x]" / "scene.yaml")
    assert plain != inside
    assert rewritten("scene=my scene.yaml") == [f"scene={plain}"]
    assert rewritten(f"scene={tmp_path}/my scene.yaml") == [f"scene={plain}"]
    assert rewritten("scene=folder [x]") == [f"scene={inside}"]
    assert rewritten("+experiment=my scene.yaml") == [f"+experiment={plain}"]
    assert rewritten("-m", "scene=my scene.yaml,folder [x]") == [f"scene={plain},{inside}", "-m"]
    found = rewrite(["scene=folder [x]"], OPTIONS.__getitem__).files
    assert [(file.group, file.name, file.path) for file in found] == [("scene", inside, Path("folder [x]/scene.yaml"))]


def test_files_that_are_not_there(rewritten: Callable[..., list[str]], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"scene=none\.yaml: no such file"):
        rewritten("scene=none.yaml")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"scene=folder is a folder without a scene\.yaml"):
        rewritten("scene=folder")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"scene=notes\.txt is a file, expected a YAML file or one of teapot, vase"):
        rewritten("scene=notes.txt")


def test_an_option_counts_before_a_folder_of_its_name(rewritten: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "teapot").mkdir()
    (tmp_path / "render").touch()
    assert rewritten("scene=teapot", "target=render") == ["scene=teapot", "target=render"]


def test_the_folder_of_a_scene_is_made_absolute(rewritten: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "meshes").mkdir()
    assert rewritten("scene.folder=meshes") == [f"scene.folder='{tmp_path}/meshes'"]


def test_plain_arguments(rewritten: Callable[..., list[str]]) -> None:
    given = ["--config-dir", "cfg", "a b", "port=3", "--cfg", "job", "it's"]
    port, runs, *flags = rewritten(*given, positional="runs")
    assert port == "port=3"
    assert flags == ["--config-dir", "cfg", "--cfg", "job"]
    assert value_of(runs) == ["a b", "it's"]


def test_flags_may_stand_anywhere(rewritten: Callable[..., list[str]]) -> None:
    assert rewritten("a=1", "-m", "b=2") == ["a=1", "b=2", "-m"]
    assert rewritten("--info", "a=1") == ["a=1", "--info"]
    assert rewritten("--info", "defaults", "a=1") == ["a=1", "--info", "defaults"]
    with pytest.raises(UserError, match="no option '--multrun'; did you mean '--multirun'"):
        rewritten("--multrun")


def test_files_are_loaded_with_their_package(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# a scene\n# @package _global_\ncamera: {fov: 3}\n")
    assert load(tmp_path / "a.yaml") == ({"camera": {"fov": 3}}, "_global_")
    (tmp_path / "b.yaml").write_text("fov: 3\n")
    assert load(tmp_path / "b.yaml") == ({"fov": 3}, None)
