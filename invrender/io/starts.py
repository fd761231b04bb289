"""The meshes that no file has: a sphere, and heights over a grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.geometry.grids import make_grid
from invrender.geometry.spheres import icosphere
from invrender.images.resample import resize_area
from invrender.io.folder import Folder
from invrender.io.meshes import MeshFile
from invrender.io.meshes.content import Part
from invrender.io.pictures.depth import open_depth
from invrender.io.pictures.reading import Decoding, readable
from invrender.io.schema import ObjectConfig
from invrender.scene import Mesh

SPHERE, GRID, HULL = "sphere", "grid", "hull"
MOST_SUBDIVISIONS = 7
MOST_HEIGHTS = 1_000_000
# The keys of starts, and of which of them.
KEYS = {"box": (SPHERE, GRID, HULL), "grid": (GRID,), "heights": (GRID,)}


def make_start(config: ObjectConfig, files: Folder, key: str) -> MeshFile:
    """The mesh that ``config.mesh`` names, as if a file had it."""
    check_start(config, key)
    mesh = STARTS[config.mesh](config, files, key)
    return MeshFile(mesh, (Part(""),), torch.zeros(len(mesh.faces), dtype=torch.int64), None)


def check_start(config: ObjectConfig, key: str) -> None:
    """Raise `UserError` for keys that have no effect on the object's mesh."""
    for name, kinds in KEYS.items():
        if getattr(config, name) is not None and config.mesh not in kinds:
            what = f"mesh={config.mesh}" if config.mesh in STARTS else "the mesh of a file"
            raise UserError(f"{key}.{name} has no effect on {what}; set it to null, or {key}.mesh={kinds[0]}")


def make_sphere(config: ObjectConfig, files: Folder, key: str) -> Mesh:
    """The sphere, or the ellipsoid in a box, that a shape begins with."""
    if not 0 <= config.subdivisions <= MOST_SUBDIVISIONS:
        raise UserError(f"{key}.subdivisions is {config.subdivisions}, expected 0 to {MOST_SUBDIVISIONS}")
    low, high = read_box(config, [[-1.0] * 3, [1.0] * 3], key)
    if not bool((high > low).all()):
        raise UserError(f"{key}.box is {config.box}, expected a lower and an upper corner, [[x, y, z], [x, y, z]]")
    return icosphere(config.subdivisions, low, high)


def make_ground(config: ObjectConfig, files: Folder, key: str) -> Mesh:
    """Heights over a grid: those of a file, or a plane."""
    heights = (
        torch.zeros(1, 1) if config.heights is None else read_heights(files.find(config.heights, f"{key}.heights"))
    )
    rows, columns = grid_size(config, heights, key)
    heights = resize_area(heights[..., None], rows, columns)[..., 0]
    across, down = columns - 1, rows - 1
    side = torch.tensor([across, down]) / max(across, down)
    low, high = read_box(config, [[*(-side).tolist(), 0.0], [*side.tolist(), 0.0]], key)
    if not bool((high[:2] > low[:2]).all()) or high[2] < low[2]:
        raise UserError(f"{key}.box is {config.box}, expected a lower and an upper corner, [[x, y, z], [x, y, z]]")
    return make_grid(heights if config.box is None else into_range(heights, low[2], high[2]), low[:2], high[:2])


def into_range(heights: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Heights whose lowest is ``low`` and whose highest is ``high``; those of a plane are in the middle."""
    least, most = heights.min(), heights.max()
    if most == least:
        return torch.full_like(heights, float(low + high) / 2)
    return low + (heights - least) / (most - least) * (high - low)


def grid_size(config: ObjectConfig, heights: Tensor, key: str) -> tuple[int, int]:
    """How many rows and columns of heights there are."""
    if config.grid is None and config.heights is None:
        raise UserError(f"{key}.grid is missing, expected how many heights there are, for example {key}.grid=[64,64]")
    rows, columns = tuple(heights.shape) if config.grid is None else two_sizes(config.grid, f"{key}.grid")
    if min(rows, columns) < 2 or rows * columns > MOST_HEIGHTS:
        raise UserError(f"{key}.grid is [{rows}, {columns}], expected 2 or more each, and {MOST_HEIGHTS:,} at most")
    return rows, columns


def two_sizes(given: list[int], key: str) -> tuple[int, int]:
    """Rows and columns."""
    if len(given) != 2:
        raise UserError(f"{key} is {given}, expected [rows, columns]")
    return given[0], given[1]


def read_box(config: ObjectConfig, usual: list[list[float]], key: str) -> tuple[Tensor, Tensor]:
    """The lower and the upper corner [3] of the object's box."""
    low, high = checks.numbers(f"{key}.box", config.box or usual, (2, 3)).float()
    return low, high


def read_heights(path: Path) -> Tensor:
    """The numbers [H, W] of a .npy file, or of a grey picture of whole numbers or floats."""
    with readable(path):
        source = open_depth(path, Decoding())
        stored = source.rows(0, source.height)
    if stored.shape[-1] != 1:
        raise UserError(f"{path} has {stored.shape[-1]} channels, expected one: heights alone")
    heights = torch.from_numpy(stored[..., 0].astype(np.float64))
    checks.all_finite({str(path): heights})
    return heights.float()


STARTS: Mapping[str, Callable[[ObjectConfig, Folder, str], Mesh]] = {
    SPHERE: make_sphere,
    GRID: make_ground,
    HULL: make_sphere,  # until the masks are read
}
