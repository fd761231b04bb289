"""Pictures a second through `RenderLayer`, forward and with the gradient, by the number of pictures in a batch.

Poses of a shipped scene, from all directions, in small pictures, as networks learn from them; beside PyTorch3D's
renderer, where it can be imported, through the same layer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch
from common import write
from torch import Tensor

from invrender.config.calls import load_scene
from invrender.errors import UserError
from invrender.learning.pose.placing import Middle, draw_rotations, place_cameras
from invrender.learning.pose.studio import POSE
from invrender.render.base import Renderer
from invrender.render.edge import EdgeRenderer
from invrender.render.hard import HardRenderer
from invrender.render.layer import RenderLayer
from invrender.render.registry import REGISTRY
from invrender.render.soft import SoftRenderer
from invrender.scene import Scene

RENDERERS: Mapping[str, Callable[[], Renderer]] = {
    "hard": lambda: HardRenderer(samples=1),
    "edge": lambda: EdgeRenderer(samples=1),
    "soft, σ = 1e-05": lambda: SoftRenderer(sigma=1e-5, gamma=1e-5, samples=1),
}


def renderers() -> dict[str, Renderer]:
    """The renderers that are compared, by name."""
    found = {name: make() for name, make in RENDERERS.items()}
    library = REGISTRY["pytorch3d"].library()
    if library is None:
        print("pytorch3d: not installed")
        return found
    from invrender.render.adapters.pytorch3d.renderer import PyTorch3DRenderer

    return {**found, f"pytorch3d {library}": PyTorch3DRenderer(sigma=1e-5, gamma=1e-5)}


def measure(scene: Scene, renderer: Renderer, batch: int, repeats: int) -> dict[str, float | None]:
    """Pictures a second, forward and with the gradient of the poses; None for a renderer without one."""
    layer = RenderLayer(scene, renderer=renderer)
    torch.manual_seed(0)
    poses = place_cameras(Middle.of(scene.camera), draw_rotations(batch), torch.zeros(batch, 3))
    forward = rate(lambda: draw(layer, poses), batch, repeats)
    try:
        backward: float | None = rate(lambda: differentiate(layer, poses), batch, repeats)
    except UserError:
        backward = None
    return {"forward": forward, "backward": backward}


def rate(work: Callable[[], object], batch: int, repeats: int) -> float:
    """How many pictures a second of work on a batch."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return batch / median(seconds)


@torch.no_grad()
def draw(layer: RenderLayer, poses: Tensor) -> Tensor:
    """The pictures."""
    return layer({POSE: poses})["rgb"]


def differentiate(layer: RenderLayer, poses: Tensor) -> Tensor:
    """The gradient of a loss of the pictures by the poses."""
    given = poses.clone().requires_grad_()
    layer({POSE: given})["rgb"].square().mean().backward()
    assert given.grad is not None
    return given.grad


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows: list[dict[str, Any]] = []
    for size in given.size:
        scene = load_scene("vase", f"camera.width={size}", f"camera.height={size}")
        for name, renderer in renderers().items():
            for batch in given.batch:
                found = measure(scene, renderer, batch, given.repeats)
                rows.append({"renderer": name, "size": size, "batch": batch, **found})
                told = (
                    "without a gradient" if found["backward"] is None else f"{found['backward']:.0f} with the gradient"
                )
                print(f"{name}, {size}², batch {batch}: {found['forward']:.0f} pictures a second, {told}", flush=True)
    write("layer", rows, threads=given.threads)


if __name__ == "__main__":
    main()
