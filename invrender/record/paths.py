"""Where the camera and the objects are, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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

    def remember(self) -> dict[str, Any]:
        """What `resume` goes on from."""
        return {**self.places.remember(), "places": self.named()}

    def resume(self, memory: Mapping[str, Any]) -> None:
        """Go on as those that remembered."""
        places: dict[str, Points] = memory["places"]
        count = len(next(iter(places.values())))
        self.places.resume([{name: path[i] for name, path in places.items()} for i in range(count)], memory)

    def named(self) -> dict[str, Points]:
        """The path [N, 3], world frame, of each camera and of the middle of each object, by name."""
        return {name: np.stack([place[name] for place in self.places.items]) for name in self.places.items[0]}


def positions(scene: Scene) -> dict[str, Points]:
    """Where everything is that can move, [3] in the world frame; objects by ``object_NAME``."""
    middles = {f"{OBJECT}{name}": world_vertices(obj).mean(dim=0) for name, obj in scene.objects.items()}
    places = {**{name: camera.position for name, camera in scene.cameras.items()}, **middles}
    return {name: place.detach().cpu().double().numpy() for name, place in places.items()}
