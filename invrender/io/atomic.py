"""Files that are complete or not there, and whose they are."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path to write to, which becomes ``path`` when all has gone well.

    An `OSError` without a file's name, as of a full disk, gets that of ``path``.
    """
    partial = partial_of(path)
    # What a process that was killed has left, or a link to what is not to be written.
    remove(partial)
    try:
        with naming_files(partial, path):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to write into, which becomes ``path`` when all has gone well. Errors are those of ``path``."""
    partial = partial_of(path)
    remove(partial)
    try:
        with naming_files(partial, path):
            partial.mkdir(parents=True)
            yield partial
            partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file, a folder with all that is in it, or a link without what it leads to, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_own(path: Path) -> bool:
    """Whether a file is there: no device, no pipe, and no link to what may be another's."""
    return path.is_file() and not path.is_symlink()


def read_own(path: Path) -> str:
    """The text in a file of a folder that anybody may have made. Raises `FileNotFoundError` where it has none such."""
    if not is_own(path):
        raise FileNotFoundError(errno.ENOENT, "not there, or a link to what may be another's", str(path))
    return path.read_text(encoding="utf-8")


def partial_of(path: Path) -> Path:
    """Where a file or a folder is written before it gets its name."""
    return path.with_name(f".partial-{path.name}")


@contextmanager
def naming_files(partial: Path, path: Path) -> Iterator[None]:
    """Have an `OSError` name ``path`` and what is in it, and not where that is written before."""
    try:
        yield
    except OSError as error:
        inside = Path(str(error.filename or partial))
        named = str(path / inside.relative_to(partial) if inside.is_relative_to(partial) else inside)
        # NumPy gives its errors a text alone.
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), named) from error
