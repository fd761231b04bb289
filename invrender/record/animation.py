"""The progress of a fit as an animated GIF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from invrender.fitting.step import Step
from invrender.io.atomic import atomic_write
from invrender.record.display import target_pictures
from invrender.record.panels import StepPictures, panel
from invrender.record.thinned import Thinned
from invrender.scene import Target
from invrender.typed import make_typed

FRAME_MILLISECONDS = 100
FIRST_MILLISECONDS = 800
LAST_MILLISECONDS = 2500


@dataclass
class Animation:
    """Collects pictures, of at most ``frames`` steps, evenly spaced; the panels are drawn in the end."""

    target: Target
    frames: int
    pictures: Thinned[StepPictures] = field(init=False)

    def __post_init__(self) -> None:
        self.pictures = Thinned(self.frames - 1)

    def step(self, step: Step) -> None:
        """Take a step, unless there are enough of its kind; the last one is always taken."""
        if step.stopped_because is None:
            self.pictures.offer(lambda: StepPictures.of(step, self.target))
        else:
            self.pictures.items.append(StepPictures.of(step, self.target))

    def remember(self) -> dict[str, Any]:
        """What `resume` goes on from."""
        return {**self.pictures.remember(), "pictures": [vars(each) for each in self.pictures.items]}

    def resume(self, memory: Mapping[str, Any]) -> None:
        """Go on as one that remembered."""
        self.pictures.resume([make_typed(StepPictures, each) for each in memory["pictures"]], memory)

    def write(self, path: Path) -> None:
        """Write the GIF; the first and the last frame stay longer."""
        targets = target_pictures(self.target)
        panels = [panel(targets, each.rendered, each.difference, each.caption) for each in self.pictures.items]
        frames = with_common_palette([Image.fromarray(each) for each in panels])
        between = [FRAME_MILLISECONDS] * (len(frames) - 2)
        with atomic_write(path) as partial:
            frames[0].save(
                partial,
                save_all=True,
                append_images=frames[1:],
                duration=[FIRST_MILLISECONDS, *between, LAST_MILLISECONDS],
                loop=0,
            )


def with_common_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """The frames in 256 colours, the same in all, so that what stays the same doesn't flicker."""
    few = frames[:: max(1, len(frames) // 6)] + frames[-1:]
    # A quarter of the pixels have all colours there are.
    width, height = (-(-side // 2) for side in frames[0].size)
    sheet = Image.new("RGB", (width, height * len(few)))
    for index, frame in enumerate(few):
        sheet.paste(frame.resize((width, height), Image.Resampling.NEAREST), (0, index * height))
    palette = sheet.quantize(256)
    return [frame.quantize(palette=palette) for frame in frames]
