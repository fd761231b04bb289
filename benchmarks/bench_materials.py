"""A step with principled materials, and with shadows, beside the same step by Phong's model, in turns in one run.

A step is a picture, its loss, and the loss's gradient in the camera's position, on one thread. Times are seconds of the
processor, which other work on the machine does not lengthen much; ratios are kept. `--meshes` names a folder with
PyTorch3D's cow/cow.obj; without it a shipped mesh stands in.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from common import write
from subjects import SHADED, Case, differentiate, scene_of, seen_from, subject

from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer, Visibility
from invrender.scene import DirectionalLight, Light, PointLight, Property, Scene, principled

MAP = 512
CASES: tuple[tuple[Visibility, int], ...] = (("edge", 512), ("soft", 128), ("soft", 512))


def glossy(scene: Scene, maps: bool = False, normals: bool = False) -> Scene:
    """The scene with its object's colours on a principled material; maps of noise: of roughness, metal and normals."""
    obj, random = scene.objects["shape"], torch.Generator().manual_seed(0)

    def noise(*channels: int) -> torch.Tensor:
        return torch.rand(MAP, MAP, *channels, generator=random)

    lean = torch.cat([0.2 * (noise(2) - 0.5), torch.ones(MAP, MAP, 1)], dim=-1) if normals else None
    looks = principled(
        obj.material["albedo"],
        Property(torch.tensor(0.6), 0.4 + 0.6 * noise(1) if maps else None),
        Property(torch.tensor(0.5), noise(1) if maps else None),
        Property(torch.zeros(3)),
        None if lean is None else Property(torch.ones(3), lean),
    )
    return replace(scene, objects={"shape": replace(obj, material=looks)})


def shadowed(scene: Scene) -> Scene:
    """The scene with lights that cast shadows."""

    def cast(light: Light) -> Light:
        return replace(light, shadows=True) if isinstance(light, PointLight | DirectionalLight) else light

    return replace(scene, lights={name: cast(light) for name, light in scene.lights.items()})


def variants(scene: Scene, visibility: Visibility) -> dict[str, Scene]:
    """What is compared, Phong's model first."""
    found = {
        "phong": scene,
        "principled": glossy(scene),
        "principled, two maps": glossy(scene, maps=True),
        "principled, two maps and normals": glossy(scene, maps=True, normals=True),
    }
    return {**found, "phong, shadows": shadowed(scene)} if visibility == "edge" else found


def race(scenes: Mapping[str, Scene], case: Case, laps: int) -> dict[str, float]:
    """Median seconds of a step by name; each lap takes one of each, and the first, which compiles, does not count."""
    renderer = EmbeddedRenderer(case.sigma, case.gamma, visibility=case.visibility)
    times: dict[str, list[float]] = {name: [] for name in scenes}
    for _ in range(laps + 1):
        for name, scene in scenes.items():
            began = time.process_time()
            eye = torch.tensor(case.eye).requires_grad_()
            differentiate(render_scene(renderer, seen_from(scene, eye), SHADED).rgb, eye)
            times[name].append(time.process_time() - began)
    return {name: median(each[1:]) for name, each in times.items()}


def main() -> None:
    """Measure the cases, print a line for each, and keep them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meshes", type=Path)
    parser.add_argument("--laps", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for visibility, size in CASES:
        case = Case(subject("cow", options.meshes), size, visibility, threads=1)
        found = race(variants(scene_of(case), visibility), case, options.laps)
        for name, seconds in found.items():
            ratio = seconds / found["phong"]
            print(f"{case.label:<24}{name:<36}{1000 * seconds:10.1f} ms{ratio:8.2f} times Phong's", flush=True)
            rows.append({"case": case.label, "what": name, "seconds": seconds, "ratio": ratio})
    write("materials", rows)


if __name__ == "__main__":
    main()
