"""A training that is ready to begin, from its config."""

from __future__ import annotations

from invrender.config.build import build
from invrender.config.schema import TrainConfig
from invrender.config.target import folder_of
from invrender.io.scenes import build_scene
from invrender.learning.base import Learner


def assemble_training(options: TrainConfig, device: str) -> Learner:
    """The learner that a composed config describes, on ``device``: cpu or cuda. Writes and prints nothing.

    Numbers that are drawn on the way come from PyTorch's generator. Raises `UserError` for what can't be used.
    """
    lesson = build(options.lesson, "lesson", options.allow_targets)
    scene = build_scene(options, folder_of(options)).to(device)
    learner: Learner = lesson.begin(scene).to(device)
    return learner
