"""Work that never takes more than its share of the time."""

from __future__ import annotations

import pytest

from invrender.sweep import pace
from invrender.sweep.pace import Paced


def test_slow_work_waits_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, done = [0.0], [0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: clock[0])

    def work() -> None:
        clock[0] += 0.1
        done[0] += 1

    paced = Paced(work, share=0.05)
    while clock[0] < 100:
        paced()
        clock[0] += 0.01
    assert 0.9 * 0.05 * 100 < 0.1 * done[0] < 1.1 * 0.05 * 100
    paced.now()
    assert clock[0] > 100
