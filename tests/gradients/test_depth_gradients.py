"""Depths that a renderer draws, and the loss that compares them: derivatives against finite differences, in float64."""

from __future__ import annotations

import pytest
import tiny
import torch

from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.losses import Depth
from invrender.parameters import CameraPose, ObjectPose
from invrender.render.embedded import EmbeddedRenderer
from invrender.targets import render_target

TRUTH = tiny.scene()
DEPTHS = frozenset(("depth",))
LOSS = {"depth": Depth(noise=0.1, growth=0.02, lateral=0.0)}
UNKNOWNS = {"camera": CameraPose(), "object": ObjectPose(object="painted")}


@pytest.mark.parametrize("sigma", [2e-3, 0.0], ids=["soft", "edge"])
@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize("unknown", UNKNOWNS)
def test_depths_have_the_derivatives_of_finite_differences(
    unknown: str, backend: str, samples: int, sigma: float
) -> None:
    """Forward, by the Jacobian of the residuals, and backward, against a random cotangent and of the loss itself."""
    renderer = EmbeddedRenderer(gamma=1e-2, samples=samples, backend=backend)  # type: ignore[arg-type]
    target = render_target(TRUTH, samples=2, channels=DEPTHS)
    problem = Problem(TRUTH, target, {unknown: UNKNOWNS[unknown]}, renderer, LOSS)
    objective = problem.at(Stage(1, size=16, sigma=sigma))
    random = torch.Generator().manual_seed(0)
    raw = {unknown: 0.05 * torch.randn(6, generator=random, dtype=torch.float64)}

    def residuals(at: torch.Tensor) -> torch.Tensor:
        return objective.residuals([objective.scene_at({unknown: at})]).values

    [local] = objective.linearize([raw], [unknown])
    moved = [
        objective.retract(raw, {unknown: sign * 1e-7 * unit})[0][unknown]
        for unit in torch.eye(6).double()
        for sign in (1, -1)
    ]
    columns = [(residuals(ahead) - residuals(back)) / 2e-7 for ahead, back in zip(moved[::2], moved[1::2], strict=True)]
    expected = torch.stack(columns, dim=1)
    assert expected.abs().amax(dim=0).min() > 0.01
    torch.testing.assert_close(local.jacobian, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))

    leaf = raw[unknown].clone().requires_grad_()
    values = residuals(leaf)
    cotangent = torch.randn(values.shape, generator=random, dtype=torch.float64)
    loss = objective({unknown: leaf}).loss
    along = torch.randn(6, generator=random, dtype=torch.float64)
    ahead, back = (raw[unknown] + step * along for step in (1e-7, -1e-7))
    for found, difference in (
        (values @ cotangent, (residuals(ahead) - residuals(back)) @ cotangent),
        (loss, objective({unknown: ahead}).loss - objective({unknown: back}).loss),
    ):
        (slope,) = torch.autograd.grad(found, leaf, retain_graph=True)
        assert float(slope @ along) == pytest.approx(float(difference) / 2e-7, rel=1e-4, abs=1e-6)
