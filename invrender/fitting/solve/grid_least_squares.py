"""Least squares for unknowns over a grid: of all pictures at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import torch

from invrender.errors import UserError
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import Evaluation, GriddedObjective, Raw, check_settings
from invrender.fitting.solve.probing import Probes, linearize_sparsely
from invrender.parameters.base import Gridded

MOST_TRIALS = 6
# So many cells away what is damped is how far entries move, and nearer how far they move apart.
LONGEST = 30.0


class Damped(TypedDict):
    """damping: as a share of the curvature. finished: whether the last step was too short to go on after it."""

    damping: float
    finished: bool


@dataclass(frozen=True)
class GridLeastSquares:
    """Gauss-Newton steps for one unknown over a grid, with a sparse Jacobian and Levenberg's damping.

    stages: the coarse-to-fine schedule. damping: at the start of a stage, as a share of the curvature. accuracy: a
    stage ends with a step that gains less than this share of the loss.
    """

    stages: Sequence[Stage]
    damping: float = 1e-3
    accuracy: float = 1e-3

    def __post_init__(self) -> None:
        check_settings(self, ("damping", "accuracy"))

    def init(self, objective: GriddedObjective, raw: Raw) -> Damped:
        """The damping at the start of a stage. Raises `UserError` for other unknowns than one over a grid."""
        find_gridded(objective, raw)
        return {"damping": self.damping, "finished": False}

    def step(self, objective: GriddedObjective, raw: Raw, state: Damped) -> tuple[Evaluation, Raw, Damped]:
        """One step that lowers the loss; `done` if there is none."""
        name, parameter = find_gridded(objective, raw)
        with torch.no_grad():
            evaluation = objective(raw)
        before = float(evaluation.loss)
        local = linearize_sparsely(objective, raw, name, Probes.of(parameter, evaluation.scene))
        normal, slope = local.normal_equations()
        damping, smooth = state["damping"], self.metric(parameter, objective, normal)
        for _ in range(MOST_TRIALS):
            trial = add_step(objective, raw, name, -factorize(normal + damping * smooth)(slope))
            with torch.no_grad():
                after = float(objective(trial).loss)
            if after < before:
                gained = (before - after) / before
                return evaluation, trial, {"damping": max(damping / 5, 1e-9), "finished": gained < self.accuracy}
            damping *= 5
        return evaluation, raw, {"damping": damping, "finished": True}

    def metric(self, parameter: Gridded, objective: GriddedObjective, normal: Any) -> Any:
        """What a step is damped by, sparse [K, K]: how much neighbours move apart, and a little how far they move.

        What shading says of heights falls as their waves get longer, as this does, so that all waves are damped alike.
        What no picture shows moves along with what is around it.
        """
        places = parameter.places(objective.scene).cpu().numpy()
        numbers = normal.shape[0] // len(places)
        return normal.diagonal().mean() / 4 * smoothness(places, LONGEST, 1.0, numbers)

    def done(self, state: Damped) -> bool:
        """Whether the last step gained little."""
        return state["finished"]


def smoothness(places: Any, deviation: float, steepness: float, numbers: int) -> Any:
    """The information [K, K] of entries that differ from 0 by a deviation, and from their neighbours by a steepness.

    places: [N, 2], rows and columns. numbers: C, of each entry; K = N C.
    """
    from scipy.sparse import coo_array, eye_array, kron

    one, other = find_neighbours(places)
    rows, signs = np.tile(np.arange(len(one)), 2), np.repeat([1.0, -1.0], len(one))
    slopes = coo_array((signs, (rows, np.concatenate([one, other]))), shape=(len(one), len(places))).tocsr()
    alone = deviation**-2 * eye_array(len(places)) + steepness**-2 * (slopes.T @ slopes)
    return kron(alone, eye_array(numbers)).tocsc()


def find_neighbours(places: Any) -> tuple[Any, Any]:
    """The entries [E] and [E] that lie next to each other, of rows and columns [N, 2]."""
    number = np.full(places.max(axis=0) + 1, -1)
    number[places[:, 0], places[:, 1]] = np.arange(len(places))
    pairs = [(number[:-1], number[1:]), (number[:, :-1], number[:, 1:])]
    one, other = (np.concatenate([pair[side].reshape(-1) for pair in pairs]) for side in (0, 1))
    return one, other


def factorize(matrix: Any) -> Any:
    """What solves equations with a sparse matrix that is symmetric and positive."""
    from scipy.sparse.linalg import splu

    options = {"SymmetricMode": True}
    return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options).solve


def find_gridded(objective: GriddedObjective, raw: Raw) -> tuple[str, Gridded]:
    """The one unknown that moves. Raises `UserError` for several, and for one that is not over a grid."""
    (name, *others), parameters = raw, objective.parameters
    parameter = parameters[name]
    if others or not isinstance(parameter, Gridded):
        raise UserError(
            f"optimizer: sparse least squares take one unknown over a grid, such as height_map, and here "
            f"{', '.join(raw)} move; set optimizer=auto, or name it in the stage's unknowns"
        )
    return name, parameter


def add_step(objective: GriddedObjective, raw: Raw, name: str, step: Any) -> Raw:
    """The raw tensors after a step [N C] of the entries of one unknown."""
    parameter, value = objective.parameters[name], raw[name]
    assert isinstance(parameter, Gridded)
    return {**raw, name: parameter.raw_adding(objective.scene, value, torch.from_numpy(step).to(value).view_as(value))}
