"""Plain values are taken for a dataclass only where they are of its types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from invrender.typed import is_of, make_typed


@dataclass
class Result:
    """What a file may hold."""

    loss: float | None
    errors: dict[str, dict[str, float | None]] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, int),
        (1, float),
        (float("nan"), float),
        (None, float | None),
        (True, bool),
        ("whole \U0001f642", str),
        ("done", Literal["done", "failed"]),
        ([1, 2], list[int]),
        ([], list[str]),
        ({"pose": {"degrees": 0.1, "percent": None}}, dict[str, dict[str, float | None]]),
        ({"pose": torch.zeros(3)}, Mapping[str, Tensor]),
        (np.zeros(3, np.uint8), NDArray[np.uint8]),
        (object(), Any),
    ],
)
def test_a_value_is_of_its_type(value: Any, hint: Any) -> None:
    assert is_of(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1.0, int),
        (True, int),
        (False, float),
        (10**400, float),
        ("1", float),
        (None, float),
        ("done?", Literal["done", "failed"]),
        ([], Literal["done", "failed"]),
        ("text", list[str]),
        ("half of \ud83d", str),
        ([1, "2"], list[int]),
        ({"pose": [0.1]}, dict[str, dict[str, float | None]]),
        ([0.1], dict[str, float]),
        ({1: 0.1}, dict[str, float]),
        ({"pose": [0.0]}, Mapping[str, Tensor]),
        ([0], NDArray[np.uint8]),
    ],
)
def test_a_value_is_not_of_another_type(value: Any, hint: Any) -> None:
    assert not is_of(value, hint)


@pytest.mark.parametrize("content", [{"loss": "low"}, {}, {"loss": 1.0, "gain": 1.0}, {"loss": 1.0, "errors": None}])
def test_fields_that_are_missing_unknown_or_of_another_type_make_nothing(content: dict[str, Any]) -> None:
    assert make_typed(Result, {"loss": 1.0}) == Result(1.0)
    with pytest.raises(TypeError):
        make_typed(Result, content)
