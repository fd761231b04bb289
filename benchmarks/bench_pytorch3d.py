"""The embedded renderer and PyTorch3D, side by side: the same fits, their times and their errors.

`--teapot` and `--cow` name the meshes of PyTorch3D's tutorials; without one, its tutorial is left out. `--size` is the
side of the pictures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from common import write
from PIL import Image

from invrender.cli import run
from invrender.render.adapters.pytorch3d.loading import installed_version

RENDERERS = ("embedded", "pytorch3d")
START_TOLERANCE = 0.5  # of 255, the mean over the first picture: faces_per_pixel leaves out faces in a few pixels


def cases(size: int, teapot: Path | None, cow: Path | None) -> dict[str, list[str]]:
    """By experiment, its arguments at this size."""
    found: dict[str, list[str]] = {"light_intensity": [], "camera_position": []}
    if teapot is not None:
        summed = size**2  # the tutorial adds up the pixels' losses, and stops at 200 of 256 x 256
        found["pytorch3d_camera_position"] = [
            f"scene.objects.shape.mesh={teapot}",
            f"loss.silhouette.weight={summed}",
            f"stopping.tolerance={200 * summed / 256**2}",
        ]
    if cow is not None:
        found["pytorch3d_fit_textured_mesh"] = [f"scene.objects.shape.mesh={cow}", "optimizer.stages=[{steps: 20}]"]
    return {name: [*given, f"camera.width={size}", f"camera.height={size}"] for name, given in found.items()}


def own(experiment: str, renderer: str) -> list[str]:
    """What PyTorch3D's tutorials set of the renderer besides what every renderer has."""
    if renderer == "embedded" or not experiment.startswith("pytorch3d_"):
        return []
    faces = {"pytorch3d_camera_position": 100, "pytorch3d_fit_textured_mesh": 50}[experiment]
    return [f"renderer.faces_per_pixel={faces}"]


def fitted(folder: Path, experiment: str, renderer: str, given: list[str]) -> dict[str, Any]:
    """Run one fit; its result.json."""
    quiet = ["record=none", "record.files=true", "record.bar=false", f"hydra.run.dir={folder}"]
    arguments = [f"experiment={experiment}", f"renderer={renderer}", *own(experiment, renderer), *given, *quiet]
    if run(["fit", *arguments]) != 0:
        sys.exit(f"experiment={experiment} renderer={renderer} failed")
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def check_same_start(folders: list[Path]) -> None:
    """End the benchmark where the renderers don't draw the same picture at the start."""
    first, second = (np.asarray(Image.open(folder / "start.png")).astype(int) for folder in folders)
    if first.shape != second.shape or np.abs(first - second).mean() > START_TOLERANCE:
        sys.exit(f"the pictures at the start differ: {folders}")


def main() -> None:
    """Run the fits, print a line for each, and keep them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--teapot", type=Path)
    parser.add_argument("--cow", type=Path)
    options = parser.parse_args()
    renderers = [name for name in RENDERERS if name != "pytorch3d" or find_spec("pytorch3d")]
    if len(renderers) < len(RENDERERS):
        print("PyTorch3D is not installed: the embedded renderer alone is measured")
    rows = []
    for experiment, given in cases(options.size, options.teapot, options.cow).items():
        with tempfile.TemporaryDirectory() as temporary:
            folders = [Path(temporary) / name for name in renderers]
            results = [fitted(folder, experiment, folder.name, given) for folder in folders]
            if len(folders) > 1:
                check_same_start(folders)
        for renderer, result in zip(renderers, results, strict=True):
            errors = {unknown: each["error"] for unknown, each in result["parameters"].items()}
            seconds = result["seconds"]["per_iteration"]
            rows.append(
                {
                    "experiment": experiment,
                    "renderer": renderer,
                    "version": installed_version() if renderer == "pytorch3d" else None,
                    "size": options.size,
                    "steps": result["iterations"],
                    "seconds_per_step": seconds,
                    "loss": result["loss"],
                    "errors": errors,
                }
            )
            print(f"{experiment:<28} {renderer:<10} {1000 * seconds:8.0f} ms a step  {errors}", flush=True)
        if len(results) > 1:
            ours, theirs = (result["seconds"]["per_iteration"] for result in results)
            print(f"{experiment:<28} ratio      {theirs / ours:8.1f}  PyTorch3D {installed_version()}", flush=True)
    write("pytorch3d", rows)


if __name__ == "__main__":
    main()
