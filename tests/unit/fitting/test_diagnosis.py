"""The usual suspects: each is named where a case was spoilt by it, and none where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import tiny
import torch

from invrender.fitting.judge.diagnosis import cases_of, diagnose, draw_trials
from invrender.fitting.judge.suspects import SUSPECTS, Case, flip_axes, invert_pose, scale_intrinsics
from invrender.parameters import CameraPose
from invrender.render.hard import HardRenderer
from invrender.scene import Scene, View
from invrender.targets import render_target

CHANGES = {suspect.name: suspect.change for suspect in SUSPECTS}
RENDERER = HardRenderer()
# By name, what undoes a suspect's change, and so spoils a case by it; the others undo themselves.
SPOILED_BY: dict[str, Callable[[Case], Case]] = {
    "inverse pose, OpenGL axes": lambda case: invert_pose(flip_axes(case)),
    "field of view of the longer side": partial(scale_intrinsics, factor=3 / 4),
    **{
        one: CHANGES[other]
        for pair in (
            ("z up", "y up"),
            ("translation / 1000", "translation x 1000"),
            ("translation / 100", "translation x 100"),
            ("principal point + half a pixel", "principal point - half a pixel"),
            ("focal length x 0.25", "focal length x 4"),
            ("focal length x 0.5", "focal length x 2"),
            ("linear picture", "sRGB picture"),
        )
        for one, other in (pair, pair[::-1])
    },
}


def truth() -> Case:
    """A scene of 64 x 48 pixels, and a picture of it as a photograph is, without a mask."""
    scene = tiny.scene(48)
    middle = torch.tensor([[1.0, 0, 8], [0, 1.0, 0], [0, 0, 1.0]]).double()
    scene = scene.with_camera(replace(scene.camera, width=64, intrinsics=middle @ scene.camera.intrinsics))
    [view] = render_target(scene).views
    channels = {"rgb": view.rgb}
    return Case(scene, scene.camera, View(replace(view.picture, channels=channels)))


def as_scene(case: Case) -> tuple[Scene, View]:
    return case.scene.with_camera(case.camera), case.view


@pytest.mark.parametrize("name", CHANGES)
def test_what_spoils_a_case_is_named(name: str) -> None:
    right = truth()
    spoilt = SPOILED_BY.get(name, CHANGES[name])(right)
    mended = CHANGES[name](spoilt)
    torch.testing.assert_close(mended.camera.camera_from_world, right.camera.camera_from_world)
    torch.testing.assert_close(mended.camera.intrinsics, right.camera.intrinsics)
    torch.testing.assert_close(mended.view.rgb, right.view.rgb)
    scene, view = as_scene(spoilt)
    diagnosis = diagnose({"start": scene}, [view], RENDERER)
    assert diagnosis.named is not None
    assert diagnosis.named.suspect.name == name
    assert diagnosis.named.best[1] > 0.97


def test_none_is_named_where_nothing_is_wrong() -> None:
    scene, view = as_scene(truth())
    diagnosis = diagnose({"start": scene}, [view], RENDERER)
    assert diagnosis.named is None
    assert diagnosis.as_it_is.best[1] > 0.99


@pytest.mark.parametrize("degrees", [5, 20, 60])
def test_none_is_named_where_a_start_is_merely_off(degrees: float) -> None:
    scene, view = as_scene(truth())
    turned = torch.deg2rad(torch.tensor([0.0, degrees, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64))
    assert diagnose({"start": CameraPose().apply(scene, turned)}, [view], RENDERER).named is None


def test_a_rough_start_and_a_wrong_answer_tell_it_as_well() -> None:
    """The mistake is named, although the start is 3° off as well, and a fit has run away from it."""
    right = truth()
    rough = replace(
        right, camera=CameraPose().apply(right.scene, torch.tensor([0.0, 0.05, 0, 0, 0, 0]).double()).camera
    )
    start, view = as_scene(flip_axes(rough))
    away = start.with_camera(replace(start.camera, camera_from_world=right.camera.camera_from_world.flip(0)))
    named = diagnose({"start": start, "answer": away}, [view], RENDERER).named
    assert named is not None
    assert (named.suspect.name, named.best[0]) == ("OpenGL axes", "start")


def test_views_count_alike_and_are_drawn_as_suspects_have_them() -> None:
    right = truth()
    scene, view = as_scene(CHANGES["picture upside down"](right))
    [case] = cases_of(scene, [view])
    assert (case.camera.width, case.camera.height) == (64, 48)
    diagnosis = diagnose({"start": scene}, [view, right.view], RENDERER)
    assert diagnosis.named is None
    drawn = draw_trials(diagnosis, {"start": scene}, view, RENDERER)
    assert len(drawn) == len(SUSPECTS) + 1
    turned = [trial.suspect.name for trial in diagnosis.trials].index("picture upside down") + 1
    torch.testing.assert_close(drawn[turned][0].rgb, right.view.rgb)


def test_suspects_are_told_in_words_and_each_changes_something() -> None:
    case = truth()
    assert len(CHANGES) == len(SUSPECTS)
    for suspect in SUSPECTS:
        assert suspect.told and suspect.mend
        changed = suspect.change(case)
        parts = [(changed.camera.camera_from_world, case.camera.camera_from_world), (changed.view.rgb, case.view.rgb)]
        parts += [(changed.camera.intrinsics, case.camera.intrinsics)]
        parts += [
            (changed.scene.objects[name].world_from_object, each.world_from_object)
            for name, each in case.scene.objects.items()
        ]
        assert any(not torch.equal(one, other) for one, other in parts), suspect.name
