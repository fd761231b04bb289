"""TensorBoard, served."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from invrender.errors import UserError
from invrender.record import board

PICTURES, SCALARS = 23, 1200


def log(folder: Path) -> None:
    with SummaryWriter(folder) as writer:
        for step in range(PICTURES):
            writer.add_image("progression", np.full((4, 4, 3), step, dtype=np.uint8), step, dataformats="HWC")
        for step in range(SCALARS):
            writer.add_scalar("loss/total", 1.0, step)


def get(port: int, path: str, **query: str | int) -> Any:
    url = f"http://127.0.0.1:{port}/data/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def wait_for_runs(port: int, count: int) -> list[str]:
    """The runs, once so many are loaded with all their pictures."""
    for _ in range(200):
        runs: list[str] = get(port, "runs")
        if len(runs) == count and all(len(pictures(port, run)) >= PICTURES for run in runs):
            break
        time.sleep(0.1)
    return sorted(runs)


def pictures(port: int, run: str) -> list[Any]:
    """As TensorBoard's time series page asks for them."""
    request = json.dumps([{"plugin": "images", "tag": "progression", "run": run, "sample": 0}])
    (answer,) = get(port, "plugin/timeseries/timeSeries", requests=request)
    return list(answer.get("runToSeries", {}).get(run, []))


def test_every_logged_step_of_every_run_is_served_until_ctrl_c(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        log(folder)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        program = (
            "import sys; from pathlib import Path; from invrender.record.board import serve;"
            f"sys.exit(serve([Path(folder) for folder in sys.argv[1:]], {taken}, False))"
        )
        command = [sys.executable, "-c", program, *map(str, folders)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = [process.stdout.readline(), process.stdout.readline()]
    try:
        port = int(said[0].split()[-1])
        assert said[0] == f"port {taken} is taken, using {port}\n"
        assert said[1] == f"TensorBoard is at http://localhost:{port}/ (Ctrl-C ends it)\n"
        assert wait_for_runs(port, 2) == ["one", "two"]
        assert len(pictures(port, "one")) == PICTURES
        assert len(get(port, "plugin/images/images", tag="progression", run="two", sample=0)) == PICTURES
        assert len(get(port, "plugin/scalars/scalars", tag="loss/total", run="one")) == SCALARS
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


def test_nothing_logged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is logged in"):
        board.serve([tmp_path], 0, False)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*nowhere"):
        board.serve([tmp_path / "nowhere"], 0, False)


def test_no_such_port(tmp_path: Path) -> None:
    log(tmp_path)
    with pytest.raises(UserError, match="port is 70000, expected"):
        board.serve([tmp_path], 70000, False)


def test_tensorboard_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(tmp_path)
    broken = [sys.executable, "-c", "raise SystemExit('no protobuf here')"]
    monkeypatch.setattr(board, "command_line", lambda folder, port: broken)
    with pytest.raises(UserError, match=r"doesn't start on port .*: no protobuf here"):
        board.serve([tmp_path], 0, False)


@pytest.mark.parametrize(
    ("environment", "open_browser", "opens", "explains"),
    [
        ({}, None, False, True),
        ({"DISPLAY": ":0"}, None, True, False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, None, False, True),
        ({"DISPLAY": ":0"}, False, False, False),
        ({}, True, True, False),
    ],
    ids=["no screen", "a screen", "over ssh", "not wanted", "wanted"],
)
def test_browser_or_explanation(monkeypatch, capsys, environment, open_browser, opens: bool, explains: bool) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    opened: list[str] = []
    monkeypatch.setattr(board.webbrowser, "open", lambda url: not opened.append(url))
    board.announce(6006, open_browser)
    out = capsys.readouterr().out
    assert out.startswith("TensorBoard is at http://localhost:6006/")
    assert bool(opened) == opens
    assert ("ssh -L 6006:localhost:6006 " in out) == explains


def test_folders_of_one_name_stay_apart(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "run", tmp_path / "b" / "run"]
    for folder in folders:
        log(folder)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    together = board.one_folder(board.with_events([*folders, folders[0]]), scratch)
    assert sorted(link.name for link in together.iterdir()) == ["run", "run-2"]
    assert sorted(link.resolve() for link in together.iterdir()) == folders


def test_the_signal_that_ends_the_board_ends_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(tmp_path)
    started: list[subprocess.Popen[bytes]] = []
    asleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(board, "command_line", lambda folder, port: asleep)
    monkeypatch.setattr(board, "wait_until_up", lambda process, port, log: started.append(process))
    monkeypatch.setattr(board, "announce", lambda port, open_browser: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit, match="143"):
        board.serve([tmp_path], 0, False)
    assert started[0].poll() is not None
