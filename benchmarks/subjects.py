"""What the benchmarks render: PyTorch3D's tutorials' meshes, cameras and lights, and spheres of many faces."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.func import jacfwd

from invrender.config.resources import scenes_folder
from invrender.geometry.cameras import look_at
from invrender.io.scenes import build_scene
from invrender.io.schema import CameraConfig, LightConfig, ObjectConfig, SceneConfig, SceneFile
from invrender.parameters import CameraPose
from invrender.render.backends.dispatch import Backend
from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer, Visibility
from invrender.render.hard import HardRenderer
from invrender.scene import Channels, Mesh, Object, Scene

Step = Callable[[], Tensor]

SHADED: Channels = frozenset(("rgb",))
SILHOUETTE: Channels = frozenset(("alpha",))


@dataclass(frozen=True)
class Case:
    """One step of an optimisation: a picture, its loss, and the loss's gradient in the camera's position.

    mesh: a file, or the number of faces of a sphere. eye: the camera's position; it looks at the origin.
    visibility: soft pictures are lit as PyTorch3D lights by default, from a point with a highlight, and blended as
        PyTorch3D does; edge pictures are lit by one sun
        from behind the camera, before black.
    silhouette: whether nothing but alpha is asked for. faces_per_pixel: PyTorch3D's limit; we have none.
    device: where it is rendered.
    """

    mesh: Path | int
    size: int
    visibility: Visibility
    threads: int
    sigma: float = 1e-4
    gamma: float = 1e-4
    eye: tuple[float, float, float] = (0.0, 0.0, -2.7)
    silhouette: bool = False
    faces_per_pixel: int = 50
    device: str = "cpu"

    @property
    def label(self) -> str:
        """The case in words."""
        mesh = self.mesh.stem if isinstance(self.mesh, Path) else f"sphere of {self.mesh:,} faces"
        softness = f"soft {self.sigma:.0e}" if self.visibility == "soft" else "edge"
        return f"{mesh}, {self.size}², {softness}" + (", silhouette" if self.silhouette else "")

    def tiny(self) -> Case:
        """The same in few pixels, to compile what it needs."""
        return replace(self, size=16)


def subject(name: str, folder: Path | None) -> Path:
    """PyTorch3D's mesh ``teapot`` or ``cow`` in a folder of its tutorials' meshes, or one of ours instead."""
    if folder is None:
        return scenes_folder() / ("teapot/teapot.obj" if name == "teapot" else "vase/vase.obj")
    return folder / ("teapot.obj" if name == "teapot" else "cow/cow.obj")


def scene_of(case: Case) -> Scene:
    """The scene of a case."""
    mesh = case.mesh if isinstance(case.mesh, Path) else scenes_folder() / "vase" / "vase.obj"
    matt = case.visibility == "edge"
    place = ObjectConfig(mesh=mesh.name, crease=180, specular=[0.0 if matt else 2 / 3] * 3, shininess=64)
    sun = {"sun": LightConfig(kind="directional", direction=[0.0, 0.0, -1.0])}
    lamp = {
        "ambient": LightConfig(kind="ambient", intensity=0.5),
        "lamp": LightConfig(kind="point", intensity=0.3, position=[0.0, 0.0, -3.0], falloff="none"),
    }
    file = SceneFile(
        scene=SceneConfig(background=[0.0 if matt else 1.0] * 3, objects={"shape": place}),
        camera=CameraConfig(
            width=case.size, height=case.size, fov=60, position=list(case.eye), look_at=[0, 0, 0], near=1.0
        ),
        light=sun if matt else lamp,
    )
    built = build_scene(file, mesh.parent)
    if not isinstance(case.mesh, Path):
        shape = built.objects["shape"]
        built = replace(built, objects={"shape": Object(sphere(case.mesh), shape.material, shape.world_from_object)})
    return built.to(case.device)


def sphere(faces: int) -> Mesh:
    """A sphere of radius 1 about the origin with about so many faces and texture coordinates, outside out."""
    rows = round(math.sqrt(faces / 4))
    columns = 2 * rows
    down, around = torch.meshgrid(torch.arange(rows + 1), torch.arange(columns + 1), indexing="ij")
    angle, turn = math.pi * down / rows, 2 * math.pi * around / columns
    uv = torch.stack([around / columns, 1 - down / rows], dim=-1).reshape(-1, 2)
    points = torch.stack([angle.sin() * turn.sin(), angle.cos(), angle.sin() * turn.cos()], dim=-1)
    corner = (down * (columns + 1) + around)[:-1, :-1].reshape(-1)
    below = corner + columns + 1
    upper, lower = torch.stack([corner, below, corner + 1], 1), torch.stack([corner + 1, below, below + 1], 1)
    uv_faces = torch.cat([upper[columns:], lower[:-columns]])  # at the poles one triangle of each cell has no area
    # The grid's last column is its first one, and each pole is one point.
    one = torch.where((down == 0) | (down == rows), 0, around % columns) + down * (columns + 1)
    kept, welded = one.reshape(-1).unique(return_inverse=True)
    surface = welded[uv_faces]
    return Mesh(points.reshape(-1, 3)[kept], surface, surface, uv, uv_faces)


def covered_pixels(case: Case) -> int:
    """How many pixels the case's object covers."""
    return int(render_scene(HardRenderer(samples=1), scene_of(case), SILHOUETTE).alpha.sum())


def seen_from(scene: Scene, eye: Tensor) -> Scene:
    """A scene whose camera is elsewhere, and still looks at the same point."""
    camera = scene.camera
    return scene.with_camera(replace(camera, camera_from_world=look_at(eye, camera.look_at, camera.up)))


def renderer_of(case: Case, backend: Backend = "auto") -> EmbeddedRenderer:
    """Our renderer with a case's settings. As in PyTorch3D, soft pictures know no mipmaps."""
    soft = case.visibility == "soft"
    return EmbeddedRenderer(
        case.sigma, case.gamma, visibility=case.visibility, background="softmax", mipmaps=not soft, backend=backend
    )


def ours(case: Case, backend: Backend = "auto") -> Step:
    """Our own step."""
    step = gradient_step(case, backend)
    return lambda: step()[0]


def gradient_step(case: Case, backend: Backend = "auto") -> Callable[[], tuple[Tensor, Tensor]]:
    """Our own step, which returns the picture and the loss's gradient in the camera's position."""
    torch.set_num_threads(case.threads)
    scene, renderer = scene_of(case), renderer_of(case, backend)

    def step() -> tuple[Tensor, Tensor]:
        eye = torch.tensor(case.eye, device=case.device).requires_grad_()
        rendered = render_scene(renderer, seen_from(scene, eye), SILHOUETTE if case.silhouette else SHADED)
        return differentiate(rendered.alpha[..., None] if case.silhouette else rendered.rgb, eye)

    return step


def reference(case: Case) -> Step:
    """Our step without compiled kernels."""
    return ours(case, "reference")


def jacobian(case: Case, backend: Backend = "auto") -> Step:
    """The derivatives of our picture in all six unknowns of a camera's pose, by forward mode."""
    torch.set_num_threads(case.threads)
    scene, renderer, pose = scene_of(case), renderer_of(case, backend), CameraPose()

    def picture(raw: Tensor) -> Tensor:
        return render_scene(renderer, pose.apply(scene, raw), SHADED).rgb

    return lambda: jacfwd(picture)(torch.zeros(6, device=case.device))


def with_gradient(picture: Tensor, unknown: Tensor) -> Tensor:
    """The picture, after the gradient of its loss is taken."""
    return differentiate(picture, unknown)[0]


def differentiate(picture: Tensor, unknown: Tensor) -> tuple[Tensor, Tensor]:
    """The picture, and the gradient of its loss."""
    loss = (picture - 0.5).square().sum()
    (gradient,) = torch.autograd.grad(loss, unknown)
    # Where it is on a card, to look at it would wait for it.
    assert gradient.is_cuda or gradient.isfinite().all()
    return picture.detach(), gradient
