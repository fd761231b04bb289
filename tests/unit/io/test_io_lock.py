"""A folder's lock: one holder, and none when that is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from invrender.errors import UserError
from invrender.io.lock import FolderLock

HOLD = """
import sys
from pathlib import Path
from invrender.io.lock import FolderLock
FolderLock(Path(sys.argv[1])).hold()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"is in use by process {process.pid} on "):
            FolderLock(tmp_path).hold()
        process.kill()
    assert (tmp_path / ".lock").exists()
    with FolderLock(tmp_path) as lock:
        assert not FolderLock(tmp_path).acquire(patience=0.1)
        assert lock.path.exists()
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_held_again_after_it_was_given_back(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    assert first.acquire()
    first.release()
    first.release()
    assert second.acquire()
    second.release()
