"""A textured cube, for tests that need some scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from invrender.io.schema import CameraConfig, LightConfig, ObjectConfig, SceneConfig, SceneFile

SCENE = """\
# @package _global_
defaults:
  - /camera@_global_.camera: perspective
  - /light@_global_.light: studio
  - _self_
camera: {azimuth: 30, elevation: 20, distance: 4.0, look_at: [0, 0, 0], fov: 40, width: 24, height: 16}
scene:
  folder: ../files
  background: [0.02, 0.02, 0.03]
  objects:
    cube: {mesh: cube.obj, texture: cube.png, albedo: [1, 1, 1], specular: [0.2, 0.2, 0.2], position: [0, 0, 0]}
"""


def write_cube(folder: Path) -> None:
    """Write cube.obj, of side 1 about the origin, and cube.png, which every side shows whole."""
    corners = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
    sides = [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)]
    lines = [f"v {x} {y} {z}" for x, y, z in corners] + ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    lines += [f"f {a}/1 {b}/2 {c}/3\nf {a}/1 {c}/3 {d}/4" for a, b, c, d in sides]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cube.obj").write_text("\n".join(lines) + "\n")
    texture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(texture).save(folder / "cube.png")


def write_box(folder: Path) -> None:
    """Write the config folder ``cfg`` with the scene ``box``, a cube, into a folder."""
    (folder / "cfg" / "scene").mkdir(parents=True)
    write_cube(folder / "cfg" / "files")
    (folder / "cfg" / "scene" / "box.yaml").write_text(SCENE)


def cube_file() -> SceneFile:
    """A scene of the cube, seen from a corner in a picture of 24 by 16 pixels."""
    thing = ObjectConfig(mesh="cube.obj", texture="cube.png", specular=[0.2, 0.2, 0.2], position=[0.0, 0.0, 0.0])
    return SceneFile(
        scene=SceneConfig(background=[0.02, 0.02, 0.03], objects={"cube": thing}),
        camera=CameraConfig(width=24, height=16, azimuth=30, elevation=20, look_at=[0.0, 0.0, 0.0]),
        light={
            "key": LightConfig(kind="point", intensity=0.85, position=[-2.0, 3.0, 4.0]),
            "ambient": LightConfig(kind="ambient", intensity=0.25),
        },
    )
