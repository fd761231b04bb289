"""Errors that TensorBoard's writer runs into, in a thread of its own."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from invrender.record.tensorboard import expect_failures_of_writers, naming_events


def test_an_error_without_a_name_gets_the_files(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="space") as caught, naming_events(tmp_path):
        raise OSError(errno.ENOSPC, "no space")
    assert str(caught.value.filename).startswith(str(tmp_path))


def test_an_error_with_a_name_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="mine") as caught, naming_events(tmp_path):
        raise OSError(errno.ENOSPC, "no space", "mine.png")
    assert caught.value.filename == "mine.png"


def test_a_writers_thread_says_nothing_itself_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[threading.ExceptHookArgs]()
    monkeypatch.setattr(threading, "excepthook", told.append)
    expect_failures_of_writers()
    expect_failures_of_writers()

    class Failing(threading.Thread):
        def run(self) -> None:
            raise OSError(errno.ENOSPC, "no space")

    for module in ("tensorboard.summary.writer", "another"):
        Failing.__module__ = module
        thread = Failing()
        thread.start()
        thread.join()
    assert len(told) == 1
