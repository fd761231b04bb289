"""The lesson of poses: what a network says of a picture is rendered, and compared with the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import roma
import torch
from torch import Tensor
from torch.nn import functional

from invrender import checks
from invrender.errors import UserError
from invrender.fitting.state import digest
from invrender.learning.base import Errors, Learner
from invrender.learning.pose.gallery import Gallery
from invrender.learning.pose.network import Answer, PoseNetwork
from invrender.learning.pose.placing import Middle, Ranges, draw_rotations, focal_share, is_plain, place_cameras
from invrender.learning.pose.studio import Studio
from invrender.record.display import Picture, difference_picture, srgb_picture
from invrender.render.edge import EdgeRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Scene

NAME = "pose"
# Poses that are further off are of another side of the object.
LOST_DEGREES = 30.0
# What colours become before they are compared, so that dark ones count: a root, with this below it.
FLOOR = 0.01
# What the terms of the loss count, and how many times pictures are halved before they are compared again.
SCORE, LIGHT, OUTLINE, LEVELS = 0.1, 1.0, 0.5, 4
SHOWN, TILE = 8, 96
# Of differences of pictures, as shares: of those that are less, none is told from another.
LEAST = 0.02


@dataclass(frozen=True)
class PoseLesson:
    """From a picture to the camera's pose and the brightness of the lights, without being told either.

    Each step draws ``fresh`` pictures and learns from some of the latest ``pool``. Scores learn which hypotheses, as
    they are, look most like a picture: it is compared with pictures of all of them (`Gallery`). One of these, drawn by
    how much they look like it, is corrected, placed and lit as the network says, and rendered, for ``rendered``
    pictures of a batch. Two differences have a gradient in all of it: that of the mean colours, and that of colours and
    silhouettes at several resolutions once the mean colours are made alike; else wrong poses would best be dark.

    size: pixels of the square pictures. width: channels of the first convolution. hypotheses: rotations that cover all.
    sharpness: how much less likely is a hypothesis that differs by as much again as the best one.
    unseen: pictures that it is examined on.
    """

    size: int = 32
    width: int = 32
    hypotheses: int = 576
    fresh: int = 32
    pool: int = 1024
    rendered: int = 32
    sharpness: float = 10.0
    unseen: int = 256
    shift: float = 0.08
    near: float = 0.85
    far: float = 1.3
    light: float = 2.0

    def __post_init__(self) -> None:
        for name in ("width", "hypotheses", "fresh", "pool", "rendered", "unseen"):
            checks.count(f"lesson.{name}", getattr(self, name))
        checks.above_zero(**{f"lesson.{name}": getattr(self, name) for name in ("sharpness", "near", "far")})
        checks.interval("lesson.[near, far]", [self.near, self.far], 0)
        checks.at_least("lesson.shift", self.shift, 0)
        checks.at_least("lesson.light", self.light, 1)
        if self.size < 16 or self.size % 16 or self.size > 256:
            raise UserError(f"lesson.size is {self.size}, expected 16, 32, 48 or another multiple of 16 up to 256")

    @property
    def ranges(self) -> Ranges:
        """What pictures are drawn of."""
        return Ranges(self.shift, self.near, self.far, self.light)

    def begin(self, scene: Scene) -> PoseLearner:
        """A learner that knows nothing yet. Raises `UserError` for a lens, and where no light is to be found."""
        camera = scene.camera
        if not is_plain(camera):
            raise UserError(
                "lesson: the scene's camera has a lens or is orthographic, expected a plain perspective one"
            )
        return PoseLearner(self, scene)


class PoseLearner(Learner):
    """A network that learns poses of a scene's camera.

    pool: [P, 4, S, S], the latest pictures, of which ``filled`` are there; colours and silhouettes.
    unseen: [U, 4, S, S], what it is examined on; poses, lights: [U, 4, 4] and [U], the truth of these.
    """

    network: PoseNetwork
    pool: Tensor
    filled: Tensor
    unseen: Tensor
    poses: Tensor
    lights: Tensor

    def __init__(self, lesson: PoseLesson, scene: Scene) -> None:
        super().__init__()
        self.lesson, size = lesson, lesson.size
        self.network = PoseNetwork(size, lesson.width, lesson.hypotheses)
        self.quick, self.smooth = (
            Studio(scene, size, each) for each in (HardRenderer(samples=1), EdgeRenderer(samples=1))
        )
        self.middle = Middle.of(scene.camera)
        fine = Studio(scene, size, HardRenderer(samples=2))
        self.about = digest(scene.objects)
        with torch.no_grad():
            anchors = self.network.anchors.to(scene.camera.camera_from_world)
            usual = lesson.ranges.usual.to(anchors).expand(lesson.hypotheses, 3)
            hypotheses = place_cameras(self.middle, anchors, usual)
            self.gallery = Gallery(*fine.split_lights(hypotheses), fine.camera, lesson.light)
            poses, lights = self.draw(lesson.unseen)
            truth = {"unseen": fine(poses, lights), "poses": poses, "lights": lights}
        for name, tensor in truth.items():
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer("pool", torch.zeros(lesson.pool, 4, size, size))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Poses [count, 4, 4] and logarithms [count] of the lights, from anywhere."""
        ranges, like = self.lesson.ranges, self.quick.camera.camera_from_world
        rotations, places = draw_rotations(count).to(like), ranges.draw_places(count).to(like)
        poses = place_cameras(self.middle, rotations, places)
        return poses, ranges.draw_lights(count).to(like)

    def take(self, count: int) -> Tensor:
        """Pictures [count, 4, S, S] of the pool, with new ones in place of the oldest."""
        with torch.no_grad():
            fresh = self.quick(*self.draw(self.lesson.fresh))
        self.pool = torch.cat([fresh, self.pool])[: self.lesson.pool]
        self.filled = (self.filled + len(fresh)).clamp(1, self.lesson.pool)
        return self.pool[torch.randint(int(self.filled), (count,)).to(self.pool.device)]

    def terms(self, count: int) -> Mapping[str, Tensor]:
        """The scores' cross entropy, and the difference of renderings and pictures."""
        pictures = self.take(count)
        answer = self.network(pictures[:, :3])
        likely = self.compare(pictures, answer)
        score = -(likely * functional.log_softmax(answer.scores, dim=1)).sum(1).mean()
        some = slice(self.lesson.rendered)
        chosen = likely[some].multinomial(1)[:, 0]
        rendered, seen = self.render(answer.select(some), chosen), pictures[some]
        brighter = brightness(seen) / brightness(rendered)
        picture = picture_difference(scale_colors(rendered, brighter), seen)
        return {"score": SCORE * score, "picture": picture, "light": LIGHT * brighter.log().square().mean()}

    def compare(self, pictures: Tensor, answer: Answer) -> Tensor:
        """How likely each hypothesis is [N, K], by how much its picture differs from the one that was seen."""
        with torch.no_grad():
            centered = self.gallery.center(pictures, answer.places, self.lesson.ranges.usual.to(pictures))
            apart = self.gallery.compare(centered)
            best = apart.min(1, keepdim=True).values.clamp(min=LEAST)
            return torch.softmax(-self.lesson.sharpness * apart / best, dim=1)

    def render(self, answer: Answer, index: Tensor) -> Tensor:
        """What the network says of N pictures by one hypothesis [N] each, drawn: [N, 4, S, S]."""
        drawn: Tensor = self.smooth(self.pose(answer, index), answer.lights)
        return drawn

    def pose(self, answer: Answer, index: Tensor) -> Tensor:
        """The poses [N, 4, 4] that one hypothesis [N] of each picture stands for."""
        return place_cameras(self.middle, self.network.rotations(answer, index), answer.places)

    @torch.no_grad()
    def examine(self) -> Errors:
        """Medians of the errors, and the share of pictures whose pose is lost."""
        answer = self.network(self.unseen[:, :3])
        found = self.pose(answer, answer.scores.argmax(1))
        degrees = torch.rad2deg(roma.rotmat_geodesic_distance(found[:, :3, :3], self.poses[:, :3, :3]))
        true = position(self.poses)
        apart = (position(found) - true).norm(dim=1) / (true - true.new_tensor(self.middle.point)).norm(dim=1)
        light = (answer.lights - self.lights).exp() - 1
        pose = {"rotation_deg": float(degrees.median()), "position_relative": float(apart.median())}
        lost = float((degrees > LOST_DEGREES).float().mean())
        return {"pose": pose, "lost": {"relative": lost}, "light": {"relative": float(light.abs().median())}}

    @torch.no_grad()
    def show(self) -> Picture:
        """Above what it saw, below it what it says, and the difference of both."""
        seen = self.unseen[:SHOWN]
        answer = self.network(seen[:, :3])
        said = self.render(answer, answer.scores.argmax(1))
        rows = [[srgb_picture(each[:3].permute(1, 2, 0)) for each in pictures] for pictures in (seen, said)]
        rows.append([difference_picture(*pair) for pair in zip(*rows, strict=True)])
        times = max(1, TILE // self.lesson.size)
        sheet: Picture = np.concatenate([np.concatenate(row, axis=1) for row in rows]).repeat(times, 0).repeat(times, 1)
        return sheet

    def metadata(self) -> Mapping[str, Any]:
        """The lesson, and what it was about."""
        return {
            "network": NAME,
            **{name: getattr(self.lesson, name) for name in ("size", "width", "hypotheses")},
            "scene": self.about,
            "focal": focal_share(self.quick.camera),
            "point": self.middle.point,
            "distance": self.middle.distance,
            "intensities": self.quick.intensities,
        }


def position(poses: Tensor) -> Tensor:
    """Where cameras are [N, 3], in the world."""
    return -(poses[:, :3, :3].mT @ poses[:, :3, 3:])[:, :, 0]


def brightness(pictures: Tensor) -> Tensor:
    """The mean colour [N] of pictures [N, 4, S, S]."""
    return pictures[:, :3].mean(dim=(1, 2, 3)).clamp(min=FLOOR)


def scale_colors(pictures: Tensor, factors: Tensor) -> Tensor:
    """Pictures [N, 4, S, S] made brighter by factors [N]."""
    return torch.cat([pictures[:, :3] * factors[:, None, None, None], pictures[:, 3:]], dim=1)


def picture_difference(first: Tensor, second: Tensor) -> Tensor:
    """The mean squared difference [] of pictures [N, 4, S, S], of roots of colours and silhouettes, at all `LEVELS`."""
    difference = compared(first) - compared(second)
    total = difference.square().mean()
    for _ in range(LEVELS - 1):
        difference = functional.avg_pool2d(difference, 2)
        total = total + difference.square().mean()
    return total


def compared(pictures: Tensor) -> Tensor:
    """Pictures [N, 4, S, S] as they are compared."""
    return torch.cat([(pictures[:, :3].clamp(min=0) + FLOOR).sqrt(), OUTLINE * pictures[:, 3:]], dim=1)
