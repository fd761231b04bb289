"""Calibrations in XML, as OpenCV's FileStorage writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape

from invrender.errors import UserError, first_line
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.opencv import MOST_BYTES, Matrix, Tree, read_tree, to_nodes

WORD = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True)
class OpencvXml:
    """The same as in YAML, within ``<opencv_storage>``."""

    def recognizes(self, path: Path) -> bool:
        """Whether that element is in it."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return b"<opencv_storage" in file.read(4096)

    def read(self, path: Path) -> list[Photograph]:
        """The photographs, or the camera alone."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: not readable ({first_line(error)})") from error
        if len(content) > MOST_BYTES:
            raise UserError(f"{path}: more than {MOST_BYTES} bytes, expected a calibration; take its points out")
        return read_tree(parse(content, path), path)

    def suits(self, path: Path) -> bool:
        """Whether it is XML."""
        return path.suffix.lower() == ".xml"

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """As OpenCV writes it."""
        nodes = [written(name, node) for name, node in to_nodes(photographs, path.parent).items()]
        return {path: "\n".join(['<?xml version="1.0"?>', "<opencv_storage>", *nodes, "</opencv_storage>\n"]).encode()}


def parse(content: bytes, path: Path) -> Tree:
    """A document in plain containers. Document types are refused, and so entities, which could make it large."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*declared: object) -> NoReturn:
        raise UserError(f"{path}: it declares a document type, expected XML as OpenCV writes it; take <!DOCTYPE> out")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
        found = plain(builder.close(), path)
    except (expat.ExpatError, RecursionError, AssertionError, ValueError) as error:
        raise UserError(f"{path}: not a readable XML file ({first_line(error)})") from error
    return found if isinstance(found, dict) else {}


def plain(element: Element, path: Path) -> Any:
    """An element as plain containers. Raises `UserError` for a name that is there twice."""
    children = list(element)
    if children and all(each.tag == "_" for each in children):
        return [plain(each, path) for each in children]
    if children:
        found: dict[str, Any] = {}
        for each in children:
            if each.tag in found:
                raise UserError(f"{path}: {each.tag} stands there twice; take one of them out")
            found[each.tag] = words(each) if each.tag in LISTS else plain(each, path)
        return found
    texts = words(element)
    return texts[0] if len(texts) == 1 else texts


# What is a list although it may have one word, or none.
LISTS = ("data", "image_names", "image_list")


def words(element: Element) -> list[str]:
    """The words of an element's text; those in quotes may have blanks."""
    text = element.text or "" if not len(element) else " ".join(each.text or "" for each in element)
    return [match[1] if match[1] is not None else match[2] for match in WORD.finditer(text)]


def written(name: str, node: int | Matrix | list[str]) -> str:
    """One element; numbers have all of their digits."""
    if isinstance(node, int):
        return f"<{name}>{node}</{name}>"
    if isinstance(node, list):
        texts = "\n  ".join(f'<_>"{escape(each)}"</_>' for each in node)
        return f"<{name}>\n  {texts}</{name}>"
    sides = f"  <rows>{len(node.rows)}</rows>\n  <cols>{len(node.rows[0])}</cols>\n  <dt>d</dt>"
    rows = "\n    ".join(" ".join(map(repr, row)) for row in node.rows)
    return f'<{name} type_id="opencv-matrix">\n{sides}\n  <data>\n    {rows}</data></{name}>'
