"""Faces on the screen, as the rasterizers need them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Block:
    """Objects ``first`` … ``last`` − 1 of the surfaces in one picture.

    vertex, face: what turns the surfaces' numbers of their vertices and faces into the screen's own.
    """

    picture: int
    first: int
    last: int
    vertex: int
    face: int


@dataclass(frozen=True, eq=False)
class Screen:
    """The faces that can show, as the rasterizers need them: G of them, in pictures of one size.

    vertices: [V, 4]: (x w, y w, w) in pixels and the depth, which may lie behind the camera; the vertices of one
        picture after those of another.
    triangles: [G, 3] into ``vertices``. face: [G], the index in the surfaces. picture: [G].
    winding: [G], +1 for corners that run clockwise on the screen (y down), −1 for the others.
    points: [P, 2], pixels. outline: [G, K] into ``points``: what is left of the face in front of the near plane, a
        convex polygon of K = 3 or, where faces were clipped, 4 corners (the last repeated in those that need fewer).
    facing: the winding of every face that was projected, 0 for those that don't show; the faces of one block after
        those of another. blocks: where the objects of each picture are.
    near: the depth of the near plane. height, width: of each picture. pictures: how many.
    """

    vertices: Tensor
    triangles: Tensor
    face: Tensor
    picture: Tensor
    winding: Tensor
    points: Tensor
    outline: Tensor
    facing: Tensor
    blocks: tuple[Block, ...]
    near: float
    height: int
    width: int
    pictures: int

    @property
    def homogeneous(self) -> Tensor:
        """Each corner's (x w, y w, w) in pixels, [G, 3, 3]."""
        return self.corners[..., :3]

    @property
    def depth(self) -> Tensor:
        """Each corner's depth, [G, 3]."""
        return self.corners[..., 3]

    @property
    def corners(self) -> Tensor:
        """The vertices of each face, [G, 3, 4]."""
        return self.vertices.index_select(0, self.triangles.reshape(-1)).reshape(-1, 3, 4)

    @property
    def polygon(self) -> Tensor:
        """The corners of each face's outline in pixels, [G, K, 2]."""
        sides = self.outline.shape[1]
        return self.points.index_select(0, self.outline.reshape(-1)).reshape(-1, sides, 2)

    @property
    def pixels(self) -> int:
        """How many pixels all pictures have."""
        return self.pictures * self.height * self.width

    @property
    def unit(self) -> float:
        """The size of a pixel in NDC: half the shorter side is 1."""
        return 2.0 / min(self.height, self.width)
