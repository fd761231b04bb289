"""A run's folder."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from invrender.errors import UserError
from invrender.record.base import follow
from invrender.record.display import srgb_picture
from invrender.record.options import RecordOptions
from invrender.record.recorders import recorders
from invrender.scene import Scene

ALL_FILES = RecordOptions(tensorboard=False, bar=False)
NO_ANIMATION = replace(ALL_FILES, gif=False, report=False)


def write_scene(folder: Path, scene: Scene) -> None:
    folder.mkdir()
    (folder / "intensity.txt").write_text(str(float(scene.lights["key"].intensity)))


def record(fit, options: RecordOptions = NO_ANIMATION) -> Path:
    follow(fit.steps(), recorders(fit.run, options, fit.step_count, write_scene))
    return fit.run.folder


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def finished(make_fit_in, tmp_path_factory):
    """A fit and its records."""
    fit = make_fit_in(tmp_path_factory.mktemp("finished") / "run")
    record(fit, ALL_FILES)
    return fit


def test_the_folder_holds_everything_and_nothing_else(finished) -> None:
    assert sorted(path.name for path in finished.run.folder.iterdir()) == [
        "answer",
        "command.txt",
        "config.yaml",
        "difference.png",
        "final.png",
        "geometry.glb",
        "history.csv",
        "loss.png",
        "overlay.png",
        "progress.gif",
        "recovered",
        "report.html",
        "result.json",
        "start.png",
        "target.png",
    ]


def test_result(finished) -> None:
    result = json.loads((finished.run.folder / "result.json").read_text())
    pose = result["parameters"].pop("camera_pose")
    assert list(pose) == ["start", "value", "truth", "error_start", "error", "deviation"]
    assert pose["start"]["position"] == pytest.approx([0.2, 2, 3])
    assert pose["value"]["position"] == pytest.approx([0.79, 2, 3])
    assert pose["truth"]["position"] == pytest.approx([0.8, 2, 3])
    assert pose["error_start"] == pytest.approx({"rotation_deg": 6, "position": 0.6, "position_relative": 0.15})
    assert pose["error"] == pytest.approx(
        {"rotation_deg": 0.1, "position": 0.01, "position_relative": 0.0025}, rel=1e-4
    )
    texture = result["parameters"].pop("texture")
    assert texture["error"] == {"psnr_db": None}, "JSON has no NaN"
    assert texture["value"] == {"cup": None}
    assert list(result.pop("parameters")) == ["light_intensity"]
    assert result.pop("loss") == pytest.approx({"start": 0.36, "best": 1e-4}, rel=1e-3)
    assert result == {
        "schema": 1,
        "renderer": "embedded",
        "renderer_note": "auto: there is no CUDA",
        "optimizer": "lm",
        "optimizer_note": None,
        "device": "cpu",
        "seed": 7,
        "iterations": 20,
        "seconds": {"total": 10.0, "per_iteration": 0.5},
        "stopped_because": "finished",
        "gauge": None,
        "verdict": None,
    }


def test_result_without_a_truth(make_fit) -> None:
    result = json.loads((record(make_fit(known=False)) / "result.json").read_text())
    intensity = result["parameters"]["light_intensity"]
    assert (intensity["truth"], intensity["error_start"], intensity["error"]) == (None, None, None)
    assert intensity["value"]["key"] == pytest.approx(0.79)


def test_result_of_a_fit_that_was_judged(make_fit, unidentifiable) -> None:
    result = json.loads((record(make_fit(verdict=unidentifiable)) / "result.json").read_text())
    assert list(result["verdict"]) == [
        "status",
        "reason",
        "advice",
        "unexplained",
        "others",
        "unseen",
        "burnt_out",
        "unknowns",
        "coverage",
        "precision",
    ]
    assert result["verdict"]["coverage"] == {"texture": {"entries": "texels", "well_seen": 0.25, "seen": 0.5}}
    assert result["verdict"]["unseen"] == [{"light_intensity": 0.75, "texture": 0.25}]
    assert "leave an unknown out of recover" in result["verdict"]["advice"]
    assert result["parameters"]["camera_pose"]["deviation"] == {"position": [0.1, 0.1, 0.1]}
    assert result["parameters"]["light_intensity"]["deviation"] is None, "what is not determined has no error bars"


def test_result_of_an_interrupted_fit(make_fit) -> None:
    fit = make_fit()

    class Impatient:
        def step(self, step) -> None:
            if step.iteration == 4 and step.stopped_because is None:
                raise KeyboardInterrupt

        def close(self) -> None: ...

    follow(fit.steps(), [*recorders(fit.run, NO_ANIMATION, 20, write_scene), Impatient()])
    result = json.loads((fit.run.folder / "result.json").read_text())
    assert (result["stopped_because"], result["iterations"]) == ("interrupted", 4)


def test_history_has_a_row_for_each_step(finished) -> None:
    with (finished.run.folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == [*range(21), 20]
    assert list(rows[0])[:6] == ["iteration", "seconds", "stage", "loss", "loss.mse", "loss.smoothness"]
    assert float(rows[0]["error.light_intensity.relative"]) == pytest.approx(0.75)
    assert float(rows[-1]["error.camera_pose.rotation_deg"]) == pytest.approx(0.1, rel=1e-4)
    assert [row["stage"] for row in rows[:2]] == ["1", "0"]


def test_history_can_be_read_while_the_fit_goes_on(make_fit) -> None:
    fit = make_fit()
    steps = fit.steps()
    (_, files) = recorders(fit.run, NO_ANIMATION, 20, write_scene)
    for _ in range(4):
        files.step(next(steps))
    assert len((fit.run.folder / "history.csv").read_text().splitlines()) == 1 + 4
    assert not (fit.run.folder / "result.json").exists()
    files.close()


def test_pictures(finished) -> None:
    fit, folder = finished, finished.run.folder
    assert (read(folder / "target.png") == srgb_picture(fit.run.target.views[0].rgb)).all()
    assert (read(folder / "start.png") == srgb_picture(fit.step(0).rendered[0].rgb)).all()
    assert (read(folder / "final.png") == srgb_picture(fit.step(20, "finished").rendered[0].rgb)).all()
    difference = read(folder / "difference.png").astype(int).sum(axis=-1)
    assert difference[8, 12] > difference[0, 0]
    assert read(folder / "loss.png").std() > 10


def test_several_views_stand_side_by_side(make_fit) -> None:
    folder = record(make_fit(views=6))
    assert not (folder / "progress.gif").exists()
    for name in ("target", "start", "final", "difference"):
        assert read(folder / f"{name}.png").shape == (16, 4 * 24 + 3 * 4, 3)


@pytest.mark.parametrize(("step_count", "frames", "fewest"), [(1, 60, 3), (100, 12, 7), (5, 2, 2)])
def test_animation(make_fit, step_count: int, frames: int, fewest: int) -> None:
    folder = record(make_fit(step_count=step_count), replace(ALL_FILES, frames=frames))
    with Image.open(folder / "progress.gif") as animation:
        assert fewest <= animation.n_frames <= frames
        assert animation.info["loop"] == 0
        assert animation.size[0] > 700, "tiny pictures are enlarged"
        first = np.asarray(animation.convert("RGB")).astype(int)
        animation.seek(animation.n_frames - 1)
        last = np.asarray(animation.convert("RGB")).astype(int)
        assert animation.info["duration"] > 2000
    middle = last.shape[1] // 2
    assert last[102, middle, 0] > first[102, middle, 0] + 60, "the disc has become brighter"
    assert abs(last[102, 128] - first[102, 128]).max() < 20, "the target has not"


def test_configuration_command_and_scene(finished) -> None:
    fit, folder = finished, finished.run.folder
    assert OmegaConf.to_container(OmegaConf.load(folder / "config.yaml")) == fit.run.config
    assert (folder / "command.txt").read_text() == fit.run.command + "\n"
    assert float((folder / "recovered" / "intensity.txt").read_text()) == pytest.approx(0.79)


@pytest.mark.parametrize("name", ["result.json", "config.yaml", "history.csv"])
def test_a_folder_with_a_run_is_left_alone(make_fit, name: str) -> None:
    fit = make_fit()
    fit.run.folder.mkdir()
    (fit.run.folder / name).write_text("precious")
    with pytest.raises(UserError, match="already holds a run"):
        recorders(fit.run, NO_ANIMATION, 20, write_scene)
    assert [path.name for path in fit.run.folder.iterdir()] == [name]


def test_a_fit_that_fails_leaves_no_result(make_fit) -> None:
    fit = make_fit()

    def full(folder: Path, scene: Scene) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        follow(fit.steps(), recorders(fit.run, NO_ANIMATION, 20, full))
    assert not (fit.run.folder / "result.json").exists()
    assert not list(fit.run.folder.glob(".partial*"))


@pytest.mark.parametrize(("name", "value"), [("frames", 1), ("picture_every", 0)])
def test_options_out_of_range(name: str, value: int) -> None:
    with pytest.raises(UserError, match=rf"record\.{name} is {value}, expected"):
        RecordOptions(**{name: value})
