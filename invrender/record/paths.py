"""Where the camera and the objects are, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from invrender.fitting.step import Step
from invrender.geometry.meshes import world_vertices
from invrender.record.thinned import Thinned
from invrender.scene import Scene

OBJECT = "object_"
POINTS = 200
Points = NDArray[np.float64]


@dataclass
class Paths:
    """Collects positions, at most ``POINTS`` of them and the last, evenly spaced over the steps."""

    places: Thinned[dict[str, Points]] = field(default_factory=lambda: Thinned(POINTS))

    def step(self, step: Step) -> None:
        """Take a step, unless there are enough of its kind; the last one is always taken."""
        if step.stopped_because is None:
            self.places.offer(lambda: positions(step.scene))
        else:
            self.places.items.append(positions(step.scene))

    def named(self) -> dict[str, Points]:
        """The path [N, 3], world frame, of each camera and of the middle of each object, by name."""
        return {name: np.stack([place[name] for place in self.places.items]) for name in self.places.items[0]}


def positions(scene: Scene) -> dict[str, Points]:
    """Where everything is that can move, [3] in the world frame; objects by ``object_NAME``."""
    middles = {f"{OBJECT}{name}": world_vertices(obj).mean(dim=0) for name, obj in scene.objects.items()}
    places = {**{name: camera.position for name, camera in scene.cameras.items()}, **middles}
    return {name: place.detach().cpu().double().numpy() for name, place in places.items()}
