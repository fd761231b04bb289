"""Which kernels do the work on CUDA. None is run, so no card is needed."""

from __future__ import annotations

import sys

import pytest
import torch

from invrender.errors import UserError
from invrender.render.backends import triton
from invrender.render.backends.dispatch import implementation
from invrender.render.raster import blend

CARD = torch.device("cuda")


@pytest.fixture(params=["3.3.1", None])
def without_triton(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton is too old, or not there."""
    if request.param is None:
        monkeypatch.setitem(sys.modules, "triton", None)
    else:
        monkeypatch.setattr(pytest.importorskip("triton", reason="needs Triton"), "__version__", request.param)


def test_triton_works_where_it_can() -> None:
    pytest.importorskip("triton", minversion=".".join(str(part) for part in triton.OLDEST), reason="needs Triton")
    module = "invrender.render.backends.triton.passes"
    assert implementation("auto", CARD).soft_layers.__module__ == module
    assert implementation("triton", CARD).soft_layers.__module__ == module


@pytest.mark.usefixtures("without_triton")
def test_the_reference_works_without_triton() -> None:
    assert implementation("auto", CARD).soft_layers is blend.soft_layers
    with pytest.raises(UserError, match=r"renderer\.backend is triton, and there is no Triton from 3\.4 on: use auto"):
        implementation("triton", CARD)
