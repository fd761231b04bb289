"""Cells: faces as a lens bends them, cut so finely that each piece may be taken for flat in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.constants import numbers
from invrender.errors import note
from invrender.geometry.cameras import bent_pixels, transform
from invrender.geometry.fields import find_field, may_be_seen, widest_angle
from invrender.geometry.subdivision import Pieces, agree, cut
from invrender.render.raster.decide import read
from invrender.render.shading.surfaces import Surfaces, accumulate_counts, concatenate, shift_indices
from invrender.scene import Camera, Lens, Mesh

TOLERANCE = 0.05  # pixels between where a point of a cell is drawn and where the lens has it
DEPTH_TOLERANCE = 2e-3  # the same for distances, as a share of them
WIDEST = 0.5  # radians, the longest side of a cell
FINEST = 0.125  # pixels: sides of cells that can't be drawn whole, at the lens's limit or at the near plane
BESIDE = 0.25  # what is so many times as far from the picture as it is off is near enough
MARGIN = 0.05  # of the picture's size, from where soft faces reach into it
LONG = 0.15  # radians; longer sides may be drawn right in the middle and wrong elsewhere
SHARES = (0.25, 0.75)  # where those are compared besides
MIDDLE = (1 / 3, 1 / 3, 1 / 3)
SINGULAR = 0.02  # radians from where a lens shows one ray in many places, within which cells become no finer
ROUNDS = 24
MOST_CELLS = 1 << 20


@dataclass(frozen=True)
class Optics:
    """A camera with a lens, float64, constant.

    limit, widest: radians from the axis, where the lens's field ends, and beyond which nothing is in the picture.
    """

    camera: Camera
    lens: Lens
    limit: float
    widest: float

    @classmethod
    def of(cls, camera: Camera, pose: Tensor, intrinsics: Tensor, coefficients: Tensor) -> Optics:
        """The optics of a camera, by its tensors."""
        assert camera.lens is not None
        lens = Lens(coefficients.double(), camera.lens.model)
        constant = replace(camera, camera_from_world=pose.double(), intrinsics=intrinsics.double(), lens=lens)
        field = find_field(lens)
        # Straight behind a fisheye is a whole circle of its picture.
        shortest = FINEST * SINGULAR / float(constant.intrinsics[:2, :2].abs().max())
        limit = field.limit if lens.model == "equirectangular" else min(field.limit, math.pi - 2 * shortest)
        return cls(constant, lens, limit, widest_angle(constant, field))

    def finest(self, points: Tensor) -> Tensor:
        """The angle, radians, of the shortest sides that are cut at points [..., 3], [...]."""
        shortest = FINEST / self.camera.intrinsics[:2, :2].abs().max()
        # Towards the poles of a panorama, and straight behind a fisheye, an angle becomes ever longer in the picture.
        around = points[..., ::2] if self.lens.model == "equirectangular" else points[..., :2]
        level = (around.norm(dim=-1) / points.norm(dim=-1)).clamp(min=SINGULAR)
        if self.lens.model != "equirectangular":
            level = torch.where(points[..., 2] < 0, level, torch.ones_like(level))
        found: Tensor = shortest * level
        return found

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points [..., 3] in the camera's frame as in `homogeneous_pixels`, [..., 4], and whether they can be drawn."""
        found = bent_pixels(self.camera, self.lens, points)
        angle = torch.atan2(points[..., :2].norm(dim=-1), points[..., 2])
        return found, (angle <= self.limit) & (found[..., 3] > self.camera.near)

    def draw(self, points: Tensor) -> Tensor:
        """Points [..., 3], and what `project` says of them, as ones and zeros, [..., 8]."""
        found, shown = self.project(points)
        return torch.cat([points, found, shown[..., None].to(points)], dim=-1)

    def outside(self, pixels: Tensor) -> Tensor:
        """How far from the picture and a margin around it pixels [..., 2] are, [...]; 0 within."""
        size = numbers((self.camera.width, self.camera.height), pixels)
        return ((pixels - size / 2).abs() - (0.5 + MARGIN) * size).clamp(min=0).amax(dim=-1)


@dataclass(frozen=True)
class Cells:
    """The cells of one picture.

    source: [F], the surfaces' face that each is a piece of. changed: whether they are not just these faces.
    """

    pieces: Pieces
    source: Tensor
    changed: bool


def bend(surfaces: Surfaces, cameras: Sequence[Camera]) -> Surfaces:
    """The surfaces as cells, wherever the camera of a picture has a lens that makes cells necessary.

    Which cells there are is decided without gradients; their corners move with their faces.
    """
    if all(camera.lens is None for camera in cameras):
        return surfaces
    found = [find_cells(surfaces, *each) for each in zip(cameras, surfaces.placements, strict=True)]
    return assemble(surfaces, found) if any(each.changed for each in found) else surfaces


def find_cells(surfaces: Surfaces, camera: Camera, placed: Sequence[int]) -> Cells:
    """The cells of objects as a camera sees them."""
    first, device = surfaces.first_face, surfaces.faces.device
    faces = concatenate([torch.arange(first[number], first[number + 1], device=device) for number in placed])
    indices = [each[faces] for each in (surfaces.faces, surfaces.normal_faces, surfaces.uv_faces)]

    def subdivide(vertices: Tensor, *tensors: Tensor) -> Pieces:
        pieces = Pieces.whole(vertices.double()[indices[0]], indices)
        if not tensors:
            return pieces
        optics = Optics.of(camera, *tensors)
        return refine(optics, replace(pieces, corners=transform(optics.camera.camera_from_world, pieces.corners)))

    moving = () if camera.lens is None else (camera.camera_from_world, camera.intrinsics, camera.lens.coefficients)
    pieces = read(subdivide, surfaces.vertices, *moving)
    return Cells(pieces, faces[pieces.parent], changed=not torch.equal(pieces.indices[0], indices[0]))


def assemble(surfaces: Surfaces, cells: Sequence[Cells]) -> Surfaces:
    """The surfaces made of cells: one mesh for each picture."""
    own = surfaces.faces, surfaces.normal_faces, surfaces.uv_faces
    joints = [[find_joints(each, number, old) for each in cells] for number, old in enumerate(own)]
    faces, normal_faces, uv_faces = (count_on(each) for each in joints)
    vertices, normals, uv = (
        interpolate(values, each)
        for values, each in zip((surfaces.vertices, surfaces.normals, surfaces.uv), joints, strict=True)
    )
    first_vertex = accumulate_counts(len(each.source) for each in joints[0])
    source = torch.cat([each.source for each in cells])
    places = read(lambda constant: constant.clone(), vertices)
    meshes = [
        Mesh(places[begin:end], around.faces, normal.faces, uv_faces=painted.faces)
        for begin, end, around, normal, painted in zip(first_vertex, first_vertex[1:], *joints, strict=False)
    ]
    return replace(
        surfaces,
        vertices=vertices,
        faces=faces,
        normals=normals,
        normal_faces=normal_faces,
        uv=uv,
        uv_faces=uv_faces,
        colors=None if surfaces.colors is None else interpolate(surfaces.colors, joints[0]),
        layers={
            name: layer if layer.vertex is None else replace(layer, vertex=interpolate(layer.vertex, joints[0]))
            for name, layer in surfaces.layers.items()
        },
        object=surfaces.object[source],
        source=source,
        meshes=tuple(meshes),
        placements=tuple((number,) for number in range(len(cells))),
        first_vertex=first_vertex,
        first_face=accumulate_counts(len(each.source) for each in cells),
    )


@dataclass(frozen=True)
class Joints:
    """The corners that cells share.

    faces: [F, 3] into them. source, weights: [N, 3], the surfaces' values of which each is a weighted mean.
    """

    faces: Tensor
    source: Tensor
    weights: Tensor


def find_joints(cells: Cells, number: int, own: Tensor) -> Joints:
    """The joints by one of the index arrays, of which ``own`` [F, 3] is the surfaces'."""
    indices = cells.pieces.indices[number]
    names, faces = torch.unique(indices, return_inverse=True)
    corner = torch.arange(indices.numel(), device=indices.device)
    first = torch.full_like(names, indices.numel()).scatter_reduce(0, faces.reshape(-1), corner, "amin")
    face = torch.div(first, 3, rounding_mode="floor")
    return Joints(faces, own[cells.source[face]], cells.pieces.weights[face, first % 3])


def count_on(joints: Sequence[Joints]) -> Tensor:
    """The faces of all pictures, numbered on from one to the next."""
    first = accumulate_counts(len(each.source) for each in joints)
    return torch.cat([shift_indices(each.faces, begin) for each, begin in zip(joints, first, strict=False)])


def interpolate(values: Tensor, joints: Sequence[Joints]) -> Tensor:
    """Values [V, C] at the joints of all pictures; as they are where there are none."""
    if not len(values):
        return values
    source, weights = (torch.cat([getattr(each, name) for each in joints]) for name in ("source", "weights"))
    corners = values.index_select(0, source.reshape(-1)).reshape(*source.shape, values.shape[1])
    return (weights.to(values)[..., None] * corners).sum(dim=1)


def refine(optics: Optics, pieces: Pieces) -> Pieces:
    """Cut pieces until those that may be seen are drawn where they are; leave out those that can't be drawn."""
    for _ in range(ROUNDS):
        sides = sides_to_cut(optics, pieces)
        if not bool(sides.any()):
            break
        if len(pieces.parent) > MOST_CELLS:
            note(f"camera.lens: {MOST_CELLS} cells don't follow the lens to {TOLERANCE} pixels; what is left is rough")
            break
        pieces = cut(pieces, agree(pieces.indices[0], sides))
    drawable = can_be_drawn(optics, pieces.corners)
    return pieces if bool(drawable.all()) else pieces.select(drawable)


def sides_to_cut(optics: Optics, pieces: Pieces) -> Tensor:
    """The sides [F, 3] that are bent too much, of pieces that may be seen."""
    seen = pieces.fresh.nonzero()[:, 0]
    seen = seen[visible(optics, pieces.corners[seen])]
    start, end = pieces.corners[seen], pieces.corners[seen].roll(-1, 1)
    angle = torch.atan2(torch.linalg.cross(start, end).norm(dim=2), (start * end).sum(dim=2))
    corners = optics.draw(start)
    sides = torch.stack([corners, corners.roll(-1, 1)], dim=2)
    along = error(optics, sides, (0.5, 0.5))
    long = (angle > LONG).any(dim=1).nonzero()[:, 0]
    for share in SHARES if len(long) else ():
        along = along.index_copy(0, long, along[long].maximum(error(optics, sides[long], (1 - share, share))))
    rough = (along > 1) | (error(optics, corners, MIDDLE) > 1)[:, None] | (angle > WIDEST)
    found = torch.zeros_like(pieces.indices[0], dtype=torch.bool)
    return found.index_copy(0, seen, rough & (angle > optics.finest(start)))


def error(optics: Optics, ends: Tensor, weights: Sequence[float]) -> Tensor:
    """How far from its place a weighted mean of points is drawn, in tolerances.

    ends: [..., K, 8], as `Optics.draw` has them.
    Infinite where one of them can't be drawn.
    """
    mean = (numbers(tuple(weights), ends)[:, None] * ends).sum(dim=-2)
    true = optics.draw(mean[..., :3])
    place = true[..., 3:5] / true[..., 5:6]
    offset = (mean[..., 3:5] / mean[..., 5:6] - place).norm(dim=-1) / TOLERANCE
    depth = (mean[..., 6] / true[..., 6] - 1).abs() / DEPTH_TOLERANCE
    ends_outside = optics.outside(ends[..., 3:5] / ends[..., 5:6]).amin(dim=-1)
    allowed = 1 + BESIDE * torch.minimum(ends_outside, optics.outside(place)) / TOLERANCE
    drawn = (ends[..., 7] > 0).all(dim=-1) & (true[..., 7] > 0)
    return torch.where(drawn, torch.maximum(offset, depth) / allowed, torch.inf)


def visible(optics: Optics, corners: Tensor) -> Tensor:
    """Whether faces [F] with corners [F, 3, 3] may show: within the picture's cone, and not all nearer than near."""
    distance = optics.project(corners)[0][..., 3]
    return may_be_seen(corners, optics.widest) & (distance > optics.camera.near).any(dim=1)


def can_be_drawn(optics: Optics, corners: Tensor) -> Tensor:
    """Whether the straight-sided pictures of faces [F] with corners [F, 3, 3] are about theirs."""
    drawn, shown = optics.project(corners)
    pixels = drawn[..., :2] / drawn[..., 2:3]
    # Faces that don't show were not cut, and their straight sides may lie across the picture.
    size = numbers((optics.camera.width, optics.camera.height), pixels)
    beside = ((pixels.amin(dim=1) > size) | (pixels.amax(dim=1) < 0)).any(dim=1)
    return shown.all(dim=1) & (visible(optics, corners) | beside) & ~wrapped(optics, drawn)


def wrapped(optics: Optics, drawn: Tensor) -> Tensor:
    """Whether faces of `bent_pixels` [F, 3, 4] lie on both sides of the line where a picture of the sphere begins."""
    across = drawn[..., 0] / drawn[..., 2]
    turn = math.pi * float(optics.camera.intrinsics[0, 0].abs())
    return (across.amax(dim=1) - across.amin(dim=1) > turn) & (optics.lens.model == "equirectangular")
