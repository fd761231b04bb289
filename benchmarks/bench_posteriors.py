"""What posteriors are worth: how often intervals hold the truth, the masses of modes, speed, and beside emcee.

`ONLY` of the command line are names of tables: coverage, modes, emcee, speed, box, board. Without any, all are measured
whose files are there: photographs in the folder `../shared` beside the checkout, and emcee where it can be imported.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, processors, write
from photographs import board_scene, box_scene, rigid, write_scene

import invrender
from invrender.config.assemble import Experiment
from invrender.fitting.sampling import Draws, Sampler, SamplingState
from invrender.fitting.step import Step
from invrender.record.posterior import write_draws
from invrender.record.posterior.plots import true_values

SHARED = Path(__file__).parents[2] / "shared"
TARGETS, SIZE, NOISE = 100, 32, 0.08
UNJUDGED = ("verdict.judge=false", "search=off")
EMCEE_STEPS, EMCEE_WALKERS = 600, 16
STAGES = "optimizer.stages=[{steps: 12, size: 32, blur: 2.0, sigma: 0}, {steps: 12, sigma: 0, samples: 4}]"
# A prism over a parallelogram looks the same after half a turn, and after no other one.
PRISM = """\
v -1.0 -0.4 -0.3
v 0.6 -0.4 -0.3
v 1.0 0.4 -0.3
v -0.6 0.4 -0.3
v -1.0 -0.4 0.3
v 0.6 -0.4 0.3
v 1.0 0.4 0.3
v -0.6 0.4 0.3
f 4 3 2 1
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""


def fitted(*words: str) -> tuple[Experiment, Step]:
    """An experiment of the command line's words, and the last step of its fit."""
    experiment = invrender.load_experiment(*words)
    *_, last = invrender.fit(experiment)
    return experiment, last


def draw(experiment: Experiment, last: Step, sampler: Sampler, seed: int = 0) -> Draws:
    """Draws of the posterior about a fit's answer."""
    sampling = experiment.sample(experiment.problem, last.raw, sampler)
    state: SamplingState = sampling.begin(seed)
    for following in sampling.run(state):
        state = following
    return Draws(sampling, state)


def size(pixels: int) -> list[str]:
    """The words for a square picture."""
    return [f"camera.width={pixels}", f"camera.height={pixels}"]


def coverage() -> dict[str, Any]:
    """How often the 68 % and the 95 % intervals of a camera's six numbers hold the truth."""
    random = np.random.default_rng(0)
    held: dict[str, list[bool]] = {"68": [], "95": []}
    agreed = 0
    for number in range(TARGETS):
        azimuth, elevation, distance = random.uniform([15, 10, 3.2], [75, 45, 4.4])
        truth = [f"target.camera.azimuth={azimuth}", f"target.camera.elevation={elevation}"]
        start = random.uniform(-2, 2, 2)
        words = [f"camera.azimuth={azimuth + start[0]}", f"camera.elevation={elevation + start[1]}"]
        at = [f"camera.distance={distance}", f"target.noise={NOISE}", f"target.seed={number}", "optimizer=lm", STAGES]
        experiment, last = fitted("scene=cube", "recover=camera_pose", *size(SIZE), *truth, *words, *at, *UNJUDGED)
        found = draw(experiment, last, Sampler(chains=16, burn_in=14, draws=28, modes=False), number)
        true = true_values(found)
        for column, interval in found.intervals.items():
            for share, (low, high) in interval.ends.items():
                held[share].append(low <= true[column] <= high)
        agreed += found.verdict[0] == "converged"
        told = ", ".join(f"{share} %: {np.mean(each):.1%}" for share, each in held.items())
        print(f"coverage {number + 1}/{TARGETS}  {told}  agreed {agreed}", flush=True)
    return {"targets": TARGETS, "agreed": agreed, **{f"held_{s}": float(np.mean(each)) for s, each in held.items()}}


def modes() -> dict[str, Any]:
    """The masses of the two modes of a prism that looks the same after half a turn."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "prism.obj").write_text(PRISM)
        mesh = [f"scene.objects.shape.mesh={folder}/prism.obj", "scene=mesh", "recover=object_pose"]
        turned = ["target.scene.objects.shape.rotation=[12,-18,9]", f"target.noise={NOISE}", "optimizer=lm", STAGES]
        experiment, last = fitted(*mesh, *turned, *size(SIZE))
        found = draw(experiment, last, Sampler(chains=16, burn_in=20, draws=60))
    masses = [mode.mass for mode in found.modes]
    jumps = found.state.chains.counts.rates.get("jump")
    print(f"modes  masses {', '.join(f'{mass:.3f}' for mass in masses)}, {jumps:.0%} of jumps accepted", flush=True)
    return {"masses": masses, "jumps_accepted": jumps, "status": found.verdict[0]}


def beside_emcee() -> dict[str, Any]:
    """The means of a light's place by our chains and by emcee's, by a density that is written down once more."""
    import emcee

    words = ["scene=cube", "recover=light_position", "light=studio", "target.light.key.position=[-1.4,2.2,3.4]"]
    experiment, last = fitted(*words, f"target.noise={NOISE}", "optimizer=lm", STAGES, *size(32), *UNJUDGED)
    sampler = Sampler(chains=16, burn_in=20, draws=150, sigma=NOISE, correlation="none")
    found = draw(experiment, last, sampler)
    ours = found.places.reshape(-1, 3).numpy()
    objective, name = found.sampling.objective, found.sampling.names[0]
    values = objective.views[0].rgb.numel()
    like = last.raw[name]

    def log_density(place: np.ndarray) -> float:
        """−Σ r² / 2 σ², from the mean square that the objective itself tells; and flat by shares of the distance."""
        with torch.no_grad():
            found = objective({name: torch.from_numpy(place).to(like).reshape(like.shape)})
        light = found.scene.lights["key"]
        distance = float((light.position - found.scene.camera.look_at).norm())
        return -0.5 * values * float(found.loss) / NOISE**2 - 3 * math.log(distance)

    random = np.random.default_rng(0)
    began = ours.mean(0) + ours.std(0) * random.normal(size=(EMCEE_WALKERS, 3))
    walkers = emcee.EnsembleSampler(EMCEE_WALKERS, 3, log_density)
    walkers.random_state = np.random.RandomState(0).get_state()
    walkers.run_mcmc(began, EMCEE_STEPS)
    theirs = walkers.get_chain(discard=EMCEE_STEPS // 5, flat=True)
    off = np.abs(ours.mean(0) - theirs.mean(0)) / theirs.std(0)
    widths = ours.std(0) / theirs.std(0)
    told = f"means differ by {', '.join(f'{each:.3f}' for each in off)} deviations"
    print(f"emcee  {told}; widths {', '.join(f'{each:.3f}' for each in widths)} of theirs", flush=True)
    return {"off": off.tolist(), "widths": widths.tolist(), "version": emcee.__version__}


def speed() -> dict[str, Any]:
    """Effective draws a second of a pose at 64 by 64 pixels."""
    words = ["scene=cube", "recover=camera_pose", "target.camera.azimuth=38", f"target.noise={NOISE}", "optimizer=lm"]
    experiment, last = fitted(*words, STAGES, *size(64), *UNJUDGED)
    sampler = Sampler(chains=16, burn_in=30, draws=60, modes=False)
    sampling = experiment.sample(experiment.problem, last.raw, sampler)
    state, before = sampling.begin(0), (0.0, 0.0)
    for following in sampling.run(state):
        state = following
        if state.chains.taken == sampler.burn_in:
            before = time.perf_counter(), time.process_time()
    seconds, cpu = time.perf_counter() - before[0], time.process_time() - before[1]
    size_found = (found := Draws(sampling, state)).least_size
    told = f"{size_found:.0f} in {seconds:.1f} s, {cpu:.1f} s of processors, after the burn-in"
    accepted = found.state.chains.counts.rates
    print(f"speed  {size_found / seconds:.1f} effective draws a second: {told}; accepted {accepted}", flush=True)
    return {
        "effective": size_found,
        "seconds": seconds,
        "rate": size_found / seconds,
        "cpu_seconds": cpu,
        "effective_per_cpu_second": size_found / cpu,
        "acceptance": accepted,
        "processors": processors(),
    }


def photographed(name: str, scene: dict[str, Any], words: list[str], reference: np.ndarray, target: str) -> dict:
    """The posterior of a photograph's pose, drawn over it, and how far a reference is from its middle."""
    folder = Path(tempfile.gettempdir()) / f"posterior_{name}"
    folder.mkdir(exist_ok=True)
    write_scene(folder / "scene.yaml", scene)
    experiment, last = fitted(f"scene={folder}/scene.yaml", f"target={target}", "experiment=photo", *words)
    found = draw(experiment, last, Sampler(chains=6, burn_in=40, draws=60))
    write_draws(folder, found)
    camera = experiment.problem.scene.camera
    moved = replace(camera, camera_from_world=torch.from_numpy(reference).to(camera.camera_from_world))
    row = found.numbers_at(experiment.problem.scene.with_camera(moved)).numpy()
    drawn = found.values.reshape(-1, len(found.columns)).numpy()
    offset = row - drawn.mean(0)
    distance = math.sqrt(offset @ np.linalg.pinv(np.cov(drawn.T)) @ offset)
    print(f"{name}  the reference is {distance:.2f} deviations off, of six numbers; {folder}/spread.png", flush=True)
    result = json.loads((folder / "result.json").read_text())["posterior"]
    off = dict(zip((c.name for c in found.columns), (offset / drawn.std(0)).tolist(), strict=True))
    return {"mahalanobis": distance, "off": off, "posterior": result}


def box() -> dict[str, Any]:
    """The cracker box on a desk, whose reference is good to 3 degrees and 2 mm."""
    folder = SHARED / "real_box"
    told = json.loads((folder / "box.json").read_text())
    scene = box_scene(folder, told, told["camera_from_object_starts"]["10deg_10mm"][0])
    reference = rigid(told["camera_from_object_reference"])
    return photographed("box", scene, [f"target.mask={folder / 'mask.png'}"], reference, str(folder / "photo.png"))


def board() -> dict[str, Any]:
    """A photograph of a chessboard, whose pose a classical calibration knows."""
    folder, photo = SHARED / "real_board", "photo_03.png"
    told = json.loads((folder / "board.json").read_text())
    scene = board_scene(folder, told, told["photos"][photo]["starts"]["15deg_10pct"][0])
    reference = rigid(told["photos"][photo]["camera_from_board"])
    return photographed("board", scene, ["target.color_space=linear"], reference, str(folder / photo))


TABLES: dict[str, Callable[[], dict[str, Any]]] = {
    "speed": speed,
    "modes": modes,
    "emcee": beside_emcee,
    "board": board,
    "box": box,
    "coverage": coverage,
}


def main() -> None:
    """Measure, and keep what was measured beside what was before."""
    names = sys.argv[1:] or [name for name in TABLES if is_there(name)]
    path = RESULTS / "posteriors.json"
    rows = {row["table"]: row for row in json.loads(path.read_text())["rows"]} if path.exists() else {}
    for name in names:
        rows[name] = {"table": name, **TABLES[name]()}
        write("posteriors", [rows[each] for each in TABLES if each in rows])


def is_there(name: str) -> bool:
    """Whether what a table needs is there."""
    if name in ("box", "board"):
        return (SHARED / f"real_{name}").is_dir()
    return name != "emcee" or find_spec("emcee") is not None


if __name__ == "__main__":
    main()
