"""Photographs that are no part of the project, as scenes: a cracker box on a desk, and a chessboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml


def box_scene(folder: Path, told: dict[str, Any], start: list[list[float]]) -> dict[str, Any]:
    """The box as a scene, seen from ``start``. told: what box.json in the folder says."""
    return {
        "scene": {
            "folder": str(folder),
            "background": [0.1, 0.1, 0.1],
            "objects": {"box": {"mesh": "box.ply", "texture": "box.png"}},
        },
        "camera": {
            **{key: told[key] for key in ("width", "height", "focal", "principal", "pixel_centers")},
            "camera_from_world": rigid(start).tolist(),
        },
        "light": {
            "key": {"kind": "point", "intensity": 0.5, "position": [0, 0, 0], "falloff": "none"},
            "ambient": {"kind": "ambient", "intensity": 0.5},
        },
    }


def board_scene(folder: Path, told: dict[str, Any], start: list[list[float]]) -> dict[str, Any]:
    """The board as a scene, seen from ``start``, with a lamp in front of it. told: what board.json says."""
    inner, (height, width) = told["intrinsics"], told["size"]
    return {
        "scene": {
            "folder": str(folder),
            "background": [0.1, 0.1, 0.1],
            "objects": {"board": {"mesh": "board.obj", "texture": "board.png", "albedo": [0.9, 0.9, 0.9]}},
        },
        "camera": {
            "width": width,
            "height": height,
            "focal": [inner["fx"], inner["fy"]],
            "principal": [inner["cx"], inner["cy"]],
            "camera_from_world": rigid(start).tolist(),
            "look_at": [3.5, 5.0, 0.0],
        },
        "light": {
            "key": {"kind": "point", "intensity": 300.0, "position": [0, 0, -22], "falloff": "inverse_square"},
            "ambient": {"kind": "ambient", "intensity": 0.15},
        },
    }


def write_scene(path: Path, scene: dict[str, Any]) -> None:
    """Write a scene's file."""
    path.write_text("# @package _global_\n" + yaml.safe_dump(scene))


def rigid(matrix: list[list[float]]) -> np.ndarray:
    """The rigid transform nearest to one that is rounded."""
    found = np.array(matrix)
    left, _, right = np.linalg.svd(found[:3, :3])
    found[:3, :3] = left @ right
    return found
