"""The clock of a fit."""

from __future__ import annotations

import pytest

from invrender.fitting import clock


def test_time_stands_still_while_the_clock_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])
    found = clock.Clock(2.0)
    now[0] += 1
    with found.stopped():
        now[0] += 5
        assert found.seconds() == 3
        now[0] += 5
    assert found.seconds() == 3
    now[0] += 1
    assert found.seconds() == 4
