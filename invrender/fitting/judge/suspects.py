"""The usual suspects: what people get wrong of poses, lenses and pictures, each as the change that mends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from invrender.images.color import linear_from_srgb, srgb_from_linear
from invrender.scene import Camera, Scene, View
from invrender.scene.tensors import map_tensors


@dataclass(frozen=True)
class Case:
    """A picture, and what it is thought to show.

    camera: that is thought to have taken it; its size is the picture's.
    """

    scene: Scene
    camera: Camera
    view: View


@dataclass(frozen=True)
class Suspect:
    """Something that may be wrong. name: short. told: what would be so. mend: what to do then.

    change: the case as it would be right.
    """

    name: str
    told: str
    mend: str
    change: Callable[[Case], Case]


# x right, y down, z forward, from x right, y up, z backward, and back.
FLIP = ((1.0, 0, 0, 0), (0, -1.0, 0, 0), (0, 0, -1.0, 0), (0, 0, 0, 1.0))
# A world whose z is up, from one whose y is up.
Z_UP_FROM_Y_UP = ((1.0, 0, 0, 0), (0, 0, -1.0, 0), (0, 1.0, 0, 0), (0, 0, 0, 1.0))
Matrix = Sequence[Sequence[float]]


def as_it_is(case: Case) -> Case:
    """The case without a change."""
    return case


def with_pose(case: Case, camera_from_world: Tensor) -> Case:
    """The case with another camera_from_world [4, 4]."""
    return replace(case, camera=replace(case.camera, camera_from_world=camera_from_world))


def flip_axes(case: Case) -> Case:
    """The pose taken for one in OpenGL's axes."""
    pose = case.camera.camera_from_world
    return with_pose(case, pose.new_tensor(FLIP) @ pose)


def invert_pose(case: Case) -> Case:
    """The pose taken for world_from_camera."""
    return with_pose(case, torch.linalg.inv(case.camera.camera_from_world))


def invert_and_flip(case: Case) -> Case:
    """The pose taken for world_from_camera in OpenGL's axes."""
    return flip_axes(invert_pose(case))


def transpose_rotation(case: Case) -> Case:
    """The pose with its rotation transposed and its translation as it is."""
    pose = case.camera.camera_from_world.clone()
    pose[:3, :3] = case.camera.camera_from_world[:3, :3].T
    return with_pose(case, pose)


def turn_world(case: Case, old_from_new: Matrix) -> Case:
    """The pose in a world whose axes are others than the mesh's."""
    pose = case.camera.camera_from_world
    return with_pose(case, pose @ pose.new_tensor(old_from_new))


def turn_world_back(case: Case, new_from_old: Matrix) -> Case:
    """`turn_world` by the inverse."""
    return turn_world(case, [list(row) for row in zip(*new_from_old, strict=True)])


def mirror_objects(case: Case, axis: int) -> Case:
    """The objects mirrored along an axis of the world: its handedness is another one."""

    def mirror(matrix: Tensor) -> Tensor:
        sign = torch.ones(4).to(matrix).index_fill(0, torch.tensor(axis), -1.0)
        return sign[:, None] * matrix

    objects = {
        name: replace(each, world_from_object=mirror(each.world_from_object))
        for name, each in case.scene.objects.items()
    }
    return replace(case, scene=replace(case.scene, objects=objects))


def scale_translation(case: Case, factor: float) -> Case:
    """The pose with its translation in another unit."""
    pose = case.camera.camera_from_world.clone()
    pose[:3, 3] = factor * pose[:3, 3]
    return with_pose(case, pose)


def shift_principal(case: Case, pixels: float) -> Case:
    """The principal point elsewhere, right and down."""
    shift = torch.zeros(3, 3).to(case.camera.intrinsics)
    shift[:2, 2] = pixels
    return replace(case, camera=replace(case.camera, intrinsics=case.camera.intrinsics + shift))


def scale_intrinsics(case: Case, factor: float) -> Case:
    """Focal lengths of a picture of another size; the principal point, too, unless it is in the middle of this one."""
    camera = case.camera
    matrix = camera.intrinsics
    middle = matrix.new_tensor([camera.width / 2, camera.height / 2])
    centred = bool(((matrix[:2, 2] - middle).abs() <= 1).all())
    scaled = factor * matrix
    scaled[:2, 2] = matrix[:2, 2] if centred else scaled[:2, 2]
    scaled[2] = matrix[2]
    return replace(case, camera=replace(camera, intrinsics=scaled))


def measure_other_side(case: Case) -> Case:
    """The field of view taken for that across the longer side."""
    sides = case.camera.width, case.camera.height
    return scale_intrinsics(case, max(sides) / min(sides))


def with_rgb(case: Case, rgb: Tensor) -> Case:
    """The case with other colours [H, W, 3] in its picture, whatever they were at most."""
    return replace(case, view=replace(case.view, picture=case.view.picture.with_channels(rgb=rgb), ceiling=None))


def encode_colors(case: Case) -> Case:
    """The picture as it is where a file of linear values was taken for sRGB."""
    return with_rgb(case, srgb_from_linear(case.view.rgb))


def decode_colors(case: Case) -> Case:
    """The picture as it is where a file of sRGB was taken for linear values."""
    return with_rgb(case, linear_from_srgb(case.view.rgb))


def swap_channels(case: Case) -> Case:
    """The picture with red and blue in each other's place."""
    return with_rgb(case, case.view.rgb.flip(-1))


def turn_picture(case: Case, reversed_dimensions: Sequence[int]) -> Case:
    """The picture, its mask and weights with their rows (0) or columns (1) in the other order."""
    return replace(case, view=map_tensors(case.view, lambda each: each.flip(tuple(reversed_dimensions))))


AS_IT_IS = Suspect("as it is", "", "", as_it_is)

SUSPECTS: Sequence[Suspect] = (
    Suspect(
        "OpenGL axes",
        "the pose is in OpenGL's axes (x right, y up, z backward)",
        "negate the second and the third row of camera_from_world",
        flip_axes,
    ),
    Suspect(
        "inverse pose",
        "the matrix of the pose is world_from_camera",
        "give its inverse as camera_from_world",
        invert_pose,
    ),
    Suspect(
        "inverse pose, OpenGL axes",
        "the matrix of the pose is world_from_camera in OpenGL's axes, as Blender and nerfstudio write it",
        "invert it, then negate the second and the third row",
        invert_and_flip,
    ),
    Suspect(
        "transposed rotation",
        "the rotation of the pose is transposed",
        "transpose the upper left 3x3 part of camera_from_world",
        transpose_rotation,
    ),
    Suspect(
        "z up",
        "the pose is in a world whose z is up, and the mesh in one whose y is up",
        "give the object rotation=[90,0,0]",
        partial(turn_world, old_from_new=Z_UP_FROM_Y_UP),
    ),
    Suspect(
        "y up",
        "the pose is in a world whose y is up, and the mesh in one whose z is up",
        "give the object rotation=[-90,0,0]",
        partial(turn_world_back, new_from_old=Z_UP_FROM_Y_UP),
    ),
    *(
        Suspect(
            f"mirrored {name}",
            f"the mesh and the pose are in worlds of different handedness: {name} is mirrored",
            f"negate {name} of the mesh's vertices, and turn its faces over",
            partial(mirror_objects, axis=axis),
        )
        for axis, name in enumerate("xyz")
    ),
    *(
        Suspect(
            f"translation {told}",
            f"the translation of the pose is in a unit {times} times {kind} than the mesh's",
            f"{'divide' if factor < 1 else 'multiply'} it by {times}",
            partial(scale_translation, factor=factor),
        )
        for factor, times, told, kind in (
            (1e-3, 1000, "/ 1000", "smaller"),
            (1e3, 1000, "x 1000", "larger"),
            (1e-2, 100, "/ 100", "smaller"),
            (1e2, 100, "x 100", "larger"),
        )
    ),
    *(
        Suspect(
            f"principal point {sign} half a pixel",
            f"the principal point is half a pixel off: pixel centres are at {centres} numbers in the calibration",
            f"set camera.pixel_centers={value}",
            partial(shift_principal, pixels=shift),
        )
        for shift, sign, centres, value in ((0.5, "+", "whole", "integer"), (-0.5, "-", "half", "half"))
    ),
    *(
        Suspect(
            f"focal length x {factor:g}",
            f"the focal length is that of a picture {1 / factor:g} times as wide",
            "give the size of the calibrated picture as camera.width and camera.height",
            partial(scale_intrinsics, factor=factor),
        )
        for factor in (0.25, 0.5, 2.0, 4.0)
    ),
    Suspect(
        "field of view of the longer side",
        "the field of view is that across the longer side of the picture",
        "give camera.fov across the shorter one, or camera.focal",
        measure_other_side,
    ),
    Suspect(
        "linear picture",
        "the picture's file holds linear values and was read as sRGB",
        "set target.color_space=linear",
        encode_colors,
    ),
    Suspect(
        "sRGB picture",
        "the picture's file holds sRGB and was read as linear values",
        "set target.color_space=srgb; of a file of floats, encode nothing when you write it",
        decode_colors,
    ),
    Suspect(
        "BGR",
        "red and blue are in each other's place in the picture, as OpenCV has them in memory",
        "convert it before you write it",
        swap_channels,
    ),
    *(
        Suspect(name, f"the picture is {told}", "turn its file", partial(turn_picture, reversed_dimensions=dimensions))
        for name, told, dimensions in (
            ("picture upside down", "upside down, its rows from the bottom to the top", (0,)),
            ("picture mirrored", "mirrored, its left is the right", (1,)),
            ("picture turned by 180 degrees", "turned by half a turn", (0, 1)),
        )
    ),
)
