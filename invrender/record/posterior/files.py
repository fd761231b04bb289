"""The draws of a posterior as files in a run's folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from invrender.fitting.sampling import Draws, Interval
from invrender.fitting.sampling.draws import Column
from invrender.io.atomic import atomic_write
from invrender.record.posterior.plots import write_corner, write_spread
from invrender.record.results import only_finite, read_json, write_result

CSV, ARRAYS, CORNER, SPREAD, RESULT = "samples.csv", "samples.npz", "corner.png", "spread.png", "result.json"
FILES = (CSV, ARRAYS, CORNER, SPREAD)


def write_draws(folder: Path, draws: Draws) -> None:
    """Write samples.csv, samples.npz, corner.png and spread.png, and then what was found into result.json."""
    write_table(folder / CSV, draws)
    write_arrays(folder / ARRAYS, draws)
    write_corner(folder / CORNER, draws)
    write_spread(folder / SPREAD, draws)
    result = read_json(folder / RESULT) if (folder / RESULT).is_file() else {}
    found = posterior_of(draws)
    verdict = result.get("verdict")
    if isinstance(verdict, dict):
        result["verdict"] = {**verdict, "posterior": {key: found[key] for key in ("status", "reason")}}
    write_result(folder / RESULT, {**result, "posterior": only_finite(found)})


def write_table(path: Path, draws: Draws) -> None:
    """Write a line for each draw: of which chain, in which mode, how likely, and the unknowns as people read them."""
    count, chains = draws.shape
    densities, values = draws.state.chains.densities, draws.values
    with atomic_write(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["chain", "draw", "mode", "log_density", *(column.name for column in draws.columns)])
        for chain in range(chains):
            for draw in range(count):
                where = [chain, draw, int(draws.charted[draw, chain]), float(densities[draw, chain])]
                writer.writerow([*where, *values[draw, chain].tolist()])


def write_arrays(path: Path, draws: Draws) -> None:
    """Write the draws as arrays, [N, T, …] by chain: raw tensors by unknown, values, modes and densities."""
    size = draws.places.shape[2]
    parts = [draws.sampling.tangent.split(place) for place in draws.places.reshape(-1, size)]
    count, chains = draws.shape
    arrays = {
        f"raw.{name}": np.stack([part[name].numpy() for part in parts]).reshape(count, chains, *shape).swapaxes(0, 1)
        for name, shape in draws.sampling.tangent.shapes.items()
    }
    others = {
        "values": draws.values.transpose(0, 1).numpy(),
        "mode": draws.charted.T.numpy(),
        "log_density": draws.state.chains.densities.T.numpy(),
        "columns": np.array([column.name for column in draws.columns]),
    }
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays, **others)


def posterior_of(draws: Draws) -> dict[str, Any]:
    """What ``result.json`` has of a posterior."""
    status, reason = draws.verdict
    count, chains = draws.shape
    sampler, noise, seconds = draws.sampling.sampler, draws.noise, draws.state.seconds
    return {
        "status": status,
        "reason": reason,
        "chains": chains,
        "draws": count,
        "seconds": seconds,
        "effective_per_second": draws.least_size / max(seconds, 1e-9),
        "acceptance": draws.state.chains.counts.rates,
        "noise": {"kind": sampler.noise, "sigma": noise.sigma, "dof": noise.dof, "inflation": noise.inflation},
        "parameters": nested({column: interval_of(each) for column, each in draws.intervals.items()}),
        "agreement": nested({column: vars(each) for column, each in draws.agreement.items()}),
        "modes": [
            {
                "mode": mode.number,
                "mass": mode.mass,
                "parameters": nested({column: interval_of(each) for column, each in mode.intervals.items()}),
            }
            for mode in draws.modes
        ],
    }


def interval_of(interval: Interval) -> dict[str, Any]:
    """A number's interval; its ends by share in per cent."""
    return {"mean": interval.mean, "deviation": interval.deviation, **{k: list(v) for k, v in interval.ends.items()}}


def nested(columns: Mapping[Column, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is known of single numbers, by unknown, key and then what it is; of several numbers as lists."""
    found: dict[str, dict[str, Any]] = {}
    for column, known in columns.items():
        there = found.setdefault(column.unknown, {}).setdefault(column.key, {})
        for name, value in known.items():
            if column.of > 1:
                there.setdefault(name, []).append(value)
            else:
                there[name] = value
    return found
