"""A fit as files in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from omegaconf import OmegaConf

from invrender.errors import UserError
from invrender.fitting.step import Step
from invrender.io.atomic import atomic_write
from invrender.record.ahead import import_ahead
from invrender.record.animation import Animation
from invrender.record.answer import write_answer
from invrender.record.base import Resumed, Run
from invrender.record.curves import Point, pack_points, unpack_points, write_curves
from invrender.record.display import (
    Picture,
    difference_pictures,
    overlay_pictures,
    rendered_pictures,
    strip,
    target_pictures,
    write_png,
)
from invrender.record.history import History
from invrender.record.paths import Paths
from invrender.record.results import result_of, write_result
from invrender.record.thinned import Thinned
from invrender.scene import Scene

WriteScene = Callable[[Path, Scene], None]
CURVE_POINTS = 2000
LATER = ("matplotlib.figure", "matplotlib.ticker", "matplotlib.backends.backend_agg", "invrender.record.geometry")


class Files:
    """Writes a run's folder.

    At once: config.yaml, command.txt, target.png, start.png. With each step: history.csv. In the end: final.png,
    difference.png, overlay.png, progress.gif, loss.png, geometry.glb, recovered/, answer/, of shapes that were
    judged seen.glb and, when all else is there, result.json.

    Raises `UserError` where the folder already holds a run.
    """

    name: ClassVar[str] = "files"

    def __init__(self, run: Run, write_scene: WriteScene, frames: int | None, resumed: Resumed | None = None) -> None:
        """frames: of progress.gif at most, or None for no such file. resumed: of a fit whose folder it goes on in."""
        self.run = run
        self.write_scene = write_scene
        self.animation = None if frames is None else Animation(run.target, frames)
        self.points: Thinned[Point] = Thinned(CURVE_POINTS)
        self.paths = Paths()
        self.start: Step | None = None
        if resumed is None:
            self.begin()
        else:
            self.resume(resumed)

    def begin(self) -> None:
        """Write what is known already."""
        run = self.run
        run.folder.mkdir(parents=True, exist_ok=True)
        for name in ("config.yaml", "history.csv", "result.json"):
            if (run.folder / name).exists():
                raise UserError(
                    f"hydra.run.dir: {run.folder} already holds a run ({name}), and nothing is overwritten: "
                    "give a folder that is empty or not there"
                )
        self.write_text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(run.config)))
        self.write_text("command.txt", run.command + "\n")
        self.write_picture("target.png", strip(target_pictures(run.target)))
        self.history = History(run.folder / "history.csv")

    def resume(self, resumed: Resumed) -> None:
        """Go on as one that remembered, with its files cut back to where they were."""
        memory = resumed.memories[self.name]
        self.start = resumed.start
        self.points.resume(unpack_points(memory["points"]), memory["points"])
        self.paths.resume(memory["paths"])
        if self.animation is not None:
            self.animation.resume(memory["animation"])
        self.history = History(self.run.folder / "history.csv", memory["history"])

    def remember(self) -> dict[str, Any]:
        """See `Remembering`."""
        return {
            "history": self.history.remember(),
            "points": {**self.points.remember(), **pack_points(self.points.items)},
            "paths": self.paths.remember(),
            "animation": None if self.animation is None else self.animation.remember(),
        }

    def step(self, step: Step) -> None:
        """Record a step."""
        self.history.step(step)
        import_ahead(step, *LATER)
        if self.animation is not None:
            self.animation.step(step)
        self.paths.step(step)
        if step.stopped_because is None:
            self.points.offer(lambda: Point.of(step))
        else:
            self.points.items.append(Point.of(step))
        if self.start is None:
            self.start = step
            self.write_picture("start.png", strip(rendered_pictures(step)))
        if step.stopped_because is not None:
            self.finish(self.start, step)

    def finish(self, start: Step, last: Step) -> None:
        """Write what is known only in the end."""
        from invrender.record.geometry import write_geometry  # takes a while to import
        from invrender.record.seen import count_by_vertex, write_seen

        folder = self.run.folder
        self.write_picture("final.png", strip(rendered_pictures(last)))
        self.write_picture("difference.png", strip(difference_pictures(last, self.run.target)))
        self.write_picture("overlay.png", strip(overlay_pictures(last, self.run.target)))
        self.write_scene(folder / "recovered", last.scene)
        write_answer(folder, last)
        write_curves(folder / "loss.png", self.points.items)
        write_geometry(folder / "geometry.glb", start.scene, last.scene, self.run.target, self.paths.named())
        if counts := count_by_vertex(self.run.parameters, last):
            write_seen(folder / "seen.glb", last.scene, counts)
        if self.animation is not None:
            self.animation.write(folder / "progress.gif")
        write_result(folder / "result.json", result_of(self.run, start, last))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        with atomic_write(self.run.folder / name) as partial:
            partial.write_text(text, encoding="utf-8")

    def write_picture(self, name: str, picture: Picture) -> None:
        """Write a PNG."""
        write_png(self.run.folder / name, picture)

    def close(self) -> None:
        """Close what is open."""
        self.history.close()
