"""Folders of runs and sweeps from elsewhere that try to write, to run or to tell what is not theirs.

Links lead out of them, pipes never end, states ask for what no fit has. A new trick is one more row.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupted import leave_interrupted_fit

from invrender.cli import run
from invrender.errors import UserError
from invrender.io.scenes import build_scene
from invrender.io.schema import ObjectConfig, SceneConfig, SceneFile
from invrender.record.checkpoint import read_state

SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds"
PRECIOUS = "precious\n" * 1000
# Runs a program in Pillow, unless one says which formats there are.
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with an interrupted fit, which goes on in ``here`` beside it."""
    above = tmp_path_factory.mktemp("tricks")
    leave_interrupted_fit(above / "here", "record.tensorboard=true")
    shutil.copytree(above / "here", above / "kept")
    return above / "kept"


@pytest.fixture
def place(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder above the fit's, with a file that nobody may write, a module, and a program that nobody may call."""
    place = kept.parent / "here"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(kept, place)
    (place / "precious").write_text(PRECIOUS)
    (place / "bin").mkdir()
    (place / "bin" / "gs").write_text(f"#!/bin/sh\ntouch {place}/ran\n")
    (place / "bin" / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    monkeypatch.chdir(place)
    yield place
    assert (place / "precious").read_text() == PRECIOUS
    assert not (place / "ran").exists()


def link(path: Path) -> None:
    """Have a file lead to another's."""
    path.unlink(missing_ok=True)
    path.symlink_to(Path.cwd() / "precious")


def pipe(path: Path) -> None:
    """Have a file never end."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def events(folder: Path) -> Path:
    return next(folder.glob("events.out.tfevents.*"))


def change_state(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the plain form of the first raw tensor."""
    path = folder / "state" / "state.json"
    content = json.loads(path.read_text())
    change(next(iter(content["state"]["raw"].values())))
    path.write_text(json.dumps(content))


class Touches:
    """Touches a file where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


def pickled(folder: Path) -> None:
    """An array of objects where the state has one of numbers."""
    np.save(folder / "state" / "9.npy", np.array([Touches()], dtype=object), allow_pickle=True)
    change_state(folder, lambda node: node.update(file="9.npy", shape=[1]))


def empty_pipe(folder: Path) -> None:
    """An array of no numbers, which a pipe has, too."""
    pipe(folder / "state" / "9.npy")
    change_state(folder, lambda node: node.update(file="9.npy", shape=[0]))


RESUMED: dict[str, Callable[[Path], None]] = {
    "a lock that leads elsewhere": lambda folder: link(folder / ".lock"),
    "a lock that is a pipe": lambda folder: pipe(folder / ".lock"),
    "a history that leads elsewhere": lambda folder: link(folder / "history.csv"),
    "events that lead elsewhere": lambda folder: link(events(folder)),
    "a state that leads elsewhere": lambda folder: link(folder / "state" / "state.json"),
    "a state to be that leads elsewhere": lambda folder: link(folder / "state" / ".partial-state.json"),
    "a result to be that leads elsewhere": lambda folder: link(folder / ".partial-result.json"),
    "an origin that never ends": lambda folder: (
        (folder / "result.json").unlink() or pipe(folder / "state" / "run.json")
    ),
}


@pytest.mark.parametrize("name", RESUMED)
def test_a_run_to_go_on_with_plays_no_tricks(place: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    RESUMED[name](place / "run")
    before = {path: path.lstat().st_mtime_ns for path in place.rglob("*") if not path.is_dir()}
    capfd.readouterr()
    assert run(["fit", "--resume", "run", "-q"]) == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1 and "/run" in told, told
    assert {path: path.lstat().st_mtime_ns for path in place.rglob("*") if not path.is_dir()} == before


STATES: dict[str, Callable[[Path], None]] = {
    "a state that never ends": lambda folder: pipe(folder / "state" / "state.json"),
    "an array that never ends": empty_pipe,
    "an array of code": pickled,
    "a device of nowhere": lambda folder: change_state(folder, lambda node: node.update({"$device": "meta"})),
    "no device": lambda folder: change_state(folder, lambda node: node.update({"$device": {}})),
    "an endless array": lambda folder: change_state(folder, lambda node: node.update(shape=[float("inf")])),
    "an array of texts": lambda folder: change_state(folder, lambda node: node.update({"$array": "U8"})),
    "an array from above": lambda folder: change_state(folder, lambda node: node.update(file="../../precious")),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_plays_no_tricks(place: Path, name: str) -> None:
    STATES[name](place / "run")
    with pytest.raises(UserError, match=r"state\.json is (cut off|damaged)"):
        read_state(place / "run")


READ: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a report to be that leads elsewhere": ("report", lambda folder: link(folder / ".partial-report.html")),
    "a sheet to be that leads elsewhere": ("doctor", lambda folder: link(folder / ".partial-doctor.png")),
    "a report that leads elsewhere": ("report", lambda folder: link(folder / "report.html")),
    "pictures of PostScript": ("report", lambda folder: (folder / "start.png").write_bytes(POSTSCRIPT) and None),
    "a film of PostScript": ("report", lambda folder: (folder / "progress.gif").write_bytes(POSTSCRIPT) and None),
    "a result that never ends": ("report", lambda folder: pipe(folder / "result.json")),
    "a result that leads elsewhere": ("report", lambda folder: link(folder / "result.json")),
    "pictures that never end": ("report", lambda folder: pipe(folder / "start.png")),
    "a lock of a run cut off": ("report", lambda folder: (folder / "result.json").unlink() or link(folder / ".lock")),
    "a config that never ends": ("doctor", lambda folder: pipe(folder / "config.yaml")),
}


@pytest.mark.parametrize("name", READ)
def test_a_run_to_look_at_plays_no_tricks(place: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    command, change = READ[name]
    change(place / "run")
    status = run([command, "run"])
    told = capfd.readouterr()
    assert status in (0, 2)
    assert "Traceback" not in told.err and "precious" not in told.out + told.err.replace(str(place / "precious"), "")
    report = place / "run" / "report.html"
    assert not report.is_file() or "precious\nprecious" not in report.read_text()


def sweep(folder: Path, *arguments: str, **job: Any) -> None:
    """A sweep of one job that has the fit's folder."""
    (folder / "0").mkdir(parents=True)
    first = {"number": 0, "folder": "0", "overrides": [], "values": {}, "status": "missing", **job}
    head = {"schema": 1, "command": "", "arguments": list(arguments), "place": str(Path.cwd()), "inputs": {}}
    (folder / "summary.json").write_text(json.dumps({**head, "swept": [], "rank_by": None, "jobs": [first]}))


def test_a_sweep_s_job_that_leads_elsewhere_begins_anew(place: Path) -> None:
    from invrender.sweep.summary import Job
    from invrender.sweep.sweeper import Sweep

    sweep = Sweep()
    sweep.folder = place / "out"
    shutil.copytree(place / "run", place / "out" / "0")
    link(place / "out" / "0" / "log.txt")
    sweep.clear(Job(0, [], {}, status="missing"))
    assert not (place / "out" / "0").exists()


SWEPT: dict[str, Callable[[Path], None]] = {
    "a lock that leads elsewhere": lambda folder: link(folder / ".lock"),
    "a summary that leads elsewhere": lambda folder: link(folder / "summary.json"),
    "a summary that never ends": lambda folder: pipe(folder / "summary.json"),
}


@pytest.mark.parametrize("name", SWEPT)
def test_a_sweep_to_go_on_with_plays_no_tricks(place: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    sweep(place / "out", "--config-dir", "cfg", "scene=box", "seed=1,2")
    SWEPT[name](place / "out")
    assert run(["sweep", "--resume", "out", "-q"]) == 2
    assert capfd.readouterr().err.count("\n") == 1


OUTCOMES = ('{"status": "done"}', '{"status": []}', "[]", "3", '{"status": "finished", "exit_status": "1"}', "[" * 9999)


@pytest.mark.parametrize("text", OUTCOMES)
def test_an_outcome_that_no_job_has_written_is_none(tmp_path: Path, text: str) -> None:
    from invrender.sweep.outcome import Outcome, read_outcome, write_outcome

    (tmp_path / "outcome.json").write_text(text)
    assert read_outcome(tmp_path) is None
    write_outcome(tmp_path, Outcome("failed", 2, "why"))
    assert read_outcome(tmp_path) == Outcome("failed", 2, "why")


DRAWN = {
    "a class": ("renderer._target_", "os.system"),
    "targets": ("allow_targets", "[os.]"),
    "Hydra": ("hydra.callbacks.x._target_", "tricks.leave"),
    "a file": ("scene", "../../evil"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_search_draws_nothing_from_elsewhere(place: Path, name: str) -> None:
    """A study is a database, and what it has drawn becomes arguments."""
    from invrender.sweep.search import check_values

    key, value = DRAWN[name]
    with pytest.raises(UserError, match=r"study\.db"):
        check_values({"seed": "3", key: value}, place / "study.db")


def glb(picture: bytes) -> bytes:
    """A triangle in glTF's binary form, with a texture of these bytes."""
    numbers = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32).tobytes() + bytes(24)
    chunk = numbers + picture + bytes(-(len(numbers) + len(picture)) % 4)
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(chunk)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": 24},
            {"buffer": 0, "byteOffset": 60, "byteLength": len(picture)},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC2"},
        ],
        "images": [{"bufferView": 2, "mimeType": "image/png"}],
        "textures": [{"source": 0}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0}}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "material": 0}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    parts = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(chunk), 0x004E4942) + chunk
    return struct.pack("<III", 0x46546C67, 2, 12 + len(parts)) + parts


FILES: dict[str, Callable[[Path], None]] = {
    "a.glb": lambda path: path.write_bytes(glb(POSTSCRIPT)) and None,
    "texture=a.png": lambda path: path.write_bytes(POSTSCRIPT) and None,
    "vertex_colors=a.npy": lambda path: np.save(path, np.array([Touches()], dtype=object), allow_pickle=True),
    "vertex_colors=b.npy": lambda path: path.write_bytes(pickle.dumps(Touches())) and None,
    "vertex_colors=c.npy": lambda path: path.write_bytes(zipped()) and None,
    "vertex_colors=d.npy": lambda path: np.save(path, np.zeros((8, 3), "datetime64[s]")),
    "vertex_colors=e.npy": pipe,
    "mesh=f.obj": pipe,
}


def zipped() -> bytes:
    """Arrays in a zip, one of them of code."""
    file = io.BytesIO()
    np.savez(file, a=np.array([Touches()], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize("given", FILES)
def test_an_object_s_file_plays_no_tricks(place: Path, given: str) -> None:
    key, _, name = given.rpartition("=")
    FILES[given](place / name)
    thing = {"mesh": "cfg/files/cube.obj", key or "mesh": name}
    scene = SceneFile(SceneConfig(objects={"thing": ObjectConfig(**thing)}))
    with pytest.raises(UserError) as refusal:
        build_scene(scene, place)
    assert "\n" not in str(refusal.value)
