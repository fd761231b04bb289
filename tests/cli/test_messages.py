"""Everything that can't be used is said in one line that names the key or the file; nothing is left behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from invrender.cli import run
from invrender.io.pictures import Decoding, read_picture

RENDER = [
    ("camera.azimut=3", "camera has no key 'azimut'; did you mean 'azimuth'?"),
    ("scen=teapot", "no key or group 'scen'; did you mean 'scene'?"),
    ("camera=persp", "camera has no option 'persp'; did you mean 'perspective'?; known are"),
    ("camera.fov=abc", "camera.fov: Value 'abc'"),
    ("camera.fov", "'camera.fov' is not an override"),
    ("camera.look_at=[1,2", "'camera.look_at=[1,2' is not an override"),
    ("seed=1.5", "seed: Value '1.5'"),
    ("light.kye.intensity=2", "light has no key 'kye'; did you mean 'key'?"),
    ("--resolve", "--resolve"),
    ("--multrun", "there is no option '--multrun'; did you mean '--multirun'?"),
    ("scene=none.yaml", "scene=none.yaml: no such file"),
    ("device=tpu", "device is 'tpu', expected auto, cpu or cuda"),
    ("renderer.samples=abc", "renderer.samples is 'abc', expected a whole number"),
    ("renderer.samples=0", "renderer.samples is 0"),
    ("+renderer.sample=2", "renderer has no key 'sample'; did you mean 'samples'?"),
    ("renderer._target_=os.system", "renderer._target_ is 'os.system', expected something under invrender."),
    ("renderer._target_=invrender.render.hard.Hard", "renderer._target_ is 'invrender.render.hard.Hard'"),
    ("camera.extent=3", "camera.extent has no effect on a camera of projection perspective"),
    ("output=picture.xyz", "output is 'picture.xyz', expected a picture file"),
    ("output=nowhere/picture.png", "there is no folder nowhere"),
    ("hydra.run.dir=/dev/null/x", "/dev/null/x: Not a directory"),
    ("camera.distance=0.1", "camera is inside the object 'cube'"),
    ("camera.near=50", "from 50 to 100 deep; set camera.look_at"),
    ("seed=-1", "seed is -1, expected a whole number from 0"),
    ("camera=null", "camera=null chooses nothing, expected one of orthographic, perspective, pinhole"),
    ("--cfg=jib", "--cfg is 'jib', expected one of job, hydra, all; did you mean 'job'?"),
    ("--config-dir", "--config-dir is the last word"),
    ("renderer={_target_: invrender.cli.os.system, command: no}", "renderer has no key 'command'"),
    ("output=/proc/picture.png", "/proc/picture.png: No such file or directory"),
]


@pytest.mark.parametrize(("argument", "message"), RENDER, ids=[argument for argument, _ in RENDER])
def test_render_refuses(invrender: Any, workspace: Path, argument: str, message: str) -> None:
    outcome = invrender("render", argument)
    assert outcome.status == 2
    assert outcome.error.startswith("invrender render: error: ")
    assert message in outcome.error
    assert not (workspace / "outputs").exists()


FIT = [
    ("target.camera.azimut=4", "target.camera has no key 'azimut'; did you mean 'azimuth'?"),
    ("target.light.kee.intensity=4", "target.light has no key 'kee'; did you mean 'key'?"),
    ("target.scene.objects.cub.albedo=[1,1,1]", "target.scene.objects has no key 'cub'; did you mean 'cube'?"),
    ("target.camera.fov=abc", "target.camera.fov: Value 'abc'"),
    ("target.camera.extent=3", "target.camera.extent has no effect"),
    ("target.camera.distance=0", "target.camera.distance is 0.0"),
    ("target.views=[{azimuth: 0}, {azimut: 1}]", "target.views[1]: a camera has no key 'azimut'"),
    ("target.samples=0", "target.samples is 0"),
    ("target.noise=-1", "target.noise is -1.0"),
    ("target.mask=m.png", "target.mask has no effect on a rendered target"),
    ("target.hint=mask", "target.hint has no effect on a target of kind render; set target=drawn"),
    ("target.depth=d.png", "target.depth has no effect on a rendered target"),
    ("target.kind=photo", "target.kind is 'photo', expected one of render, drawn, image, views"),
    ("target=none.png", "none.png: no such picture file"),
    ("target=none.json", "none.json: no such camera file"),
    ("target=image", "target.path is missing"),
    ("target=imag", "target has no option 'imag'; did you mean 'image'?"),
    (
        "renderer.faces_per_pixel=9",
        "renderer has no key 'faces_per_pixel': auto has those that all soft renderers have",
    ),
    ("renderer.sigmma=1e-4", "renderer has no key 'sigmma'; did you mean 'sigma'?"),
    ("renderer.sigma=-1", "renderer.sigma is -1, expected a number above 0"),
    ("recover=[]", "recover is empty"),
    ("recover=[camera_pose,light]", "recover has no option 'light'"),
    ("recover.camera_pose.lrr=1", "recover.camera_pose has no key 'lrr'; did you mean 'lr'?"),
    ("recover.camera_pose.lr=fast", "recover.camera_pose.lr is 'fast', expected a number"),
    ("optimizer.stages=[{steps: 2, siz: 1}]", "optimizer.stages[0] has no key 'siz'; did you mean 'size'?"),
    ("optimizer.algorithm.lr=1", "optimizer.algorithm has no key 'lr'"),
    ("optimizer.algorithm._target_=torch.nn.Linear", "optimizer.algorithm._target_ is 'torch.nn.Linear'"),
    ("stopping.patienc=3", "stopping has no key 'patienc'; did you mean 'patience'?"),
    ("hydra.run.dir=/dev/null/x", "/dev/null/x: Not a directory); set hydra.run.dir to a folder that can be written"),
    ("record.frame=3", "record has no key 'frame'; did you mean 'frames'?"),
    ("recover.camera_pose.lr=0", "recover.camera_pose.lr is 0, expected a number above 0"),
    ("recover.camera_pose.lr=nan", "recover.camera_pose.lr is nan, expected a finite number"),
    ("recover.camera_pose.max_shift=-1", "recover.camera_pose.max_shift is -1, expected a number above 0"),
    ("recover.camera_pose.max_rotation=far", "recover.camera_pose.max_rotation is 'far', expected a number"),
    ("loss.mse.weight=-1", "loss.mse.weight is -1, expected a number of 0 or more"),
    ("optimizer.stages=3", "optimizer.stages is 3, expected a list in brackets"),
    ("optimizer.stages=[3]", "optimizer.stages[0] is 3, expected keys and values"),
    ("optimizer.stages=[{}]", "optimizer.stages[0].steps is missing"),
    ("optimizer.stages=[{steps: 1, losses: []}]", "optimizer.stages[0].losses is empty"),
    ("optimizer.stages=[{steps: 1}, {steps: 1, losses: [l1]}]", "optimizer.stages[1].losses: there is no loss 'l1'"),
    (
        "optimizer.stages=[{steps: 1, unknowns: [pose]}]",
        "optimizer.stages[0].unknowns: there is no unknown 'pose' here",
    ),
    ("optimizer.stages=[{steps: 1, lr: {pose: 1}}]", "optimizer.stages[0].lr: there is no unknown 'pose' here"),
    ("optimizer.stages=[{steps: 1, lr: fast}]", "stages: lr is fast, expected a number above 0"),
    (
        "optimizer=adam_staged",
        "optimizer.stages[0].unknowns: there is no unknown 'light_intensity' here, only camera_pose",
    ),
    (
        "+recover.x={_target_: invrender.parameters.Texture, smoothness: -1}",
        "recover.x.smoothness is -1, expected 0 or more",
    ),
    ("optimizer.final_lr=0", "optimizer.final_lr is 0, expected a share"),
    ("optimizer.algorithm.betas=[2,3]", "optimizer.algorithm can't be used: Invalid beta"),
    ("optimizer.algorithm=null", "optimizer.algorithm is None, expected keys and values"),
    ("+recover.x={_target_: invrender.cli.os.system, command: no}", "recover.x._target_ is 'invrender.cli.os.system'"),
    ("search=onn", "search has no option 'onn'; did you mean 'on'?"),
    ("search.mode=x", "search.mode is 'x', expected one of auto, on, off"),
    ("search.posess=4", "search has no key 'posess'; did you mean 'poses'?"),
    ("search.poses=0", "search.poses is 0, expected 1 or more"),
    ("search.stages=[{steps: 2}]", "search.stages has 1, expected two"),
    ("stopping.patience=0", "stopping.patience is 0, expected a number of 1 or more"),
    ("stopping.improvement=2", "stopping.improvement is 2.0, expected a share"),
    ("stopping.seconds=0", "stopping.seconds is 0.0, expected a number above 0"),
    ("target.samples=1000", "target.samples is 1000, expected 1 to 64"),
    ("target.seed=-1", "target.seed is -1"),
    ("recover=vertex_colors", "recover.vertex_colors: the scene has no object with vertex_colors"),
    ("target.views=[{azimuth: 0}]", "recover.camera_pose: the camera can't be an unknown"),
]


@pytest.mark.parametrize(("argument", "message"), FIT, ids=[argument for argument, _ in FIT])
def test_fit_refuses(invrender: Any, workspace: Path, argument: str, message: str) -> None:
    outcome = invrender("fit", argument)
    assert outcome.status == 2
    assert message in outcome.error
    assert not (workspace / "outputs").exists()


@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_modes_of_search_are_words(invrender: Any, mode: str) -> None:
    """In YAML, on and off are other words for true and false."""
    config = yaml.safe_load(invrender("fit", f"search={mode}", "--cfg", "job").out)
    assert config["search"]["mode"] == mode


def test_least_squares_refuse_maps_before_anything_is_written(invrender: Any, workspace: Path) -> None:
    outcome = invrender("fit", "scene=panel", "recover=texture", "optimizer=lm", "camera.width=16", "camera.height=16")
    assert outcome.status == 2
    assert "recover.texture has" in outcome.error
    assert not (workspace / "outputs").exists()


def test_commands_are_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fti"]) == 2
    assert capsys.readouterr().err == "invrender: error: no command 'fti'; did you mean 'fit'?\n"


def test_broken_pictures_and_masks(invrender: Any, workspace: Path) -> None:
    (workspace / "broken.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((16, 24, 3), np.uint8)).save("photo.png")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save("mask.png")
    assert "broken.png: not a readable picture" in invrender("fit", "target=broken.png").error
    assert (
        "mask.png is 8x8 pixels, but photo.png is 24x16"
        in invrender("fit", "target=photo.png", "target.mask=mask.png").error
    )
    calibrated = invrender("fit", "target=photo.png", "camera=pinhole", "camera.width=640")
    assert "photo.png is 24x16 pixels, but camera is calibrated for" in calibrated.error
    assert (
        "color_space is 'rgb', expected one of auto, srgb, linear"
        in invrender("fit", "target=photo.png", "target.color_space=rgb").error
    )


def test_ends_and_limits_of_pictures(invrender: Any, workspace: Path) -> None:
    Image.new("RGB", (24, 16)).save("photo.png")
    for given, message in [
        ("target.orientation=up", "target.orientation is 'up', expected one of file, ignore"),
        ("target.clipped=no", "target.clipped is 'no', expected one of at_least, exact"),
        ("target.max_pixels=0", "target.max_pixels is 0, expected a number of 1 or more"),
        ("target.max_pixels=300", "photo.png has 24x16 pixels, "),
        ("target.max_pixels=300", "reduce the picture, or set target.max_pixels=384"),
    ]:
        assert message in invrender("fit", "target=photo.png", given).error
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (24, 16)).save("turned.png", exif=exif)
    calibrated = ("camera=pinhole", "camera.focal=20", "camera.principal=[12,8]", "camera.width=24", "camera.height=16")
    outcome = invrender("fit", "target=turned.png", *calibrated)
    assert "turned.png is 16x24 pixels, but camera is calibrated for 24x16; " in outcome.error
    assert "or target.orientation=ignore if EXIF turns it" in outcome.error


def test_a_render_says_what_it_clips(invrender: Any, workspace: Path) -> None:
    bright = ("light.key.intensity=9", "renderer.samples=1")
    outcome = invrender("render", "output=bright.png", *bright)
    assert outcome.out == "bright.png\n"
    said = re.fullmatch(r"bright\.png: ([\d.]+)% of its pixels are clipped .*; give EXR to keep them", outcome.error)
    assert said is not None
    read = read_picture(Path("bright.png"), Decoding(marks_clipped=True)).clipped
    assert read is not None
    assert float(said[1]) == pytest.approx(100 * float(read.any(dim=-1).float().mean()), rel=0.05)
    for quiet in (("output=bright.exr", *bright), ("output=dark.png", "light.key.intensity=0.1")):
        assert invrender("render", *quiet).err == ""
    assert float(read_picture(Path("bright.exr")).rgb.max()) > 2


def test_broken_camera_files(invrender: Any, workspace: Path) -> None:
    Image.fromarray(np.zeros((16, 24, 3), np.uint8)).save("photo.png")
    for text, message in [
        ("{", "cameras.json: not readable as JSON"),
        ('{"views": [{"camera": "\\ud800"}]}', "cameras.json: not readable as JSON"),
        ("[]", 'cameras.json: expected {"views": ['),
        ('{"views": [{}]}', "cameras.json: views[0]: it names no picture, expected one"),
        (
            json.dumps({"views": [{"picture": "photo.png", "focl": 3}]}),
            "views[0]: a camera has no key 'focl'; did you mean 'focal'?",
        ),
        (json.dumps({"views": [{"picture": "no.png"}]}), "no.png: no such picture file"),
        (json.dumps({"views": [{"picture": "photo.png", "focal": 20, "width": 640}]}), "is calibrated for 640x16"),
    ]:
        (workspace / "cameras.json").write_text(text)
        assert message in invrender("fit", "target=cameras.json", "recover=light_intensity").error


def test_broken_scene_files(invrender: Any, workspace: Path) -> None:
    (workspace / "broken.yaml").write_text("camera: [1, 2")
    assert "broken.yaml: not a readable YAML file" in invrender("render", "scene=broken.yaml").error
    (workspace / "empty.yaml").write_text("")
    assert "empty.yaml: expected keys" in invrender("render", "scene=empty.yaml").error
    (workspace / "typo.yaml").write_text("# @package _global_\ncamera: {azimut: 3}\n")
    assert "camera has no key 'azimut'; did you mean 'azimuth'?" in invrender("render", "scene=typo.yaml").error
    (workspace / "other.yaml").write_text("# @package _global_\ndefaults: [none]\n")
    assert "scene has no option 'none'" in invrender("render", "scene=other.yaml").error
    (workspace / "bare.yaml").write_text("# @package _global_\nscene: {}\n")
    assert "scene.objects is empty" in invrender("render", "scene=bare.yaml").error
    assert "camera=… can't be chosen" in invrender("render", "scene=bare.yaml", "camera=orthographic").error
    (workspace / "folder").mkdir()
    assert "scene=folder is a folder without a scene.yaml" in invrender("render", "scene=folder").error
    (workspace / "list.yaml").write_text("# @package _global_\nscene: {objects: [a]}\n")
    assert "list.yaml: scene.objects is ['a'], expected keys and values" in invrender("render", "scene=list.yaml").error
    for missing in ("scene: ???", "scene:\n  objects: ???", "scene: {}\ncamera: ???\nlight: ???"):
        (workspace / "missing.yaml").write_text(f"# @package _global_\n{missing}\n")
        assert "scene.objects is empty" in invrender("render", "scene=missing.yaml").error
    (workspace / "missing.yaml").write_text("# @package _global_\ndefaults:\n- ???\n")
    assert "an entry of a defaults list is ???" in invrender("render", "scene=missing.yaml").error
    (workspace / "local.yaml").write_text("scene: {objects: {}}\n")
    assert "begin the scene's file with the line # @package" in invrender("render", "scene=local.yaml").error


def test_primary_configs_need_the_schema(invrender: Any, workspace: Path) -> None:
    (workspace / "cfg" / "bare.yaml").write_text("seed: 0\n")
    (workspace / "cfg" / "mine.yaml").write_text("defaults: [render, _self_]\nseed: 3\n")
    given = (
        "--config-name",
        "bare",
        "hydra.run.dir=bare",
        "hydra.output_subdir=null",
        "hydra/job_logging=none",
        "hydra/hydra_logging=none",
    )
    assert "a config without the schema" in invrender("render", "scene=box", "+scene=box", *given).err
    assert invrender("render", "--config-name", "mine").status == 0


def test_nothing_is_overwritten(invrender: Any, workspace: Path) -> None:
    (workspace / "run").mkdir()
    (workspace / "run" / "result.json").write_text("precious")
    for command in ("render", "fit"):
        assert "holds result.json; nothing is overwritten" in invrender(command, "hydra.run.dir=run").error
    assert (workspace / "run" / "result.json").read_text() == "precious"
    (workspace / "pictures").mkdir()
    (workspace / "pictures" / "target.png").write_bytes(b"precious")
    assert "holds target.png" in invrender("fit", "hydra.run.dir=pictures").error
    (workspace / "mine.png").write_bytes(b"precious")
    assert "output is 'mine.png', which exists" in invrender("render", "output=mine.png").error
    assert (workspace / "mine.png").read_bytes() == b"precious"
    assert invrender("render", "output=mine.png", "overwrite=true").status == 0
    assert read_picture(Path("mine.png")).rgb.shape == (16, 24, 3)


def test_bugs_are_called_bugs(invrender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("invrender.cli.commands.render.build_scene", broken)
    outcome = invrender("render")
    assert outcome.status == 1
    assert "KeyError: 'lost'; this is a bug" in outcome.error
    monkeypatch.setenv("INVRENDER_TRACEBACK", "1")
    assert "Traceback" in invrender("render").err
