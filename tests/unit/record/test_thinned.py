"""Keeping a few of many."""

from __future__ import annotations

from typing import Any

import pytest

from invrender.record.thinned import Thinned


@pytest.mark.parametrize("limit", [1, 2, 7, 59])
@pytest.mark.parametrize("count", [1, 6, 60, 61, 1000])
def test_few_evenly_spaced_items_with_the_first(limit: int, count: int) -> None:
    kept: Thinned[int] = Thinned(limit)
    for number in range(count):
        kept.offer(lambda number=number: number)
    assert min(count, limit / 2) <= len(kept.items) <= limit
    assert kept.items == list(range(0, count, kept.stride))


def test_what_is_not_kept_is_not_made() -> None:
    made: list[int] = []
    kept: Thinned[None] = Thinned(10)
    for number in range(10_000):
        kept.offer(lambda number=number: made.append(number))
    assert len(made) < 10 * 12


@pytest.mark.parametrize("memory", [{"stride": "2"}, {"stride": 0}, {"offered": 1.5}, {"offered": None}])
def test_what_is_no_memory_is_refused(memory: dict[str, Any]) -> None:
    kept: Thinned[int] = Thinned(10)
    with pytest.raises((TypeError, ValueError), match="expected"):
        kept.resume([], {**kept.remember(), **memory})
