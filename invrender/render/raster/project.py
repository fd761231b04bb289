"""From surfaces to the screen: faces are projected, culled, and clipped at the near plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from invrender.geometry.cameras import homogeneous_pixels
from invrender.render.raster.decide import decide
from invrender.render.raster.reference import classify
from invrender.render.raster.screen import Block, Screen
from invrender.render.shading.surfaces import Surfaces, concatenate, shift_indices
from invrender.scene import Camera

Classify = Callable[[Tensor, Tensor, float, bool], tuple[Tensor, Tensor]]  # with the arguments of `classify`


def project_surfaces(
    surfaces: Surfaces, cameras: Sequence[Camera], cull_backfaces: bool, classify: Classify = classify
) -> Screen:
    """Project the faces of each picture by its camera, leave out those that can't show, clip the others."""
    camera = cameras[0]
    vertices, triangles, face, picture, blocks = project_vertices(surfaces, cameras)
    facing, crossing = decide(
        lambda points, corners: classify(points, corners, camera.near, cull_backfaces), vertices, triangles
    )
    winding = facing
    shown = (facing != 0).nonzero()[:, 0]
    if shown.shape[0] < facing.shape[0]:
        triangles, face, picture, winding, crossing = (
            each.index_select(0, shown) for each in (triangles, face, picture, winding, crossing)
        )
    depth = vertices[:, 3:]
    divisor = torch.where(depth.detach() > camera.near, vertices[:, 2:3], torch.ones_like(depth))
    points = vertices[:, :2] / divisor
    outline = triangles
    cut = crossing.nonzero()[:, 0]
    if cut.numel():
        corners = vertices.index_select(0, triangles.index_select(0, cut).reshape(-1)).reshape(-1, 3, 4)
        polygons = clip_faces(corners[..., :3], corners[..., 3], camera.near)
        first = points.shape[0]
        points = torch.cat([points, (polygons[..., :2] / polygons[..., 2:]).reshape(-1, 2)])
        outline = torch.cat([triangles, triangles[:, 2:]], dim=1)
        outline = outline.index_copy(0, cut, first + torch.arange(4 * len(cut), device=cut.device).reshape(-1, 4))
    return Screen(
        vertices=vertices,
        triangles=triangles,
        face=face,
        picture=picture,
        winding=winding,
        points=points,
        outline=outline,
        facing=facing,
        blocks=blocks,
        near=camera.near,
        height=camera.height,
        width=camera.width,
        pictures=len(cameras),
    )


def project_vertices(
    surfaces: Surfaces, cameras: Sequence[Camera]
) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[Block, ...]]:
    """The vertices [V, 4] of each picture in turn, its faces [G, 3] into them, those faces' numbers and pictures."""
    vertices, triangles, faces, pictures, blocks = [], [], [], [], []
    vertex_count = face_count = 0
    for number, (camera, placed) in enumerate(zip(cameras, surfaces.placements, strict=True)):
        for first, last in find_runs(placed):
            begin, end = surfaces.first_vertex[first], surfaces.first_vertex[last]
            block = Block(number, first, last, vertex_count - begin, face_count - surfaces.first_face[first])
            own = torch.arange(surfaces.first_face[first], surfaces.first_face[last], device=surfaces.faces.device)
            vertices.append(homogeneous_pixels(camera, surfaces.vertices[begin:end]))
            triangles.append(
                shift_indices(surfaces.faces[surfaces.first_face[first] : surfaces.first_face[last]], block.vertex)
            )
            faces.append(own)
            pictures.append(torch.full_like(own, number))
            blocks.append(block)
            vertex_count += end - begin
            face_count += len(own)
    return concatenate(vertices), concatenate(triangles), concatenate(faces), concatenate(pictures), tuple(blocks)


def find_runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers, each as its first and the one after its last."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def clip_faces(homogeneous: Tensor, depth: Tensor, near: float) -> Tensor:
    """Cut faces [G, 3, 3] at depth ``near`` (Sutherland and Hodgman, 1974): homogeneous corners [G, 4, 3].

    depth: [G, 3]; one or two corners of each face are in front. Homogeneous pixels are linear in position, so the cut
    is the same linear interpolation as in space.
    """
    in_front = depth.detach() > near
    single = in_front.sum(dim=1) == 1
    lonely = torch.where(single, in_front.int().argmax(1), in_front.int().argmin(1))
    order = (lonely[:, None] + torch.arange(3, device=lonely.device)) % 3
    first, second, third = homogeneous.gather(1, order[..., None].expand(-1, -1, 3)).unbind(1)
    depths = depth.gather(1, order)

    def cut(start: Tensor, end: Tensor, start_depth: Tensor, end_depth: Tensor) -> Tensor:
        return start + ((near - start_depth) / (end_depth - start_depth))[:, None] * (end - start)

    towards_second = cut(first, second, depths[:, 0], depths[:, 1])
    towards_third = cut(first, third, depths[:, 0], depths[:, 2])
    corner = torch.stack([first, towards_second, towards_third, towards_third], dim=1)
    quad = torch.stack([towards_second, second, third, towards_third], dim=1)
    return torch.where(single[:, None, None], corner, quad)
