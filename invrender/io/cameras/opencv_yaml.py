"""Calibrations in YAML, as OpenCV's FileStorage writes it, and ROS."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from invrender.errors import UserError, one_line, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.documents import read_text
from invrender.io.cameras.opencv import MOST_BYTES, Matrix, Tree, read_tree, to_nodes

# What OpenCV has written before version 5 is no directive that YAML knows.
HEADER = re.compile(r"\A%YAML[: ][0-9.]+\s*\n")
MARKS = re.compile(
    rb"!!opencv-matrix|^\"?(camera_?matrix|distortion_coefficients)\"?\s*:", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True)
class OpencvYaml:
    """``camera_matrix``, ``distortion_coefficients``, ``image_width``, ``image_height``, and poses if there are any.

    Poses are ``rvec`` and ``tvec``, or the rows of ``extrinsic_parameters`` with ``image_names`` to go with them.
    """

    def recognizes(self, path: Path) -> bool:
        """Whether it is YAML by its name, and has a matrix of OpenCV's."""
        if path.suffix.lower() not in (".yaml", ".yml") or not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(MARKS.search(file.read(MOST_BYTES)))

    def read(self, path: Path) -> list[Photograph]:
        """The photographs, or the camera alone."""
        text = read_text(path)
        if len(text) > MOST_BYTES:
            raise UserError(f"{path}: more than {MOST_BYTES} characters, expected a calibration; take its points out")
        return read_tree(parse(text, path), path)

    def suits(self, path: Path) -> bool:
        """Whether it is YAML."""
        return path.suffix.lower() in (".yaml", ".yml")

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """As OpenCV's versions 2 to 4 write it."""
        lines = [line for name, node in to_nodes(photographs, path.parent).items() for line in node_lines(name, node)]
        return {path: "\n".join(["%YAML:1.0", "---", *lines, ""]).encode()}


def parse(text: str, path: Path) -> Tree:
    """A document in plain containers, with texts for all values. Aliases, which could make it large, are refused."""
    try:
        text = HEADER.sub("", text)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.BaseLoader)):
            raise UserError(f"{path}: it has aliases (*name), expected a calibration as OpenCV writes it")
        found = plain(yaml.compose(text, Loader=yaml.BaseLoader), path)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UserError(f"{path}: not a readable YAML file ({one_line(str(error))[:300]})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: it is {shortened(found)}, expected camera_matrix and the like")
    return found


def plain(node: Any, path: Path) -> Any:
    """A node of PyYAML's as plain containers, whatever its tags. Raises `UserError` for a name that is there twice."""
    if isinstance(node, yaml.SequenceNode):
        return [plain(each, path) for each in node.value]
    if not isinstance(node, yaml.MappingNode):
        return getattr(node, "value", None)
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in found:
            raise UserError(f"{path}: {shortened(name)} stands there twice; take one of them out")
        found[name] = plain(value, path)
    return found


def node_lines(name: str, node: int | Matrix | list[str]) -> list[str]:
    """The lines of one node; numbers have all of their digits."""
    if isinstance(node, int):
        return [f"{name}: {node}"]
    if isinstance(node, list):
        return [f"{name}:", *(f"   - {json.dumps(each, ensure_ascii=False)}" for each in node)]
    head = [f"{name}: !!opencv-matrix", f"   rows: {len(node.rows)}", f"   cols: {len(node.rows[0])}", "   dt: d"]
    rows = [", ".join(map(repr, row)) for row in node.rows]
    return [*head, f"   data: [ {f',{chr(10)}       '.join(rows)} ]"]
