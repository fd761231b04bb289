"""Headless Chromium, for tests of pages: spoken to through a pipe in the protocol of its developer tools."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None or shutil.which("bash") is None, reason="needs Chromium and bash")
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--no-first-run", "--remote-debugging-pipe", "--disable-dev-shm-usage"),
    *("--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars"),
)
PATIENCE = 30


class Page:
    """One page of the browser. ``messages``: what its scripts complained of; ``requests``: what it asked for."""

    def __init__(self, commands: int, answers: int) -> None:
        self.commands = os.fdopen(commands, "wb", buffering=0)
        self.answers = os.fdopen(answers, "rb")
        self.count = 0
        self.session: str | None = None
        self.messages: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self.count += 1
        command = {"id": self.count, "method": method, "params": params}
        if self.session is not None:
            command["sessionId"] = self.session
        self.commands.write(json.dumps(command).encode() + b"\0")
        while True:
            answer = json.loads(self.read())
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.note(answer)

    def read(self) -> bytes:
        """The next message."""
        characters = bytearray()
        while (character := self.answers.read(1)) != b"\0":
            assert character, "Chromium has ended"
            characters += character
        return bytes(characters)

    def note(self, event: dict[str, Any]) -> None:
        """Keep what went wrong, and what was asked of the network."""
        params = event.get("params", {})
        if event["method"] == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(params["exceptionDetails"])[:500])
        if event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.messages.append(" ".join(str(each.get("value")) for each in params["args"]))
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, url: str, width: int = 1000, height: int = 800, mobile: bool = False) -> None:
        """Show a page in a window of this size."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.send("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """The value of an expression, once it is true."""
        give_up = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < give_up, f"never true: {script}"
            time.sleep(0.1)
        return value

    def press(self, key: str) -> None:
        """Press a key, such as ArrowRight."""
        code = {"ArrowLeft": 37, "ArrowRight": 39, "End": 35}[key]
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Save what is to be seen as a PNG, or the whole page."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser() -> Iterator[Page]:
    """A page in a browser of its own."""
    assert CHROMIUM is not None
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        # The browser reads commands from descriptor 3 and writes to 4.
        plumbing = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
        process = subprocess.Popen(
            ["bash", "-c", plumbing, "bash", CHROMIUM, *OPTIONS, f"--user-data-dir={folder}"],
            pass_fds=(read_commands, write_answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        page = Page(commands, answers)
        try:
            yield page
        finally:
            process.kill()
            process.wait()
            page.commands.close()
            page.answers.close()
