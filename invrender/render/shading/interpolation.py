"""What fragments get from lists that they share: values of vertices in between, and rows by number."""

from __future__ import annotations

from torch import Tensor


def interpolate(values: Tensor, faces: Tensor, face: Tensor, weights: Tensor) -> Tensor:
    """[N, C] from values [V, C] at the corners of chosen faces [N] of [F, 3], by barycentrics [N, 3]."""
    corners = faces.index_select(0, face)
    return sum(
        (values.index_select(0, corners[:, each]) * weights[:, each : each + 1] for each in range(3)),
        start=values.new_zeros(()),
    )


def select_rows(values: Tensor, numbers: Tensor) -> Tensor:
    """The rows [N, …] of values [M, …] by their numbers [N]; a single row is not copied."""
    if len(values) == 1:
        return values.expand(len(numbers), *values.shape[1:])
    return values.index_select(0, numbers)
