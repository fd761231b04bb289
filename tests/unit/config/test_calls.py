"""The command line's words from Python."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import invrender
from invrender import UserError, fit, load_experiment, load_scene
from invrender.cli import run
from invrender.config.calls import alternate
from invrender.config.turns import Turns

STAGES = "optimizer.stages=[{steps: 2, size: 16}]"
WORDS = (
    *("scene=cube", "recover=camera_pose", "search=off", "target.camera.azimuth=40", STAGES),
    *("camera.width=20", "camera.height=20"),
)


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_a_scene_is_that_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = load_scene("cube", "camera.azimuth=40", "light=sun")
    assert scene.camera.position[0] > load_scene("cube").camera.position[0]
    assert set(scene.lights) != set(load_scene("cube").lights)
    invrender.write_scene(tmp_path / "found", scene)
    monkeypatch.chdir(tmp_path)
    for name in ("found", "found/scene.yaml", tmp_path / "found"):
        again = load_scene(name)
        assert torch.equal(again.camera.camera_from_world, scene.camera.camera_from_world)
        assert torch.equal(again.objects["cube"].mesh.vertices, scene.objects["cube"].mesh.vertices)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found"]


def test_a_fit_has_the_bits_of_the_command_line_and_leaves_the_caller_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["fit", *WORDS, "seed=3", "-q", "record=none", "record.files=true", "hydra.run.dir=out"]) in (0, 4, 5, 6)
    written = json.loads((tmp_path / "out" / "result.json").read_text())

    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    undisturbed = [draw() for _ in range(3)]
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    threads, drawn, steps = torch.get_num_threads(), [], []
    for step in fit(*WORDS, "seed=3"):
        steps.append(step)
        drawn.append(draw())
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == threads
    assert drawn[:3] == undisturbed
    assert steps[-1].stopped_because == written["stopped_because"]
    assert (steps[0].loss, steps[-1].loss) == (written["loss"]["start"], written["loss"]["best"])
    assert steps[-1].errors["camera_pose"] == written["parameters"]["camera_pose"]["error"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_an_experiment_is_data() -> None:
    experiment = load_experiment(*WORDS)
    truth = experiment.problem.target.truth
    assert truth is not None
    there = replace(experiment, problem=replace(experiment.problem, scene=truth.scene), search=None)
    start, *_, last = fit(there)
    assert start.errors["camera_pose"]["rotation_deg"] == pytest.approx(0, abs=1e-3)
    assert last.verdict is None


def test_turns_of_a_fit_go_on_where_they_stopped() -> None:
    turns, drawn = Turns(5, "cpu"), []
    for _ in range(2):
        with turns.take():
            drawn.append(draw())
        torch.rand(3)
    with Turns(5, "cpu").take():
        assert drawn == [draw(), draw()]


def test_an_interrupt_while_a_step_is_consumed_ends_the_fit() -> None:
    steps = fit(*WORDS)
    next(steps)
    last = steps.throw(KeyboardInterrupt())
    assert last.stopped_because == "interrupted"
    assert list(steps) == []
    with pytest.raises(StopIteration):
        next(alternate((step for step in ()), Turns(0, "cpu")))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["scene=vasse"], "scene has no option 'vasse'; did you mean 'vase'?"),
        (["camera.azimut=3"], "camera has no key 'azimut'; did you mean 'azimuth'?"),
        (["camera.fov=abc"], "camera.fov: Value 'abc'"),
        (["camera.fov=-1"], "camera.fov is -1"),
        (["+nothing=1"], "there is no key or group 'nothing'"),
        (["camera.fov"], "'camera.fov' is not an override"),
        (["--quiet"], "--quiet is for the command line; from Python give GROUP=OPTION and KEY=VALUE"),
        (["device=tpu"], "device is 'tpu', expected auto, cpu or cuda"),
        (["recover=[]"], "recover is empty"),
        (["seed=-1"], "seed is -1, expected"),
        (["scene=none.yaml"], "scene=none.yaml: no such file"),
    ],
)
def test_words_that_can_not_be_used_are_told(words: list[str], told: str) -> None:
    with pytest.raises(UserError) as raised:
        fit(*words)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# @package _global_\nscene: {objects: {cube: {colour: 3}}}\n")
    with pytest.raises(UserError, match="colour"):
        load_scene(file)


def test_an_experiment_and_words_do_not_go_together() -> None:
    given: Any = (load_experiment(*WORDS), "seed=3")
    with pytest.raises(UserError, match="an experiment or words of the command line, not both"):
        fit(*given)
