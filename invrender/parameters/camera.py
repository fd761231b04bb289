"""The common parts of the camera unknowns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from invrender.checks import one_of
from invrender.errors import UserError
from invrender.geometry.cameras import project, transform, unproject
from invrender.geometry.meshes import bounds
from invrender.geometry.poses import rotation_angle
from invrender.geometry.rotations import GOLDEN, sample_rotations
from invrender.scene import CAMERA, Camera, Object, Scene, Target, View

# How far poses near a start are shifted, as a share of the distance, for each radian by which they are turned at most.
SHIFT = 0.1
ROOT = math.sqrt(2)
# Focal lengths that differ by a larger share are two.
ALIKE = 1e-3


def cameras_of(name: str | None, scene: Scene) -> list[str]:
    """The cameras that an unknown is of: the named one; for None all that views name, or the scene's own."""
    if name is not None:
        return [name]
    return [each for each in scene.cameras if each != CAMERA] or [CAMERA]


def check_alike(names: Sequence[str], scene: Scene) -> None:
    """Raise `UserError` where cameras that are to share their optics begin with others."""
    first, *others = names
    for other in others:
        one, two = (scene.cameras[name] for name in (first, other))
        if abs(focal_share(one) / focal_share(two) - 1) > ALIKE:
            told = f"focal lengths of {focal_share(one):.4g} and {focal_share(two):.4g} of the longer side"
        elif lens_kind(one) != lens_kind(two):
            told = f"{lens_kind(one)} and {lens_kind(two)}"
        else:
            continue
        raise UserError(
            f"all views share one camera's optics, but {first} and {other} begin with {told}; "
            "give them the same, or set each=true"
        )


def focal_share(camera: Camera) -> float:
    """The focal length as a share of the picture's longer side."""
    return float(camera.intrinsics[0, 0]) / max(camera.width, camera.height)


def lens_kind(camera: Camera) -> str:
    """The lens in words."""
    return "no lens" if camera.lens is None else f"a {camera.lens.model} lens of {len(camera.lens.coefficients)}"


def check_camera(name: str, scene: Scene, target: Target) -> None:
    """Raise `UserError` if the scene has no such camera, or the target no picture by it."""
    one_of("camera", name, list(scene.cameras))
    taken_by = dict.fromkeys(view.camera for view in target.views)
    if taken_by and name not in taken_by:
        raise UserError(
            "the camera can't be an unknown where the target gives its cameras (target=views); "
            f"name one of them, camera={next(iter(taken_by))}, or give recover=camera_poses for the poses of all"
        )


def camera_errors(found: Camera, true: Camera) -> dict[str, float]:
    """rotation_deg; position, in scene units; and position_relative, as a share of the true camera's distance."""
    shift = float((found.position - true.position).norm())
    return {
        "rotation_deg": rotation_angle(found.camera_from_world[:3, :3], true.camera_from_world[:3, :3]),
        "position": shift,
        "position_relative": shift / float((true.position - true.look_at).norm()),
    }


def pivot(camera: Camera) -> Tensor:
    """The point [3] that the camera turns about, in its own frame."""
    return transform(camera.camera_from_world, camera.look_at)


def sample_turns(count: int, limit: float | None, like: Tensor, radius: float | None = None) -> Tensor:
    """Raw tensors [N, 6] of rotations of at most ``limit`` degrees.

    About ``count`` of them cover all rotations, and none shifts; or those of at most ``radius`` degrees, and each has a
    shift across the line of sight, since who is not sure of one is not sure of the other.
    """
    if radius is None:
        rotations = sample_rotations(count)
    else:
        angle = math.radians(min(radius, 180.0))
        # Rotations by at most an angle are (angle - sin) / π of all.
        rotations = sample_rotations(math.ceil(count * math.pi / (angle - math.sin(angle))))
        rotations = rotations[rotations.norm(dim=1) <= angle]
    found = without_shift(rotations)
    if radius is not None:
        found[:, 3:5] = SHIFT * math.radians(radius) * spread_disc(len(found))
    return (found if limit is None else found[rotations.norm(dim=1) <= math.radians(limit)]).to(like)


def depth_share(camera: Camera, objects: Mapping[str, Object]) -> Tensor:
    """The depth of the middle of some objects before a camera, [], as a share of the camera's distance."""
    low, high = bounds(objects)
    return (transform(camera.camera_from_world, (low + high) / 2)[2] / camera.distance).detach()


def slopes_of_pixels(
    scene: Scene, move: Callable[[Tensor], Scene], zero: Tensor, view: View, pixels: Tensor, depths: Tensor
) -> Tensor:
    """By how many pixels a view shows points elsewhere for each unit of a change of a pose, [N, 2, K].

    move: gives the scene after a change [K] from ``zero``. pixels [N, 2], depths [N]: where the view shows the points;
    all of them move as the scene's first object does.
    """
    points = unproject(view.frame(scene), pixels, depths)
    name, own = next(iter(scene.objects.items()))
    attached = transform(own.world_from_object.inverse(), points)

    def place(change: Tensor) -> Tensor:
        moved = move(change)
        return project(view.frame(moved), transform(moved.objects[name].world_from_object, attached))[0]

    slopes: Tensor = torch.func.jacfwd(place)(zero)
    return slopes


def spread_disc(count: int) -> Tensor:
    """Points [count, 2] spread over the unit disc, float64 (Vogel, 1979), neither in the order of radius nor angle."""
    index = torch.arange(count, dtype=torch.float64)
    radius, angle = torch.frac(index * ROOT).sqrt(), 2 * math.pi * index / GOLDEN
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def without_shift(rotations: Tensor) -> Tensor:
    """Raw tensors [N, 6] of rotation vectors [N, 3] without a shift."""
    return torch.cat([rotations, torch.zeros_like(rotations)], dim=1)


def clamp_length(vector: Tensor, limit: float | None) -> Tensor:
    """A vector shortened to ``limit`` where it is longer."""
    return vector if limit is None else vector * (limit / vector.norm().clamp(min=limit))
