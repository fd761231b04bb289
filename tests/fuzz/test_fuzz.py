"""A minute of faults, always the same ones: what is found by more of them is mended, and tested where it was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.cases import KINDS, make

# So many of each kind: about ten seconds' worth of those that were there first, and a few of the slow ones.
COUNTS = {
    "mesh": 800,
    "picture": 1000,
    "cameras": 200,
    "camera": 10,
    "photograph": 100,
    "scene": 25,
    "overrides": 25,
    "run": 60,
    "resume": 10,
    "doctor": 5,
    "sweep": 5,
}
STRIDE = 5


def test_every_kind_is_counted() -> None:
    assert COUNTS.keys() == KINDS.keys()


@pytest.mark.parametrize("part", range(STRIDE))
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_given_wrongly_breaks_the_program(
    kind: str, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(part, COUNTS[kind], STRIDE):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        fault = make(kind, number).run(folder)
        assert fault is None, (
            f"PYTHONPATH=tests python -m fuzz --kinds {kind} --first {number} --count 1\n{fault.told}\n{fault.details}"
        )


def test_a_case_is_the_same_again() -> None:
    for kind in KINDS:
        first, second = (make(kind, 3) for _ in range(2))
        assert (first.files, first.arguments) == (second.files, second.arguments)
