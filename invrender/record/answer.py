"""The answer of a fit as raw tensors, in its run's folder: what a scene file can't say to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invrender.errors import UserError
from invrender.fitting.base import Meshes
from invrender.fitting.solve.base import Raw
from invrender.fitting.step import Step
from invrender.io.plain import PlainFolder
from invrender.typed import make_typed

FOLDER, NAME = "answer", "answer.json"


@dataclass(frozen=True, eq=False)
class Answer:
    """What a fit has found.

    problem: a stamp of what was fitted to what. raw: by unknown. meshes: of the base that these are displacements from.
    """

    problem: str
    raw: Raw
    meshes: Meshes


def write_answer(folder: Path, last: Step) -> None:
    """Write the answer of a fit that is over into its run's folder."""
    PlainFolder(folder / FOLDER / NAME).write(
        {"problem": last.state.problem, "raw": last.best.raw, "meshes": last.best.meshes}
    )


def read_answer(folder: Path) -> Answer:
    """The answer in a run's folder. Raises `UserError` where there is none, or a damaged one."""
    path = folder / FOLDER / NAME
    if not path.is_file():
        raise UserError(f"runs: {folder} has no {FOLDER}/{NAME}, as fits write it that came to an end: fit again")
    content = PlainFolder(path).read()
    try:
        if not isinstance(content, Mapping):
            raise TypeError("no keys")
        found: dict[str, Any] = dict(content)
        return make_typed(Answer, found)
    except TypeError as error:
        raise UserError(f"{path} is damaged, not the answer of a fit ({error})") from error
