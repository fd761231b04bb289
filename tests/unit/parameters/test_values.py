"""Unknowns by their address."""

from __future__ import annotations

import pytest
import tiny
import torch

from invrender.errors import UserError
from invrender.parameters import Values
from invrender.scene import Target, Truth
from invrender.scene.address import get_tensors, set_tensors


def test_an_address_names_tensors_and_a_star_all_of_them() -> None:
    scene = tiny.scene()
    assert list(get_tensors(scene, "lights.*.intensity")) == [f"lights.{name}.intensity" for name in scene.lights]
    assert list(get_tensors(scene, "objects.*.material.albedo.texture")) == ["objects.textured.material.albedo.texture"]
    assert get_tensors(scene, "cameras.camera.look_at")["cameras.camera.look_at"] is scene.camera.look_at


def test_what_is_set_is_there_and_the_rest_is_as_it_was() -> None:
    scene = tiny.scene()
    shininess = torch.tensor(3.5).double()
    changed = set_tensors(scene, {"objects.painted.material.shininess.factor": shininess})
    assert changed.objects["painted"].material.shininess is shininess
    assert changed.objects["textured"] is scene.objects["textured"]
    assert scene.objects["painted"].material.shininess is not shininess


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "lights.moon.intensity"}, "path: lights has no 'moon', expected one of "),
        ({"path": "lights.*.coefficients"}, "; coefficients belongs to light=sh"),
        ({"path": "objects.*.material.roughness.factor"}, "; roughness belongs to objects of model=principled"),
        ({"path": "lights.*.place"}, "has no 'place', expected one of color, intensity"),
        ({"path": "objects.painted.material.albedo.texture"}, "this scene has nothing there"),
        ({"path": "objects.painted.mesh"}, "is no tensor of numbers; it has vertices, faces"),
        ({"path": "objects.painted.mesh.faces"}, "is no tensor of numbers; it has nothing"),
        ({"path": "background", "map": "scale"}, "map is scale, and the start is "),
        ({"path": "background", "map": "twist"}, "map is 'twist', expected one of shift, scale"),
        ({"path": "background", "map": "scale", "linear": True, "range": (0.1, 1.0)}, "linear in shifts alone"),
    ],
)
def test_what_can_be_no_unknown_is_refused(arguments: dict[str, object], message: str) -> None:
    scene = tiny.scene()
    dark = set_tensors(scene, {"background": torch.zeros(3).double()})
    with pytest.raises(UserError, match=message):
        Values(**({"range": (0.1, 9.0)} | arguments)).check(dark, Target(()))  # type: ignore[arg-type]


def test_values_and_errors_are_those_of_the_numbers() -> None:
    scene, unknown = tiny.scene(), Values("objects.*.material.shininess.factor", map="scale", range=(0.1, 100.0))
    doubled = unknown.apply(scene, torch.full((len(scene.objects),), 2.0).double().log())
    assert unknown.value(doubled)["painted"] == pytest.approx(2 * float(scene.objects["painted"].material.shininess))
    assert unknown.error(doubled, Truth(scene, {}, {})) == pytest.approx({"absolute": 8.0, "relative": 1.0})
    assert Values("objects.textured.material.albedo.texture").value(scene) == {"texture": None}
