"""The poses of all views' cameras, an unknown for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from invrender import checks
from invrender.errors import UserError, suggestion
from invrender.parameters.camera_pose import CameraPose
from invrender.scene import Scene, Target


@dataclass(frozen=True)
class CameraPoses:
    """A `CameraPose` for each camera that took a picture, by the camera's name; the others' keys are those of it.

    known: the names of views whose poses are right as they are.
    """

    known: Sequence[str] = ()
    lr: float = 0.02
    max_rotation: float | None = None
    max_shift: float | None = None

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr, max_rotation=self.max_rotation, max_shift=self.max_shift)

    def members(self, scene: Scene, target: Target) -> dict[str, CameraPose]:
        """The unknowns. Raises `UserError` for names that no view has, and where all are known."""
        cameras = list(dict.fromkeys(view.camera for view in target.views))
        for name in self.known:
            if name not in cameras:
                near = suggestion(name, cameras)
                raise UserError(f"known: no view is called {name!r}, only {', '.join(cameras)}{near}")
        unknown = [name for name in cameras if name not in self.known]
        if not unknown:
            raise UserError("known names all views, so that there is nothing to recover; leave one out")
        return {name: CameraPose(self.lr, self.max_rotation, self.max_shift, name) for name in unknown}
