"""Light and colours that only their product fixes: the convention holds, and is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch

from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.scale_ambiguity import ScaleAmbiguity
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LevenbergMarquardt
from invrender.losses import MeanSquaredError
from invrender.parameters import Albedo, Ambient, LightIntensity
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Scene
from invrender.targets import render_target

UNKNOWNS = {"light": LightIntensity(), "ambient": Ambient(), "albedo": Albedo(range=(0.0, 10.0))}


def matt(scene: Scene) -> Scene:
    """The scene without highlights."""
    objects = {
        name: replace(obj, material=obj.material.with_property("specular", factor=torch.zeros(3).double()))
        for name, obj in scene.objects.items()
    }
    return replace(scene, objects=objects)


def brightness(scene: Scene) -> torch.Tensor:
    """Light x albedo, of every light and object."""
    intensities = torch.stack([light.intensity for light in scene.lights.values()])
    albedos = torch.stack([obj.material.albedo for obj in scene.objects.values()])
    return intensities[:, None, None] * albedos


def test_same_pictures_by_other_numbers() -> None:
    scene = matt(tiny.scene())
    ambiguity = ScaleAmbiguity.find(scene, UNKNOWNS)
    assert ambiguity is not None
    random = torch.Generator().manual_seed(0)
    raw = {n: 0.1 * torch.randn(each.initial(scene).shape, generator=random).double() for n, each in UNKNOWNS.items()}
    fixed = ambiguity.resolve(raw)
    before, after = scene, scene
    for name, unknown in UNKNOWNS.items():
        before, after = unknown.apply(before, raw[name]), unknown.apply(after, fixed[name])
    torch.testing.assert_close(brightness(after), brightness(before))
    assert float(UNKNOWNS["albedo"].level(scene, fixed["albedo"])) == pytest.approx(float(ambiguity.level))


def test_none_where_pictures_tell() -> None:
    scene = matt(tiny.scene())
    assert ScaleAmbiguity.find(tiny.scene(), UNKNOWNS) is None  # highlights do not depend on the albedo
    assert ScaleAmbiguity.find(scene, {"light": LightIntensity(), "albedo": Albedo()}) is None  # ambient is known
    assert ScaleAmbiguity.find(scene, {**UNKNOWNS, "albedo": Albedo(objects=["painted"])}) is None  # the other is known


def test_least_squares_find_the_product_and_keep_the_mean() -> None:
    scene = matt(tiny.scene(32))
    truth = scene
    for name, shape, size in (("light", 3, 0.5), ("ambient", 1, 0.1), ("albedo", (2, 3), -0.3)):
        truth = UNKNOWNS[name].apply(truth, torch.full((shape,) if isinstance(shape, int) else shape, size).double())
    target = render_target(truth, samples=2)
    solver = LevenbergMarquardt([Stage(8, sigma=0, samples=2)])
    losses = {"mse": MeanSquaredError()}
    *_, last = fit(Problem(scene, target, UNKNOWNS, EmbeddedRenderer(mipmaps=False), losses), solver)
    torch.testing.assert_close(brightness(last.scene), brightness(truth), rtol=0.05, atol=1e-3)
    albedos = torch.stack([obj.material.albedo for obj in last.scene.objects.values()])
    start = torch.stack([obj.material.albedo for obj in scene.objects.values()])
    assert float(albedos.mean()) == pytest.approx(float(start.mean()), rel=1e-6)
