"""Kernels for CUDA, in Triton, which comes with PyTorch's builds for CUDA."""

from __future__ import annotations

OLDEST = (3, 4)  # the first Triton to which a constant may be a named tuple


def available() -> bool:
    """Whether there is a Triton that can compile them."""
    try:
        import triton
    except ImportError:
        return False
    return tuple(int(part) for part in triton.__version__.split(".")[:2]) >= OLDEST
