"""PLY files, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from invrender.errors import UserError, naming
from invrender.io.meshes.content import Array, Content, Part, Texture, file_bytes, linear
from invrender.io.meshes.faces import check_indices, colored_parts, unit
from invrender.io.meshes.mtl import find_file
from invrender.io.meshes.numbers import table
from invrender.io.meshes.triangles import triangulate
from invrender.io.pictures import read_picture

TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
COORDINATES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
DRAWN = {"vertex", "face"}


@dataclass(frozen=True)
class Lists:
    """A list for each row of an element: their values one after the other, and how many each has [N]."""

    values: Array
    sizes: Array


@dataclass
class Element:
    """An element of the header. properties: for each its type, and before it the type of its count if it is a list."""

    name: str
    count: int
    properties: dict[str, tuple[str, ...]] = field(default_factory=dict)


Columns = Mapping[str, Array | Lists]


def read_ply(path: Path) -> Content:
    """The triangles of a PLY file, ASCII or binary, with colours and textures as MeshLab writes them.

    Raises `UserError` for a file that is cut off or whose counts don't fit.
    """
    data = file_bytes(path)
    order, elements, comments, start = header(path, data)
    body: Reader = Text(path, data[start:]) if order == "" else Binary(path, data, start, order)
    tables = {element.name: body.read(element) for element in elements}
    if "vertex" not in tables or not {"x", "y", "z"} <= set(tables["vertex"]):
        raise UserError(f"{path}: has no vertices x, y, z")
    vertex, face = tables["vertex"], tables.get("face", {})
    undrawn = [f"elements {name!r}" for name, table in tables.items() if name not in DRAWN and table]
    points = columns(vertex, ("x", "y", "z")).astype(np.float64)
    corners = face.get("vertex_indices", face.get("vertex_index"))
    if not isinstance(corners, Lists):
        return Content(points, np.zeros((0, 3), np.int64))
    check_indices(path, corners.values, len(points))
    sizes = corners.sizes
    if (sizes < 3).any():
        undrawn.append("faces of fewer than three corners")
    indices = corners.values.astype(np.int64)
    with naming(f"{path}"):
        places, polygon = triangulate(points, indices, sizes)
    triangles = indices[places]
    parts, part = surface(path, comments, face, polygon, undrawn)
    uv, uv_corners = coordinates(vertex, face, corners, triangles, places, path)
    normals = columns(vertex, ("nx", "ny", "nz")).astype(np.float64) if {"nx", "ny", "nz"} <= set(vertex) else None
    return Content(
        points=points,
        corners=triangles,
        uv=uv,
        uv_corners=uv_corners,
        normals=normals,
        normal_corners=None if normals is None else triangles,
        colors=vertex_colors(vertex, undrawn),
        part=part,
        parts=parts,
        undrawn=tuple(undrawn),
    )


def header(path: Path, data: bytes) -> tuple[str, list[Element], list[str], int]:
    """The byte order ("" for text), the elements, the comments, and where the header ends."""
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise UserError(f"{path}: not a readable mesh (it has no PLY header)")
    close = data.find(b"\n", end)
    start = end + len(b"end_header") if close < 0 else close + 1
    order, elements, comments = None, list[Element](), list[str]()
    for line in data[:end].decode("utf-8", "replace").splitlines()[1:]:
        match line.split():
            case ["format", kind, *_] if kind in ORDERS:
                order = ORDERS[kind]
            case ["comment" | "obj_info", *_]:
                comments.append(line.strip())
            case ["element", name, count] if count.isdigit():
                elements.append(Element(name, int(count)))
            case ["property", "list", count, kind, name] if elements and {count, kind} <= set(TYPES):
                elements[-1].properties[name] = (TYPES[count], TYPES[kind])
            case ["property", kind, name] if elements and kind in TYPES:
                elements[-1].properties[name] = (TYPES[kind],)
            case []:
                pass
            case _:
                raise UserError(f"{path}: not a readable mesh (its header has the line {line.strip()[:60]!r})")
    if order is None:
        raise UserError(f"{path}: not a readable mesh (its header has no format)")
    return order, elements, comments, start


class Reader:
    """Reads the elements of a file one after the other."""

    path: Path

    def read(self, element: Element) -> Columns:
        """The columns of the next element. Raises `UserError` where the file ends before it."""
        raise NotImplementedError

    def cut(self, element: Element) -> UserError:
        """The error of a file that has too little in it."""
        return UserError(
            f"{self.path}: is cut off or damaged; its header promises {element.count} of {element.name!r}, which are "
            "not all there"
        )


class Text(Reader):
    """A body in ASCII."""

    def __init__(self, path: Path, body: bytes) -> None:
        self.path = path
        try:
            self.values = words(body)
        except ValueError as error:
            raise UserError(f"{path}: is cut off or damaged ({error})") from None
        self.place = 0

    def read(self, element: Element) -> Columns:
        """The columns of the next element."""
        if not element.properties:
            return {}
        kinds = list(element.properties.values())
        if all(len(kind) == 1 for kind in kinds):
            rows = self.take(element, element.count * len(kinds)).reshape(element.count, len(kinds))
            return {
                name: self.convert(rows[:, number], kind[0])
                for number, (name, kind) in enumerate(element.properties.items())
            }
        if len(kinds) == 1 and element.count:
            first = self.values[self.place : self.place + 1]
            size = int(self.convert(first, kinds[0][0])[0]) if len(first) else 0
            end = self.place + element.count * (size + 1)
            rows = self.values[self.place : end]
            if size > 0 and end <= len(self.values) and (rows[:: size + 1] == size).all():
                self.place = end
                values = rows.reshape(element.count, size + 1)[:, 1:].reshape(-1)
                (name,) = element.properties
                return {name: Lists(self.convert(values, kinds[0][1]), np.full(element.count, size))}
        return by_row(element, lambda kind, count: self.convert(self.take(element, count), kind))

    def take(self, element: Element, count: int) -> Array:
        """The next numbers."""
        found = self.values[self.place : self.place + count]
        if len(found) < count:
            raise self.cut(element)
        self.place += count
        return found

    def convert(self, values: Array, kind: str) -> Array:
        """Numbers as the type that the header gives them. Raises `UserError` for nan and inf as whole ones."""
        if np.dtype(kind).kind in "iu" and not np.isfinite(values).all():
            raise UserError(f"{self.path}: is damaged (it has nan or inf where its header says {kind})")
        return values.astype(kind)


def words(text: bytes) -> Array:
    """All numbers of a text. Raises `ValueError` that names a word which is none."""
    try:
        return table(b" " + text + b"\n", np.float64)[0]
    except ValueError:
        return np.array(text.split(), dtype=np.float64)


class Binary(Reader):
    """A body in binary."""

    def __init__(self, path: Path, data: bytes, start: int, order: str) -> None:
        self.path = path
        self.data = data
        self.place = start
        self.order = order

    def read(self, element: Element) -> Columns:
        """The columns of the next element, at once where all its lists are as long as the first row's."""
        if not element.properties:
            return {}
        row = self.row_type(element)
        size = element.count * row.itemsize
        if self.place + size <= len(self.data):
            rows = np.frombuffer(self.data, row, element.count, self.place)
            if all((rows[each] == rows[each][:1]).all() for each in row.names or () if each.endswith(COUNT)):
                self.place += size
                return {name: column(rows, name, len(kind) == 2) for name, kind in element.properties.items()}
        elif all(len(kind) == 1 for kind in element.properties.values()):
            raise self.cut(element)
        return by_row(element, lambda kind, count: self.take(element, kind, count))

    def row_type(self, element: Element) -> np.dtype[Any]:
        """The type of a row whose lists are as long as the first row's."""
        start, fields = self.place, list[Any]()
        for name, kind in element.properties.items():
            count = 1
            if len(kind) == 2:
                fields.append((name + COUNT, self.order + kind[0]))
                count = int(self.take(element, kind[0], 1)[0]) if element.count else 0
            fields.append((name, self.order + kind[-1], (max(count, 0),) if len(kind) == 2 else ()))
            self.place += np.dtype(kind[-1]).itemsize * count
        self.place = start
        return np.dtype(fields)

    def take(self, element: Element, kind: str, count: int) -> Array:
        """The next numbers of one type."""
        size = np.dtype(kind).itemsize * count
        if count < 0 or self.place + size > len(self.data):
            raise self.cut(element)
        self.place += size
        return np.frombuffer(self.data, self.order + kind, count, self.place - size).astype(kind)


COUNT = " count"


def column(rows: Array, name: str, is_list: bool) -> Array | Lists:
    """A column of equal rows, in the machine's byte order."""
    values = rows[name].astype(rows[name].dtype.newbyteorder("="))
    if not is_list:
        return values
    return Lists(values.reshape(-1), np.full(len(rows), values.shape[1] if values.ndim == 2 else 0))


def by_row(element: Element, take: Any) -> Columns:
    """The columns of an element whose lists differ in length, row by row. take: the next numbers of a type."""
    found: dict[str, list[Array]] = {name: [] for name in element.properties}
    for _ in range(element.count):
        for name, kind in element.properties.items():
            count = 1 if len(kind) == 1 else int(take(kind[0], 1)[0])
            found[name].append(take(kind[-1], count))
    empty = np.zeros(0)
    columns: dict[str, Array | Lists] = {}
    for name, kind in element.properties.items():
        values = np.concatenate([empty.astype(kind[-1]), *found[name]])
        sizes = np.array([len(each) for each in found[name]], np.int64)
        columns[name] = Lists(values, sizes) if len(kind) == 2 else values
    return columns


def columns(table: Columns, names: tuple[str, ...]) -> Array:
    """Columns of one number side by side [N, C]."""
    return np.stack([np.asarray(table[name]) for name in names], axis=1)


def color_names(table: Columns) -> tuple[str, ...] | None:
    """What the columns of colours are called; None where there are none."""
    for prefix in ("", "diffuse_"):
        names = tuple(prefix + each for each in ("red", "green", "blue"))
        if set(names) <= set(table):
            return names
    return None


def vertex_colors(vertex: Columns, undrawn: list[str]) -> Array | None:
    """Linear colours [P, 3] of the vertices."""
    names = color_names(vertex)
    if names is None:
        return None
    if "alpha" in vertex and (unit(np.asarray(vertex["alpha"])) < 1).any():
        undrawn.append("transparency (alpha)")
    return linear(unit(columns(vertex, names)))


def surface(
    path: Path, comments: list[str], face: Columns, polygon: Array, undrawn: list[str]
) -> tuple[tuple[Part, ...], Array]:
    """The parts, and the part of each triangle [F]: one for each texture, else for each colour of faces."""
    textures = [line.split(None, 2)[2] for line in comments if line.lower().startswith("comment texturefile ")]
    names = color_names(face)
    if textures:
        if names is not None:
            undrawn.append("colours of faces")
        number = np.asarray(face["texnumber"])[polygon].astype(np.int64) if "texnumber" in face else 0 * polygon
        if len(number) and number.max() >= len(textures):
            raise UserError(f"{path}: a face has texture {number.max()}, but there are {len(textures)}")
        plain = number < 0
        parts = [textured(path, name) for name in textures]
        return (*parts, Part("plain")), np.where(plain, len(parts), number)
    if names is not None:
        parts_of_colors, part = colored_parts(path, unit(columns(face, names)))
        return parts_of_colors, part[polygon]
    return (Part(""),), 0 * polygon


def textured(path: Path, name: str) -> Part:
    """A part with this texture."""
    found = find_file(path.parent, name)
    if found is None:
        return Part(name, lost=f"the texture {name!r} is not there")
    picture = found
    return Part(name, texture=Texture(name, str(picture), lambda: read_picture(picture).rgb))


def coordinates(
    vertex: Columns, face: Columns, corners: Lists, triangles: Array, places: Array, path: Path
) -> tuple[Array | None, Array | None]:
    """Texture coordinates [T, 2] and the triangles' indices [F, 3] into them: of faces' corners, else of vertices."""
    wedges = face.get("texcoord")
    if isinstance(wedges, Lists) and len(wedges.values):
        if not (wedges.sizes == 2 * corners.sizes).all():
            raise UserError(f"{path}: a face has other than two texture coordinates for each of its corners")
        return wedges.values.astype(np.float64).reshape(-1, 2), places
    for names in COORDINATES:
        if set(names) <= set(vertex):
            return columns(vertex, names).astype(np.float64), triangles
    return None, None
