"""The network: from a picture to several hypotheses of a pose, each with a score, and to the light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import roma
import torch
from torch import Tensor, nn

from invrender.errors import UserError
from invrender.geometry.rotations import sample_rotations

# Dark pictures are told apart, too: what the network sees is the root of colours that are at least this.
DARKEST = 0.003
# How far its answers can be from the middle: of tangents and logarithms, and of the light's logarithm.
FARTHEST, BRIGHTEST = 0.5, 1.0
# What a correction of a rotation is multiplied by, so that it is small before anything is learned.
CORRECTION = 0.3


@dataclass(frozen=True)
class Answer:
    """What the network says of N pictures.

    scores: [N, K], logits of the hypotheses. places: [N, 3], as `place_cameras` has them. lights: [N], the logarithm of
    the factor on the lights. features: [N, F], from which hypotheses are corrected.
    """

    scores: Tensor
    places: Tensor
    lights: Tensor
    features: Tensor

    def select(self, some: slice) -> Answer:
        """What it says of some of the pictures."""
        return Answer(self.scores[some], self.places[some], self.lights[some], self.features[some])

    def repeat(self, count: int) -> Answer:
        """What it says of one picture, so many times."""
        parts = (self.scores, self.places, self.lights, self.features)
        return Answer(*(each.expand(count, *each.shape[1:]) for each in parts))


class Limit(torch.autograd.Function):
    """Numbers kept within a distance from 0, from where a gradient still leads back.

    Before anything is learned answers may run to where a function that levels off would keep them.
    """

    @staticmethod
    def forward(ctx: Any, numbers: Tensor, limit: float) -> Tensor:
        """Clamp."""
        ctx.save_for_backward(numbers)
        ctx.limit = limit
        return numbers.clamp(-limit, limit)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """The gradient, but where numbers are beyond the limit and a step would lead further away."""
        (numbers,) = ctx.saved_tensors
        leads_back = (numbers.abs() <= ctx.limit) | (gradients[0] * numbers > 0)
        return gradients[0] * leads_back, None


def limit(numbers: Tensor, farthest: float) -> Tensor:
    """Numbers kept within a distance from 0, see `Limit`."""
    kept: Tensor = Limit.apply(numbers, farthest)  # type: ignore[no-untyped-call]
    return kept


class PoseNetwork(nn.Module):
    """Three convolutions, a hidden layer, and heads for scores, the place, the light and corrections of hypotheses.

    size: pixels of the square pictures. width: channels of the first convolution. hypotheses: rotations that cover all.
    """

    anchors: Tensor

    def __init__(self, size: int, width: int, hypotheses: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("anchors", roma.rotvec_to_rotmat(sample_rotations(hypotheses)).float(), persistent=False)
        side = size // 8
        self.trunk = nn.Sequential(
            *(nn.Conv2d(3, width, 5, 2, 2), nn.ReLU()),
            *(nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU()),
            *(nn.Conv2d(2 * width, 4 * width, 3, 2, 1), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(4 * width * side * side, 8 * width), nn.ReLU()),
        )
        self.score = nn.Linear(8 * width, hypotheses)
        self.place = nn.Linear(8 * width, 4)
        last = nn.Linear(4 * width, 6)
        self.correct = nn.Sequential(nn.Linear(8 * width + 9, 4 * width), nn.ReLU(), last)
        for layer in (self.score, self.place, last):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, pictures: Tensor) -> Answer:
        """What it says of linear pictures [N, 3, size, size]. Raises `UserError` for those of another size."""
        if pictures.shape[1:] != (3, self.size, self.size):
            told = f"pictures are {list(pictures.shape)}"
            raise UserError(f"{told}, and the network knows [N, 3, {self.size}, {self.size}]")
        features = self.trunk(3 * (pictures.clamp(min=0) + DARKEST).sqrt() - 1)
        placed = self.place(features)
        places, lights = limit(placed[:, :3], FARTHEST), limit(placed[:, 3], BRIGHTEST)
        return Answer(self.score(features), places, lights, features)

    def rotations(self, answer: Answer, index: Tensor) -> Tensor:
        """The rotations [N, 3, 3] of one hypothesis for each picture, corrected by what the picture shows.

        index: [N]. Corrections are the first two columns of a rotation, made orthogonal (Zhou et al., 2019).
        """
        anchors = self.anchors[index]
        change = self.correct(torch.cat([answer.features, anchors.flatten(1)], dim=1)).reshape(-1, 3, 2)
        columns = torch.eye(3).to(change)[:, :2] + CORRECTION * change
        return torch.as_tensor(roma.special_gramschmidt(columns)) @ anchors
