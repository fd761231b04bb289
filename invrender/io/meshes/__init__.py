"""Mesh files: OBJ, PLY, STL, GLB/glTF and OFF, read; OBJ, written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from invrender.errors import UserError
from invrender.io.meshes.assembly import CREASE, MeshFile, assemble
from invrender.io.meshes.gltf import read_gltf
from invrender.io.meshes.obj import read_obj
from invrender.io.meshes.off import read_off
from invrender.io.meshes.ply import read_ply
from invrender.io.meshes.stl import read_stl
from invrender.io.meshes.writing import write_obj

__all__ = ["CREASE", "READERS", "MeshFile", "read_mesh", "write_obj"]

READERS = {"obj": read_obj, "ply": read_ply, "stl": read_stl, "glb": read_gltf, "gltf": read_gltf, "off": read_off}


def read_mesh(path: Path, crease: float | None = None) -> MeshFile:
    """The mesh of an OBJ, PLY, STL, GLB/glTF or OFF file, all that is in it as one; polygons are cut into triangles.

    crease: degrees; edges sharper than that have split normals. None takes the file's normals, else `CREASE`.

    What the file has and is not drawn, and what is mended, is said in one line. Raises `UserError` where the file can't
    be read whole.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such mesh file")
    reader = READERS.get(path.suffix.lower().lstrip("."))
    if reader is None:
        raise UserError(f"{path}: not a known mesh format; known are {', '.join(READERS)}")
    # What is not finite is looked for where it matters.
    with np.errstate(invalid="ignore", over="ignore"):
        return assemble(path, reader(path), crease)
