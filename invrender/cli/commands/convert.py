"""`invrender convert`: a camera file in another format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from invrender.cli.job import DONE, Job
from invrender.errors import UserError, shown
from invrender.io.atomic import atomic_write
from invrender.io.cameras.bop import Bop
from invrender.io.cameras.formats import format_named, read_photographs, recognize


def run(job: Job) -> int:
    """Read, and write; returns the exit status."""
    config = job.composed.config
    if len(config.files) != 2:
        raise UserError(f"files is {list(config.files)}, expected the file to read and the one to write: IN OUT")
    given, path = (Path(each) for each in config.files)
    reads = recognize(given) if given.exists() else None
    writes = format_named(config.format, path)
    if config.object is not None:
        if not isinstance(reads, Bop) and not isinstance(writes, Bop):
            raise UserError(f"object is {config.object}, which has no effect: neither {given} nor {path} is of BOP")
        reads = Bop(config.object) if isinstance(reads, Bop) else reads
        writes = Bop(config.object) if isinstance(writes, Bop) else writes
    contents = writes.encode(read_photographs(given, reads, "files"), path)
    check_writable([*contents], config.overwrite)
    for each, content in contents.items():
        with atomic_write(each) as partial:
            partial.write_bytes(content)
        print(shown(each))
    return DONE


def check_writable(paths: Sequence[Path], overwrite: bool) -> None:
    """Raise `UserError` where something would be overwritten, or there is no such folder."""
    for path in paths:
        if not path.parent.is_dir():
            raise UserError(f"files: there is no folder {path.parent} to write {path.name} to; make it first")
        if path.exists() and not overwrite:
            raise UserError(f"files: {shown(path)} exists; give another name or overwrite=true")
