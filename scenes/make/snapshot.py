"""A photograph of the vase as people take them, drawn: another lamp, another print, clutter, a hand in front, JPEG."""

from __future__ import annotations

import json
import math
from pathlib import Path

import roma
import torch

from invrender.geometry.cameras import rigid
from invrender.io.pictures import write_mask
from invrender.io.scenes import build_scene
from invrender.io.schema import CameraConfig, LightConfig, ObjectConfig, SceneConfig, SceneFile
from invrender.photographs.photography import Photography

SEED = 16
WIDTH, HEIGHT, FOV = 640, 480, 40.0
PLACE = (-1.3, 0.25, 7.4)  # of the vase's middle, in the camera's frame: x right, y down, z forward
TURNED = ((0.0, 0.0, 6.0), (22.0, 0.0, 0.0), (0.0, -62.0, 0.0))  # degrees: roll, elevation, azimuth
OFF, ASIDE = (9.0, 14.0, -8.0), (0.5, 0.2, -0.5)  # of the start from the truth: a rotation vector in degrees, a shift
PHOTOGRAPHY = Photography(
    occlusion=(0.15, 0.15), print=(0.2, 0.2), clutter=(30, 30), quality=(88, 88), distortion=(-0.05, 0.05)
)

START = """# @package _global_
# A rough start for photo.jpg: the camera as a matrix, about 19 degrees and a tenth of the distance off.
scene:
  folder: ../vase
  background: [0.2, 0.2, 0.2]
  objects:
    vase: {{mesh: vase.obj, specular: [0.15, 0.15, 0.15], shininess: 24}}
camera:
  fov: {fov:g}           # degrees across the shorter side
  width: {width}
  height: {height}
  look_at: [0, 0, 0]  # the middle of the vase
  camera_from_world:  # x right, y down, z forward
{rows}
light:
  key: {{kind: point, position: [4, 4, 2], intensity: 0.8}}
  ambient: {{kind: ambient, intensity: 0.3}}
"""


def write(folder: Path) -> None:
    """Write photo.jpg, mask.png, scene.yaml and truth.json; the vase's files lie beside the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    true, start = poses()
    scene = SceneConfig(objects={"vase": ObjectConfig("vase.obj", specular=[0.15, 0.15, 0.15], shininess=24.0)})
    camera = CameraConfig(width=WIDTH, height=HEIGHT, fov=FOV, look_at=[0, 0, 0], camera_from_world=true)
    lights = {"key": LightConfig("point", position=[0, 0, 1]), "ambient": LightConfig("ambient")}
    photograph = PHOTOGRAPHY.take(build_scene(SceneFile(scene, camera, lights), folder.parent / "vase"), seed=SEED)
    (folder / "photo.jpg").write_bytes(photograph.file)
    write_mask(folder / "mask.png", torch.from_numpy(photograph.mask))
    rows = "\n".join(f"    - {row}" for row in start)
    text = START.format(fov=FOV, width=WIDTH, height=HEIGHT, rows=rows)
    (folder / "scene.yaml").write_text(text, encoding="utf-8")
    answer = json.dumps({"fov": FOV, "width": WIDTH, "height": HEIGHT, "camera_from_world": true})
    (folder / "truth.json").write_text(answer.replace("[[", "[\n  [").replace("], ", "],\n  ") + "\n", encoding="utf-8")


def poses() -> tuple[list[list[float]], list[list[float]]]:
    """camera_from_world [4, 4] of the truth and of the start, to five decimals. The vase's middle is the origin."""
    roll, elevation, azimuth = (matrix(vector) for vector in TURNED)
    true = roll @ torch.diag(torch.tensor([1.0, -1.0, -1.0]).double()) @ elevation @ azimuth
    place = torch.tensor(PLACE).double()
    start = rigid(matrix(OFF) @ true, place + torch.tensor(ASIDE).double())
    return rounded(rigid(true, place)), rounded(start)


def matrix(degrees: tuple[float, float, float]) -> torch.Tensor:
    """The rotation [3, 3] of a rotation vector."""
    return torch.as_tensor(roma.rotvec_to_rotmat(torch.tensor(degrees).double() * (math.pi / 180)))


def rounded(pose: torch.Tensor) -> list[list[float]]:
    """The rows of a matrix, to five decimals."""
    return [[round(each, 5) + 0.0 for each in row] for row in pose.tolist()]
