"""Three numbers at a time: tuples of blocks or scalars."""

from __future__ import annotations

import triton
import triton.language as tl

SHORTEST = tl.constexpr(1e-6)  # lengths below are taken for it


@triton.jit
def load3(pointer):
    """The three numbers that lie at a pointer."""
    return tl.load(pointer), tl.load(pointer + 1), tl.load(pointer + 2)


@triton.jit
def zeros3(like):
    """Three blocks of zeros."""
    zero = tl.zeros_like(like)
    return zero, zero, zero


@triton.jit
def ones3(like):
    """Three blocks of ones."""
    one = tl.zeros_like(like) + 1.0
    return one, one, one


@triton.jit
def add(a, b):
    """a + b."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@triton.jit
def subtract(a, b):
    """a − b."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@triton.jit
def multiply(a, b):
    """Number by number."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


@triton.jit
def scale(a, factor):
    """a × factor."""
    return a[0] * factor, a[1] * factor, a[2] * factor


@triton.jit
def dot(a, b):
    """The scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@triton.jit
def cross(a, b):
    """The vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@triton.jit
def where_positive(condition, a):
    """Numbers of a where those of ``condition`` are positive, 0 elsewhere."""
    return (
        tl.where(condition[0] > 0, a[0], 0.0),
        tl.where(condition[1] > 0, a[1], 0.0),
        tl.where(condition[2] > 0, a[2], 0.0),
    )


@triton.jit
def where3(condition, a, b):
    """a where the condition holds, the number b elsewhere."""
    return tl.where(condition, a[0], b), tl.where(condition, a[1], b), tl.where(condition, a[2], b)


@triton.jit
def some(condition):
    """Whether a condition holds anywhere in the block; the same for all its threads."""
    return tl.max(condition.to(tl.int32), 0) > 0


@triton.jit
def add_up(pointer, values):
    """Add the sum of a block to the number at a pointer."""
    tl.atomic_add(pointer, tl.sum(values, 0), sem="relaxed")


@triton.jit
def add_up3(pointer, values):
    """Add the sums of three blocks to the three numbers at a pointer."""
    add_up(pointer, values[0])
    add_up(pointer + 1, values[1])
    add_up(pointer + 2, values[2])


@triton.jit
def load_color(color, pixel, mask):
    """The colours of pixels."""
    first = color + pixel * 3
    return tl.load(first, mask, 0.0), tl.load(first + 1, mask, 0.0), tl.load(first + 2, mask, 0.0)


@triton.jit
def store_color(color, pixel, values, mask):
    """Store the colours of pixels."""
    first = color + pixel * 3
    tl.store(first, values[0], mask)
    tl.store(first + 1, values[1], mask)
    tl.store(first + 2, values[2], mask)


@triton.jit
def normalize(a):
    """A vector's direction and its length."""
    length = tl.maximum(tl.sqrt(dot(a, a)), SHORTEST)
    return scale(a, 1.0 / length), length


@triton.jit
def normalize_derivative(direction, length, change):
    """How a direction changes with its vector, and equally the cotangent of a vector from that of its direction."""
    along = tl.where(length > SHORTEST, dot(change, direction), 0.0)
    return scale(subtract(change, scale(direction, along)), 1.0 / length)
