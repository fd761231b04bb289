"""Files from elsewhere that try to run code, to write or delete something, or to tell what they should not know.

Each is refused in one line, and nothing is left behind. A new trick is one more row.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from invrender.errors import UserError

GLOBAL = "# @package _global_\n"
CALLBACK = "{callbacks: {x: {_target_: tricks.leave}}}"


@pytest.fixture(autouse=True)
def nothing_runs(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that tricks can name, in a folder of its own; what it is called for is noted there."""
    home = workspace / "home"
    home.mkdir()
    (home / "tricks.py").write_text(
        "import pathlib\n\ndef leave(*_, **__):\n    pathlib.Path(__file__).with_name('ran').touch()\n"
    )
    monkeypatch.syspath_prepend(home)
    monkeypatch.setenv("SECRET", "the-secret")
    yield
    assert not (home / "ran").exists()
    sys.modules.pop("tricks", None)


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


# By name: what a scene's file says besides being a scene.
SCENES: dict[str, str] = {
    "callbacks": f"{GLOBAL}hydra: {CALLBACK}\n",
    "callbacks of nothing else": f"{GLOBAL}hydra:\n  callbacks:\n    x: {{_target_: tricks.leave}}\n",
    "logging of jobs": f"{GLOBAL}hydra: {{job_logging: {{handlers: {{f: {{(): tricks.leave}}}}}}}}\n",
    "logging of Hydra": f"{GLOBAL}hydra: {{hydra_logging: {{version: 1, handlers: {{f: {{class: logging.FileHandler, "
    "filename: left}}}}}\n",
    "the run's folder": f"{GLOBAL}hydra: {{run: {{dir: /tmp}}}}\n",
    "the sweep's folder": f"{GLOBAL}hydra: {{sweep: {{dir: .}}}}\n",
    "a job's folder": f"{GLOBAL}hydra: {{sweep: {{subdir: ../../x}}}}\n",
    "a launcher": f"{GLOBAL}hydra: {{launcher: {{_target_: tricks.leave}}}}\n",
    "a sweeper": f"{GLOBAL}hydra: {{sweeper: {{_target_: tricks.leave}}}}\n",
    "a sweep that goes on": f"{GLOBAL}hydra: {{sweeper: {{resume: true}}}}\n",
    "a sweeper's keys": f"{GLOBAL}hydra: {{sweeper: {{params: {{hydra.sweep.subdir: ..}}}}}}\n",
    "a sweeper's callbacks": f"{GLOBAL}hydra: {{sweeper: {{params: {{+hydra.callbacks.x._target_: a}}}}}}\n",
    "a sweeper's targets": f"{GLOBAL}hydra: {{sweeper: {{params: {{allow_targets: '[tricks.]'}}}}}}\n",
    "a sweeper's options": f"{GLOBAL}hydra: {{sweeper: {{params: {{scene: ../../evil}}}}}}\n",
    "a sweeper's packages": f"{GLOBAL}hydra: {{sweeper: {{params: {{scene@hydra.callbacks: box}}}}}}\n",
    "a sweeper's deletions": f"{GLOBAL}hydra: {{sweeper: {{params: {{~hydra.help: x}}}}}}\n",
    "a list of parameters": f"{GLOBAL}hydra: {{sweeper: {{params: [a=1]}}}}\n",
    "environment": f"{GLOBAL}hydra: {{job: {{env_set: {{LD_PRELOAD: evil.so}}}}}}\n",
    "a change of folder": f"{GLOBAL}hydra: {{job: {{chdir: true}}}}\n",
    "a search path": f"{GLOBAL}hydra: {{searchpath: ['file:///tmp']}}\n",
    "a word for Hydra": f"{GLOBAL}hydra: verbose\n",
    "a list for Hydra": f"{GLOBAL}hydra: [1]\n",
    "the package of callbacks": "# @package hydra.callbacks\nx: {_target_: tricks.leave}\n",
    "the package of callbacks, globally": "# @package _global_.hydra.callbacks\nx: {_target_: tricks.leave}\n",
    "a package further down": f"{GLOBAL}# a scene\n# @package hydra\ncallbacks: {{x: {{_target_: tricks.leave}}}}\n",
    "a package after a rule": "---\n##  @package   hydra\ncallbacks: {x: {_target_: tricks.leave}}\n",
    "a package by the file's name": "# @package _name_\ncallbacks: {x: {_target_: tricks.leave}}\n",
    "a default's package": f"{GLOBAL}defaults: [/scene@hydra.callbacks: box]\n",
    "a default's new package": f"{GLOBAL}defaults: ['/scene@_global_:hydra.callbacks': box]\n",
    "a default's package in words": f"{GLOBAL}defaults: [/scene/box@hydra.callbacks]\n",
    "an optional default's package": f"{GLOBAL}defaults: [optional /light@hydra.callbacks: studio]\n",
    "Hydra's own group": f"{GLOBAL}defaults: [/hydra/job_logging: default]\n",
    "Hydra's own group, overridden": f"{GLOBAL}defaults: [override /hydra/launcher: joblib]\n",
    "Hydra's own group, by path": f"{GLOBAL}defaults: [/hydra/job_logging/default]\n",
    "Hydra's own group, in capitals": f"{GLOBAL}defaults: ['override /Hydra/launcher': joblib]\n",
    "a default outside": f"{GLOBAL}defaults: [/scene: ../../evil]\n",
    "a default outside, by path": f"{GLOBAL}defaults: [/scene/../../evil]\n",
    "a default outside, in a list": f"{GLOBAL}defaults: [/recover: [camera_pose, ../../../evil]]\n",
    "a default that is made up": f"{GLOBAL}defaults: ['/scene: ${{x}}', /scene: '${{oc.env:SECRET}}']\n",
    "a default from a key": f"{GLOBAL}defaults: [/scene: '${{scene.folder}}']\n",
    "defaults of nothing": f"{GLOBAL}defaults: null\n",
    "defaults in numbers": f"{GLOBAL}defaults: [1]\n",
    "targets allowed by itself": f"{GLOBAL}allow_targets: [tricks.]\n",
    "a file to overwrite": f"{GLOBAL}overwrite: true\n",
    "a file to write": f"{GLOBAL}output: {{}}\n",
    "an environment's variable": f"{GLOBAL}scene: {{folder: '${{oc.env:SECRET}}'}}\n",
    "a variable inside a text": f"{GLOBAL}scene: {{folder: 'a/${{oc.env:SECRET}}/b'}}\n",
    "a variable as a key": f"{GLOBAL}light: {{'${{oc.env:SECRET}}': {{kind: ambient}}}}\n",
    "a variable behind a backslash": f"{GLOBAL}scene: {{folder: '\\${{oc.env:SECRET}}'}}\n",
    "a variable in a made-up way": f"{GLOBAL}scene: {{folder: '${{${{x}}:SECRET}}'}}\n",
    "a resolver that decodes": f"{GLOBAL}camera: {{focal: '${{oc.decode:\"[1]\"}}'}}\n",
    "a resolver that creates": f"{GLOBAL}camera: '${{oc.create:{{}}}}'\n",
    "a resolver that makes folders": f"{GLOBAL}scene: {{folder: '${{fresh_folder:left}}'}}\n",
    "a resolver of Hydra's": f"{GLOBAL}scene: {{folder: '${{hydra:runtime.cwd}}'}}\n",
    "a resolver of dictionaries": f"{GLOBAL}camera: {{focal: '${{oc.dict.values:camera}}'}}\n",
    "an object of Python": f"{GLOBAL}camera: !!python/object/apply:os.system ['touch left']\n",
    "a name of Python": f"{GLOBAL}camera: !!python/name:os.system\n",
    "a billion laughs": GLOBAL
    + "a0: &a0 [x, x]\n"
    + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30)),
    "a dictionary of itself": f"{GLOBAL}scene: &a {{b: *a}}\n",
    "a list of itself": f"{GLOBAL}scene: &a [*a]\n",
    "depth": f"{GLOBAL}scene: {'[' * 5000}{']' * 5000}\n",
    "length": f"{GLOBAL}scene: {{folder: {'x' * 2_000_000}}}\n",
    "keys of other keys": GLOBAL + "light:\n" + "".join(f"  l{i}: ${{light.a{i}}}\n" for i in range(80)),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_plays_no_tricks(invrender: Any, workspace: Path, name: str) -> None:
    (workspace / "trick.yaml").write_text(SCENES[name])
    before = everything(workspace)
    outcome = invrender("render", "scene=trick.yaml", "hydra.run.dir=named/run")
    assert outcome.status == 2
    assert outcome.error.startswith("invrender render: error: trick.yaml: ")
    assert "the-secret" not in outcome.error
    assert len(outcome.error) < 600
    assert everything(workspace) == before


@pytest.mark.parametrize("name", ["callbacks", "targets allowed by itself", "an environment's variable", "depth"])
@pytest.mark.parametrize("place", ["scene/trick.yaml", "recover/own/trick.yaml", "trick.yaml"])
def test_a_folder_of_configs_plays_no_tricks(invrender: Any, workspace: Path, name: str, place: str) -> None:
    path = workspace / "cfg" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCENES[name])
    before = everything(workspace)
    outcome = invrender("render", "hydra.run.dir=named/run")
    assert outcome.status == 2
    assert f"cfg/{place}: " in outcome.error
    assert everything(workspace) == before


def test_a_folder_of_configs_has_nothing_for_hydra(invrender: Any, workspace: Path) -> None:
    (workspace / "cfg" / "hydra" / "launcher").mkdir(parents=True)
    (workspace / "cfg" / "hydra" / "launcher" / "mine.yaml").write_text("_target_: tricks.leave\n")
    assert "give hydra.… on the command line" in invrender("render", "hydra/launcher=mine").error


def test_a_folder_of_configs_elsewhere_plays_no_tricks(invrender: Any, workspace: Path) -> None:
    (workspace / "else").mkdir()
    (workspace / "else" / "trick.yaml").write_text(SCENES["callbacks"])
    (workspace / "cfg" / "light").symlink_to(workspace / "else")
    assert "cfg/light/trick.yaml: a file can't set hydra.callbacks" in invrender("render").error
    (workspace / "cfg" / "light").unlink()
    (workspace / "cfg" / "light").symlink_to(workspace / "cfg")
    assert invrender("render", "--cfg", "job").status == 0


def test_a_chain_of_interpolations_is_refused(invrender: Any, workspace: Path) -> None:
    lines = [f"  l{i}: {{kind: ambient, color: '${{light.l{i + 1}.color}}'}}\n" for i in range(4)]
    (workspace / "cfg" / "scene" / "chain.yaml").write_text(
        f"{GLOBAL}defaults: [/scene/box, _self_]\nlight:\n{''.join(lines)}  l4: {{kind: ambient, color: [1, 1, 1]}}\n"
    )
    outcome = invrender("render", "scene=chain")
    assert (outcome.status, "name the key that has the value itself" in outcome.error) == (2, True)
    assert not (workspace / "outputs").exists()


def test_a_pipe_is_no_config(invrender: Any, workspace: Path) -> None:
    os.mkfifo(workspace / "cfg" / "scene" / "pipe.yaml")
    assert "pipe.yaml: not a file" in invrender("render", "scene=pipe").error
    (workspace / "cfg" / "scene" / "pipe.yaml").unlink()
    os.mkfifo(workspace / "other.yaml")
    assert "no such file" in invrender("render", "scene=other.yaml").error
    assert "no such file" in invrender("render", "scene=/dev/zero").error


# What a config has called, by `_target_` in a file of a group.
TARGETS = {
    "a module's function": "{_target_: os.system, command: touch left}",
    "a function of ours": "{_target_: invrender.config.build.build, node: {}, key: x}",
    "a function of ours that writes": "{_target_: invrender.io.pictures.write_picture, path: left, rgb: 1}",
    "a module of ours": "{_target_: invrender.cli}",
    "a module in a module of ours": "{_target_: invrender.config.resources.Path, args: left}",
    "a class of ours that no config names": "{_target_: invrender.record.files.Files, run: 1}",
    "a method of a class": "{_target_: invrender.losses.Huber.__init__, self: 1}",
    "a class's type": "{_target_: invrender.losses.Huber.__class__}",
    "PyTorch's loader": "{_target_: torch.load, f: left}",
    "what an optimizer imports": "{_target_: torch.optim.swa_utils.torch.load, f: left}",
    "a module of optimizers": "{_target_: torch.optim.lr_scheduler}",
    "the optimizers' base": "{_target_: torch.optim.Optimizer}",
    "a target in a list": "[{_target_: os.system, command: touch left}]",
    "no name": "{_target_: 3}",
    "a name of nothing": "{_target_: ''}",
    "a target that is a target": "{_target_: {_target_: os.getcwd}}",
    "positional arguments": "{_target_: invrender.losses.Huber, _args_: [1]}",
    "another recursion": "{_target_: invrender.losses.Huber, _recursive_: false}",
    "a nested target": "{_target_: invrender.losses.Huber, weight: {_target_: os.getcwd}}",
    "a nested target of ours": "{_target_: invrender.losses.Huber, weight: {_target_: invrender.cli.main}}",
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_plays_no_tricks(name: str, workspace: Path) -> None:
    from invrender.config.build import build

    with pytest.raises(UserError, match=r"^loss\.x") as refusal:
        build(yaml.safe_load(TARGETS[name]), "loss.x")
    assert "\n" not in str(refusal.value)
    assert not (workspace / "left").exists()


def test_the_registry_is_what_shipped_configs_name() -> None:
    from invrender.config.registry import CLASSES, is_optimizer
    from invrender.config.resources import configs_folder

    texts = [path.read_text() for path in configs_folder().rglob("*.yaml") if "hydra" not in path.parts]
    words = " ".join(texts).replace(",", " ").replace("}", " ").split()
    named = {following for word, following in pairwise(words) if word.endswith("_target_:")}
    # No shipped schedule refines a grid between stages; docs/shape.md says how one does.
    written = {"invrender.geometry.refining.RefineGrid"}
    assert {name for name in named if not is_optimizer(name)} | written == CLASSES
    assert {"torch.optim.Adam", "torch.optim.SGD"} <= named - CLASSES


def test_targets_are_allowed_on_the_command_line(invrender: Any, workspace: Path) -> None:
    (workspace / "home" / "mine.py").write_text("from invrender.render.hard import HardRenderer as Mine\n")
    given = ("renderer._target_=mine.Mine", "renderer.samples=1")
    assert "renderer._target_ is 'mine.Mine'" in invrender("render", *given).error
    assert "and not from mine." in invrender("render", *given, "allow_targets=[mine.]").error
    (workspace / "home" / "mine.py").write_text("def Mine(samples, **_):\n    raise ValueError('called')\n")
    sys.modules.pop("mine")
    assert "renderer: called" in invrender("render", *given, "allow_targets=[mine.]").error


RECORDED = [
    "allow_targets=[os.]",
    "+allow_targets=[os.]",
    "++hydra.callbacks.x._target_=os.system",
    "hydra.callbacks={}",
    "hydra/job_logging=default",
    "+hydra/callbacks=x",
    "hydra.run.dir=/tmp",
    "hydra.sweep.subdir=../..",
    "hydra.launcher._target_=os.system",
    "hydra.launcher.setup=[touch left]",
    "hydra/launcher=../../evil",
    "hydra.sweeper._target_=os.system",
    "hydra.sweeper.params.x=1",
    "hydra.sweeper.rank=${oc.env:SECRET}",
    "scene@hydra.callbacks=box",
    "+scene@x:hydra=box",
    "recover=../../evil",
    "recover=camera_pose,../../evil",
    "~hydra.help",
    "output=left.png",
    "overwrite=true",
    "--config-path=/tmp",
    "-cp",
    "--config-name=mine",
    "--shell-completion",
    "no override",
]


@pytest.mark.parametrize("override", RECORDED)
def test_recorded_overrides_play_no_tricks(override: str) -> None:
    from invrender.config.overrides import check_override
    from invrender.sweep.stored import check_arguments

    with pytest.raises(UserError, match=r"^summary\.json"):
        check_override(override, "summary.json")
    with pytest.raises(UserError, match=r"^summary\.json"):
        check_arguments(["camera.fov=30,40", override], [], "summary.json")


@pytest.mark.parametrize(
    "override",
    [
        *("scene=../my scene.yaml", "experiment=camera_pose", "~light.key", "recover=[camera_pose,texture]"),
        *("++target.camera.azimuth=1,2", "light@_global_.light=sun", "camera.fov=interval(30,40)", "seed=1,2"),
        *("target.path=${scenes:teapot/target.png}", "optimizer=adam,lm", "~recover.camera_pose", "search=on"),
    ],
)
def test_recorded_overrides_of_a_sweep_are_taken(override: str) -> None:
    from invrender.config.overrides import check_override

    check_override(override, "summary.json")


TASKS = {
    "targets allowed by itself": "['allow_targets=[tricks.]']",
    "Hydra's callbacks": "[++hydra.callbacks.x._target_=tricks.leave]",
    "a folder": "[hydra.run.dir=left]",
    "an option outside": "[scene=../../evil]",
}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_plays_no_tricks(workspace: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    from invrender.cli import run

    (workspace / "cfg" / "tasks").mkdir()
    (workspace / "cfg" / "tasks" / "mine.yaml").write_text(f"mine: {{fit: {TASKS[name]}}}\n")
    before = everything(workspace)
    assert run(["bench", "--config-dir", "cfg", "tasks=mine", "--dry-run"]) == 2
    assert capfd.readouterr().err.startswith("invrender bench: error: tasks.mine: fit")
    assert everything(workspace) == before


VIEWS: dict[str, Callable[[], Any]] = {
    "an environment's variable": lambda: {"picture": "a.png", "projection": "${oc.env:SECRET}"},
    "a folder": lambda: {"picture": "a.png", "projection": "${fresh_folder:left}"},
    "a folder in a list": lambda: {"picture": "a.png", "look_at": ["${fresh_folder:left}", 0, 0]},
    "a key": lambda: {"picture": "a.png", "${fresh_folder:left}": 1},
    "a target": lambda: {"picture": "a.png", "focal": {"_target_": "os.system"}},
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_camera_file_plays_no_tricks(invrender: Any, workspace: Path, name: str) -> None:
    from PIL import Image

    Image.new("RGB", (24, 16)).save(workspace / "a.png")
    (workspace / "cameras.json").write_text(json.dumps({"views": [VIEWS[name]()]}))
    before = everything(workspace)
    outcome = invrender("fit", "target=cameras.json", "recover=light_intensity", "hydra.run.dir=named")
    assert outcome.status == 2
    assert "cameras.json: views[0]" in outcome.error
    assert "the-secret" not in outcome.error
    assert everything(workspace) == before
