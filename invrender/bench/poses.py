"""The pose of the objects as the camera sees them, held against the truth."""

from __future__ import annotations

import torch

from invrender.geometry.cameras import transform
from invrender.geometry.meshes import bounds
from invrender.geometry.poses import project_to_rotation, rotation_angle
from invrender.scene import Scene


def pose_errors(scene: Scene, truth: Scene) -> dict[str, float]:
    """rotation_deg and position_relative of the objects in the camera's frame; of several objects the worst.

    The position is that of the middle of an object's bounding box, its error a share of the distance from the camera.
    So a turn about the object is no error of its position, and it does not matter which of object and camera moves.
    """
    turns, shares = [], []
    for name, obj in truth.objects.items():
        low, high = bounds({name: obj})
        middle = transform(torch.linalg.inv(obj.world_from_object), (low + high) / 2)
        found, true = (each.camera.camera_from_world @ each.objects[name].world_from_object for each in (scene, truth))
        turns.append(rotation_angle(project_to_rotation(found[:3, :3]), project_to_rotation(true[:3, :3])))
        place, wanted = transform(found, middle), transform(true, middle)
        shares.append(float((place - wanted).norm() / wanted.norm()))
    return {"rotation_deg": max(turns), "position_relative": max(shares)}
