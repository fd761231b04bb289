"""All that a graphics card has to show, in at most eight minutes: ``make cuda``.

The steps run one after the other, each in a process of its own and under a limit of its own, and what one has found is
written before the next begins, to ``results/cuda.json``. A step that fails or takes too long is kept with what it said,
and the rest goes on:

- ``card``: the card, its driver, the versions of PyTorch, Triton and CUDA, and whether PyTorch3D is there.
- ``kernels``: the tests that compare the backends (values, gradients, forward mode), with the card for Triton's.
- ``tests``: `pytest -m gpu`.
- ``agreement``: pictures, gradients and Jacobians of the teapot and the cow, on the card and on the processor.
- ``experiments``: shipped experiments with ``device=cuda`` and ``device=cpu``: answers, seconds, seconds of a step.
- ``speed``: steps of the soft and the edge renderer by size and mesh, beside the processor and PyTorch3D.
- ``profile``: a step of the textured cow by kernels; what is not theirs is launches and PyTorch's own operations.

It needs no network, and no card either: ``--device cpu`` compares the compiled kernels with the reference, in pictures
of few pixels, and takes longer. On a machine that has PyTorch, Numba and what else is in its builds, but not all that
the package needs, the rest can be wheels. These are for Python 3.12 on Linux; ANTLR has none and is built::

    pip wheel --no-deps -w wheels antlr4-python3-runtime==4.9.3
    pip download --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64 -d wheels
        fast-simplification hydra-core loky omegaconf OpenEXR roma trimesh
    # there:
    pip install --no-index --no-deps --target site wheels/*.whl
    PYTHONPATH=site:. make cuda
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numba
import torch
from common import RESULTS, machine, processors
from peers import available, pytorch3d
from subjects import Case, Step, gradient_step, jacobian, ours, subject
from torch import Tensor

from invrender.render.backends.dispatch import Backend
from invrender.render.embedded import Visibility

CHECKOUT = Path(__file__).parents[1]
EXPERIMENTS = ("camera_pose", "light_intensity", "texture", "joint")
QUIET = ("record=none", "record.files=true", "record.bar=false", "-q")
VISIBILITIES: tuple[Visibility, ...] = ("soft", "edge")
SIZES = (128, 256, 512, 1024, 2048)
LARGEST_FOR_PEERS = 512
MEGABYTE = 2**20
WARM_UP, LAPS = 3, 20
PATIENCE = 1.0  # seconds after which a case starts no further lap
MOST_SHOWN = 12
PATIENCE_WITHOUT_CARD = 8  # times the limits


@dataclass(frozen=True)
class Setting:
    """Where the steps run. meshes: a folder with PyTorch3D's teapot.obj and cow/cow.obj; shipped ones without it."""

    device: str
    meshes: Path | None

    @property
    def on_card(self) -> bool:
        """Whether the device is a card."""
        return self.device == "cuda"


def show_card(setting: Setting) -> dict[str, Any]:
    """The machine in words."""
    told = output_of(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"])
    return {
        **machine(),
        "nvidia_smi": told,
        "cuda": torch.version.cuda,
        "capability": list(torch.cuda.get_device_capability()) if setting.on_card else None,
        "numba": numba.__version__,
        "there": {name: available(name) for name in ("triton", "pytorch3d", "nvdiffrast")},
    }


def run_kernel_tests(setting: Setting) -> dict[str, Any]:
    """The tests of the kernels, in as many processes as there are processors."""
    spread = ["-n", str(min(processors(), 8))] if find_spec("xdist") else []
    return run_tests(["tests/renderers/test_kernels.py", *spread])


def run_gpu_tests(setting: Setting) -> dict[str, Any]:
    """The tests that need a card; all are skipped where there is none."""
    return run_tests(["-m", "gpu", "tests"])


def run_tests(arguments: Sequence[str]) -> dict[str, Any]:
    """What pytest counts, and which tests fail. Raises `RuntimeError` where it found none or could not run."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "--no-header", *arguments],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    counted = {
        name: int(count) for count, name in re.findall(r"(\d+) (passed|failed|skipped|error)", done.stdout[-500:])
    }
    if not counted:
        raise RuntimeError((done.stdout + done.stderr)[-1500:])
    failed = re.findall(r"^(?:FAILED|ERROR) (.*)", done.stdout, re.MULTILINE)
    return {**counted, "failures": failed, "said": done.stdout[-3000:] if failed else ""}


def compare_devices(setting: Setting) -> list[dict[str, Any]]:
    """By case: how far the device is from the processor at most, as shares of the largest number there.

    Without a card the compiled kernels are compared with the reference.
    """
    rows = []
    for case in cases(setting, sizes=(128,) if setting.on_card else (16,), meshes=("teapot", "cow")):
        ours = numbers_of(replace(case, device="cpu"), "auto")
        theirs = numbers_of(case, "auto" if setting.on_card else "reference")
        for name, number in ours.items():
            share = float((number - theirs[name]).abs().max() / number.abs().max())
            rows.append({"case": case.label, "of": name, "largest_difference": share})
    return rows


def numbers_of(case: Case, backend: Backend) -> dict[str, Tensor]:
    """The picture, the gradient and the Jacobian of a case."""
    picture, gradient = gradient_step(case, backend)()
    return {"picture": picture.cpu(), "gradient": gradient.cpu(), "jacobian": jacobian(case, backend)().cpu()}


def run_experiments(setting: Setting) -> list[dict[str, Any]]:
    """The answers of shipped experiments on the device and on the processor, and their seconds."""
    rows = []
    for name in EXPERIMENTS:
        for device in dict.fromkeys((setting.device, "cpu")):
            with tempfile.TemporaryDirectory() as folder:
                given = [f"experiment={name}", f"device={device}", f"hydra.run.dir={folder}/fit", *QUIET]
                begun = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-m", "invrender", "fit", *given],
                    cwd=CHECKOUT, capture_output=True, text=True, check=False,
                )  # fmt: skip
                found = Path(folder) / "fit" / "result.json"
                row = {"experiment": name, "device": device, "exit_status": done.returncode}
                if found.exists():
                    result = json.loads(found.read_text())
                    row |= {
                        "errors": {unknown: each["error"] for unknown, each in result["parameters"].items()},
                        "seconds": {**result["seconds"], "command": time.perf_counter() - begun},
                        "seconds_per_step": result["seconds"]["total"] / max(result["iterations"], 1),
                    }
                else:
                    row["said"] = done.stderr[-800:]
            rows.append(row)
    return rows


def measure_speed(setting: Setting) -> list[dict[str, Any]]:
    """Seconds of a step by case, and the most memory on the card; of the processor and of PyTorch3D, too."""
    rows = []
    for case in cases(setting, SIZES if setting.on_card else (16, 32), meshes=("teapot", "cow", 500_000)):
        makers: dict[str, tuple[Callable[[Case], Step], Case]] = {
            setting.device: (ours, case),
            "cpu": (ours, replace(case, device="cpu")),
        }
        if available("pytorch3d") and case.visibility == "soft" and case.size <= LARGEST_FOR_PEERS:
            makers[f"pytorch3d on {setting.device}"] = (pytorch3d, case)
        for name, (make, own) in makers.items():
            rows.append({"case": case.label, "by": name, **time_steps(make(own), on_card=own.device == "cuda")})
            print(f"  {case.label:<44}{name:<20}{1000 * rows[-1]['seconds']:10.2f} ms", file=sys.stderr, flush=True)
    return rows


def time_steps(step: Step, on_card: bool) -> dict[str, Any]:
    """The median and the least seconds of a step, after a few to warm up."""

    def lap() -> float:
        begun = time.perf_counter()
        step()
        if on_card:
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    first = lap()
    for _ in range(WARM_UP if first < PATIENCE else 0):
        lap()
    if on_card:
        torch.cuda.reset_peak_memory_stats()
    begun, laps = time.perf_counter(), list[float]()
    while len(laps) < LAPS and (not laps or time.perf_counter() - begun < PATIENCE):
        laps.append(lap())
    memory = torch.cuda.max_memory_allocated() / MEGABYTE if on_card else None
    return {"first": first, "seconds": median(laps), "least": min(laps), "laps": len(laps), "megabytes": memory}


def profile_step(setting: Setting) -> list[dict[str, Any]]:
    """Where the time of a step goes: the kernels' own by name, their number, and the seconds of the clock."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if setting.on_card else [])]
    rows = []
    for case in cases(setting, sizes=(512,) if setting.on_card else (16,), meshes=("cow",)):
        step = ours(case)
        timed = time_steps(step, setting.on_card)
        with profile(activities=activities) as profiled:
            for _ in range(LAPS):
                step()
            if setting.on_card:
                torch.cuda.synchronize()
        events = profiled.key_averages()
        own = "self_device_time_total" if setting.on_card else "self_cpu_time_total"
        spent = sorted(((getattr(each, own), each.count, each.key) for each in events), reverse=True)
        launches = sum(each.count for each in events if "LaunchKernel" in each.key)
        rows.append(
            {
                "case": case.label,
                "seconds": timed["seconds"],
                "seconds_of_kernels": sum(time for time, _, _ in spent) / LAPS / 1e6,
                "launches": launches / LAPS,
                "most": [
                    {"name": name, "seconds": time / LAPS / 1e6, "count": count / LAPS}
                    for time, count, name in spent[:MOST_SHOWN]
                ],
            }
        )
    return rows


def cases(setting: Setting, sizes: Sequence[int], meshes: Sequence[str | int]) -> Iterator[Case]:
    """Soft and edge pictures of meshes, by size."""
    for mesh in meshes:
        shape = subject(mesh, setting.meshes) if isinstance(mesh, str) else mesh
        for visibility in VISIBILITIES:
            for size in sizes:
                yield Case(shape, size, visibility, processors(), device=setting.device)


def output_of(command: Sequence[str]) -> str | None:
    """What a command prints, None where it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


@dataclass(frozen=True)
class Part:
    """A step of the script, and the seconds that it may take."""

    run: Callable[[Setting], Any]
    limit: float


PARTS = {
    "card": Part(show_card, 20),
    "kernels": Part(run_kernel_tests, 90),
    "tests": Part(run_gpu_tests, 60),
    "agreement": Part(compare_devices, 40),
    "experiments": Part(run_experiments, 120),
    "speed": Part(measure_speed, 110),
    "profile": Part(profile_step, 40),
}


def supervise(options: argparse.Namespace) -> int:
    """Run the parts that are asked for, and write what each has found at once; 1 where one has failed."""
    parts: dict[str, Any] = {}
    for name in options.only or PARTS:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "found.json"
            command = [sys.executable, __file__, "--device", options.device, "--part", name, "--into", str(file)]
            if options.meshes is not None:
                command += ["--meshes", str(options.meshes)]
            said = run_limited(command, PARTS[name].limit * (1 if options.device == "cuda" else PATIENCE_WITHOUT_CARD))
            found = json.loads(file.read_text()) if file.exists() else None
        parts[name] = {"seconds": time.monotonic() - begun, "problem": said, "found": found}
        print(f"{name:<14}{parts[name]['seconds']:7.1f} s  {said or 'done'}", flush=True)
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(
            json.dumps({"machine": machine(), "device": options.device, **parts}, indent=1) + "\n"
        )
    return int(any(each["problem"] for each in parts.values()))


def run_limited(command: Sequence[str], limit: float) -> str | None:
    """Run a command for so many seconds at most; None where it succeeds, else what is wrong."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"took more than {limit:g} s"
    return None if done.returncode == 0 else f"ended with status {done.returncode}"


def main() -> int:
    """Supervise all parts, or run one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--meshes", type=Path, help="a folder with PyTorch3D's teapot.obj and cow/cow.obj")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some parts alone")
    parser.add_argument("--results", type=Path, default=RESULTS / "cuda.json")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is None:
        return supervise(options)
    found = PARTS[options.part].run(Setting(options.device, options.meshes))
    options.into.write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
