"""A mesh of what one frame of an RGB-D camera shows: its grid of depths as triangles, cut where depth jumps.

    python tests/rgbd.py ../shared/real_rgbd 0 room.ply

writes the frame's mesh in the camera's own frame, with the colours of its photograph.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from PIL import Image

from invrender.images.resample import resize_depth

Array = NDArray[np.float64]

FOCAL, CENTER = 525.0, (319.5, 239.5)  # pixels; their centres are at whole numbers
MILLIMETRE = 0.001
# Where depths of one cell differ by more than this share of them, it is not one surface.
JUMP = 0.05


@dataclass(frozen=True)
class Frame:
    """depth: [H, W], metres, 0 where nothing was measured. colors: [H, W, 3] uint8. world_from_camera: [4, 4]."""

    depth: Array
    colors: NDArray[np.uint8]
    world_from_camera: Array


def read_frame(folder: Path, number: int) -> Frame:
    """One frame of a folder with ``color_0000N.jpg``, ``depth_0000N.png`` and ``trajectory.log``."""
    lines = (folder / "trajectory.log").read_text().splitlines()[5 * number + 1 : 5 * number + 5]
    return Frame(
        np.asarray(Image.open(folder / f"depth_{number:05}.png")) * MILLIMETRE,
        np.asarray(Image.open(folder / f"color_{number:05}.jpg")),
        np.array([line.split() for line in lines], dtype=float),
    )


def triangulate(frame: Frame, stride: int = 1) -> trimesh.Trimesh:
    """The mesh of blocks of ``stride`` × ``stride`` pixels, in the camera's frame, each of their mean depth and colour.

    A sensor's noise makes a surface of single pixels so rough that its slopes say nothing.
    """
    height, width = (side // stride for side in frame.depth.shape)
    depth = resize_depth(torch.from_numpy(frame.depth), height, width).numpy()
    colors = np.asarray(Image.fromarray(frame.colors).resize((width, height), Image.Resampling.BOX))
    rows, columns = np.mgrid[:height, :width] * stride + (stride - 1) / 2
    rays = np.stack([(columns - CENTER[0]) / FOCAL, (rows - CENTER[1]) / FOCAL, np.ones(rows.shape)], axis=-1)
    index = np.arange(depth.size).reshape(depth.shape)
    above, below = (index[:-1, :-1], index[:-1, 1:]), (index[1:, :-1], index[1:, 1:])
    # Counter-clockwise as the camera sees them.
    halves = [(above[0], below[0], above[1]), (above[1], below[0], below[1])]
    faces = np.concatenate([np.stack(corners, axis=-1).reshape(-1, 3) for corners in halves])
    corners = depth.reshape(-1)[faces]
    nearest = corners.min(axis=1)
    faces = faces[(nearest > 0) & (corners.max(axis=1) - nearest <= JUMP * nearest)]
    used, faces = np.unique(faces, return_inverse=True)
    points = (rays * depth[..., None]).reshape(-1, 3)[used]
    return trimesh.Trimesh(points, faces.reshape(-1, 3), vertex_colors=colors.reshape(-1, 3)[used], process=False)


if __name__ == "__main__":
    triangulate(read_frame(Path(sys.argv[1]), int(sys.argv[2]))).export(sys.argv[3])
