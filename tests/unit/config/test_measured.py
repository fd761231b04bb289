"""A start that shows the object only where no depth was measured is refused."""

from __future__ import annotations

import pytest
import tiny
import torch

from invrender.config.target import check_measured
from invrender.errors import UserError
from invrender.scene import Target, view_of
from invrender.targets import render_target


def test_depth_must_be_measured_where_the_start_shows_the_object() -> None:
    scene = tiny.scene()
    [view] = render_target(scene, channels=frozenset(("depth",))).views
    beside = torch.where(view.picture.depth > 0, 0.0, torch.ones_like(view.picture.depth))
    check_measured(scene, Target((view, view_of(view.rgb))))
    with pytest.raises(UserError, match="no depth is measured at any pixel at which camera shows the object"):
        check_measured(scene, Target((view_of(view.rgb, depth=beside),)))
