"""From arguments to jobs."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from invrender.errors import UserError
from invrender.sweep.grid import Overrides


def parsed(*arguments: str) -> Overrides:
    overrides = OverridesParser.create().parse_overrides(list(arguments))
    return Overrides({each.get_key_element(): each for each in overrides})


def test_every_combination_and_the_last_key_varies_fastest() -> None:
    overrides = parsed("camera.fov=40", "optimizer=adam,sgd", "~loss", "camera.azimuth=range(0,30,15)", "recover=[a,b]")
    jobs = overrides.grid()
    assert list(overrides.swept()) == ["optimizer", "camera.azimuth"]
    assert [list(job.values.values()) for job in jobs] == [["adam", "0"], ["adam", "15"], ["sgd", "0"], ["sgd", "15"]]
    assert jobs[3].overrides == ["camera.fov=40", "optimizer=sgd", "~loss", "camera.azimuth=15", "recover=[a,b]"]
    assert [job.folder for job in jobs] == ["0", "1", "2", "3"]


def test_of_a_key_that_is_given_twice_the_last_counts() -> None:
    assert [job.overrides for job in parsed("seed=1,2", "seed=3").grid()] == [["seed=3"]]


def test_an_interval_is_for_searches() -> None:
    with pytest.raises(UserError, match="--optimize"):
        parsed("camera.azimuth=interval(0,1)").grid()
