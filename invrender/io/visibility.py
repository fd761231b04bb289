"""Whether a camera sees anything at all."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.geometry.cameras import homogeneous_pixels, transform
from invrender.geometry.fields import find_field, may_be_seen, widest_angle
from invrender.geometry.meshes import world_vertices
from invrender.geometry.topology import is_closed
from invrender.scene import Camera, Mesh, Object, Scene


def check_visible(scene: Scene, camera: Camera, key: str = "camera") -> None:
    """Raise `UserError` where the camera is inside an object or no object is in its picture.

    key: the camera's config key, for the message.
    """
    if camera.projection == "perspective":
        for name, obj in scene.objects.items():
            if is_inside(camera.position, world_vertices(obj), obj.mesh):
                raise UserError(
                    f"{key} is inside the object {name!r}, at {round_for_message(camera.position)}; "
                    f"raise {key}.distance or set {key}.position"
                )
    if not any(in_picture(obj, camera) for obj in scene.objects.values()):
        raise UserError(
            f"{key} sees no object: it is at {round_for_message(camera.position)} and looks along "
            f"{round_for_message(camera.camera_from_world[2, :3])}, from {camera.near:g} to {camera.far:g} deep; "
            f"set {key}.look_at, {key}.distance, {key}.fov, {key}.near or {key}.far"
        )


def round_for_message(values: Tensor) -> list[float]:
    """Numbers for a message."""
    return [round(value, 3) for value in values.tolist()]


def in_picture(obj: Object, camera: Camera) -> bool:
    """Whether some face's bounding box in the picture touches it; faces cut by the near plane count as seen."""
    if camera.lens is not None:
        return in_field(transform(camera.camera_from_world, world_vertices(obj))[obj.mesh.faces].double(), camera)
    homogeneous = homogeneous_pixels(camera, world_vertices(obj))
    depth = homogeneous[:, 3]
    faces = obj.mesh.faces
    near = depth[faces] > camera.near
    pixels = (homogeneous[:, :2] / homogeneous[:, 2:3].clamp(min=1e-9))[faces]
    size = pixels.new_tensor([camera.width, camera.height])
    touches = ((pixels.amax(dim=1) > 0) & (pixels.amin(dim=1) < size)).all(dim=1)
    closer = (depth[faces] < camera.far).any(dim=1)
    return bool((closer & torch.where(near.all(dim=1), touches, near.any(dim=1))).any())


def in_field(corners: Tensor, camera: Camera) -> bool:
    """Whether some face with corners [F, 3, 3] in the frame of a camera with a lens may be in its picture."""
    assert camera.lens is not None
    distance = corners.norm(dim=2)
    reached = (distance.amax(dim=1) > camera.near) & (distance.amin(dim=1) < camera.far)
    return bool((reached & may_be_seen(corners, widest_angle(camera, find_field(camera.lens)))).any())


def is_inside(point: Tensor, vertices: Tensor, mesh: Mesh) -> bool:
    """Whether ``point`` [3] is inside a closed mesh of ``vertices`` [V, 3]; an open mesh has no inside."""
    low, high = vertices.amin(dim=0), vertices.amax(dim=0)
    if not bool(((point > low) & (point < high)).all()) or not is_closed(mesh.faces):
        return False
    # A ray in a direction that no edge or axis has is in or out by the parity of the faces it meets.
    ray = torch.tensor([0.5773, 0.6211, 0.5301], dtype=torch.float64)
    corners = vertices.detach().double()[mesh.faces]
    along, across = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = point.detach().double() - corners[:, 0]
    normal = torch.linalg.cross(ray.expand_as(across), across)
    volume = (along * normal).sum(dim=1)
    volume = torch.where(volume == 0, torch.full_like(volume, torch.inf), volume)
    first = (offset * normal).sum(dim=1) / volume
    turned = torch.linalg.cross(offset, along)
    second = (turned @ ray) / volume
    distance = (turned * across).sum(dim=1) / volume
    met = (first >= 0) & (second >= 0) & (first + second <= 1) & (distance > 0)
    return int(met.sum()) % 2 == 1
