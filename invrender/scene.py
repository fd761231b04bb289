"""What is rendered: frozen dataclasses of tensors. The scene is also the initial guess of a fit.

Conventions (declared here, used everywhere):

- World: right-handed, in metres or the scene's own unit. Camera axes as in OpenCV: x right, y down, z forward.
- Transforms are named ``target_from_source`` and multiply column vectors.
- Pixels: the centre of the pixel in row i, column j is (x, y) = (j + 0.5, i + 0.5).
- Colour is linear RGB, nominally in [0, 1] and not clamped. Angles are in radians.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor

T = TypeVar("T")

Projection = Literal["perspective", "orthographic"]
Falloff = Literal["none", "inverse_square"]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh whose positions, texture coordinates and normals are indexed separately.

    vertices: [V, 3], object frame.
    faces: [F, 3] int64 into ``vertices``, counter-clockwise seen from outside.
    normal_faces: [F, 3] int64; corners with the same number share one smooth normal.
    uv: [T, 2] or None; (0, 0) is the lower left corner of the texture, v runs up.
    uv_faces: [F, 3] int64 into ``uv``, or None.
    normals: [N, 3], object frame, those that ``normal_faces`` indexes, of any length; None where they are the
        area-weighted means of the faces' normals.
    """

    vertices: Tensor
    faces: Tensor
    normal_faces: Tensor
    uv: Tensor | None = None
    uv_faces: Tensor | None = None
    normals: Tensor | None = None


@dataclass(frozen=True)
class Material:
    """Lambert's diffuse reflection with Phong's highlight.

    albedo: [3], the diffuse colour; multiplies the texture and the vertex colours where there are any.
    texture: [H, W, 3] or None; row 0 is the top of the picture.
    vertex_colors: [V, 3] or None.
    specular: [3], the strength of the highlight.
    shininess: [], Phong's exponent.
    """

    albedo: Tensor
    specular: Tensor
    shininess: Tensor
    texture: Tensor | None = None
    vertex_colors: Tensor | None = None


@dataclass(frozen=True)
class Object:
    """A mesh with its material, placed in the world by ``world_from_object`` [4, 4]."""

    mesh: Mesh
    material: Material
    world_from_object: Tensor


@dataclass(frozen=True)
class AmbientLight:
    """Light from everywhere. Radiance: color [3] × intensity []."""

    color: Tensor
    intensity: Tensor


@dataclass(frozen=True)
class DirectionalLight:
    """Parallel light. Irradiance facing it: color [3] × intensity []; direction [3] points *towards* the light."""

    color: Tensor
    intensity: Tensor
    direction: Tensor


@dataclass(frozen=True)
class PointLight:
    """Light from position [3], world frame.

    Irradiance facing it at distance r: color [3] × intensity [] for falloff ``none``, and that over r² for
    ``inverse_square``.
    """

    color: Tensor
    intensity: Tensor
    position: Tensor
    falloff: Falloff = "none"


Light = AmbientLight | DirectionalLight | PointLight


@dataclass(frozen=True)
class Camera:
    """A pinhole or orthographic camera.

    intrinsics: [3, 3], ``pixel_from_camera`` of a perspective camera. An orthographic camera uses the same matrix
        without the division by depth, so its focal lengths are pixels per world unit.
    camera_from_world: [4, 4], rigid.
    look_at: [3], world frame: the point that pose unknowns turn about and that `camera_position` keeps in view.
    up: [3], world frame.
    width, height: pixels.
    near, far: depths. What lies nearer than ``near`` is clipped; both normalise the depth that γ is compared with.
    """

    intrinsics: Tensor
    camera_from_world: Tensor
    look_at: Tensor
    up: Tensor
    width: int
    height: int
    near: float = 0.1
    far: float = 100.0
    projection: Projection = "perspective"

    @property
    def position(self) -> Tensor:
        """The camera's centre [3], world frame."""
        rotation, translation = self.camera_from_world[:3, :3], self.camera_from_world[:3, 3]
        return -rotation.T @ translation

    @property
    def distance(self) -> Tensor:
        """How far ``look_at`` is from the camera's centre, [] in world units."""
        offset: Tensor = torch.linalg.vector_norm(self.position - self.look_at)
        return offset

    def resized(self, width: int, height: int) -> Camera:
        """The same view in a picture of another size; pixel centres and the picture's edges stay where they are."""
        scale = self.intrinsics.new_tensor([width / self.width, height / self.height, 1.0])
        return replace(self, intrinsics=scale[:, None] * self.intrinsics, width=width, height=height)


@dataclass(frozen=True)
class Scene:
    """Everything a renderer needs. ``background`` is a colour [3] or a picture [H, W, 3]."""

    objects: Mapping[str, Object]
    camera: Camera
    lights: Mapping[str, Light]
    background: Tensor

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Scene:
        """The scene on another device, its floating-point tensors in another precision."""
        return converted(self, device, dtype)


@dataclass(frozen=True)
class View:
    """One picture to be explained.

    rgb: [H, W, 3], linear.
    mask: [H, W] in [0, 1] or None: the silhouette of the objects.
    weight: [H, W] ≥ 0 or None: how much each pixel counts in the loss; None counts all alike.
    camera: the camera that took it, or None for the scene's own, which may then be an unknown.
    """

    rgb: Tensor
    mask: Tensor | None = None
    weight: Tensor | None = None
    camera: Camera | None = None


@dataclass(frozen=True)
class Truth:
    """The known answer behind a target.

    seen_texels: by textured object, [H, W] bool: the texels that contribute to some view.
    seen_vertices: by vertex-coloured object, [V] bool, likewise.
    """

    scene: Scene
    seen_texels: Mapping[str, Tensor]
    seen_vertices: Mapping[str, Tensor]


@dataclass(frozen=True)
class Target:
    """The pictures that a fit explains, and the answer where it is known."""

    views: tuple[View, ...]
    truth: Truth | None = None

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Target:
        """The target on another device, its floating-point tensors in another precision."""
        return converted(self, device, dtype)


def converted(value: T, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> T:
    """``value`` on another device, its floating-point tensors in another precision; None leaves either as it is."""

    def move(tensor: Tensor) -> Tensor:
        return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)

    return map_tensors(value, move)


def detached(value: T) -> T:
    """``value`` as constants; tensors that are constants already stay the same objects, and what is known of them."""
    return map_tensors(value, lambda tensor: tensor.detach() if tensor.requires_grad else tensor)


def map_tensors(value: T, function: Callable[[Tensor], Tensor]) -> T:
    """Rebuild nested dataclasses, mappings and tuples with ``function`` applied to every tensor in them."""
    return cast("T", mapped(value, function))


def mapped(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """`map_tensors` without its promise of a type."""
    if isinstance(value, Tensor):
        return function(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: mapped(getattr(value, f.name), function) for f in fields(value)})
    if isinstance(value, Mapping):
        return {key: mapped(item, function) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(mapped(item, function) for item in value)
    return value
