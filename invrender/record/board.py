"""TensorBoard on the records of fits, with every logged step."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from invrender.errors import UserError

HOST = "127.0.0.1"
EVENTS = "events.out.tfevents.*"
# Samples kept of each tag. TensorBoard's help says that 0 keeps all, but its pages then show none.
ALL = 1_000_000_000
START_SECONDS = 60
PORTS = 50


def serve(folders: list[Path], port: int, open_browser: bool | None) -> int:
    """Run TensorBoard on the folders, on this machine alone, until Ctrl-C; the exit status.

    port: the first to try; the next free one is taken. open_browser: None opens one where there is a screen.
    Raises `UserError` where a folder is missing, nothing is logged in any, or TensorBoard doesn't start.
    """
    logged = with_events(folders)
    free = free_port(port)
    if port not in (0, free):
        say(f"port {port} is taken, using {free}")
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="invrender-board-") as scratch:
        log = Path(scratch) / "log.txt"
        with log.open("wb") as output:
            command = command_line(one_folder(logged, Path(scratch)), free)
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_until_up(process, free, log)
            announce(free, open_browser)
            return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            stop(process)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let the signals that end a program, as when its terminal is closed, end what it has started, too."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    before = {number: signal.signal(number, end) for number in ending}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def with_events(folders: list[Path]) -> list[Path]:
    """The folders, each once, in or under which something is logged."""
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"runs: there is no folder {folder}: give the folder of a fit, or one with fits in it")
    logged = [folder for folder in dict.fromkeys(f.resolve() for f in folders) if any(folder.rglob(EVENTS))]
    if not logged:
        names = ", ".join(map(str, folders))
        raise UserError(
            f"runs: nothing is logged in {names}: run a fit with record.tensorboard=true, or give its folder"
        )
    return logged


def one_folder(folders: list[Path], scratch: Path) -> Path:
    """A new folder in ``scratch`` with a link to each folder, whose name the runs in it so get."""
    together = scratch / "runs"
    together.mkdir()
    for folder in folders:
        link, count = together / folder.name, 1
        while link.is_symlink():
            count += 1
            link = together / f"{folder.name}-{count}"
        link.symlink_to(folder, target_is_directory=True)
    return together


def free_port(port: int) -> int:
    """The first port from this one on that nobody listens on; any for 0."""
    if not 0 <= port <= 65535:
        raise UserError(f"port is {port}, expected a number from 0 to 65535")
    last = min(port + PORTS, 65536)
    for candidate in range(port, last):
        with socket.socket() as listener, suppress(OSError):
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, candidate))
            free: int = listener.getsockname()[1]
            return free
    raise UserError(f"port: all from {port} to {last - 1} are taken: give another, or 0 for any")


def command_line(folder: Path, port: int) -> list[str]:
    """How TensorBoard is started."""
    samples = ",".join(f"{plugin}={ALL}" for plugin in ("images", "scalars", "text", "mesh"))
    options = ["--logdir", str(folder), "--host", HOST, "--port", str(port), "--reload_interval", "5"]
    return [sys.executable, "-m", "tensorboard.main", *options, "--samples_per_plugin", samples]


def wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return once TensorBoard answers."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        # OSError: nobody listens yet, or nobody answers.
        with suppress(OSError), urllib.request.urlopen(f"http://{HOST}:{port}/data/environment", timeout=5):
            return
        time.sleep(0.1)
    lines = log.read_text(errors="replace").strip().splitlines() or ["it is too slow"]
    raise UserError(f"TensorBoard doesn't start on port {port}: {lines[-1]}")


def announce(port: int, open_browser: bool | None) -> None:
    """Say where TensorBoard is, and open it or explain how."""
    url = f"http://localhost:{port}/"
    say(f"TensorBoard is at {url} (Ctrl-C ends it)")
    screen = has_screen()
    if open_browser or (open_browser is None and screen):
        with suppress(webbrowser.Error):
            if webbrowser.open(url):
                return
    if not screen:
        login = f"{getpass.getuser()}@{socket.gethostname()}"
        say(f"There is no screen here. On the computer before you run: ssh -L {port}:localhost:{port} {login}")
        say(f"and open {url} there.")


def has_screen() -> bool:
    """Whether a browser that is opened here can be seen."""
    if "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in ("darwin", "win32") or any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY"))


def stop(process: subprocess.Popen[bytes]) -> None:
    """End TensorBoard."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)
