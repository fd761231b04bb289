"""A trained network, from its file: what it says of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.state import digest
from invrender.images.resample import resize_area
from invrender.learning.pose.lesson import NAME
from invrender.learning.pose.network import PoseNetwork
from invrender.learning.pose.placing import Middle, focal_share, is_plain, place_cameras
from invrender.learning.weights import read_weights
from invrender.scene import Camera, Scene
from invrender.typed import make_typed

# Focal lengths, and the middles of pictures, may differ by this share.
ALIKE = 0.02
# A file that says of more is none of ours.
MOST = 1 << 14


@dataclass(frozen=True)
class About:
    """What is to be known of a network, as `PoseLearner.metadata` says it."""

    size: int
    width: int
    hypotheses: int
    scene: str
    focal: float
    point: list[float]
    distance: float
    intensities: dict[str, float]


@dataclass(frozen=True)
class Guess:
    """A guess at a picture. camera_from_world: [4, 4]. light: the factor on the lights of the network's scene."""

    camera_from_world: Tensor
    light: float


@dataclass(frozen=True)
class TrainedNetwork:
    """A network, what it is about, and the file that it is from."""

    network: PoseNetwork
    about: About
    path: Path

    @classmethod
    def read(cls, path: Path, key: str) -> TrainedNetwork:
        """From a file; ``key`` names it in messages.

        Raises `UserError` for one that is not there, damaged, of another version or of another network.
        """
        tensors, metadata = read_weights(path, key)
        try:
            about = read_about(metadata)
            network = PoseNetwork(about.size, about.width, about.hypotheses)
            network.load_state_dict(tensors)
        except (TypeError, RuntimeError, ValueError) as error:
            raise UserError(f"{key}: {path} has the weights of another network; train one with lesson=pose") from error
        return cls(network.eval(), about, path)

    def check(self, scene: Scene, camera: Camera) -> None:
        """Raise `UserError` where the network has learned another scene, or pictures of another lens."""
        if self.about.scene != digest(scene.objects):
            raise UserError(f"{self.path} was trained on another scene, whose objects differ; train on this one")
        side, focal = min(camera.width, camera.height), focal_share(camera)
        middle = camera.intrinsics[:2, 2] - camera.intrinsics.new_tensor([camera.width, camera.height]) / 2
        if not is_plain(camera):
            raise UserError(f"{self.path} was trained on pictures of a plain perspective camera, and this is another")
        if abs(focal / self.about.focal - 1) > ALIKE or float(middle.abs().max()) > ALIKE * side:
            told = f"a focal length of {self.about.focal:.3g} of the shorter side about the middle"
            raise UserError(f"{self.path} was trained on pictures with {told}, and this has {focal:.3g}; train anew")

    @torch.no_grad()
    def guess(self, rgb: Tensor, count: int) -> list[Guess]:
        """The best guesses at a picture [H, W, 3], linear, of which it sees the middle; the best first."""
        size, side = self.about.size, min(rgb.shape[:2])
        top, left = ((length - side) // 2 for length in rgb.shape[:2])
        seen = resize_area(rgb[top : top + side, left : left + side].float().cpu(), size, size)
        answer = self.network(seen.permute(2, 0, 1)[None])
        best = answer.scores[0].argsort(descending=True)[:count]
        several = answer.repeat(len(best))
        x, y, z = self.about.point
        poses = place_cameras(
            Middle((x, y, z), self.about.distance), self.network.rotations(several, best), several.places
        )
        return [Guess(pose, float(answer.lights[0].exp())) for pose in poses]


def read_about(metadata: dict[str, Any]) -> About:
    """What a file says of its network. Raises `TypeError` or `ValueError` where it is another one."""
    if metadata.pop("network", None) != NAME:
        raise ValueError("another network")
    about = make_typed(About, metadata)
    sizes = (about.size, about.width, about.hypotheses)
    if len(about.point) != 3 or not 16 <= about.size <= 256 or min(sizes) < 1 or max(sizes) > MOST:
        raise ValueError("no such network")
    return about
