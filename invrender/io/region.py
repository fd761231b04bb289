"""The region of interest of a photograph: the part around an object, at the photograph's own resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from invrender.errors import UserError, shortened
from invrender.geometry.cameras import project
from invrender.images.crop import Box, bounding_box, crop_view, widen
from invrender.scene import Camera, View

# Around a mask or a box, and around what the start shows, which may be some way off.
MARGIN, MARGIN_OF_START = 0.25, 0.75
# The longer side of a photograph in which a region is looked for at full resolution, at most.
LONGEST = 6000


@dataclass(frozen=True)
class Region:
    """Where to look in a photograph.

    points: [N, 3], of the objects, in the world. box: [x, y, width, height] in pixels of the photograph, or None.
    margin: a share of the longer side; None for a usual one.
    """

    points: Tensor
    box: Sequence[float] | None = None
    margin: float | None = None

    def focus(self, view: View, size: tuple[int, int], camera: Camera, read: Callable[[int], View], most: int) -> View:
        """The part of a view that shows the object.

        size: (H, W) of the photograph, which ``view`` may show reduced. read: the view whose longer side has at most so
        many pixels. most: pixels that the longer side of the region has in the end.

        Raises `UserError` for a box outside the picture.
        """
        found, margin = self.find(view, size, camera)
        if found is None:
            return view
        box = widen(found, margin if self.margin is None else self.margin, size)
        finer = read(min(LONGEST, round(most * max(size) / max(box[2:]))))
        return crop_view(finer, scaled(box, size, finer.size))

    def find(self, view: View, size: tuple[int, int], camera: Camera) -> tuple[Box | None, float]:
        """The box in pixels of the photograph that shows the object, and a margin that goes with how it is known."""
        if self.box is not None:
            return self.checked_box(size), MARGIN
        if view.mask is not None:
            found = bounding_box(view.mask)
            return found and scaled(found, view.size, size), MARGIN
        return outline_box(camera.resized(*reversed(size)), self.points), MARGIN_OF_START

    def checked_box(self, size: tuple[int, int]) -> Box:
        """The box that was given. Raises `UserError` for one that is no box, or not within a picture of a size."""
        told, (height, width) = f"target.box is {shortened(self.box)}", size
        if self.box is None or len(self.box) != 4:
            raise UserError(f"{told}, expected [x, y, width, height] in pixels of the photograph")
        x, y, across, down = (round(each) for each in self.box)
        if across < 1 or down < 1 or x < 0 or y < 0 or x + across > width or y + down > height:
            raise UserError(f"{told}, expected [x, y, width, height] within the photograph's {width}x{height} pixels")
        return x, y, across, down


def scaled(box: Box, old: tuple[int, int], new: tuple[int, int]) -> Box:
    """A box of a picture of one size (H, W), in pixels of another size."""
    down, across = new[0] / old[0], new[1] / old[1]
    x, y = int(box[0] * across), int(box[1] * down)
    right, bottom = round((box[0] + box[2]) * across), round((box[1] + box[3]) * down)
    return x, y, max(1, min(right, new[1]) - x), max(1, min(bottom, new[0]) - y)


def outline_box(camera: Camera, points: Tensor) -> Box | None:
    """The box that holds what a camera's picture shows of points [N, 3]; None where it shows none."""
    pixels, depth = project(camera, points.to(camera.camera_from_world))
    pixels = pixels[depth > camera.near]
    if not len(pixels):
        return None
    limits = pixels.new_tensor([camera.width, camera.height])
    low, high = pixels.amin(0).clamp(min=0).minimum(limits - 1), pixels.amax(0).clamp(min=0).minimum(limits)
    (x, y), (right, bottom) = low.floor().int().tolist(), high.ceil().int().tolist()
    return (x, y, right - x, bottom - y) if right > x and bottom > y else None
