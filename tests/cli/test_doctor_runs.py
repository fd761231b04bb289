"""`invrender doctor RUN`: it names what is wrong with a fit, and takes its folder for data."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from invrender.cli import run

SHORT = ["recover=camera_pose", "optimizer.stages=[{steps: 1, size: 32}]", "search=off"]
FILES = ["record=none", "record.files=true", "record.report=true", "hydra.run.dir=run"]


@pytest.fixture
def doctor(capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs ``invrender doctor`` in the workspace."""

    def runs(*arguments: str) -> SimpleNamespace:
        capfd.readouterr()
        status = run(["doctor", *arguments])
        captured = capfd.readouterr()
        return SimpleNamespace(status=status, out=captured.out, error=captured.err.strip())

    return runs


def fit(invrender: Any, picture: str) -> None:
    """A picture of the cube with its file changed, and a short fit of it into ``run``."""
    assert invrender("render", "camera.width=64", "camera.height=48", "output=seen.png").status == 0
    pixels = np.asarray(Image.open("seen.png").convert("RGB"))
    Image.fromarray(pixels[..., ::-1] if picture == "bgr" else pixels).save("photo.png")
    assert invrender("fit", *SHORT, "target=photo.png", *FILES).status != 2


def test_a_mistake_is_named_and_drawn(invrender: Any, doctor: Any, workspace: Path) -> None:
    fit(invrender, "bgr")
    outcome = doctor("run")
    assert outcome.status == 0, outcome.error
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["explained", "start", "answer"]
    assert lines[1].startswith("as it is ")
    assert lines[2].startswith("BGR ")
    assert lines[-2].startswith("it looks as if red and blue are in each other's place")
    assert lines[-1] == "each over the picture: run/doctor.png"
    with Image.open("run/doctor.png") as sheet:
        assert sheet.width > 900 and sheet.height > 900
    assert "Usual mistakes" in Path("run/report.html").read_text()


def test_no_mistake_is_named_where_there_is_none(invrender: Any, doctor: Any, workspace: Path) -> None:
    fit(invrender, "right")
    outcome = doctor("run")
    assert outcome.status == 0, outcome.error
    assert outcome.out.splitlines()[-2] == "none of the usual mistakes would explain the picture clearly better"
    # Of a fit that did not end, the start is examined alone.
    Path("run/recovered/scene.yaml").unlink()
    assert doctor("run").out.splitlines()[0].split() == ["explained", "start"]


def spoil(change: Any) -> None:
    """Change the config that a fit has written."""
    path = Path("run/config.yaml")
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config))


def test_a_runs_folder_is_data(invrender: Any, doctor: Any, workspace: Path) -> None:
    fit(invrender, "right")

    def calls_something(config: Any) -> None:
        config["target"] |= {"kind": "views", "format": {"_target_": "os.system", "command": "touch pwned"}}
        config["allow_targets"] = ["os."]

    spoil(calls_something)
    outcome = doctor("run")
    assert outcome.status == 2
    assert "run/config.yaml: target.format._target_ is 'os.system', expected something under invrender" in outcome.error
    assert not Path("pwned").exists()
    spoil(lambda config: config["target"].update(kind="image", format=None, path="${oc.env:HOME}"))
    assert "${oc.env:HOME}: no such picture file" in doctor("run").error
    spoil(lambda config: config["target"].update(path="photo.png"))
    spoil(lambda config: config["scene"]["objects"]["cube"].update(mesh="${oc.env:HOME}"))
    assert "mesh is '${oc.env:HOME}': no such file" in doctor("run").error
    spoil(lambda config: config.update(hydra={"callbacks": {}}))
    assert "hydra" in doctor("run").error
    spoil(lambda config: config.pop("hydra"))
    spoil(lambda config: config["scene"]["objects"]["cube"].update(mesh="cube.obj"))
    spoil(lambda config: config.update(colour=3))
    assert "run/config.yaml: " in doctor("run").error
    spoil(lambda config: (config.pop("colour"), config["camera"].update(up=[0, 10**400, 0])))
    assert "run/config.yaml: int too large to convert to float" in doctor("run").error
    Path("run/config.yaml").write_text("- 3\n")
    assert "run/config.yaml: expected keys and values" in doctor("run").error


@pytest.mark.parametrize(
    ("folder", "message"), [("none", "there is no folder none"), (".", "has no config.yaml: give the folder of a fit")]
)
def test_folders_that_hold_no_fit(doctor: Any, workspace: Path, folder: str, message: str) -> None:
    outcome = doctor(folder)
    assert outcome.status == 2
    assert message in outcome.error


def test_a_folder_whose_name_looks_like_an_interpolation(
    invrender: Any, doctor: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = workspace / "my ${oc.env:HOME}"
    folder.mkdir()
    (workspace / "cfg").rename(folder / "cfg")
    monkeypatch.chdir(folder)
    fit(invrender, "right")
    outcome = doctor("run")
    assert outcome.status == 0, outcome.error
