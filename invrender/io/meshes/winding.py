"""Which side of a face is outside: faces that are repeated or turned over, found and mended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from invrender.geometry.topology import label_connected, sort_sides
from invrender.io.meshes.content import Array
from invrender.io.meshes.welding import all_differ, same


@dataclass(frozen=True)
class Wound:
    """The faces that stay, and which of them are turned over.

    kept: [K] int64. turned: [K] bool. closed: whether what stays is a closed surface.
    notes: what was done or is wrong, in sentences.
    """

    kept: Array
    turned: Array
    closed: bool
    notes: tuple[str, ...]


def wind(points: Array, faces: Array) -> Wound:
    """Check the winding of ``faces`` [F, 3] into ``points`` [V, 3], where equal points are one.

    Faces that name a vertex twice and faces that are there twice are left out. Where a piece of the surface is closed,
    faces are turned so that all look out; a closed piece inside another may look in, as the inside of a hollow thing.
    """
    notes: list[str] = []
    one, two, three = faces.T
    kept = np.flatnonzero((one != two) & (two != three) & (three != one))
    if len(kept) < len(faces):
        notes.append(f"{len(faces) - len(kept)} faces have a vertex twice, and are left out")
    kept, opposite = without_copies(faces, kept, notes)
    edges = Edges.of(faces[kept])
    lines = edges.alone
    lines[lines] = is_line(points[faces[kept[lines]]])
    if lines.any() and not lines.all():
        notes.append(f"{int(lines.sum())} faces are lines that touch no others, and are left out")
        kept, opposite = kept[~lines], opposite[~lines]
        edges = Edges.of(faces[kept])
    if opposite.any():
        kept, edges = one_side(faces, kept, edges, opposite, notes)
    turned = mend(points, faces[kept], edges, notes)
    return Wound(kept, turned, edges.closed, tuple(notes))


def is_line(triangles: Array) -> Array:
    """Whether each of ``triangles`` [F, 3, 3] has no area, as far as double precision tells, [F]."""
    along, across = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    area = np.linalg.norm(np.cross(along, across), axis=1)
    longest = np.maximum((along**2).sum(axis=1), (across**2).sum(axis=1))
    flat: Array = area <= 1e-12 * longest
    return flat


def without_copies(faces: Array, kept: Array, notes: list[str]) -> tuple[Array, Array]:
    """The faces less those that are there before with the same winding; and which lie on another back to back."""
    if all_differ(without_order(faces[kept])):
        return kept, np.zeros(len(kept), bool)
    smallest = faces[kept].argmin(axis=1)
    rolled = np.take_along_axis(faces[kept], (smallest[:, None] + np.arange(3)) % 3, axis=1)
    alone = is_first(same(rolled.astype(np.uint32)))
    if not alone.all():
        notes.append(f"{int((~alone).sum())} faces are there twice, and drawn once")
        kept, rolled = kept[alone], rolled[alone]
    turned = rolled[:, [0, 2, 1]]
    number = same(np.concatenate([rolled, turned]).astype(np.uint32))
    return kept, np.isin(number[: len(rolled)], number[len(rolled) :])


def without_order(faces: Array) -> Array:
    """The three numbers of each of ``faces`` [F, 3] in ascending order."""
    one, two, three = faces.T
    low, high = np.minimum(np.minimum(one, two), three), np.maximum(np.maximum(one, two), three)
    return np.stack([low, one + two + three - low - high, high]).astype(np.uint32).T


def is_first(places: Array) -> Array:
    """Whether each of `same`'s places [N] is its own: the first of its like."""
    found: Array = places == np.arange(len(places))
    return found


def one_side(faces: Array, kept: Array, edges: Edges, opposite: Array, notes: list[str]) -> tuple[Array, Edges]:
    """The faces without the backs of those that are there with both windings, if what is left is closed.

    edges: of the faces ``kept``.
    """
    number = same(without_order(faces[kept]))
    single = kept[is_first(number)]
    left = Edges.of(faces[single])
    if left.closed:
        notes.append(f"{len(kept) - len(single)} faces are the backs of others, and left out")
        return single, left
    notes.append(
        f"{int(opposite.sum())} faces lie back to back in the same place, and either may be seen; "
        "renderer.cull_backfaces=true shows the one that faces the camera"
    )
    return kept, edges


@dataclass(frozen=True)
class Edges:
    """The edges at which just two faces meet.

    first, second: [E], the faces. against: [E] bool, whether they run along it in the same direction, so that one of
    them is turned over. open: [B], faces at other edges. count: of the faces.
    """

    first: Array
    second: Array
    against: Array
    open: Array
    count: int

    @classmethod
    def of(cls, faces: Array) -> Edges:
        """The edges of ``faces`` [F, 3]."""
        sides = sort_sides(torch.from_numpy(np.ascontiguousarray(faces, dtype=np.int64)))
        (one, other), alone = (tuple(each.numpy() for each in sides.pairs), sides.alone.numpy())
        start = faces.reshape(-1)
        return cls(one // 3, other // 3, start[one] == start[other], alone // 3, len(faces))

    @property
    def alone(self) -> Array:
        """Whether a face shares no edge with just one other [F]."""
        found: Array = np.bincount(self.open, minlength=self.count) == 3
        return found

    @property
    def closed(self) -> bool:
        """Whether every edge has two faces."""
        return not len(self.open)

    def pieces(self) -> Array:
        """The piece [F] of the surface that each face is of, numbered from 0."""
        links = torch.from_numpy(np.stack([self.first, self.second], axis=1))
        label = label_connected(links, self.count).numpy()
        number: Array = (np.cumsum(label == np.arange(self.count)) - 1)[label]
        return number

    def sides(self) -> tuple[Array, Array]:
        """Whether each face has to be turned [F] to look to the same side as the rest of its piece.

        Second, whether its piece has such sides [F]; a Möbius strip has none.
        """
        if not self.against.any():
            return np.zeros(self.count, bool), np.ones(self.count, bool)
        # Each face is two nodes, as it is and turned; an edge links those that look to the same side.
        shift = np.where(self.against, self.count, 0)
        links = np.concatenate(
            [
                np.stack([self.first, self.second + shift], axis=1),
                np.stack([self.first + self.count, self.second + self.count - shift], axis=1),
            ]
        )
        label = label_connected(torch.from_numpy(links), 2 * self.count).numpy()
        as_it_is, turned = label[: self.count], label[self.count :]
        return as_it_is > turned, as_it_is != turned


def mend(points: Array, faces: Array, edges: Edges, notes: list[str]) -> Array:
    """Which of ``faces`` are turned over [F], of the closed pieces; says what is wrong with the others."""
    piece = edges.pieces()
    count = int(piece.max(initial=-1)) + 1
    closed = np.ones(count, bool)
    closed[piece[edges.open]] = False
    turn, has_sides = edges.sides()
    closed[piece[~has_sides]] = False
    if not turn.any() and not closed.any() and not edges.against.any():
        return turn
    signed = signed_volumes(points, faces) * np.where(turn, -1, 1)
    volumes = np.bincount(piece, signed, minlength=count)
    if not turn.any() and not (closed & (volumes < 0)).any() and not edges.against.any():
        return turn
    inside = enclosed(points, faces, piece, closed)
    turn ^= (volumes < 0)[piece]
    hollow = closed & inside & ~np.isin(np.arange(count), piece[edges.first[edges.against]])
    turn &= (closed & ~hollow & (volumes != 0))[piece]
    if turn.any():
        notes.append(f"{int(turn.sum())} of {len(faces)} faces are turned over, and turned back")
    wrong = edges.against & ~closed[piece[edges.first]]
    if wrong.any():
        notes.append(
            f"faces are turned over along {int(wrong.sum())} edges of a surface that is not closed, where nothing "
            "tells which side is outside; have a modelling program recalculate the normals"
        )
    return turn


def signed_volumes(points: Array, faces: Array) -> Array:
    """Six times the volume [F] of the pyramid from the points' middle to each face, positive if it looks away."""
    corners = (points - points.mean(axis=0))[faces]
    volumes: Array = (corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])).sum(axis=1)
    return volumes


def enclosed(points: Array, faces: Array, piece: Array, closed: Array) -> Array:
    """Whether the box of each piece [P] is inside the box of a closed one."""
    count = len(closed)
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, piece, points[faces].min(axis=1))
    np.maximum.at(high, piece, points[faces].max(axis=1))
    found = np.zeros(count, bool)
    for outer in np.flatnonzero(closed) if count <= 1000 else []:
        found |= (low > low[outer]).all(axis=1) & (high < high[outer]).all(axis=1)
    return found
