"""Poses from depth and colours: of a real room by another frame of it, and of a drawn object behind another one.

The frames of the room are not part of the project. INVRENDER_REAL_RGBD names their folder; without it a folder
``shared/real_rgbd`` beside the checkout is taken, and where there is none the test is skipped.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rgbd
import roma
import tiny
import torch
import yaml
from PIL import Image

from invrender.cli import run
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LevenbergMarquardt
from invrender.losses import Depth, Huber, Silhouette
from invrender.losses.base import Loss
from invrender.parameters import ObjectPose
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Target, View
from invrender.targets import render_target

FOLDER = Path(os.environ.get("INVRENDER_REAL_RGBD", Path(__file__).parents[3] / "shared" / "real_rgbd"))
NUMBER = 4
# Colours pull from less far than depths, which go first.
FIRST = "sigma: 0, losses: [depth]"
STAGES = f"[{{steps: 12, size: 32, {FIRST}}}, {{steps: 10, size: 64, {FIRST}}}, {{steps: 10, sigma: 0, samples: 2}}]"
LOSSES = {
    "depth": ["loss=depth"],
    "both": ["loss=[depth,object]", "loss.object.weight=150"],
}
# Left of this column there is a window, through which colours are seen that are not where the depth is.
WINDOW = 180

needs_the_frames = pytest.mark.skipif(not (FOLDER / "trajectory.log").exists(), reason="the frames are not here")


def write_room(folder: Path, stride: int) -> Path:
    """The first frame's mesh as a scene in its camera's frame, in metres, lit from everywhere alike."""
    rgbd.triangulate(rgbd.read_frame(FOLDER, 0), stride).export(folder / "room.ply")
    scene = {
        "scene": {"objects": {"room": {"mesh": "room.ply"}}},
        "camera": {
            "width": 640,
            "height": 480,
            "focal": rgbd.FOCAL,
            "principal": list(rgbd.CENTER),
            "pixel_centers": "integer",
            "far": 20.0,
        },
        "light": {"ambient": {"kind": "ambient"}},
    }
    path = folder / "room.yaml"
    path.write_text("# @package _global_\n" + yaml.safe_dump(scene))
    return path


def true_pose() -> np.ndarray:
    """camera_from_world of the frame that is fitted, the world being the first frame's camera."""
    first, other = (rgbd.read_frame(FOLDER, number).world_from_camera for number in (0, NUMBER))
    return np.linalg.inv(other) @ first


def displace(camera_from_world: np.ndarray, metres: float, degrees: float, seed: int) -> np.ndarray:
    """Another camera so far away in a direction that the seed draws, and turned by so much about such an axis."""
    shift, axis = np.random.default_rng(seed).normal(size=(2, 3))
    change = np.eye(4)
    vector = torch.from_numpy(math.radians(degrees) * axis / np.linalg.norm(axis))
    change[:3, :3] = roma.rotvec_to_rotmat(vector).numpy()
    change[:3, 3] = metres * shift / np.linalg.norm(shift)
    return change @ camera_from_world


def compare(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """By how many metres the cameras are apart, and by how many degrees they are turned."""
    difference = found @ np.linalg.inv(truth)
    turned = roma.rotmat_to_rotvec(torch.from_numpy(difference[:3, :3])).norm()
    places = [-each[:3, :3].T @ each[:3, 3] for each in (found, truth)]
    return float(np.linalg.norm(places[0] - places[1])), math.degrees(float(turned))


def write_weight(folder: Path) -> Path:
    """A picture of what counts: all but the window."""
    weight = np.full((480, 640), 255, np.uint8)
    weight[:, :WINDOW] = 0
    Image.fromarray(weight).save(folder / "weight.png")
    return folder / "weight.png"


def find_pose(folder: Path, scene: Path, start: np.ndarray, words: Sequence[str]) -> np.ndarray:
    """camera_from_world that a fit of the frame finds."""
    frame = [f"target={FOLDER}/color_{NUMBER:05}.jpg", f"target.weight={write_weight(folder.parent)}", *words]
    frame += [f"target.depth={FOLDER}/depth_{NUMBER:05}.png", f"target.depth_unit={rgbd.MILLIMETRE}"]
    camera = f"camera.camera_from_world={start.tolist()}"
    quiet = ["record=none", "record.files=true", "search=off", f"hydra.run.dir={folder}", "-q"]
    status = run(
        [
            "fit",
            f"scene={scene}",
            *frame,
            camera,
            "recover=camera_pose",
            "optimizer=lm",
            f"optimizer.stages={STAGES}",
            "target.clipped=exact",
            *quiet,
        ]
    )
    assert status != 2
    recovered = yaml.safe_load((folder / "recovered" / "scene.yaml").read_text())
    return np.array(recovered["camera"]["camera_from_world"])


@needs_the_frames
@pytest.mark.parametrize("compared", LOSSES)
def test_finds_where_another_frame_was_taken(compared: str, tmp_path: Path) -> None:
    """Within 1 cm and half a degree, from 5 cm and 5° off, of small pictures."""
    scene, truth = write_room(tmp_path, stride=4), true_pose()
    start = displace(truth, 0.05, 5.0, seed=0)
    assert compare(start, truth) == pytest.approx((0.05, 5.0), rel=0.6)
    found = find_pose(tmp_path / "fit", scene, start, [*LOSSES[compared], "target.max_size=160"])
    metres, degrees = compare(found, truth)
    assert metres < 0.01, (metres, degrees)
    assert degrees < 0.5, (metres, degrees)


NOISE = 0.01
DEPTH: dict[str, Loss] = {"depth": Depth(noise=NOISE, growth=0.0, where="mask"), "silhouette": Silhouette(weight=100)}
DRAWN: dict[str, dict[str, Loss]] = {
    "depth": DEPTH,
    "both": {**DEPTH, "huber": Huber(where="object", delta=0.02, weight=150)},
}


def measure(view: View, seed: int) -> View:
    """The view as a sensor sees it: before a wall, with noise, a fifth not measured, and a hand in front of a part."""
    random = torch.Generator().manual_seed(seed)
    depth = torch.where(view.picture.depth > 0, view.picture.depth, 5.0)
    depth = depth + NOISE * torch.randn(depth.shape, generator=random, dtype=depth.dtype)
    depth = torch.where(torch.rand(depth.shape, generator=random) < 0.2, 0, depth)
    rgb = view.rgb.clone()
    depth[30:40, 12:26], rgb[30:40, 12:26] = 1.5, 0.4
    return View(view.picture.with_channels(depth=depth, rgb=rgb))


@pytest.mark.parametrize("compared", DRAWN)
def test_finds_a_drawn_object_behind_a_hand(compared: str) -> None:
    """Its pose from 15° and 5% of the distance off, to 0.8° and a fifth of a per cent, with its outline in the mask."""
    start, pose = tiny.scene(64), ObjectPose(object="textured")
    off = torch.tensor([0.15, -0.2, 0.05, 0.03, -0.02, 0.035], dtype=torch.float64)
    target = render_target(pose.apply(start, off), samples=2, channels=frozenset(("depth",)))
    seen = Target((measure(target.views[0], seed=0),), target.truth)
    stages = [Stage(12, size=24, sigma=0), Stage(12, sigma=0)]
    problem = Problem(start, seen, {"pose": pose}, EmbeddedRenderer(), DRAWN[compared])
    *_, last = fit(problem, LevenbergMarquardt(stages))
    assert last.errors["pose"]["rotation_deg"] < 0.8, last.errors
    assert last.errors["pose"]["position_relative"] < 0.002, last.errors
