"""The lock of a folder, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Self

from invrender.errors import UserError, note

NAME = ".lock"
# Network file systems may have no locks.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
RETRY_SECONDS = 0.05
# On Windows nobody else can read what is locked, so what is locked is far behind the content.
FAR_BEHIND = 1 << 30
FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class FolderLock:
    """The right to write in a folder.

    The operating system's lock on the open file ``.lock`` in the folder, which says who holds it. The file is removed
    when the lock is given back; one that is left behind by a process that was killed locks nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.file: int | None = None

    def acquire(self, patience: float = 0.0) -> bool:
        """Take the lock; whether that went well within so many seconds. The folder must be there."""
        give_up = time.monotonic() + patience
        while not self.taken():
            if time.monotonic() >= give_up:
                return False
            time.sleep(RETRY_SECONDS)
        return True

    def taken(self) -> bool:
        """Try to take the lock once. Raises `UserError` where something else has the name of its file."""
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_file()):
            raise UserError(f"{self.path} is a link or no file; remove it: nothing is written through it")
        file = os.open(self.path, FLAGS, 0o644)
        try:
            lock(file)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(file)
                return False
            note(
                f"{self.path.parent} is on a file system without locks: nothing keeps two processes from writing in it"
            )
        if not same(file, self.path):
            # Whoever had it has removed it between the two lines above.
            os.close(file)
            return False
        self.file = file
        os.ftruncate(file, 0)
        os.write(file, json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode())
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self.file is None:
            return
        if sys.platform != "win32":
            self.path.unlink(missing_ok=True)
        os.close(self.file)
        self.file = None

    def holder(self) -> str:
        """Who holds the lock, in words."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return f"process {int(content['process'])} on {content['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def hold(self, patience: float = 0.0) -> Self:
        """Take the lock. Raises `UserError` where another process holds it."""
        if not self.acquire(patience):
            raise UserError(f"{self.path.parent} is in use by {self.holder()}; wait until that has ended, or end it")
        return self

    def __enter__(self) -> Self:
        return self if self.file is not None else self.hold()

    def __exit__(self, *error: object) -> None:
        self.release()


def same(file: int, path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def lock(file: int) -> None:
        """Lock an open file for this process. Raises `OSError` where another one has it."""
        os.lseek(file, FAR_BEHIND, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def lock(file: int) -> None:
        """Lock an open file for this process. Raises `OSError` where another one has it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
