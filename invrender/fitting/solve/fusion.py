"""The fusion of pictures, one after the other, with what was known before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import Evaluation, GriddedObjective, Raw, check_settings
from invrender.fitting.solve.grid_least_squares import add_step, factorize, find_gridded, smoothness
from invrender.fitting.solve.probing import Probes, linearize_sparsely

# Of a Gauss-Newton step, what is tried.
SHARES = (1.0, 0.5, 0.25, 0.125)
# A step of fewer learning rates is the last one for its picture.
CLOSE = 0.1


class Knowledge(TypedDict):
    """What is known of the entries of an unknown: their mean, and a sparse information matrix [K, K].

    mean: [N, C], what is added to the entries of the start. rows, columns, values: those of the matrix that are not 0.
    """

    mean: Tensor
    rows: Tensor
    columns: Tensor
    values: Tensor


class Fused(TypedDict):
    """frame: the number of the next picture, of ``frames``. knowledge: after those before."""

    frame: int
    frames: int
    knowledge: Knowledge


@dataclass(frozen=True)
class Fusion:
    """Least squares of one picture after the other: a step adds what one more says of an unknown over a grid.

    What is known before, a mean and an information matrix, and the picture make a sum of squares. Its minimum, by a few
    Gauss-Newton steps, is the new mean, and the picture's own information is added (Zienkiewicz et al., "Real-Time
    Height Map Fusion using Differentiable Rendering", 2016). The variance of a picture's noise is what it leaves, block
    by block.

    stages: one, whose steps are pictures at most. rounds: Gauss-Newton steps for each picture at most. deviation: of an
    entry from its start before any picture is seen, in learning rates; steepness: of the difference of two neighbours.
    """

    stages: Sequence[Stage]
    rounds: int = 20
    deviation: float = 50.0
    steepness: float = 3.0

    def __post_init__(self) -> None:
        check_settings(self, ("rounds", "deviation", "steepness"))
        if len(self.stages) > 1:
            raise UserError(f"optimizer.stages has {len(self.stages)}, expected one: each picture is seen once")

    def init(self, objective: GriddedObjective, raw: Raw) -> Fused:
        """What is known before the first picture. Raises `UserError` for other unknowns than one over a grid."""
        name, parameter = find_gridded(objective, raw)
        places, rate = parameter.places(objective.scene).cpu().numpy(), objective.rates[name]
        matrix = smoothness(places, self.deviation * rate, self.steepness * rate, raw[name].shape[1])
        mean = parameter.entry_changes(objective.scene, raw[name])
        return {"frame": 0, "frames": len(objective.sizes), "knowledge": to_knowledge(matrix, mean)}

    def step(self, objective: GriddedObjective, raw: Raw, state: Fused) -> tuple[Evaluation, Raw, Fused]:
        """The evaluation of all pictures, and the raw tensors after one more picture."""
        name, parameter = find_gridded(objective, raw)
        with torch.no_grad():
            evaluation = objective(raw)
        frame, known = objective.frame(state["frame"]), to_matrix(state["knowledge"])
        probes = Probes.of(parameter, objective.scene)
        for _ in range(self.rounds):
            local = linearize_sparsely(frame, raw, name, probes)
            variance = float(np.median(local.variances()))
            normal, slope = local.normal_equations(variance)
            away = self.away(objective, raw, state)
            step = -factorize(known + normal)(slope + known @ away)
            before, raw = raw, self.shorten(frame, raw, step, (known, away), variance)
            if float((raw[name] - before[name]).abs().max()) < CLOSE * objective.rates[name]:
                break
        last = local if raw is before else linearize_sparsely(frame, raw, name, probes)
        information = known + last.normal_equations(last.variances())[0]
        knowledge = to_knowledge(information, parameter.entry_changes(frame.scene, raw[name]))
        return evaluation, raw, {**state, "frame": state["frame"] + 1, "knowledge": knowledge}

    def away(self, objective: GriddedObjective, raw: Raw, state: Fused) -> Any:
        """How far the entries are from the mean that was known, [K]."""
        name, parameter = find_gridded(objective, raw)
        found = parameter.entry_changes(objective.scene, raw[name]) - state["knowledge"]["mean"]
        return found.detach().double().cpu().numpy().reshape(-1)

    def shorten(self, frame: GriddedObjective, raw: Raw, step: Any, before: tuple[Any, Any], scale: float) -> Raw:
        """The raw tensors after the longest share of a step that lowers the sum of squares; as they are for none."""
        known, away = before
        (name,) = raw

        def energy(raw: Raw, away: Any) -> float:
            with torch.no_grad():
                return float(frame(raw).loss) / scale + float(away @ (known @ away))

        start = energy(raw, away)
        for share in SHARES:
            trial = add_step(frame, raw, name, share * step)
            if energy(trial, away + share * step) < start:
                return trial
        return raw

    def done(self, state: Fused) -> bool:
        """Whether all pictures are seen."""
        return state["frame"] == state["frames"]


def to_knowledge(matrix: Any, mean: Tensor) -> Knowledge:
    """A sparse matrix and a mean as tensors."""
    entries = matrix.tocoo()
    rows, columns, values = (torch.from_numpy(each.copy()) for each in (*entries.coords, entries.data))
    return {"mean": mean.detach(), "rows": rows, "columns": columns, "values": values}


def to_matrix(known: Knowledge) -> Any:
    """The information matrix, scipy's."""
    from scipy.sparse import coo_array

    size = known["mean"].numel()
    rows, columns, values = (each.numpy() for each in (known["rows"], known["columns"], known["values"]))
    return coo_array((values, (rows, columns)), shape=(size, size)).tocsc()
