"""What follows from constants is computed once, and never taken for what an unknown moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor
from torch.autograd import forward_ad

from invrender.constants import Constants, constant, numbers
from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer

# PyTorch compiles some formulas of its own when forward mode begins.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


def test_computed_once_for_the_same_tensors() -> None:
    doubles: Constants[Tensor] = Constants()
    first, other = torch.ones(2), torch.ones(2)

    def double(setting: int = 0) -> Tensor:
        return doubles.get(lambda: 2 * first, first, other, setting=setting)

    assert double() is double()
    kept = double()
    assert double(1) is not kept
    first += 1
    assert double(1).equal(torch.full((2,), 4.0))
    kept = double(1)
    other = other.clone()
    assert double(1) is not kept


def test_numbers_are_made_once_for_each_type_whatever_is_at_work() -> None:
    like = torch.ones(1, dtype=torch.float64)
    with torch.inference_mode():
        made = numbers((1, 2.5, -7), like)
    assert made.tolist() == [1.0, 2.5, -7.0]
    assert made.dtype == torch.float64
    assert not made.is_inference()
    assert numbers((1, 2.5, -7), like) is made
    assert numbers((1, 2.5, -7), like.float()).dtype == torch.float32
    assert numbers(((1, 2), (3, 4)), like, torch.int64).tolist() == [[1, 2], [3, 4]]
    doubled, change = torch.func.jvp(lambda each: each * numbers((3, 5), each), (like,), (like,))
    assert doubled.equal(change)
    assert numbers((3, 5), like).equal(change)


def test_a_result_outlives_the_transform_in_which_it_was_computed() -> None:
    doubles: Constants[Tensor] = Constants()
    still = torch.ones(2)

    def product(moving: Tensor) -> Tensor:
        assert constant(still) and not constant(moving)
        return moving * doubles.get(lambda: 2 * still, still)

    assert torch.func.jacfwd(product)(torch.ones(())).equal(torch.full((2,), 2.0))
    kept = doubles.get(lambda: torch.zeros(2), still)
    assert kept.equal(torch.full((2,), 2.0)) and constant(kept)


def test_a_result_outlives_inference_mode() -> None:
    doubles: Constants[Tensor] = Constants()
    still = torch.ones(2)
    with torch.inference_mode():
        kept = doubles.get(lambda: 2 * still, still)
        assert not constant(torch.ones(1))
    (kept * torch.ones(2, requires_grad=True)).sum().backward()  # type: ignore[no-untyped-call]


def test_what_autograd_and_forward_mode_follow_is_no_constant() -> None:
    assert not constant(torch.ones(1), torch.ones(1, requires_grad=True))
    with forward_ad.dual_level():
        assert not constant(forward_ad.make_dual(torch.ones(1), torch.ones(1)))


def test_an_object_that_is_moved_in_place_is_drawn_anew() -> None:
    scene = shapes.scene(
        shapes.thing(shapes.box(0.5), shapes.material(specular=0.3)), view=shapes.camera(position=[0.0, 0.0, 3.0])
    )
    (thing,) = scene.objects.values()
    renderer = EmbeddedRenderer(visibility="edge", backend="reference")
    before = render_scene(renderer, scene).rgb
    thing.world_from_object[0, 3] += 0.3
    twin = replace(scene, objects={"twin": replace(thing, world_from_object=thing.world_from_object.clone())})
    after = render_scene(renderer, scene).rgb
    assert after.equal(render_scene(renderer, twin).rgb) and not after.equal(before)
