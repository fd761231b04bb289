"""A graphics card that is none: tensors "on" it lie on the CPU, and what a card would refuse is refused.

It finds tensors that are made on the CPU and meant for the card, NumPy where there is no array, and functions that
CUDA does not have; and it counts where the program waits for the card. It takes the place of PyTorch's backend for
devices of one's own, so a process that has one keeps it.
"""

from __future__ import annotations

import collections
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

PACKAGE = str(Path(__file__).parents[1] / "invrender")
MOVES = ("_to_copy", "copy_", "lift_fresh", "detach")
"""What may have tensors here and there."""
INDEXED = ("index", "index_put", "index_put_", "_index_put_impl_")
"""What may have indices on the CPU, which are copied."""
WAITING = ("_local_scalar_dense", "nonzero", "_unique2", "unique_dim", "unique_consecutive", "equal", "masked_select")
"""What gives numbers, or tensors whose size depends on numbers."""

waits: collections.Counter[str] = collections.Counter()
"""By line of the package, how often it waited for the card."""


class OnCard(torch.Tensor):
    """A tensor that says it is on the card. held: its numbers, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnCard:
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        made: OnCard = torch.Tensor._make_wrapper_subclass(cls, held.size(), device="card:0", **layout)
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(function, args, kwargs or {})

    def __repr__(self) -> str:
        return f"OnCard({self.held})"

    def tolist(self) -> Any:
        return self.detach().cpu().tolist()

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self.detach().clone().requires_grad_(self.requires_grad)


class FakeCard(TorchDispatchMode):
    """While it is entered, ``device="card"`` is a device."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(function, args, kwargs or {})


def call(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation of PyTorch's on what tensors hold. Raises where a card would."""
    name = function._schema.name.removeprefix("aten::")
    tensors = [each for each in pytree.tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    ours = {id(each.held): each for each in tensors if isinstance(each, OnCard)}
    plain = [each for each in tensors if not isinstance(each, OnCard)]
    if ours and plain:
        check_mixed(function, name, plain)
    if ours and name == "linalg_lstsq" and kwargs.get("driver") not in (None, "gels"):
        raise RuntimeError(f"CUDA has no driver of lstsq but gels: {place()}")
    here = torch.device(kwargs["device"]).type == "card" if kwargs.get("device") is not None else bool(ours)
    if name == "copy_":
        here = isinstance(args[0], OnCard)
    if waits_for_card(name, args, kwargs, bool(ours), here, plain):
        waits[place()] += 1
    if name == "_efficientzerotensor":  # zeros without memory can't be held
        function = torch.ops.aten.zeros.default
    args, kwargs = pytree.tree_map_only(OnCard, lambda each: each.held, (args, kwargs))
    if kwargs.get("device") is not None:
        kwargs["device"] = torch.device("cpu")
    found = function(*args, **kwargs)
    return (
        pytree.tree_map_only(Tensor, lambda each: ours[id(each)] if id(each) in ours else OnCard(each), found)
        if here
        else found
    )


def check_mixed(function: Any, name: str, plain: list[Tensor]) -> None:
    """Raise where an operation does not take tensors of the CPU beside those of the card."""
    if name in MOVES or name in INDEXED or name.startswith("set_"):
        return
    if torch.Tag.pointwise in function.tags and all(each.ndim == 0 for each in plain):
        return
    raise RuntimeError(f"{function} has tensors on the card and on the CPU: {place()}")


def waits_for_card(name: str, args: Any, kwargs: Any, ours: bool, here: bool, plain: list[Tensor]) -> bool:
    """Whether the CPU waits until the card has done all that it was given."""
    if name in ("_to_copy", "copy_"):
        return bool(ours and plain) or (name == "_to_copy" and ours != here)
    masks = [each for each in args[1] if each is not None and each.dtype == torch.bool] if name == "index" else []
    sizes = name == "repeat_interleave" and kwargs.get("output_size") is None
    return ours and (name in WAITING or bool(masks) or sizes or (name in INDEXED and bool(plain)))


def place() -> str:
    """The innermost line of the package that is being run."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and not frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return "elsewhere" if frame is None else f"{frame.f_code.co_filename[len(PACKAGE) + 1 :]}:{frame.f_lineno}"


def empty_strided(size: Any, stride: Any, dtype: Any = None, **_: Any) -> Tensor:
    return OnCard(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


def empty(size: Any, dtype: Any = None, **_: Any) -> Tensor:
    return OnCard(torch.empty(size, dtype=dtype, device="cpu"))


def copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    if isinstance(source, OnCard) != isinstance(target, OnCard):
        waits[place()] += 1
    held, given = (each.held if isinstance(each, OnCard) else each for each in (target, source))
    held.copy_(given)
    return target


backend_registration._setup_privateuseone_for_python_backend("card")
library = torch.library.Library("aten", "IMPL")
# What `torch.tensor` does, which no mode sees.
for name, function in (("empty_strided", empty_strided), ("empty.memory_format", empty), ("_copy_from", copy_from)):
    library.impl(name, function, "PrivateUse1")
