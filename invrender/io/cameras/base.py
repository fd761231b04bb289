"""The protocol of camera files: photographs and what is said of the camera that took each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Photograph:
    """One photograph of a camera file.

    picture, mask, weight, depth: its files; all are of the picture's size.
    camera: what is said of its camera, as keys of `invrender.io.schema.CameraConfig`: OpenCV axes, pixels, degrees.
    where: the place in the file, for messages.
    """

    picture: Path
    mask: Path | None = None
    weight: Path | None = None
    depth: Path | None = None
    camera: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""


@runtime_checkable
class CameraFormat(Protocol):
    """A format of camera files: one class in a file of its own."""

    def recognizes(self, path: Path) -> bool:
        """Whether a file is of this format, by its content."""
        ...

    def read(self, path: Path) -> list[Photograph]:
        """The photographs of a file, at least one. Raises `UserError` where it can't be read whole."""
        ...
