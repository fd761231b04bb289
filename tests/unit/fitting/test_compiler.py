"""Forward mode without PyTorch's compiler."""

from __future__ import annotations

import pytest
import torch

from invrender.fitting.compiler import ELEMENTWISE, with_shapes


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_shapes_and_types_are_those_of_pytorch(name: str) -> None:
    found = with_shapes(lambda *_, **__: pytest.fail("asks PyTorch"))
    pairs = [
        (torch.rand(3, 1), torch.rand(4)),
        (torch.rand(2, 3), torch.tensor(2)),
        (torch.tensor(2.0).double(), torch.rand(5)),
        (torch.rand(2, 1, 3).double(), torch.ones(4, 1, dtype=torch.int64)),
    ]
    for one, other in pairs:
        expected = getattr(torch, name)(one, other)
        shaped = found(one.to("meta"), other.to("meta"))
        assert (shaped.shape, shaped.dtype, shaped.is_meta) == (expected.shape, expected.dtype, True)


def test_numbers_and_whole_numbers_are_left_to_pytorch() -> None:
    found = with_shapes(torch.div)
    assert found(torch.tensor(3.0), torch.tensor(2.0)) == 1.5
    assert found(torch.ones(2, dtype=torch.int64).to("meta"), torch.tensor(2).to("meta")).dtype == torch.float32
