"""`invrender sample` and `optimizer=mcmc`: their files, what they say and refuse, and that they go on as they were."""

from __future__ import annotations

import csv
import json
import math
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cubes import write_box
from PIL import Image

from invrender.cli import run
from invrender.fitting.sampling import Sampling
from invrender.record import checkpoint

FIT = (
    *(
        "fit",
        "--config-dir",
        "cfg",
        "scene=box",
        "recover=camera_pose",
        "target.camera.azimuth=33",
        "target.noise=0.05",
    ),
    *("target.samples=1", "optimizer.stages=[{steps: 8, samples: 1, sigma: 0}]", "search=off", "verdict.judge=false"),
    *("record.tensorboard=false", "record.gif=false", "record.report=false", "record.bar=false"),
)
FEW = ("chains=4", "burn_in=6", "draws=8", "modes=false")
SAMPLE = ("sample", "run", *(f"sampler.{each}" for each in FEW))
JUDGED = (0, 4, 5)
NAMES = ("samples.csv", "samples.npz", "corner.png", "spread.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a finished fit, ``run``."""
    place = tmp_path_factory.mktemp("place") / "here"
    write_box(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert run([*FIT, "optimizer=lm", "hydra.run.dir=run"]) == 0
    return place


@pytest.fixture
def fitted(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished fit; the working folder is the one above."""
    here = tmp_path / "here"
    shutil.copytree(place, here)
    # The config names files by their whole names, which are still where they were.
    monkeypatch.chdir(here)
    return here / "run"


def told_by(capfd: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    """The one line of an error."""
    capfd.readouterr()
    assert run(list(arguments)) == status
    told = capfd.readouterr().err
    assert told.count("\n") == 1, told
    return told


def drawn(folder: Path) -> dict[str, Any]:
    """What a sampling has written, but for times and plots."""
    posterior = json.loads((folder / "result.json").read_text())["posterior"]
    del posterior["seconds"], posterior["effective_per_second"]
    return {"posterior": posterior, "samples": (folder / "samples.csv").read_text()}


def test_a_fit_is_sampled(fitted: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = json.loads((fitted / "result.json").read_text())
    assert run(list(SAMPLE)) in JUDGED
    out = capfd.readouterr().out
    assert "4 chains of 8 draws" in out and "noise: Gaussian" in out and "camera_pose.position.0" in out

    after = json.loads((fitted / "result.json").read_text())
    posterior = after.pop("posterior")
    assert after == before
    assert posterior["chains"] == 4 and posterior["draws"] == 8
    low, high = np.array(posterior["parameters"]["camera_pose"]["position"]["95"]).T
    assert (low < high).all()
    assert sum(mode["mass"] for mode in posterior["modes"]) == pytest.approx(1.0)

    with (fitted / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with np.load(fitted / "samples.npz", allow_pickle=False) as arrays:
        assert arrays["raw.camera_pose"].shape == (4, 8, 6) and arrays["values"].shape == (4, 8, 6)
        assert list(arrays["columns"]) == list(rows[0])[4:]
        assert [float(row["camera_pose.position.1"]) for row in rows] == arrays["values"][..., 1].reshape(-1).tolist()
    for name in ("corner.png", "spread.png"):
        with Image.open(fitted / name) as picture:
            assert min(picture.size) >= 400
    assert not (fitted / "sampling").exists()
    assert "nothing is overwritten" in told_by(capfd, *SAMPLE)


def test_a_sampling_that_was_cut_off_goes_on_with_the_same_bits(
    fitted: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    whole = shutil.copytree(fitted, fitted.parent / "whole")
    assert run(["sample", "whole", *SAMPLE[2:]]) in JUDGED
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    go_on = Sampling.run

    def cut_off(sampling: Sampling, state: Any) -> Any:
        for number, each in enumerate(go_on(sampling, state), 1):
            yield each
            if number == 5:
                signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Sampling, "run", cut_off)
        capfd.readouterr()
        assert run(list(SAMPLE)) == 130
        assert "invrender sample --resume run goes on with it" in capfd.readouterr().out
        assert "invrender sample --resume run goes on with it" in told_by(capfd, *SAMPLE)
        monkeypatch.chdir(tmp_path)
        assert run(["sample", "--resume", str(fitted), "-q"]) == 130
    assert "may make it another" in told_by(capfd, "sample", "--resume", str(fitted), "sampler.draws=9")
    assert run(["sample", "--resume", str(fitted), "-q"]) in JUDGED
    assert drawn(fitted) == drawn(whole)
    assert run(["sample", "--resume", str(fitted)]) == 0
    assert "nothing is left to do" in capfd.readouterr().err


def test_a_fit_by_mcmc_is_sampled_as_afterwards(fitted: Path) -> None:
    words = [f"optimizer.sampler.{each}" for each in FEW]
    assert run([*FIT, "optimizer=mcmc", *words, "hydra.run.dir=both", "-q"]) in JUDGED
    assert run(list(SAMPLE)) in JUDGED
    assert drawn(fitted.parent / "both") == drawn(fitted)


def test_a_posterior_from_the_prior_lies_where_that_of_the_answer_does(fitted: Path) -> None:
    words = ["sampler=tempered", "+sampler.prior.camera_pose={half_width: 0.15}", "sampler.particles=48"]
    assert run([*SAMPLE, *words, "-q"]) in JUDGED
    known = json.loads((fitted / "result.json").read_text())
    found = known["posterior"]["parameters"]["camera_pose"]["position"]
    wanted, widths = known["parameters"]["camera_pose"]["value"]["position"], np.array(found["deviation"])
    assert (np.abs(np.array(found["mean"]) - wanted) < 5 * widths + 0.02).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["+sampler.prior.camera_pose={half_width: 0.0001}"], "sampler.prior.camera_pose forbids the start: number"),
        (["sampler.sigma=1e-200"], "the likelihood is zero everywhere"),
        (["sampler.noise=poisson"], "sampler.noise is 'poisson', expected one of"),
        (["sampler.unknowns=[light]"], "sampler.unknowns: light; those that can be sampled are camera_pose"),
        (["sampler=tempered"], "sampler.start is prior, and nothing says how far number 3 of camera_pose may be"),
        (["+sampler.prior.pose={deviation: 1}"], "no unknown that is sampled is called 'pose'"),
    ],
)
def test_what_is_refused(fitted: Path, capfd: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    before = sorted(path.name for path in fitted.iterdir())
    assert told in told_by(capfd, *SAMPLE, *words)
    assert sorted(path.name for path in fitted.iterdir()) == before


def test_what_is_no_fit_is_refused(fitted: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "there is no folder nowhere" in told_by(capfd, "sample", "nowhere")
    assert "runs has 0 folders, expected that of one fit" in told_by(capfd, "sample")
    answer = fitted / "answer" / "answer.json"
    answer.write_text(answer.read_text().replace("camera_pose", "camera_poses"))
    assert "is damaged: its answer is of other unknowns" in told_by(capfd, *SAMPLE)
    answer.unlink()
    assert "has no answer/answer.json" in told_by(capfd, *SAMPLE)
