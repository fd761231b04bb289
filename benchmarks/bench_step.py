"""One step, a rendering and its gradient, by size and softness, against PyTorch3D where it is installed.

The scene is the shipped vase without its texture, the loss the sum of its silhouette, the settings the same for both:
PyTorch3D with 100 faces for each pixel, ours with all.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from common import median_seconds, write  # first: it sets how threads wait

from invrender.io.scenes import build_scene
from invrender.io.schema import CameraConfig, LightConfig, ObjectConfig, SceneConfig, SceneFile
from invrender.render.assembly import Assembly
from invrender.render.embedded import EmbeddedRenderer
from invrender.resources import scenes_folder
from invrender.scene import Scene

CASES = [(size, sigma) for size in (64, 128, 256) for sigma in (1e-4, 1e-6)]
FACES_PER_PIXEL = 100


def scene_of(size: int) -> Scene:
    """The vase in a picture of ``size`` × ``size`` pixels."""
    thing = {"vase": ObjectConfig(mesh="vase.obj")}
    camera = CameraConfig(width=size, height=size, elevation=20, look_at=[0.0, 0.0, 0.0])
    file = SceneFile(SceneConfig(objects=thing), camera, {"light": LightConfig(kind="ambient")})
    return build_scene(file, scenes_folder() / "vase")


def our_step(scene: Scene, sigma: float) -> torch.Tensor:
    """Render and differentiate with respect to the camera; returns the silhouette."""
    pose = scene.camera.camera_from_world.clone().requires_grad_()
    moved = replace(scene, camera=replace(scene.camera, camera_from_world=pose))
    alpha = EmbeddedRenderer(sigma, 1e-4).render(moved).alpha
    alpha.sum().backward()
    return alpha.detach()


def their_step(scene: Scene, sigma: float, p3d: Any) -> torch.Tensor:
    """The same with PyTorch3D."""
    camera, assembly = scene.camera, Assembly.of(scene)
    pose = camera.camera_from_world.clone().requires_grad_()
    size = torch.tensor([[camera.height, camera.width]])
    cameras = p3d.utils.cameras_from_opencv_projection(
        pose[None, :3, :3], pose[None, :3, 3], camera.intrinsics[None], size
    )
    settings = p3d.renderer.RasterizationSettings(
        image_size=(camera.height, camera.width),
        blur_radius=math.log(1 / 1e-4 - 1) * sigma,
        faces_per_pixel=FACES_PER_PIXEL,
        bin_size=0,
    )
    mesh = p3d.structures.Meshes([assembly.vertices], [assembly.faces])
    fragments = p3d.renderer.MeshRasterizer(cameras, settings)(mesh)
    blend = p3d.renderer.BlendParams(sigma=sigma)
    alpha = p3d.renderer.blending.sigmoid_alpha_blend(torch.ones_like(fragments.bary_coords), fragments, blend)[
        0, ..., 3
    ]
    alpha.sum().backward()
    return alpha.detach()


def main() -> None:
    """Time both and keep the ratios."""
    try:
        import pytorch3d.renderer
        import pytorch3d.structures
        import pytorch3d.utils
    except ImportError:
        pytorch3d = None
    rows = []
    for size, sigma in CASES:
        scene = scene_of(size)
        row: dict[str, Any] = {"size": size, "sigma": sigma, "ours": median_seconds(partial(our_step, scene, sigma), 5)}
        if pytorch3d is not None:
            apart = float((our_step(scene, sigma) - their_step(scene, sigma, pytorch3d)).abs().max())
            row["pictures_apart"] = apart
            row["pytorch3d"] = median_seconds(partial(their_step, scene, sigma, pytorch3d), 3)
            row["ratio"] = row["pytorch3d"] / row["ours"]
        told = f"{row['ratio']:8.1f}" if "ratio" in row else "       -"
        peer = f"pytorch3d {pytorch3d.__version__}" if pytorch3d else "pytorch3d is not installed"
        print(f"silhouette {size}², sigma {sigma:.0e}   ours {1000 * row['ours']:8.1f} ms   ratio {told}   {peer}")
        rows.append(row)
    write("step", rows)


if __name__ == "__main__":
    main()
