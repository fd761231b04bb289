"""Errors that TensorBoard's writer runs into, in a thread of its own."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from invrender.errors import UserError
from invrender.record.events import Events, expect_failures_of_writers, naming_events


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


@pytest.mark.parametrize("sizes", ["nonsense", {"events.out.tfevents.1": "3"}, {"events.out.tfevents.1": 4}])
def test_events_stay_where_what_is_remembered_of_them_is_refused(tmp_path: Path, sizes: object) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(b"abc")
    with pytest.raises((TypeError, UserError)):
        Events(tmp_path, sizes)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"abc"]


def test_events_are_cut_back_when_the_next_one_comes(tmp_path: Path) -> None:
    kept, later = (tmp_path / f"events.out.tfevents.{number}.host.1.0" for number in (1, 2))
    kept.write_bytes(b"abc")
    later.write_bytes(b"abc")
    events = Events(tmp_path, {kept.name: 2})
    events.close()
    assert later.exists() and kept.read_bytes() == b"abc"
    events.writer.add_scalar("loss", 1.0, 0)
    events.close()
    assert not later.exists() and kept.read_bytes() == b"ab"
    assert len(events.remember()) == 2
