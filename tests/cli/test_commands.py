"""What the subcommands do, from arguments to files."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from invrender import __version__
from invrender.cli import run
from invrender.config.resources import PACKAGE
from invrender.io.pictures import read_picture

SHORT = (
    "optimizer.stages=[{steps: 2}]",
    "optimizer=adam",
    "record.gif=false",
    "record.tensorboard=false",
    "record.bar=false",
    "verdict.judge=false",
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_render_writes_a_picture(invrender: Any, workspace: Path) -> None:
    outcome = invrender("render", "output=my picture.png", "renderer.samples=2")
    assert (outcome.status, outcome.out) == (0, "my picture.png\n")
    folder = only(workspace / "outputs" / "render")
    assert sorted(path.name for path in folder.iterdir()) == ["depth.npy", "mask.png", "picture.png"]
    assert (folder / "picture.png").read_bytes() == (workspace / "my picture.png").read_bytes()
    depth = np.load(folder / "depth.npy")
    assert depth.shape == (16, 24)
    assert 3 < depth.max() < 5
    rgb = read_picture(workspace / "my picture.png").rgb
    assert rgb.shape == (16, 24, 3)
    torch.testing.assert_close(rgb[0, 0], torch.tensor([0.02, 0.02, 0.03]), atol=2e-3, rtol=0)


def test_what_a_file_has_and_is_not_drawn_is_said_once(invrender: Any, workspace: Path) -> None:
    mesh = workspace / "cfg" / "files" / "cube.obj"
    (mesh.parent / "cube.mtl").write_text("newmtl a\nKd 1 1 1\nd 0.5\n")
    mesh.write_text("mtllib cube.mtl\nusemtl a\n" + mesh.read_text())
    told = f"note: {mesh}: not drawn: transparency (d, Tr)"
    done = invrender("render", "output=here.png")
    assert done.status == 0
    assert [line for line in done.err.splitlines() if "note:" in line] == [f"invrender render: {told}"], done.err
    done = invrender("fit", "recover=light_intensity", "target.light.key.intensity=1", *SHORT)
    assert [line for line in done.err.splitlines() if "note:" in line] == [f"invrender fit: {told}"], done.err


def test_groups_of_the_scene_can_be_chosen(invrender: Any, workspace: Path) -> None:
    (workspace / "mine.yaml").write_text("lamp: {kind: ambient, intensity: 0.5}\n")
    assert invrender("render", "camera=orthographic", "light=mine.yaml", "--cfg", "job").status == 0
    config = yaml.safe_load(invrender("render", "camera=orthographic", "light=mine.yaml", "--cfg", "job").out)
    assert config["camera"]["projection"] == "orthographic"
    assert config["camera"]["azimuth"] == 30
    assert list(config["light"]) == ["lamp"]
    assert not (workspace / "outputs").exists()


def test_a_scene_file_is_read_from_its_own_folder(invrender: Any, workspace: Path) -> None:
    folder = workspace / "else where"
    folder.mkdir()
    for name in ("cube.obj", "cube.png"):
        (workspace / "cfg" / "files" / name).rename(folder / name)
    text = (workspace / "cfg" / "scene" / "box.yaml").read_text().replace("  folder: ../files\n", "")
    (folder / "scene.yaml").write_text(text)
    assert invrender("render", "scene=else where/scene.yaml").status == 0
    assert invrender("render", "scene=else where", "camera=orthographic", "light=sun").status == 0


def test_a_scene_may_build_on_another_one(invrender: Any, workspace: Path) -> None:
    (workspace / "mine.yaml").write_text("# @package _global_\ndefaults: [/scene/box, _self_]\ncamera: {azimuth: 50}\n")
    assert invrender("render", "scene=mine.yaml", "output=mine.png").status == 0
    assert invrender("render", "camera.azimuth=50", "output=same.png").status == 0
    assert (workspace / "mine.png").read_bytes() == (workspace / "same.png").read_bytes()


def test_fit_and_its_recovered_scene(invrender: Any, workspace: Path) -> None:
    given = ["target.camera.azimuth=35", *SHORT]
    outcome = invrender("fit", *given)
    assert outcome.status == 0
    folder = only(workspace / "outputs" / "fit")
    assert str(folder) in outcome.out.splitlines()[-1]
    result = read(folder / "result.json")
    assert (result["renderer"], result["device"], result["seed"]) == ("embedded", "cpu", 0)
    assert result["renderer_note"].startswith("auto: ")
    assert result["parameters"]["camera_pose"]["error_start"]["rotation_deg"] == pytest.approx(4.9, abs=0.3)
    words = shlex.split((folder / "command.txt").read_text())
    assert words == ["invrender", "fit", "--config-dir", "cfg", "scene=box", *given]
    assert invrender("render", f"scene={folder}/recovered", "renderer=embedded").status == 0
    picture = read_picture(only(workspace / "outputs" / "render") / "picture.png").rgb
    final = read_picture(folder / "final.png").rgb
    assert picture.shape == (16, 24, 3)
    if final.shape == picture.shape:
        torch.testing.assert_close(picture, final, atol=0.02, rtol=0)


def test_fits_repeat_bit_for_bit(invrender: Any, workspace: Path) -> None:
    for name in ("a", "b"):
        given = (f"hydra.run.dir={name}", "target.noise=0.02", "recover=[camera_pose,light_intensity]")
        assert invrender("fit", *given, "target.light.key.intensity=0.5", *SHORT).status == 0
    first, second = (read(workspace / name / "result.json") for name in ("a", "b"))
    assert first["parameters"] == second["parameters"]
    assert first["loss"] == second["loss"]
    assert not torch.are_deterministic_algorithms_enabled()


def test_fit_a_photograph(invrender: Any, workspace: Path) -> None:
    assert (
        invrender("render", "output=a photo.png", "camera.azimuth=33", "camera.width=60", "camera.height=40").status
        == 0
    )
    outcome = invrender("fit", "target=a photo.png", "target.max_size=30", *SHORT)
    assert outcome.status == 0
    folder = only(workspace / "outputs" / "fit")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["target"]["path"] == "a photo.png"
    assert yaml.safe_load((folder / "recovered" / "scene.yaml").read_text())["camera"]["width"] == 30


def test_fit_views(invrender: Any, workspace: Path) -> None:
    assert invrender("render", "output=a.png", "camera.azimuth=0").status == 0
    assert invrender("render", "output=b.png", "camera.azimuth=90").status == 0
    views = [{"picture": "a.png", "azimuth": 0}, {"picture": "b.png", "azimuth": 90}]
    (workspace / "cameras.json").write_text(json.dumps({"views": views}))
    given = ("recover=light_intensity", "light.key.intensity=0.4", "optimizer.stages=[{steps: 40}]", *SHORT[1:])
    assert invrender("fit", "target=cameras.json", *given).status == 0
    result = read(only(workspace / "outputs" / "fit") / "result.json")
    assert result["loss"]["best"] < 0.6 * result["loss"]["start"]


def test_experiments_may_be_files(invrender: Any, workspace: Path) -> None:
    (workspace / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [override /recover: light_intensity]\ntarget: {light: {key: {intensity: 2}}}\n"
    )
    config = yaml.safe_load(invrender("fit", "experiment=mine.yaml", "--cfg", "job").out)
    assert list(config["recover"]) == ["light_intensity"]
    assert config["target"]["light"] == {"key": {"intensity": 2}}


def test_sweeps(invrender: Any, workspace: Path) -> None:
    assert invrender("render", "-m", "camera.azimuth=0,90", "renderer.samples=1").status == 0
    sweep = only(workspace / "outputs" / "render_sweep")
    assert (sweep / "0" / "picture.png").read_bytes() != (sweep / "1" / "picture.png").read_bytes()
    (workspace / "two.yaml").write_bytes(
        (workspace / "cfg" / "scene" / "box.yaml").read_bytes().replace(b"../", b"cfg/")
    )
    outcome = invrender("fit", "-m", "scene=box,two.yaml", "camera.fov=40", *SHORT)
    assert outcome.status == 0
    command = shlex.split((only(workspace / "outputs" / "sweep") / "1" / "command.txt").read_text())
    assert command[:6] == ["invrender", "fit", "--config-dir", "cfg", "scene=two.yaml", "camera.fov=40"]


def test_a_bad_job_does_not_end_a_sweep(invrender: Any, workspace: Path) -> None:
    outcome = invrender("render", "-m", "camera.fov=0,40", "renderer.samples=1")
    assert outcome.status == 2
    assert "camera.fov is 0" in outcome.error
    assert (only(workspace / "outputs" / "render_sweep") / "1" / "picture.png").exists()


def test_runs_of_one_second_have_their_own_folders(invrender: Any, workspace: Path) -> None:
    given = ("hydra.run.dir=${fresh_folder:same}", "renderer.samples=1")
    assert invrender("render", *given).status == invrender("render", *given).status == 0
    assert (workspace / "same" / "picture.png").exists()
    assert (workspace / "same-2" / "picture.png").exists()


def test_exit_statuses_of_fits(invrender: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def infinite(self: object, *_: object) -> float:
        return float("nan")

    def interrupted(self: object, *_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr("invrender.fitting.solve.first_order.FirstOrder.rate", infinite)
    assert invrender("fit", "hydra.run.dir=a", *SHORT).status == 3
    assert read(workspace / "a" / "result.json")["stopped_because"] == "diverged"
    monkeypatch.setattr("invrender.fitting.solve.first_order.FirstOrder.step", interrupted)
    assert invrender("fit", "hydra.run.dir=b", *SHORT).status == 130
    assert read(workspace / "b" / "result.json")["stopped_because"] == "interrupted"


def test_an_error_after_ctrl_c_is_an_interruption(invrender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def garbled(*_: object) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise RecursionError

    monkeypatch.setattr("invrender.config.assemble.build_scene_and_target", garbled)
    outcome = invrender("fit")
    assert (outcome.status, outcome.err) == (130, "")


def test_a_closed_pipe_is_no_error(workspace: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "invrender", "--help"]
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, check=False, env=ENVIRONMENT)
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, b"")


def test_board_takes_folders(invrender: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[object] = []

    def serve(folders: list[Path], port: int, open_browser: bool | None) -> int:
        served.append((folders, port, open_browser))
        return 0

    monkeypatch.setattr("invrender.record.board.serve", serve)
    assert run(["board"]) == run(["board", "a b", "port=7000", "c[1]", "open=false"]) == 0
    assert served == [([Path("outputs")], 6006, None), ([Path("a b"), Path("c[1]")], 7000, False)]
    assert invrender("board", "scene=x").status == 2
    assert run(["board", "open=maybe"]) == 2
    assert run(["board", "port=0"]) == 2
    assert not (workspace / "outputs").exists()


def test_board_of_nothing(workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "nowhere"]) == 2
    error = capfd.readouterr().err
    assert error.startswith("invrender board: error: ")
    assert error.count("\n") == 1


def test_a_fit_has_a_report_that_can_be_written_anew(
    invrender: Any, workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fit = ("recover=light_intensity", "target.light.key.intensity=1", "hydra.run.dir=run")
    assert invrender("fit", *fit, *SHORT).status == 0
    report = workspace / "run" / "report.html"
    text = report.read_text()
    assert "light_intensity" in text
    report.write_text("old")
    capfd.readouterr()
    assert run(["report", "run"]) == 0
    assert capfd.readouterr().out == "run/report.html\n"
    assert report.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "runs is empty, expected the folder of a fit"),
        (["cfg"], "has no result.json and no summary.json"),
        (["nowhere"], "there is no folder nowhere"),
    ],
)
def test_a_report_of_nothing(
    arguments: list[str], told: str, workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", *arguments]) == 2
    error = capfd.readouterr().err
    assert error.startswith("invrender report: error: ")
    assert told in error
    assert error.count("\n") == 1


def test_a_folder_with_events_alone_is_not_written_into(invrender: Any, workspace: Path) -> None:
    (workspace / "run").mkdir()
    (workspace / "run" / "events.out.tfevents.1.host").touch()
    outcome = invrender("fit", "recover=light_intensity", "hydra.run.dir=run")
    assert "which holds events.out.tfevents.1.host; nothing is overwritten" in outcome.error


@pytest.mark.parametrize("command", ["fit", "sweep", "render", "board", "report", "convert", "completion"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"usage: invrender {command}" in text
    assert "Hydra" not in text


def test_the_programs_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == run(["--help"]) == run(["--version"]) == 0
    text = capsys.readouterr().out
    assert "invrender COMMAND" in text
    assert f"invrender {__version__}" in text


@pytest.mark.parametrize(
    "arguments", [["--help"], ["fit", "--cfg", "job"], ["sweep", "--help"], ["board", "--info"], ["params"]]
)
def test_answers_without_torch(workspace: Path, arguments: list[str]) -> None:
    program = (
        "import sys\nfrom invrender.cli import run\n"
        f"status = run({arguments!r})\n"
        "assert not {'torch', 'numpy', 'trimesh', 'matplotlib'} & set(sys.modules)\nsys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    assert not (workspace / "outputs").exists()


def test_the_module_is_the_program(workspace: Path) -> None:
    command = [sys.executable, "-m", "invrender", "rendr"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "invrender: error: no command 'rendr'; did you mean 'render'?\n"


def test_a_key_of_before_works_and_says_its_new_name_in_a_line(invrender: Any) -> None:
    outcome = invrender("render", "renderer.kernels=reference")
    assert outcome.status == 0
    assert outcome.err == "invrender render: note: renderer.kernels is called renderer.backend now\n"
