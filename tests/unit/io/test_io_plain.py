"""Folders of plain values: what comes back, what is written again, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from invrender.errors import UserError
from invrender.io.plain import LARGE, PlainFolder

LARGE_ARRAY = np.arange(LARGE, dtype=np.float32).reshape(4, -1)


def value() -> dict[str, Any]:
    return {
        "numbers": [1, -2.5, 1e-310, 0.1 + 0.2, math.inf, True, None, "text ä"],
        "empty": {"dict": {}, "list": [], "array": np.zeros((0, 3), np.uint8)},
        "small": {
            "scalar": torch.tensor(1 / 3, dtype=torch.float64),
            "flags": torch.tensor([True, False]),
            "state": torch.get_rng_state(),
            "view": torch.arange(6).reshape(2, 3).T,
        },
        "large": torch.randn(40, 70, generator=torch.Generator().manual_seed(0)),
        "picture": LARGE_ARRAY,
    }


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and one == other


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.json"


def test_values_come_back_to_the_bit(path: Path) -> None:
    given = value()
    PlainFolder(path).write(given)
    assert same(PlainFolder(path).read(), given)
    assert sorted(each.suffix for each in path.parent.iterdir()) == [".json", ".npy", ".npy"]


def test_an_array_that_is_there_is_not_written_again(path: Path) -> None:
    folder = PlainFolder(path)
    kept, replaced = np.zeros(LARGE), torch.zeros(LARGE)
    folder.write({"kept": kept, "replaced": replaced, "again": kept})
    before = {each.name: each.stat().st_ino for each in path.parent.glob("*.npy")}
    assert len(before) == 2
    folder.write({"kept": [kept], "replaced": torch.ones(LARGE)})
    after = {each.name: each.stat().st_ino for each in path.parent.glob("*.npy")}
    assert len(set(before.items()) & set(after.items())) == 1
    assert len(after) == 2
    # Whoever reads it knows its arrays as well.
    another = PlainFolder(path)
    found = another.read()
    assert torch.equal(found["replaced"], torch.ones(LARGE))
    another.write({"found": found})
    assert {each.name: each.stat().st_ino for each in path.parent.glob("*.npy")} == after


def test_a_write_that_fails_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PlainFolder(path)
    folder.write({"array": LARGE_ARRAY, "number": 1})
    replace = Path.replace
    for failing in range(3):
        calls = list[Path]()

        def fail(source: Path, target: Path, failing: int = failing, calls: list[Path] = calls) -> Path:
            calls.append(source)
            if len(calls) > failing:
                raise OSError(28, "No space left on device", str(source))
            return replace(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", fail)
            with pytest.raises(OSError, match="No space left"):
                folder.write({"array": LARGE_ARRAY + 1, "another": LARGE_ARRAY + 2, "number": 2})
        found = PlainFolder(path).read()
        assert found["number"] == 1
        assert np.array_equal(found["array"], LARGE_ARRAY)
    folder.write({"number": 3})
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_is_cut_off_is_refused(path: Path) -> None:
    PlainFolder(path).write(value())
    arrays = sorted(path.parent.glob("*.npy"))
    for file in (path, *arrays):
        content = file.read_bytes()
        for size in (0, 1, len(content) // 2, len(content) - 3):
            file.write_bytes(content[:size])
            with pytest.raises(UserError, match=r"state\.json is cut off or damaged"):
                PlainFolder(path).read()
        file.write_bytes(content)
    arrays[0].unlink()
    with pytest.raises(UserError, match=r"state\.json is cut off or damaged"):
        PlainFolder(path).read()


NODES: dict[str, Any] = {
    "objects": {"$array": "object", "shape": [1], "bytes": "AAAAAAAAAAA="},
    "texts": {"$array": "str", "shape": [1], "bytes": "AAAA"},
    "too few bytes": {"$array": "float32", "shape": [3], "bytes": "AAAA"},
    "no base64": {"$array": "float32", "shape": [1], "bytes": "?"},
    "a negative side": {"$array": "float32", "shape": [-1], "bytes": ""},
    "a huge side": {"$array": "float32", "shape": [1 << 40], "file": "0.npy"},
    "another file": {"$array": "float32", "shape": [1], "file": "../secret.npy"},
    "another shape": {"$array": "float32", "shape": [2, 2], "file": "0.npy"},
    "another device": {"$array": "uint8", "shape": [1], "bytes": "AA==", "$device": "abacus"},
    "no array": {"$array": 3},
}


@pytest.mark.parametrize("name", NODES)
def test_what_is_no_array_is_refused(path: Path, name: str) -> None:
    PlainFolder(path).write({"array": np.zeros(LARGE, np.float32)})
    np.save(path.parent.parent / "secret.npy", np.zeros(1, np.float32))
    path.write_text(json.dumps({"value": NODES[name]}))
    with pytest.raises(UserError, match=r"state\.json is cut off or damaged"):
        PlainFolder(path).read()


def test_pickles_are_refused(path: Path) -> None:
    PlainFolder(path).write({"array": LARGE_ARRAY})
    (file,) = path.parent.glob("*.npy")
    np.save(file, np.array([{"an": "object"}] * LARGE, dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"state\.json is cut off or damaged"):
        PlainFolder(path).read()


def test_keys_are_any_texts(path: Path) -> None:
    given = {"$array": 1, "$": {"$$file": [2]}, "": 3}
    PlainFolder(path).write(given)
    assert PlainFolder(path).read() == given
    with pytest.raises(ValueError, match="3 is no key of a plain value"):
        PlainFolder(path).write({3: 1})
    assert PlainFolder(path).read() == given
