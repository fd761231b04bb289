"""Sparse least squares over a grid: the Jacobian is the dense one, hills are found, and error bars hold the truth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch

from invrender.errors import UserError
from invrender.fitting.fit import fit
from invrender.fitting.judge.precision import measure_precision
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import Fusion, GridLeastSquares
from invrender.fitting.solve.fusion import to_matrix
from invrender.fitting.solve.probing import Probes, linearize_sparsely
from invrender.geometry.cameras import look_at
from invrender.geometry.grids import find_grid
from invrender.geometry.refining import RefineGrid
from invrender.losses import BiLaplacian, MeanSquaredError
from invrender.parameters import HeightMap, LightIntensity, VertexColors
from invrender.parameters.base import Measured
from invrender.render.approximate.renderer import ApproximateRenderer
from invrender.render.edge import EdgeRenderer
from invrender.scene import DirectionalLight, Scene
from invrender.targets import render_target

LAMPS = (([1.0, 0.1, 0.0], [0.8, 0.2, 1.0]), ([0.0, 1.0, 0.1], [-0.7, 0.5, 1.0]), ([0.1, 0.0, 1.0], [0.1, -0.9, 1.0]))
FROM = ([0.0, 0.1, 3.0], [0.7, 0.3, 2.9], [-0.7, -0.3, 2.9], [0.2, 0.8, 2.8], [-0.2, -0.8, 2.8], [0.5, -0.6, 2.9])


def land(rows: int = 9, columns: int = 10) -> Scene:
    """Hills under three coloured lamps, seen from several sides."""
    scene = tiny.ground(rows, columns, 40)
    lights = {
        str(number): DirectionalLight(*(torch.tensor(each).double() for each in (color, 0.8, direction)))
        for number, (color, direction) in enumerate(LAMPS)
    }
    scene = replace(scene, lights=lights)
    for number, position in enumerate(FROM):
        pose = look_at(torch.tensor(position).double(), torch.zeros(3).double(), torch.tensor([0.0, 1.0, 0.0]).double())
        scene = scene.with_camera(replace(scene.camera, camera_from_world=pose), f"view {number}")
    return scene


def problem(views: int = 1, noise: float = 0.0, **losses: object) -> Problem:
    """The land's pictures, and a plane to begin with."""
    truth = land()
    target = render_target(truth, [f"view {number}" for number in range(views)], EdgeRenderer(), 2, noise)
    obj = truth.objects["ground"]
    flat = replace(obj.mesh, vertices=obj.mesh.vertices * torch.tensor([1.0, 1.0, 0.0]).double())
    start = replace(truth, objects={"ground": replace(obj, mesh=flat)})
    chosen = losses or {"mse": MeanSquaredError()}
    return Problem(start, target, {"ground": HeightMap()}, EdgeRenderer(samples=2), chosen)  # type: ignore[arg-type]


def test_the_sparse_jacobian_is_the_dense_one_also_of_a_prior() -> None:
    both = problem(2, mse=MeanSquaredError(), bilaplacian=BiLaplacian(weight=1e-4))
    objective, raw = both.at(Stage(1)), {"ground": 0.01 * torch.randn(90, 1).double()}
    parameter = both.parameters["ground"]
    assert isinstance(parameter, Measured)
    found = linearize_sparsely(objective, raw, "ground", Probes.of(parameter, both.scene))
    dense = objective.probe(raw, "ground", torch.eye(90).double()[..., None]).jacobian
    sparse = torch.from_numpy(found.jacobian.toarray())
    # At the few pixels where an edge hides what is behind it, two heights may share a direction, and are left out.
    wrong = (sparse - dense).abs().amax(dim=1) > 1e-6 * float(dense.abs().max())
    assert float(wrong.double().mean()) < 0.01
    added = torch.zeros(90, 1).double().requires_grad_()
    near = {"ground": parameter.raw_adding(both.scene, raw["ground"], added)}
    (slope,) = torch.autograd.grad(objective(near).loss, added)
    expected = 2 * torch.from_numpy(found.normal_equations()[1])
    torch.testing.assert_close(slope[:, 0], expected, rtol=0, atol=2e-3 * float(expected.abs().max()))


def test_hills_are_found_from_one_picture() -> None:
    stages = (Stage(8, sigma=0),)
    *_, last = fit(problem(mse=MeanSquaredError(), bilaplacian=BiLaplacian(weight=1e-9)), GridLeastSquares(stages))
    assert last.errors["ground"]["rms_relative"] < 0.01
    assert last.errors["ground"]["largest_relative"] < 0.05
    assert last.stopped_because == "finished"


def test_each_picture_adds_to_what_is_known_and_the_error_bars_hold() -> None:
    noisy = problem(len(FROM), noise=0.03)
    solver = Fusion((Stage(100, sigma=0),), steepness=30.0)
    objective, raw = noisy.at(solver.stages[0]), noisy.initial()
    state = solver.init(objective, raw)
    parameter, truth = noisy.parameters["ground"], noisy.target.truth
    assert isinstance(parameter, Measured)
    assert truth is not None
    errors, certain = [], []
    while not solver.done(state):
        _, raw, state = solver.step(objective, raw, state)
        errors.append(parameter.error(objective.scene_at(raw), truth)["rms_relative"])
        certain.append(float(to_matrix(state["knowledge"]).diagonal().mean()))
    assert certain == sorted(certain)
    assert errors[-1] < 0.6 * errors[0]
    precision = measure_precision(objective, raw, "ground", truth)
    assert precision is not None
    assert precision.held is not None
    assert 0.55 < precision.held < 0.8
    assert precision.deviations.shape == (90,)


def test_what_is_not_over_a_grid_is_refused() -> None:
    one = problem()
    both = {**one.parameters, "light": LightIntensity(lr=0.1)}
    for solver in (GridLeastSquares((Stage(1),)), Fusion((Stage(1),))):
        with pytest.raises(UserError, match="sparse least squares take one unknown over a grid"):
            next(fit(replace(one, parameters=both), solver))
    with pytest.raises(UserError, match=r"optimizer\.stages has 2, expected one: each picture is seen once"):
        Fusion((Stage(1), Stage(1)))
    with pytest.raises(UserError, match=r"optimizer\.stages is empty"):
        GridLeastSquares(())


def test_a_finer_grid_is_the_same_land_and_carries_its_colours() -> None:
    (obj,) = land(4, 5).objects.values()
    painted = replace(obj, material=obj.material.with_property("albedo", vertex=obj.mesh.vertices.abs()))
    scene = replace(land(), objects={"ground": painted})
    fine = RefineGrid(7, 9)(scene, ["ground"]).objects["ground"]
    assert len(fine.mesh.vertices) == 63
    before, after = find_grid(obj.mesh), find_grid(fine.mesh)
    heights = after.heights(fine.mesh)
    torch.testing.assert_close(heights[::2, ::2], before.heights(obj.mesh))
    torch.testing.assert_close(heights[1::2], (heights[:-1:2] + heights[2::2]) / 2)
    colors = fine.material.vertex_colors
    assert colors is not None
    torch.testing.assert_close(colors[:, 2], fine.mesh.vertices[:, 2].abs())
    textured = obj.material.with_property("albedo", texture=torch.ones(2, 2, 3).double())
    with pytest.raises(UserError, match="ground: has a texture, which lies on the grid that it has"):
        RefineGrid(7, 9)(replace(scene, objects={"ground": replace(obj, material=textured)}), ["ground"])
    with pytest.raises(UserError, match="rows and columns are 1 and 9, expected 2 or more"):
        RefineGrid(1, 9)


def test_colours_of_the_vertices_of_a_grid_are_solved_for_in_a_step() -> None:
    one = problem()
    obj = one.scene.objects["ground"]
    gray, white = (
        replace(obj, material=obj.material.with_property("albedo", vertex=torch.full((90, 3), each).double()))
        for each in (0.5, 0.8)
    )
    truth = replace(one.scene, objects={"ground": white})
    target = render_target(truth, ["view 0"], EdgeRenderer(), 2)
    unknowns = {"colors": VertexColors()}
    start = replace(one, scene=replace(truth, objects={"ground": gray}), target=target, parameters=unknowns)
    steps = list(fit(start, GridLeastSquares((Stage(2, sigma=0),), damping=1e-9)))
    assert steps[0].errors["colors"]["psnr_db"] < 11
    assert steps[-1].errors["colors"]["psnr_db"] > 50


def test_heights_of_several_grids_have_no_error_bars() -> None:
    one = problem()
    ground = one.scene.objects["ground"]
    scene = replace(one.scene, objects={"ground": ground, "other": ground})
    both = replace(one, scene=scene)
    raw = {"ground": both.parameters["ground"].initial(scene)}
    assert len(raw["ground"]) == 180
    assert measure_precision(both.at(Stage(1)), raw, "ground", None) is None
    with pytest.raises(UserError, match="heights of ground, other are on grids of their own"):
        GridLeastSquares([Stage(1)]).step(both.at(Stage(1)), raw, {"damping": 1e-3, "finished": False})


def test_heights_are_probed_in_forward_mode_alone() -> None:
    one = replace(problem(), renderer=ApproximateRenderer("nmr"))
    raw = {"ground": one.parameters["ground"].initial(one.scene)}
    assert not one.renderer.supports.forward_mode
    assert measure_precision(one.at(Stage(1)), raw, "ground", None) is None
    with pytest.raises(UserError, match="forward mode, which this renderer has not; set renderer=embedded"):
        GridLeastSquares([Stage(1)]).step(one.at(Stage(1)), raw, {"damping": 1e-3, "finished": False})
