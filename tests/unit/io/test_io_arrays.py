"""Arrays in files: numbers alone, and one line for all else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from invrender.errors import UserError
from invrender.io.arrays import read_array


def test_numbers_come_back(tmp_path: Path) -> None:
    for kind in ("f2", "<f4", ">f8", "u2", "i8", "?"):
        given = np.arange(6).reshape(2, 3).astype(kind)
        np.save(tmp_path / "a.npy", given)
        np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), given)


HEADS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (300000, 300000)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3)}",
    "{'descr': '<f4', 'fortran_order': 3, 'shape': ('a', 3)}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}",
    "{'descr': '<U2', 'fortran_order': False, 'shape': (2, 3)}",
    "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1, 3)}",
    "{'descr': '<c8', 'fortran_order': False, 'shape': (1, 3)}",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
    "(" * 5000,
    "__import__('os').system('touch ran')",
)


@pytest.mark.parametrize("head", HEADS)
def test_what_is_no_array_of_numbers_is_told(tmp_path: Path, head: str) -> None:
    text = head.encode() + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(24))
    with pytest.raises(UserError, match=r"a\.npy: not a readable array \(.+\); write it by numpy\.save") as told:
        read_array(tmp_path / "a.npy")
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 600
