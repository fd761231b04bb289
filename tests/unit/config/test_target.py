"""Keys of a target that its kind does not have."""

from __future__ import annotations

from typing import Any

import pytest

from invrender.config.schema import FitConfig, TargetConfig
from invrender.config.target import check_kind, draw_photograph
from invrender.errors import UserError

GAIN = {"_target_": "invrender.photographs.photography.Photography", "gain": [2, 1]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mask": "m.png"}, "target.mask has no effect on a drawn photograph; set target=image or target=views"),
        ({"noise": 0.1}, "target.noise has no effect on a drawn photograph; set target=render"),
        ({"views": [{"azimuth": 3}]}, "target.views has no effect on a drawn photograph"),
        ({"kind": "render", "photograph": GAIN}, "target.photograph has no effect on a target of kind render"),
    ],
)
def test_keys_without_effect_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_kind(TargetConfig(**{"kind": "drawn", **given}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hint": "boxes"}, "target.hint is 'boxes', expected one of none, mask, box"),
        ({"photograph": GAIN}, r"target.photograph.gain is \[2, 1\], expected \[lowest, highest\] within 0.05 and 20"),
    ],
)
def test_values_that_mean_nothing_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        draw_photograph(FitConfig(target=TargetConfig(kind="drawn", **given)))
