"""What follows from tensors that nothing asks a derivative of is computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd import forward_ad
from torch.utils.weak import WeakTensorKeyDictionary

T = TypeVar("T")
MOST = 1 << 10  # tensors of numbers that are kept


def constant(*tensors: Tensor) -> bool:
    """Whether neither autograd nor forward mode nor a transform of `torch.func` follows any of the tensors.

    Tensors of inference mode don't count as constant: nobody can tell whether they were written to.
    """
    return not any(
        each.requires_grad
        or each.is_inference()
        or torch._C._functorch.is_functorch_wrapped_tensor(each)
        or forward_ad.unpack_dual(each).tangent is not None
        for each in tensors
    )


class Constants(Generic[T]):
    """Results of one function by the constant tensors that they follow from.

    A result is kept for as long as the first of its tensors lives, and until that one is seen with others.
    """

    def __init__(self) -> None:
        self.found = WeakTensorKeyDictionary()

    def get(self, compute: Callable[[], T], first: Tensor, *others: Tensor | None, setting: Hashable = None) -> T:
        """``compute()``, or what it was when the very same tensors, unchanged, and setting were given before."""
        state = setting, [None if each is None or each.is_inference() else each._version for each in (first, *others)]
        others = tuple(None if each is first else each for each in others)  # what is kept must not keep its own key
        held = self.found.get(first, None)  # type: ignore[no-untyped-call]
        if (
            held is None
            or held[0] != state
            or any(one is not other for one, other in zip(others, held[1], strict=True))
        ):
            # Results outlive the modes and transforms that may be at work.
            with torch.inference_mode(False), temporarily_clear_interpreter_stack():
                held = state, others, compute()
            self.found[first] = held
        result: T = held[2]
        return result


def numbers(values: tuple[Any, ...], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A tensor of numbers, or of tuples of such, on the device of another and of its type unless ``dtype`` is given.

    Made once: to copy a few numbers to a graphics card is to wait for it. Nobody may write to it.
    """
    return made_once(values, dtype or like.dtype, like.device)


@lru_cache(MOST)
def made_once(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The tensor of `numbers`."""
    with torch.inference_mode(False), temporarily_clear_interpreter_stack():
        return torch.tensor(values, dtype=dtype, device=device)
