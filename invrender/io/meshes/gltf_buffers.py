"""The buffers and accessors of glTF 2.0 files."""

from __future__ import annotations

import base64
import binascii
import json
import struct
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from invrender.errors import UserError, first_line
from invrender.io.meshes.content import Array, file_bytes

TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
MOST_ZEROS = 2**24
Json = dict[str, Any]


@dataclass
class Gltf:
    """A glTF file: its document, and its buffers and pictures, which are read when they are first asked for."""

    path: Path
    document: Json
    binary: bytes | None
    buffers: dict[int, bytes] = field(default_factory=dict)
    pictures: dict[int, bytes] = field(default_factory=dict)

    def item(self, kind: str, index: Any) -> Json:
        """An item of one of the document's lists. Raises `UserError` where it is not there."""
        items = self.document.get(kind, [])
        if not isinstance(index, int) or not 0 <= index < len(items) or not isinstance(items[index], dict):
            raise self.error(f"it names {index!r} of its {kind}, of which it has {len(items)}")
        found: Json = items[index]
        return found

    def error(self, reason: str) -> UserError:
        """The error of a file that can't be read."""
        return UserError(f"{self.path}: not a readable mesh ({reason})")

    def uri(self, text: str) -> bytes:
        """The bytes that a URI names: data in the URI, or a file beside this one."""
        if text.startswith("data:"):
            try:
                return base64.b64decode(text.partition(",")[2], validate=False)
            except binascii.Error as error:
                raise self.error(f"{error}") from None
        name = urllib.parse.unquote(text)
        if "://" in name:
            raise self.error(f"it keeps data at {name[:80]}, which is not fetched")
        file = self.path.parent / name
        if not file.is_file():
            raise self.error(f"the file {name!r} is not there")
        return file_bytes(file)

    def buffer(self, index: int) -> bytes:
        """The bytes of a buffer."""
        if index not in self.buffers:
            item = self.item("buffers", index)
            data = self.uri(item["uri"]) if "uri" in item else self.binary
            if data is None or len(data) < item.get("byteLength", 0):
                raise self.error("it is cut off: a buffer has fewer bytes than it promises")
            self.buffers[index] = data
        return self.buffers[index]

    def picture(self, index: int) -> bytes:
        """The bytes of an encoded picture."""
        if index not in self.pictures:
            item = self.item("images", index)
            self.pictures[index] = self.view(item["bufferView"])[0] if "bufferView" in item else self.uri(item["uri"])
        return self.pictures[index]

    def view(self, index: Any) -> tuple[bytes, int | None]:
        """The bytes of a buffer view, and the bytes from one element to the next, if they are given."""
        item = self.item("bufferViews", index)
        if "EXT_meshopt_compression" in item.get("extensions", {}):
            raise self.error("its data is compressed (EXT_meshopt_compression); export it without compression")
        start, size = item.get("byteOffset", 0), item["byteLength"]
        data = self.buffer(item["buffer"])
        if start < 0 or size < 0 or start + size > len(data):
            raise self.error("a buffer view reaches beyond its buffer")
        return data[start : start + size], item.get("byteStride")

    def accessor(self, index: Any) -> Array:
        """The elements of an accessor [N] or [N, C], as they are stored."""
        item = self.item("accessors", index)
        if item.get("componentType") not in TYPES or item.get("type") not in COMPONENTS:
            raise self.error(f"accessor {index} has no known type")
        kind, width = np.dtype(TYPES[item["componentType"]]), COMPONENTS[item["type"]]
        count = item["count"]
        if "bufferView" in item:
            data, stride = self.view(item["bufferView"])
            values = self.elements(data, item.get("byteOffset", 0), stride, kind, count, width)
        else:
            if count > MOST_ZEROS:
                raise self.error(f"accessor {index} promises {count} elements")
            values = np.zeros((count, width), kind)
        if "sparse" in item:
            values = self.replaced(values, item["sparse"], kind, width)
        return values[:, 0] if width == 1 else values

    def elements(
        self, data: bytes, start: int, stride: int | None, kind: np.dtype[Any], count: int, width: int
    ) -> Array:
        """``count`` elements of ``width`` numbers each [N, C], copied."""
        size = kind.itemsize * width
        stride = stride or size
        if count < 1 or start < 0 or stride < size or start + stride * (count - 1) + size > len(data):
            raise self.error("an accessor reaches beyond its buffer view")
        rows: Array = np.ndarray((count, width), kind, data, start, (stride, kind.itemsize))
        return rows.astype(kind.newbyteorder("="))

    def replaced(self, values: Array, sparse: Json, kind: np.dtype[Any], width: int) -> Array:
        """The elements with those of a sparse accessor in their places."""
        count, where, what = sparse["count"], sparse["indices"], sparse["values"]
        places = self.elements(
            self.view(where["bufferView"])[0],
            where.get("byteOffset", 0),
            None,
            np.dtype(TYPES[where["componentType"]]),
            count,
            1,
        )[:, 0]
        if places.max() >= len(values):
            raise self.error("a sparse accessor names an element that is not there")
        values = values.copy()
        values[places.astype(np.int64)] = self.elements(
            self.view(what["bufferView"])[0], what.get("byteOffset", 0), None, kind, count, width
        )
        return values

    def numbers(self, index: Any, as_shares: bool = False) -> Array:
        """The elements of an accessor as float64.

        Whole numbers mean shares of their range where the accessor is normalized, or with ``as_shares``.
        """
        values = self.accessor(index)
        as_shares = as_shares or bool(self.item("accessors", index).get("normalized", False))
        if as_shares and np.issubdtype(values.dtype, np.integer):
            scaled: Array = np.maximum(values / float(np.iinfo(values.dtype).max), -1.0)
            return scaled
        return values.astype(np.float64)


def open_gltf(path: Path) -> Gltf:
    """A .gltf or .glb file, told apart by its content. Raises `UserError` for what is neither, or not of version 2."""
    data = file_bytes(path)
    binary = None
    if data[:4] == b"glTF":
        data, binary = chunks(path, data)
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a readable mesh (its JSON: {first_line(error)})") from None
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise UserError(f"{path}: not a readable mesh (it has no asset, and is no glTF)")
    if not str(document["asset"].get("version", "")).startswith("2"):
        raise UserError(f"{path}: is glTF {document['asset'].get('version')}, expected version 2")
    return Gltf(path, document, binary)


def chunks(path: Path, data: bytes) -> tuple[bytes, bytes | None]:
    """The JSON and the binary chunk of a GLB file."""
    if len(data) < 20 or struct.unpack("<I", data[8:12])[0] > len(data):
        raise UserError(f"{path}: is cut off; it has {len(data)} bytes, and promises more")
    found: dict[int, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        size, kind = struct.unpack("<II", data[place : place + 8])
        found.setdefault(kind, data[place + 8 : place + 8 + size])
        place += 8 + size
    if JSON_CHUNK not in found:
        raise UserError(f"{path}: not a readable mesh (it has no JSON chunk)")
    return found[JSON_CHUNK], found.get(BINARY_CHUNK)
