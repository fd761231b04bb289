"""Folders of plain values: dicts, lists, arrays, tensors, numbers, texts and None; data alone, and never code."""

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from invrender.errors import UserError, first_line
from invrender.io.arrays import NUMBERS, map_array
from invrender.io.atomic import atomic_write, is_own, read_own

ARRAY, DEVICE = "$array", "$device"
# An array of fewer bytes stands in the JSON itself.
LARGE = 8192
FILE = re.compile(r"\d+\.npy")
DEVICES = ("cpu", "cuda")

Array = NDArray[Any]


class PlainFolder:
    """Values in a JSON file, and their large arrays in ``.npy`` files beside it.

    An array that is the very object that was there at the last write is not written again, so arrays must not be
    changed in place. Every other one gets a name that is new, and the JSON is replaced last: whenever a process is
    killed, the JSON and all files that it names are there.

    path: of the JSON file; the folder is its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.free = 0
        # By id; that the objects are kept here keeps their ids theirs.
        self.kept: dict[int, tuple[Any, str]] = {}

    def write(self, value: Any) -> None:
        """Write a value in place of the one before. Keys are texts."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        there = self.files()
        self.free = max(map(number_of, there), default=-1) + 1
        before, self.kept = self.kept, {}
        text = json.dumps(self.encode(value, before))
        with atomic_write(self.path) as partial:
            partial.write_text(text, encoding="utf-8")
        named = {name for _, name in self.kept.values()}
        for name in there - named:
            (self.path.parent / name).unlink(missing_ok=True)

    def read(self) -> Any:
        """The value. Raises `UserError` where a file is cut off, damaged or gone, or has something else than data."""
        self.kept = {}
        try:
            return json.loads(read_own(self.path), object_hook=self.decode)
        except (OSError, ArithmeticError, ValueError, KeyError, TypeError, RuntimeError, EOFError) as error:
            raise UserError(f"{self.path} is cut off or damaged ({first_line(error, type(error).__name__)})") from error

    def files(self) -> set[str]:
        """The names of the files of arrays that are there."""
        return {path.name for path in self.path.parent.glob("*.npy") if FILE.fullmatch(path.name)}

    def encode(self, value: Any, before: dict[int, tuple[Any, str]]) -> Any:
        """The value as JSON has it. before: the arrays of the last write."""
        if isinstance(value, dict):
            return {escape(key): self.encode(item, before) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.encode(item, before) for item in value]
        if isinstance(value, Tensor):
            array = value.detach().cpu().contiguous().numpy()
            return {**self.encode_array(array, value, before), DEVICE: value.device.type}
        return self.encode_array(value, value, before) if isinstance(value, np.ndarray) else value

    def encode_array(self, array: Array, owner: Any, before: dict[int, tuple[Any, str]]) -> dict[str, Any]:
        """An array as JSON has it. owner: the object that it is of, by which it is known again."""
        head = {ARRAY: array.dtype.name, "shape": list(array.shape)}
        if array.nbytes < LARGE:
            return {**head, "bytes": base64.b64encode(array.tobytes()).decode()}
        known = self.kept.get(id(owner)) or before.get(id(owner))
        if known is None:
            known = owner, f"{self.free}.npy"
            self.free += 1
            self.write_array(self.path.parent / known[1], array)
        self.kept[id(owner)] = known
        return {**head, "file": known[1]}

    def write_array(self, path: Path, array: Array) -> None:
        """Write an array, whole or not at all."""
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.lib.format.write_array(file, array, allow_pickle=False)

    def decode(self, node: dict[str, Any]) -> Any:
        """What a JSON object stands for. Raises `ValueError`, `KeyError`, `TypeError` or `OSError` for damage."""
        if ARRAY not in node:
            return {key.removeprefix("$"): item for key, item in node.items()}
        dtype, shape = np.dtype(str(node[ARRAY])), tuple(int(side) for side in node["shape"])
        if dtype.kind not in NUMBERS or any(side < 0 for side in shape):
            raise ValueError(f"an array of {dtype.name} {shape}")
        array = self.read_array(str(node["file"]), dtype, shape) if "file" in node else unpack(node, dtype, shape)
        if node.get(DEVICE, "cpu") not in DEVICES:
            raise ValueError(f"a device {node[DEVICE]!r}")
        value = torch.from_numpy(array).to(node[DEVICE]) if DEVICE in node else array
        if "file" in node:
            self.kept[id(value)] = value, node["file"]
        return value

    def read_array(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
        """The array in a file, whose size is known before its memory is taken."""
        path = self.path.parent / name
        if not FILE.fullmatch(name) or not is_own(path) or path.stat().st_size < math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} is cut off")
        array: Array = np.array(map_array(path))
        if (array.dtype, array.shape) != (dtype, shape):
            raise ValueError(f"{name} holds another array")
        return array


def escape(key: Any) -> str:
    """A key that is none of ours. Raises `ValueError` for one that is no text, and would not come back."""
    if not isinstance(key, str):
        raise ValueError(f"{key!r} is no key of a plain value")
    return f"${key}" if key.startswith("$") else key


def number_of(name: str) -> int:
    """The number in the name of an array's file."""
    return int(name.partition(".")[0])


def unpack(node: dict[str, Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """The array that stands in the JSON itself."""
    return np.frombuffer(base64.b64decode(node["bytes"], validate=True), dtype).reshape(shape).copy()
