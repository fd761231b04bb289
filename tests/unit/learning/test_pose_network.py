"""What a network that learns poses is made of: placing, pictures by lights, comparison, files of weights, starts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import roma
import torch
from cubes import cube_file, write_cube
from safetensors.torch import save
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LevenbergMarquardt
from invrender.images.resample import resize_area
from invrender.io.scenes import build_scene
from invrender.learning.pose.gallery import Gallery, describe
from invrender.learning.pose.lesson import PoseLearner, PoseLesson
from invrender.learning.pose.placing import Middle, draw_rotations, place_cameras, turn_to
from invrender.learning.pose.search import KEY, NetworkSearch
from invrender.learning.pose.studio import Studio
from invrender.learning.pose.trained import Guess, TrainedNetwork
from invrender.learning.weights import FORMAT, TEXT, write_weights
from invrender.losses import MeanSquaredError
from invrender.parameters import CameraPose, LightIntensity, ObjectPose
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Scene
from invrender.targets import render_target

LESSON = PoseLesson(size=16, width=4, hypotheses=24, fresh=4, pool=8, rendered=3, unseen=4)
MIDDLE = Middle((0.3, -0.2, 0.1), 4.0)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("cube")
    write_cube(folder)
    return build_scene(cube_file(), folder)


@pytest.fixture(scope="module")
def learner(scene: Scene) -> PoseLearner:
    torch.manual_seed(0)
    return LESSON.begin(scene)


@pytest.fixture
def weights(learner: PoseLearner, tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    write_weights(path, learner.network, learner.metadata())
    return path


def test_the_middle_is_where_its_place_says() -> None:
    torch.manual_seed(1)
    places = LESSON.ranges.draw_places(5).double()
    poses = place_cameras(MIDDLE, draw_rotations(5).double(), places)
    middle = poses[:, :3, :3] @ torch.tensor(MIDDLE.point).double() + poses[:, :3, 3]
    torch.testing.assert_close(middle[:, :2] / middle[:, 2:], places[:, :2])
    torch.testing.assert_close(middle[:, 2], 4.0 * places[:, 2].exp())
    torch.testing.assert_close(
        poses[:, :3, :3] @ poses[:, :3, :3].mT, torch.eye(3).double().expand(5, 3, 3), atol=1e-6, rtol=0
    )
    straight = place_cameras(MIDDLE, torch.eye(3)[None], torch.zeros(1, 3))
    torch.testing.assert_close(straight[0, :3, :3], torch.eye(3))


def test_turns_to_points_are_the_least_ones() -> None:
    points = torch.tensor([[0.1, -0.2, 1.0], [0.5, 0.3, 2.0]]).double()
    turns = turn_to(points)
    torch.testing.assert_close(turns[:, :, 2], torch.nn.functional.normalize(points, dim=1))
    angles = torch.atan2(points[:, :2].norm(dim=1), points[:, 2])
    torch.testing.assert_close(roma.rotmat_to_rotvec(turns).norm(dim=1), angles)


def test_gradients_of_placing_are_finite_differences() -> None:
    rotations, places = draw_rotations(2).double(), LESSON.ranges.draw_places(2).double()
    given = (rotations.requires_grad_(), places.requires_grad_())
    assert torch.autograd.gradcheck(lambda turned, placed: place_cameras(MIDDLE, turned, placed), given)


def test_pictures_are_linear_in_the_factor_on_the_lights(scene: Scene) -> None:
    studio = Studio(scene, 16, HardRenderer(samples=1))
    poses = place_cameras(Middle.of(scene.camera), draw_rotations(3), torch.zeros(3, 3))
    dark, lit = studio.split_lights(poses)
    for light in (-0.7, 0.4):
        found = studio(poses, torch.full((3,), light))
        torch.testing.assert_close(found, dark + math.exp(light) * lit, atol=1e-5, rtol=1e-4)
    assert float(dark[:, 3].max()) == 1.0 and float(lit[:, 3].abs().max()) == 0.0


def slow_differences(gallery: Gallery, seen: Tensor) -> Tensor:
    """`Gallery.compare`, one hypothesis after the other, by least squares over the factor on the lights."""
    found = torch.empty(len(seen), len(gallery.fixed))
    for i, vector in enumerate(describe(seen)):
        for k, (fixed, lit) in enumerate(zip(gallery.fixed, gallery.lit, strict=True)):
            factor = torch.linalg.lstsq(lit[:, None], (vector - fixed)[:, None]).solution.clamp(0.5, 2.0)
            found[i, k] = (vector - fixed - factor[0] * lit).square().sum() / vector.square().sum()
    return found


def test_a_gallery_compares_as_its_slow_twin(learner: PoseLearner) -> None:
    compared = learner.gallery.compare(learner.unseen)
    torch.testing.assert_close(compared, slow_differences(learner.gallery, learner.unseen), atol=1e-4, rtol=1e-3)


def test_a_picture_is_most_like_its_own_hypothesis_in_any_light_and_place(scene: Scene, learner: PoseLearner) -> None:
    """It is centred first; as it is, it is less alike."""
    index = torch.tensor([2, 7, 11])
    places = torch.tensor([[0.06, -0.04, 0.2], [-0.05, 0.05, 0.0], [0.0, 0.07, -0.1]])
    studio = Studio(scene, 16, HardRenderer(samples=4))
    poses = place_cameras(learner.middle, learner.network.anchors[index], places)
    seen = studio(poses, torch.tensor([-0.5, 0.0, 0.6]))
    usual = LESSON.ranges.usual
    centered = learner.gallery.compare(learner.gallery.center(seen, places, usual))
    own = centered.gather(1, index[:, None])[:, 0]
    assert centered.argmin(1).tolist() == index.tolist()
    assert bool((own < learner.gallery.compare(seen).gather(1, index[:, None])[:, 0]).all())


def test_every_weight_learns(learner: PoseLearner) -> None:
    terms = learner.terms(6)
    assert terms.keys() == {"score", "picture", "light"}
    torch.stack(list(terms.values())).sum().backward()
    assert [name for name, each in learner.network.named_parameters() if not float(each.grad.abs().sum()) > 0] == []


def test_pictures_of_another_size_are_refused(learner: PoseLearner) -> None:
    with pytest.raises(UserError, match=r"pictures are \[2, 3, 16, 20\], and the network knows \[N, 3, 16, 16\]"):
        learner.network(torch.zeros(2, 3, 16, 20))


def test_a_trained_network_says_what_it_said_when_it_learned(learner: PoseLearner, weights: Path) -> None:
    trained = TrainedNetwork.read(weights, KEY)
    with torch.no_grad():
        answer = learner.network(learner.unseen[:1, :3])
    picture = learner.unseen[0, :3].permute(1, 2, 0)
    guesses = trained.guess(picture, 3)
    best = answer.scores[0].argsort(descending=True)[:3]
    expected = learner.pose(answer.repeat(3), best).detach()
    torch.testing.assert_close(torch.stack([each.camera_from_world for each in guesses]), expected)
    assert guesses[0].light == pytest.approx(float(answer.lights[0].exp()))
    # Of a larger and wider picture it sees the middle.
    larger = torch.nn.functional.pad(resize_area(picture, 64, 64), (0, 0, 10, 10), value=9.0)
    torch.testing.assert_close(trained.guess(larger, 1)[0].camera_from_world, guesses[0].camera_from_world)


def changed(change: Callable[[dict[str, object]], object]) -> Callable[[Path, PoseLearner], None]:
    """What writes the file anew with other metadata."""

    def write(path: Path, learner: PoseLearner) -> None:
        metadata = {"format": FORMAT, **learner.metadata()}
        change(metadata)
        path.write_bytes(save(dict(learner.network.state_dict()), {TEXT: json.dumps(metadata)}))

    return write


def poison(path: Path, learner: PoseLearner) -> None:
    tensors = dict(learner.network.state_dict())
    tensors["place.bias"] = tensors["place.bias"] * math.nan
    path.write_bytes(save(tensors, {TEXT: json.dumps({"format": FORMAT, **learner.metadata()})}))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path, _: path.unlink(), "there is no file"),
        (lambda path, _: path.write_bytes(path.read_bytes()[:300]), "is no file of weights, or is damaged"),
        (lambda path, _: path.write_text("no weights"), "is no file of weights, or is damaged"),
        (poison, "place.bias has numbers that are not finite"),
        (changed(lambda it: it.update(format=99)), "is not of invrender train, or of another version"),
        (changed(lambda it: it.update(network="maps")), "has the weights of another network"),
        (changed(lambda it: it.update(width=8)), "has the weights of another network"),
        (changed(lambda it: it.update(width=1 << 40)), "has the weights of another network"),
        (changed(lambda it: it.update(distance="far")), "has the weights of another network"),
        (changed(lambda it: it.pop("point")), "has the weights of another network"),
        (changed(lambda it: it.update(scene="another")), "was trained on another scene"),
        (changed(lambda it: it.update(focal=3.0)), "was trained on pictures with a focal length of 3"),
    ],
)
def test_weights_that_can_not_be_used(
    scene: Scene, learner: PoseLearner, weights: Path, spoil: Callable[[Path, PoseLearner], None], told: str
) -> None:
    spoil(weights, learner)
    with pytest.raises(UserError, match=told) as error:
        next(fit(problem_of(scene, scene), SOLVER, search=search_by(weights)))
    assert KEY in str(error.value) and "\n" not in str(error.value)


SOLVER = LevenbergMarquardt([Stage(5, size=16, blur=1.0), Stage(5)], accuracy=1e-3)


def search_by(weights: Path | None) -> NetworkSearch:
    stages = [Stage(1, size=16, blur=1.0), Stage(1)]
    path = None if weights is None else str(weights)
    return NetworkSearch(stages, mode="on", steps=5, finalists=2, weights=path, guesses=2)


def problem_of(start: Scene, truth: Scene) -> Problem:
    unknowns = {"pose": CameraPose(), "light": LightIntensity()}
    renderer = EmbeddedRenderer(visibility="edge", samples=2)
    return Problem(start, render_target(truth, samples=4), unknowns, renderer, {"mse": MeanSquaredError()})


def test_a_fit_begins_where_the_network_says(scene: Scene, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From behind, in another light, it finds the truth by a guess that is nearly right, and not without."""
    truth = LightIntensity().apply(
        CameraPose().apply(scene, torch.tensor([0.1, -1.7, 0.1, 0, 0, 0.1])), torch.tensor([0.6])
    )
    near = CameraPose().apply(truth, torch.tensor([0.05, 0.1, -0.05, 0.0, 0.02, 0.0])).camera.camera_from_world
    wrong = scene.camera.camera_from_world
    monkeypatch.setattr(TrainedNetwork, "guess", lambda *_: [Guess(wrong, 1.0), Guess(near, 1.7)])
    problem = problem_of(scene, truth)
    *_, found = fit(problem, SOLVER, search=search_by(weights), judging=False)
    *_, lost = fit(problem, SOLVER, judging=False)
    assert found.errors["pose"]["rotation_deg"] < 2.0 < 20.0 < lost.errors["pose"]["rotation_deg"]
    assert found.errors["light"]["relative"] < 0.05


def test_a_guess_at_the_light_is_one_at_the_factor_of_the_lights_it_has_learned(scene: Scene, weights: Path) -> None:
    search = search_by(weights)
    darker = LightIntensity().apply(scene, torch.tensor([-1.0]))
    raw = search.light_of(darker, LightIntensity(), torch.zeros(1), Guess(torch.eye(4), 1.5))
    assert float(raw) == pytest.approx(1.0 + math.log(1.5), abs=1e-5)


def test_a_search_without_weights_or_cameras_is_refused(scene: Scene, weights: Path) -> None:
    with pytest.raises(UserError, match=r"search\.weights is null, expected a file that invrender train"):
        search_by(None)
    problem = replace(problem_of(scene, scene), parameters={"object": ObjectPose("cube")})
    with pytest.raises(UserError, match="a network says poses of cameras, and none is among object"):
        next(fit(problem, SOLVER, search=search_by(weights)))
