"""The protocol of renderers, and what they are asked for: shots, channels, a quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from invrender.errors import UserError
from invrender.scene import (
    Camera,
    Channels,
    DirectionalLight,
    HarmonicLight,
    LensModel,
    Picture,
    PointLight,
    Scene,
)
from invrender.scene.lens import COUNTS

MOST_SAMPLES = 64

ALL: Channels = frozenset(("rgb", "alpha", "depth"))
"""The channels that every renderer has."""

LENSES: frozenset[LensModel] = frozenset(COUNTS)
"""The lenses that our own renderers know."""

MODELS: frozenset[str] = frozenset(("phong", "principled"))
"""The models of materials that our own renderers know."""


@dataclass(frozen=True)
class Shot:
    """A scene as one camera sees it."""

    scene: Scene
    camera: Camera


@dataclass(frozen=True)
class Quality:
    """How finely pictures are drawn; None leaves a setting to the renderer.

    sigma: softness of edges, squared NDC units (half the shorter side is 1); 0 for the renderer's hardest.
    samples: for each pixel in each direction.
    seed: of a renderer that draws random samples.
    """

    sigma: float | None = None
    samples: int | None = None
    seed: int = 0


OWN = Quality()
"""Every setting is the renderer's own."""


@dataclass(frozen=True)
class Capabilities:
    """What a renderer can do.

    channels: that it draws. models: of materials, that it shades. forward_mode: whether its pictures have derivatives
    in forward mode. moving_edges: whether its gradient knows that edges move. stochastic: whether pictures of one scene
    differ from seed to seed. lenses: models of cameras' lenses that it bends pictures by. harmonics: whether it knows
    light from everywhere that differs from direction to direction. shadows: whether its lights may cast them.
    approximate: whether the gradient follows a rule, and need not be the derivative of the picture. depends_on_loss:
    whether the gradient is not linear in that of the loss, so that pictures have no Jacobian that goes with it.
    """

    channels: Channels = ALL
    models: frozenset[str] = frozenset(("phong",))
    forward_mode: bool = True
    moving_edges: bool = True
    stochastic: bool = False
    lenses: frozenset[LensModel] = frozenset()
    harmonics: bool = False
    shadows: bool = False
    approximate: bool = False
    depends_on_loss: bool = False

    def check_lens(self, camera: Camera, key: str) -> None:
        """Raise `UserError` for a camera with a lens that the renderer can't bend pictures by."""
        if camera.lens is not None and camera.lens.model not in self.lenses:
            raise UserError(
                f"{key} has a {camera.lens.model} lens, and this renderer draws straight lines straight; "
                "set renderer=embedded, or straighten the picture and set lens=null"
            )

    def check_scene(self, scene: Scene) -> None:
        """Raise `UserError` for a scene with a material or a light that the renderer does not know."""
        for name, obj in scene.objects.items():
            if obj.material.model not in self.models:
                raise UserError(
                    f"scene.objects.{name} has a {obj.material.model} material, and this renderer draws "
                    f"{', '.join(sorted(self.models))}; set renderer=embedded, or scene.objects.{name}.model=phong"
                )
        for name, light in scene.lights.items():
            if isinstance(light, HarmonicLight) and not self.harmonics:
                raise UserError(
                    f"light.{name} shines from everywhere by spherical harmonics, which this renderer does not know; "
                    "set renderer=embedded, or another light=studio"
                )
        if not self.shadows:
            refuse_shadows(scene, "this renderer draws none", "renderer=edge")


class Renderer(Protocol):
    """`render` is a pure function of the shots and differentiable in every tensor that the renderer supports."""

    @property
    def supports(self) -> Capabilities:
        """What it can do."""
        ...

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures of many shots, such as views of one scene or candidates for one, at less than the cost of each.

        Each has the size of its shot's camera, and the channels that were asked for. Raises `UserError` for a scene
        that the renderer can't draw.
        """
        ...


def render_scene(renderer: Renderer, scene: Scene, channels: Channels = ALL, quality: Quality = OWN) -> Picture:
    """The picture that the scene's own camera takes."""
    return render_scenes(renderer, [scene], channels, quality)[0]


def render_scenes(
    renderer: Renderer, scenes: Sequence[Scene], channels: Channels = ALL, quality: Quality = OWN
) -> list[Picture]:
    """The pictures that the own cameras of many scenes take."""
    return renderer.render(shots_of(scenes), channels, quality)


def choose_camera(scene: Scene, name: str) -> Camera:
    """The scene's camera of this name. Raises `UserError` where there is none."""
    if name not in scene.cameras:
        raise UserError(f"camera is {name!r}, expected one of {', '.join(scene.cameras)}")
    return scene.cameras[name]


def shots_of(scenes: Sequence[Scene]) -> list[Shot]:
    """What the own cameras of scenes see."""
    return [Shot(scene, scene.camera) for scene in scenes]


def refuse_shadows(scene: Scene, reason: str, mend: str) -> None:
    """Raise `UserError` where a light casts shadows."""
    for name, light in scene.lights.items():
        if isinstance(light, PointLight | DirectionalLight) and light.shadows:
            raise UserError(f"light.{name} casts shadows, and {reason}; set {mend}, or light.{name}.shadows=false")


def check_samples(key: str, samples: int) -> None:
    """Raise `UserError` for a number of samples, for each pixel in each direction, that is out of range."""
    if not 1 <= samples <= MOST_SAMPLES:
        raise UserError(f"{key} is {samples}, expected 1 to {MOST_SAMPLES}")
