"""The protocols of camera files: photographs and what is said of the camera that took each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Photograph:
    """One photograph of a camera file, or a camera without one.

    picture, mask, weight, depth: its files; all are of the picture's size. A calibration alone has no picture.
    camera: what is said of its camera, as keys of `invrender.io.schema.CameraConfig`: OpenCV axes, pixels, degrees.
    where: the place in the file, for messages.
    name: what the file calls it; empty where that is the picture's name.
    lights: by the name of a light of the scene, keys of `invrender.io.schema.LightConfig` that are others in it.
    depth_unit: what a 1 in the depth file is in the unit of the poses, None where the file does not say.
    pose_numbers: what the file has for the pose, such as a quaternion, for the format to write again to the last digit.
    """

    picture: Path | None = None
    mask: Path | None = None
    weight: Path | None = None
    depth: Path | None = None
    camera: Mapping[str, Any] = field(default_factory=dict)
    lights: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    name: str = ""
    depth_unit: float | None = None
    pose_numbers: tuple[float, ...] = ()


@runtime_checkable
class CameraFormat(Protocol):
    """A format of camera files: one class in a file of its own."""

    def recognizes(self, path: Path) -> bool:
        """Whether a file or a folder is of this format, by its content. Raises nothing for those that are not."""
        ...

    def read(self, path: Path) -> list[Photograph]:
        """The photographs of a file, at least one. Raises `UserError` where it can't be read whole."""
        ...


class WritableFormat(CameraFormat, Protocol):
    """A format that is written, too. What is written is read again to the last bit."""

    def suits(self, path: Path) -> bool:
        """Whether a file of this name, which need not be there, is of this format."""
        ...

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """What is to be written at ``path``, and beside it where the format has more than one file.

        Raises `UserError` for cameras that the format can't express.
        """
        ...
