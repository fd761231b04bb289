"""Objects and lights that don't change are gathered once; those that do are followed."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import shapes
import tiny
import torch

from invrender.render.base import shots_of
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import Scene


def gather(scene: Scene) -> Surfaces:
    return Surfaces.of(shots_of([scene]), mipmaps=True)


def test_what_does_not_change_is_gathered_once() -> None:
    scene = tiny.scene(8)
    first, again = gather(scene), gather(scene)
    names = ("vertices", "faces", "normals", "uv", "texels", "materials", "kinds", "first_face")
    assert all(getattr(first, name) is getattr(again, name) for name in names)


def test_what_is_written_to_is_gathered_anew() -> None:
    scene = tiny.scene(8)
    before = gather(scene)
    obj, lamp = next(iter(scene.objects.values())), scene.lights["lamp"]
    obj.material.albedo.mul_(0.5)
    lamp.color.mul_(0.5)
    after = gather(scene)
    torch.testing.assert_close(after.materials[0, :3], 0.5 * before.materials[0, :3])
    assert not after.lights.equal(before.lights)


def test_unknowns_are_followed() -> None:
    scene = tiny.scene(8)
    gather(scene)
    name, obj = next(iter(scene.objects.items()))
    pose = obj.world_from_object.clone().requires_grad_()
    lamp = replace(scene.lights["lamp"], intensity=torch.tensor(0.3).double().requires_grad_())
    moved = replace(
        scene,
        objects={**scene.objects, name: replace(obj, world_from_object=pose)},
        lights={**scene.lights, "lamp": lamp},
    )
    found = gather(moved)
    assert found.vertices.requires_grad
    assert found.lights.requires_grad


def test_meshes_are_not_kept_alive() -> None:
    box = shapes.box(0.5)
    obj = shapes.thing(box)
    scene = shapes.scene(obj, shapes.thing(box), lights=[shapes.ambient(0.3)])
    gather(scene)
    known = [weakref.ref(each) for each in (box.vertices, obj.world_from_object)]
    del box, obj, scene
    gc.collect()
    assert all(each() is None for each in known)
