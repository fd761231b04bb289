"""The promises of every unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from invrender.errors import UserError
from invrender.scene import Mesh, Scene, Target, Truth, View

Value = float | list[float] | None


class Parameter(Protocol):
    """One unknown of a scene.

    The raw tensor is a displacement from the scene that the fit starts at, in the unknown's own scale, so that a raw
    tensor of zeros leaves the scene as it is and a learning rate means about the same for every unknown.
    """

    lr: float
    linear: bool
    """Whether a picture, in linear light, is linear in the ``change`` of `retract`."""

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` where this scene or target has no such unknown."""
        ...

    def initial(self, scene: Scene) -> Tensor:
        """The raw tensor (of zeros) that stands for the scene as it is."""
        ...

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """The scene with the unknown displaced by ``raw``; pure and differentiable."""
        ...

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """The raw tensor after another displacement, of the scene at ``raw``.

        To first order apply(scene, retract(scene, raw, change)) is apply(apply(scene, raw), change). Beyond that the
        unknown's own geometry counts: rotations compose, and what pictures are linear in moves along a line.
        """
        ...

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """The nearest raw tensor that keeps the unknown within its range."""
        ...

    def value(self, scene: Scene) -> dict[str, Value]:
        """The unknown as a person reads it: short numbers by name; None for what is too large to print."""
        ...

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """How far the scene is from the truth, in human units."""
        ...


@runtime_checkable
class Pose(Parameter, Protocol):
    """An unknown of which there may be several answers far from each other."""

    def sample_poses(self, scene: Scene, count: int, radius: float | None = None) -> Tensor:
        """Raw tensors [N, …] of about ``count`` poses that cover all there are, within the unknown's range.

        radius: of those that are turned by at most so many degrees; None for all.
        """
        ...

    def symmetries(self, scene: Scene) -> Tensor:
        """Changes [N, …] to poses from which a shape that is flat or symmetric may look as it does in this scene."""
        ...

    def moves_all(self, scene: Scene) -> bool:
        """Whether all objects that a picture shows move as one."""
        ...

    def shifts(self, scene: Scene, offsets: Tensor) -> Tensor:
        """Changes [N, …] that shift what is seen by offsets [N, 3] in the camera's axes; none where it can't shift.

        offsets: in shares of the depth of what moves, so that (1, 0, 0) is a focal length to the right in the picture.
        """
        ...

    def slopes(self, scene: Scene, view: View, pixels: Tensor, depths: Tensor) -> Tensor:
        """By how many pixels a view shows what moves elsewhere for each unit of a change, [N, 2, K].

        pixels [N, 2], depths [N]: where the view shows some of its points.
        """
        ...


@runtime_checkable
class Reaching(Pose, Protocol):
    """The pose of a camera that can be put where another camera is."""

    def reach(self, scene: Scene, camera_from_world: Tensor) -> Tensor:
        """The raw tensor of a pose [4, 4]."""
        ...


@runtime_checkable
class Shape(Parameter, Protocol):
    """An unknown that moves the vertices of meshes."""

    views: ClassVar[int]
    """In so many a vertex must be seen to be known."""

    def meshes(self, scene: Scene) -> Mapping[str, Mesh]:
        """The meshes whose vertices move, by the names of their objects."""
        ...

    def gather(self, scene: Scene, values: Mapping[str, Tensor]) -> Tensor:
        """Numbers of the meshes' vertices [V] by object as those of the unknown's entries [N]: the largest of each."""
        ...


@runtime_checkable
class Entrywise(Parameter, Protocol):
    """An unknown of many entries that can be changed each on its own."""

    entries: str
    """What they are called, such as texels."""

    def add(self, scene: Scene, added: Tensor) -> Scene:
        """The scene with ``added`` [N, C] to the unknown's entries, in the order of its raw tensor."""
        ...

    def error_of(self, scene: Scene, truth: Truth, entries: Tensor) -> dict[str, float]:
        """`Parameter.error` over some of the entries alone, [N] bool."""
        ...


@runtime_checkable
class Gridded(Entrywise, Protocol):
    """An unknown of many entries over a regular grid, each of which shows near its own place alone."""

    def places(self, scene: Scene) -> Tensor:
        """The row and the column of each entry, [N, 2] int64. Raises `UserError` where there is no such grid."""
        ...

    def entry_changes(self, scene: Scene, raw: Tensor) -> Tensor:
        """What a raw tensor adds to the entries, [N, C]."""
        ...

    def raw_adding(self, scene: Scene, raw: Tensor, more: Tensor) -> Tensor:
        """The raw tensor that adds ``more`` [N, C] to the entries than ``raw`` does."""
        ...


@runtime_checkable
class Measured(Gridded, Protocol):
    """One whose entries people read in a unit."""

    def names(self, scene: Scene) -> Sequence[str]:
        """The objects whose entries they are."""
        ...

    def unit(self, scene: Scene) -> float:
        """What a 1 in the entries is in that unit."""
        ...

    def differences(self, scene: Scene, truth: Truth) -> Tensor:
        """How far each entry is from the true one, [N, C], in that unit."""
        ...


Parameters = Mapping[str, Parameter]


def only_object(names: Sequence[str], what: str) -> str:
    """The one object of an unknown over a grid. Raises `UserError` for several. what: its entries."""
    if len(names) > 1:
        raise UserError(f"{what} of {', '.join(names)} are on grids of their own: name one in objects=[…]")
    return names[0]


def is_by_vertex(parameter: Parameter) -> bool:
    """Whether an unknown's numbers are those of vertices, so that other meshes have others: shape, and colours."""
    return isinstance(parameter, Shape) or getattr(parameter, "entries", None) == "vertices"


def only_camera(parameter: Parameter) -> str | None:
    """The camera whose pictures alone an unknown shows in, which it has as ``camera``; None where it shows in all."""
    camera = getattr(parameter, "camera", None)
    return camera if isinstance(camera, str) else None
