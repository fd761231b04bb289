"""Records of a fit that is cut off and goes on: the same as of one that is not."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from invrender.errors import UserError
from invrender.fitting.step import Step
from invrender.record import checkpoint
from invrender.record.base import Resumed, follow
from invrender.record.checkpoint import ENDS, Checkpoint, read_state, remove_records
from invrender.record.options import RecordOptions
from invrender.record.recorders import recorders
from invrender.record.report import write_report

OPTIONS = RecordOptions(frames=4, report=False, picture_every=4, bar=False)
STEPS = 9
PICTURES = ("target.png", "start.png", "final.png", "difference.png", "overlay.png", "loss.png", "progress.gif")


class Killed(BaseException):
    """The end of a process, as far as records are concerned."""


class Fatal:
    """Comes to its end with a step."""

    def __init__(self, iteration: float, error: type[BaseException] = Killed) -> None:
        self.iteration = iteration
        self.error = error

    def step(self, step: Step) -> None:
        if step.iteration == self.iteration and step.stopped_because is None:
            raise self.error

    def close(self) -> None: ...


@pytest.fixture(autouse=True, scope="module")
def every_step() -> Iterator[None]:
    """The state is written after each step, and curves, which take long to draw, as the numbers in them."""
    # No file of events is of the same second as another, or has to wait for the next one.
    clock = SimpleNamespace(time=map(float, itertools.count(1_700_000_000)).__next__)

    def write_points(path: Path, points: Any) -> None:
        path.write_text(repr(points))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checkpoint, "SECONDS", 0.0)
        patched.setattr(checkpoint, "SHARE", math.inf)
        patched.setattr("invrender.record.files.write_curves", write_points)
        patched.setattr("tensorboard.summary.writer.event_file_writer.time", clock)
        patched.setattr("invrender.record.events.time", clock)
        yield


def write_scene(folder: Path, scene: Any) -> None:
    folder.mkdir()


def record(fit: Any, fatal: Fatal | None = None, first: int = 0, resumed: Resumed | None = None) -> None:
    """Record a made-up fit from a step on; with a fatal recorder the step's state is not written any more."""
    chosen = recorders(fit.run, OPTIONS, fit.step_count, write_scene, "quiet", resumed)
    if resumed is not None:
        remove_records(fit.run.folder, ENDS)
    follow(fit.steps(first), [*chosen, *([fatal] if fatal else []), Checkpoint(fit.run, chosen, resumed)])


def go_on(fit: Any, fatal: Fatal | None = None) -> None:
    saved = read_state(fit.run.folder)
    assert saved is not None
    record(fit, fatal, saved.iteration + 1, saved.resumed(fit.step(0)))


def history(folder: Path) -> list[list[str]]:
    return list(csv.reader((folder / "history.csv").read_text().splitlines()))


def events(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0}).Reload()
    scalars = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    scalars.pop("error/texture/psnr_db")  # NaN
    images = {tag: [(e.step, e.encoded_image_string) for e in found.Images(tag)] for tag in found.Tags()["images"]}
    others = {tag: len(found.Tensors(tag)) for tag in found.Tags()["tensors"]}
    return {**scalars, **images, "tensors": sorted(others.items())}


@pytest.fixture(scope="module")
def whole(every_step: None, make_fit_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fit that was not cut off."""
    fit = make_fit_in(tmp_path_factory.mktemp("whole") / "run", step_count=STEPS)
    record(fit)
    folder: Path = fit.run.folder
    assert not (folder / "state").exists()
    return folder


def assert_same(folder: Path, whole: Path) -> None:
    assert {path.name for path in folder.iterdir() if "tfevents" not in path.name} == {
        path.name for path in whole.iterdir() if "tfevents" not in path.name
    }
    assert history(folder) == history(whole)
    assert events(folder) == events(whole)
    for name in (*PICTURES, "geometry.glb", "result.json", "config.yaml", "command.txt"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("iteration", [1, pytest.param(STEPS, marks=pytest.mark.long)])
def test_records_go_on_without_a_gap(make_fit: Any, whole: Path, iteration: int) -> None:
    """Cut off in the middle of a step, twice."""
    fit = make_fit(step_count=STEPS)
    with pytest.raises(Killed):
        record(fit, Fatal(iteration))
    if iteration < fit.step_count:
        with pytest.raises(Killed):
            go_on(fit, Fatal(iteration + 1))
    go_on(fit)
    assert_same(fit.run.folder, whole)


def test_an_interrupted_fit_goes_on(make_fit: Any, whole: Path) -> None:
    """Its best so far is recorded, and is no step of the fit that goes on."""
    fit = make_fit(step_count=STEPS)
    record(fit, Fatal(7, KeyboardInterrupt))
    assert json.loads((fit.run.folder / "result.json").read_text())["stopped_because"] == "interrupted"
    go_on(fit)
    assert_same(fit.run.folder, whole)


def test_a_fit_that_was_killed_while_it_wrote_its_end_goes_on(
    make_fit: Any, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fatal(*_: Any) -> None:
        raise Killed

    fit = make_fit(step_count=STEPS)
    with monkeypatch.context() as patched:
        patched.setattr("invrender.record.files.write_curves", fatal)
        with pytest.raises(Killed):
            record(fit)
    (fit.run.folder / ".partial-recovered").mkdir()
    go_on(fit)
    assert_same(fit.run.folder, whole)


def test_the_state_is_written_now_and_then(make_fit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, and then no sooner than after some seconds and as long as the last time has earned."""
    clock, cost, written = [100.0], [0.0], list[int]()

    def write(store: Any, value: Any) -> None:
        clock[0] += cost[0]
        written.append(value["iteration"])

    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(checkpoint.PlainFolder, "write", write)
    monkeypatch.setattr(checkpoint, "SECONDS", 2.0)
    monkeypatch.setattr(checkpoint, "SHARE", 0.01)
    for cost[0], expected in ((0.001, [0, 3, 6, 9, 12, 15, 18]), (0.05, [0, 6, 12, 18])):
        written.clear()
        fit = make_fit(step_count=STEPS)
        states = Checkpoint(fit.run, [])
        for iteration in range(20):
            states.step(fit.step(iteration))
            clock[0] += 0.9
        assert written == expected


def test_records_that_were_shortened_are_refused(make_fit: Any) -> None:
    fit = make_fit(step_count=STEPS)
    with pytest.raises(Killed):
        record(fit, Fatal(9))
    folder = fit.run.folder
    before = (folder / "history.csv").read_bytes()
    (folder / "history.csv").write_bytes(before[:100])
    with pytest.raises(UserError, match=r"--resume: .*history\.csv has 100 bytes"):
        go_on(fit)
    assert (folder / "history.csv").read_bytes() == before[:100]
    precious = folder.parent / "precious.csv"
    precious.write_bytes(before * 2)
    (folder / "history.csv").unlink()
    (folder / "history.csv").symlink_to(precious)
    with pytest.raises(UserError, match=r"history\.csv has 0 bytes"):
        go_on(fit)
    assert precious.read_bytes() == before * 2


def test_the_report_of_a_fit_that_was_cut_off(make_fit: Any) -> None:
    fit = make_fit(step_count=STEPS)
    with pytest.raises(Killed):
        record(fit, Fatal(9))
    text = write_report(fit.run.folder).read_text()
    assert "Cut off before its end" in text
    assert "8 steps" in text
    assert "light_intensity" in text
