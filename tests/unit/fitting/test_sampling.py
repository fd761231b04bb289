"""Posteriors: chains against densities that are known, tempering, noise, priors, and whether chains agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.judge.uncertainty import estimate_uncertainty
from invrender.fitting.objective import Objective
from invrender.fitting.sampling import Sampler
from invrender.fitting.sampling.chains import Chains, begin_chains, run_chains
from invrender.fitting.sampling.density import Posterior
from invrender.fitting.sampling.diagnostics import bulk_size, effective_size, rank_r_hat, tail_size
from invrender.fitting.sampling.kernels import drift
from invrender.fitting.sampling.modes import chart_modes
from invrender.fitting.sampling.noise import Noise, estimate_noise, noise_after_blur
from invrender.fitting.sampling.prior import Prior
from invrender.fitting.sampling.tangent import Tangent
from invrender.fitting.sampling.tempering import Tempering, next_power, resample
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import Linearized, Raw
from invrender.images.blur import gaussian_blur
from invrender.parameters import CameraPose, LightIntensity, ObjectPose, Values
from invrender.parameters.base import Parameter
from invrender.scene import Scene

SIGMA = 0.2


@dataclass(frozen=True)
class Written:
    """An objective whose residuals [M] are written down as a function of the numbers [K]."""

    function: Callable[[Tensor], Tensor]
    scene: Scene
    stage: Stage = field(default_factory=lambda: Stage(steps=1))
    sizes: tuple[tuple[int, int], ...] = ((1, 16),)

    def linearize(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        places = torch.stack([next(iter(raw.values())) for raw in raws])
        residuals = torch.func.vmap(self.function)(places)
        count, size = residuals.shape
        none = residuals.new_zeros(len(places), size, 0)
        jacobians = torch.func.vmap(torch.func.jacfwd(self.function))(places) if names else none
        shapes = {name: raws[0][name].shape for name in names}
        one, pixel = torch.ones(size).double(), torch.arange(size)
        return [Linearized(shapes, residuals[index], one, pixel, jacobians[index]) for index in range(count)]


def posterior_of(function: Callable[[Tensor], Tensor], given: Mapping[str, Any] | None = None) -> Posterior:
    """Of the background's three numbers, which are shifted as they are."""
    scene = tiny.one_object()
    values: dict[str, Parameter] = {"background": Values("background", lr=0.1)}
    tangent = Tangent.of(scene, values, ["background"], {"background": torch.zeros(3)})
    prior = Prior.of(tangent, {"background": given} if given else {})
    objective = cast(Objective, Written(function, scene))
    shares = torch.ones_like(function(torch.zeros(3).double()))
    return Posterior(objective, tangent, Noise(shares, SIGMA), prior)


def draws_of(posterior: Posterior, starts: Tensor, draws: int, seed: int = 0, chains: int = 8) -> Chains:
    """Chains that have drawn so many, from modes that are refined by one step."""
    state = begin_chains(posterior, chart_modes(posterior, starts).charts, chains, seed)
    *_, last = run_chains(posterior, state, burn_in=40, draws=draws)
    return last


def test_draws_of_a_normal_posterior_have_its_mean_and_covariance() -> None:
    random = torch.Generator().manual_seed(3)
    matrix = torch.randn(16, 3, generator=random, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.2])
    wanted = torch.tensor([0.3, -0.2, 0.5]).double()
    posterior = posterior_of(lambda place: matrix @ (place - wanted), {"deviation": [10.0, 0.1, 10.0]})
    precision = matrix.T @ matrix / SIGMA**2 + torch.diag(torch.tensor([1e-2, 1e2, 1e-2]).double())
    covariance = precision.inverse()
    mean = covariance @ (matrix.T @ (matrix @ wanted)) / SIGMA**2

    found = draws_of(posterior, wanted[None] + 0.01, 80, chains=64).places.reshape(-1, 3)
    deviations = covariance.diagonal().sqrt()
    assert ((found.mean(dim=0) - mean) / deviations).abs().max() < 0.1
    correlation = covariance / deviations / deviations[:, None]
    assert (found.T.cov() / deviations / deviations[:, None] - correlation).abs().max() < 0.15


def bent(place: Tensor) -> Tensor:
    """Two modes in the first number, of which one is higher and narrower; the others depend on it."""
    tilt = 0.1 * (place[0] + 0.3) ** 2
    return torch.stack([0.6 * (place[0] ** 2 - 1), tilt, place[1] - 0.3 * place[0], place[2] * (1.2 + 0.5 * place[0])])


def integrate() -> tuple[Tensor, Tensor, float]:
    """The mean and the deviation of that posterior, and the mass of the mode to the right, on a grid."""
    axis = torch.linspace(-2.5, 2.5, 101, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis, axis)
    energy = 0.5 * (torch.func.vmap(bent)(grid) / SIGMA).square().sum(dim=1)
    weights = torch.softmax(-energy, dim=0)[:, None]
    mean = (weights * grid).sum(dim=0)
    deviation = (weights * (grid - mean) ** 2).sum(dim=0).sqrt()
    return mean, deviation, float((weights[:, 0] * (grid[:, 0] > 0)).sum())


def test_draws_agree_with_an_integral_on_a_grid() -> None:
    """Means, deviations and the masses of both modes, of a posterior that is bent and has two modes."""
    mean, deviation, mass = integrate()
    assert 0.2 < mass < 0.5
    starts = torch.tensor([[1.0, 0.3, 0.0], [-1.0, -0.3, 0.0]]).double()
    chains = draws_of(posterior_of(bent), starts, 150, chains=64)
    found = chains.places.reshape(-1, 3)
    assert ((found.mean(dim=0) - mean) / deviation).abs().max() < 0.1
    assert (found.std(dim=0) / deviation - 1).abs().max() < 0.1
    assert float((found[:, 0] > 0).double().mean()) == pytest.approx(mass, abs=0.05)
    assert all(rank_r_hat(chains.places[..., index]) < 1.05 for index in range(3))
    assert chains.counts.rates["jump"] > 0.1


def test_steps_by_slopes_alone_agree_with_an_integral() -> None:
    """In one mode, from one chart, where every step is by Jacobians."""

    def shifted(place: Tensor) -> Tensor:
        return torch.cat([(place - 0.3) * torch.tensor([1.0, 2.0, 1.5]).double(), 0.4 * place[:1] ** 2])

    axis = torch.linspace(-1.5, 1.5, 3001, dtype=torch.float64)
    energy = 0.5 * (((axis - 0.3) / SIGMA) ** 2 + (0.4 * axis**2 / SIGMA) ** 2)
    weights = torch.softmax(-energy, dim=0)
    posterior = posterior_of(shifted)
    chains = begin_chains(posterior, chart_modes(posterior, torch.zeros(1, 3).double()).charts, 64, 0)
    random, points, found = torch.Generator().manual_seed(1), chains.points, []
    for _ in range(80):
        transition = drift(posterior, chains.charts, points, 0.8, random)
        points = transition.points
        found.append(points.place[:, 0])
    drawn = torch.stack(found[20:])
    mean = float((weights * axis).sum())
    deviation = float((weights * (axis - mean) ** 2).sum().sqrt())
    assert abs(float(drawn.mean()) - mean) < 0.1 * deviation
    assert float(drawn.std()) == pytest.approx(deviation, rel=0.1)


def test_the_slope_is_the_derivative_of_the_density() -> None:
    posterior = posterior_of(bent, {"deviation": 0.7})
    charts = chart_modes(posterior, torch.tensor([[1.0, 0.3, 0.0]]).double()).charts
    none, change = torch.zeros(7, dtype=torch.int64), torch.tensor([0.1, -0.2, 0.05]).double()
    steps = 1e-5 * torch.cat([torch.zeros(1, 3), torch.eye(3), -torch.eye(3)]).double()
    found = posterior.measure(charts, none, change + steps, slopes=True)
    assert found.slope is not None
    differences = (found.density[1:4] - found.density[4:]) / 2e-5
    torch.testing.assert_close(found.slope[0], differences, rtol=1e-6, atol=1e-6)


def test_volumes_of_changes_are_haars_for_rotations() -> None:
    """A rotation by θ has the density (sin ½θ / ½θ)² by its vector, wherever the chart's centre is."""
    scene = tiny.one_object()
    parameters: dict[str, Parameter] = {"pose": ObjectPose()}
    tangent = Tangent.of(scene, parameters, ["pose"], {"pose": torch.zeros(6)})
    random = torch.Generator().manual_seed(0)
    places = torch.randn(5, 6, generator=random, dtype=torch.float64) * torch.tensor([0.8] * 3 + [0.2] * 3)
    here = tangent.differentiate(places, torch.zeros_like(places)).det()
    half = places[:, :3].norm(dim=1) / 2
    torch.testing.assert_close(1 / here, (half.sin() / half) ** 2, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "parameter", [ObjectPose(), CameraPose(), LightIntensity()], ids=lambda each: type(each).__name__
)
def test_changes_of_many_places_are_those_of_each(parameter: Parameter) -> None:
    scene = tiny.one_object()
    zeros = parameter.initial(scene)
    tangent = Tangent.of(scene, {"it": parameter}, ["it"], {"it": zeros})
    random = torch.Generator().manual_seed(0)
    places, changes = 0.2 * torch.randn(2, 4, zeros.numel(), generator=random, dtype=torch.float64)
    one = torch.stack([parameter.retract(scene, *pair) for pair in zip(places, changes, strict=True)])
    torch.testing.assert_close(tangent.retract(places, changes), one)


def test_tempering_finds_both_modes_from_the_prior() -> None:
    posterior = posterior_of(bent, {"half_width": 3.0})
    tempering = Tempering(posterior.objective, posterior.tangent, posterior.prior, SIGMA)
    found = tempering.run(256, torch.Generator().manual_seed(0)).place
    # Of seeds, the share on the right has the mean of an integral, 0.25, and a deviation of 0.14.
    assert 0.05 < float((found[:, 0] > 0).double().mean()) < 0.6
    left = found[found[:, 0] < 0]
    assert float(left[:, 0].mean()) == pytest.approx(-0.95, abs=0.06)
    assert float(left[:, 0].std()) == pytest.approx(0.2, abs=0.07)
    assert float(found[:, 2].std()) == pytest.approx(float(integrate()[1][2]), rel=0.2)


def test_tempering_needs_a_prior_with_an_end() -> None:
    posterior = posterior_of(bent)
    with pytest.raises(UserError, match="nothing says how far number 0 of background may be from the start"):
        Tempering(posterior.objective, posterior.tangent, posterior.prior).run(4, torch.Generator())


def test_a_prior_that_allows_hardly_any_place_is_told() -> None:
    tangent = Tangent.of(tiny.one_object(), {"pose": ObjectPose(max_shift=1e-9)}, ["pose"], {"pose": torch.zeros(6)})
    prior = Prior.of(tangent, {"pose": {"deviation": 1.0}})
    with pytest.raises(UserError, match="next to none of its draws lie in the ranges"):
        prior.draw(4, torch.Generator().manual_seed(0))


def test_the_prior_of_poses_is_drawn_evenly() -> None:
    """Angles of random rotations have the density (1 − cos θ) / π, of mean π / 2 + 2 / π."""
    tangent = Tangent.of(tiny.one_object(), {"pose": ObjectPose(max_shift=0.1)}, ["pose"], {"pose": torch.zeros(6)})
    places = Prior.of(tangent, {}).draw(2000, torch.Generator().manual_seed(0))
    assert float(places[:, :3].norm(dim=1).mean()) == pytest.approx(math.pi / 2 + 2 / math.pi, abs=0.05)
    assert float(places[:, 3:].norm(dim=1).max()) <= 0.1


def test_a_power_leaves_half_of_the_particles_and_weights_draw_them() -> None:
    energy = torch.linspace(0, 10, 64, dtype=torch.float64)
    weights = torch.softmax(-next_power(energy, 0.0) * energy, dim=0)
    assert 1 / float(weights.square().sum()) == pytest.approx(32, rel=0.01)
    taken = resample(torch.log(torch.tensor([0.5, 0.25, 0.25, 1e-9]).double()), torch.Generator().manual_seed(0))
    assert torch.bincount(taken, minlength=4).tolist() == [2, 1, 1, 0]


def linearized(residuals: Tensor, jacobian: Tensor) -> Linearized:
    shapes = {"it": torch.Size([jacobian.shape[1]])}
    return Linearized(shapes, residuals, torch.ones_like(residuals), torch.arange(len(residuals)), jacobian)


@pytest.mark.parametrize("dof", [None, 4.0])
def test_noise_is_estimated_from_what_is_left(dof: float | None) -> None:
    """Its scale, and that no neighbours err alike where they do not."""
    random = torch.Generator().manual_seed(0)
    jacobian = torch.randn(64 * 64, 4, generator=random, dtype=torch.float64)
    noise = 0.03 * torch.randn(64 * 64, generator=random, dtype=torch.float64)
    if dof is not None:
        normal = torch.randn(4, 64 * 64, generator=random, dtype=torch.float64)
        noise = noise / (normal.square().mean(dim=0)).sqrt()
    found = estimate_noise(linearized(noise, jacobian), [(64, 64)], dof=dof)
    assert found.sigma == pytest.approx(0.03, rel=0.1)
    assert found.inflation == pytest.approx(1.0, abs=0.2)


def test_blocks_that_err_alike_widen_the_posterior_as_they_do_the_error_bars() -> None:
    random = torch.Generator().manual_seed(0)
    smooth = [gaussian_blur(torch.randn(64, 64, generator=random, dtype=torch.float64), 1.5) for _ in range(4)]
    jacobian = torch.stack([each.reshape(-1) for each in smooth[:3]], dim=1)
    left = 0.1 * smooth[3].reshape(-1)
    # At the minimum nothing is left along the Jacobian.
    local = linearized(left - jacobian @ torch.linalg.lstsq(jacobian, left[:, None]).solution[:, 0], jacobian)
    noise = estimate_noise(local, [(64, 64)])
    assert noise.inflation > 4
    bars = estimate_uncertainty(local, {"it": 1.0}, [(64, 64)]).covariance
    normal, _ = noise.weigh(local).normal_equations()
    assert float((normal @ bars).trace()) / 3 == pytest.approx(1.0, rel=0.05)
    apart = estimate_noise(local, [(64, 64)], correlation="none")
    assert apart.inflation == 1.0 and apart.sigma == noise.sigma


def test_a_blur_leaves_so_much_of_the_noise() -> None:
    random = torch.Generator().manual_seed(0)
    blurred = gaussian_blur(0.1 * torch.randn(300, 300, generator=random, dtype=torch.float64), 1.2)
    assert noise_after_blur(0.1, 1.2, [(300, 300)]) == pytest.approx(float(blurred.std()), rel=0.05)
    assert noise_after_blur(0.1, 0.0, [(300, 150)]) == pytest.approx(0.05)


def correlated(share: float, length: int = 2000, chains: int = 4) -> Tensor:
    """Chains of which each draw is so much like the one before."""
    random = torch.Generator().manual_seed(0)
    fresh = torch.randn(length, chains, generator=random, dtype=torch.float64)
    rows = [fresh[0]]
    for each in fresh[1:]:
        rows.append(share * rows[-1] + math.sqrt(1 - share**2) * each)
    return torch.stack(rows)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_effective_sizes_are_those_of_an_autoregression(share: float) -> None:
    """T N (1 − φ) / (1 + φ)."""
    wanted = 8000 * (1 - share) / (1 + share)
    draws = correlated(share)
    assert effective_size(draws) == pytest.approx(wanted, rel=0.2)
    assert bulk_size(draws) == pytest.approx(wanted, rel=0.2)
    assert 0.3 * wanted < tail_size(draws) < 4 * wanted
    assert rank_r_hat(draws) < 1.02


def test_chains_that_differ_in_place_or_width_do_not_agree() -> None:
    draws = correlated(0.0)
    assert rank_r_hat(draws + torch.tensor([0.0, 0.0, 0.0, 2.0])) > 1.1
    assert rank_r_hat(draws * torch.tensor([1.0, 1.0, 1.0, 3.0])) > 1.1
    assert rank_r_hat(torch.zeros(100, 4)) == 1.0


def test_a_likelihood_of_zero_everywhere_is_told() -> None:
    posterior = posterior_of(bent)
    hopeless = replace(posterior, noise=replace(posterior.noise, sigma=1e-200))
    charts = chart_modes(posterior, torch.tensor([[1.0, 0.3, 0.0]]).double()).charts
    with pytest.raises(UserError, match="the likelihood is zero everywhere around the start"):
        begin_chains(hopeless, charts, 4, 0)


def test_chains_that_never_move_are_told() -> None:
    posterior = posterior_of(bent)
    state = begin_chains(posterior, chart_modes(posterior, torch.tensor([[1.0, 0.3, 0.0]]).double()).charts, 4, 0)
    narrow = replace(posterior, noise=replace(posterior.noise, sigma=1e-9))
    still = replace(state, points=narrow.measure(state.charts, state.points.chart, 0 * state.points.change))
    high = replace(still, points=replace(still.points, density=torch.full_like(still.points.density, 1e30)))
    with pytest.raises(UserError, match="no chain has moved in 10 steps"):
        list(run_chains(narrow, high, 20, 10))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"other": {"deviation": 1.0}}, "no unknown that is sampled is called 'other', only background"),
        ({"background": {"width": 1.0}}, "expected deviation or half_width, or both"),
        (
            {"background": {"deviation": [1.0, 2.0]}},
            r"background.deviation is \[1.0, 2.0\], expected 3 numbers above 0",
        ),
        ({"background": {"half_width": -1.0}}, "expected 3 numbers above 0"),
    ],
)
def test_what_is_no_prior_is_refused(given: Any, told: str) -> None:
    posterior = posterior_of(bent)
    with pytest.raises(UserError, match=told):
        Prior.of(posterior.tangent, given)


def test_a_prior_that_forbids_the_start_is_told() -> None:
    prior = posterior_of(bent, {"half_width": [1.0, 0.1, 1.0]}).prior
    prior.check(torch.tensor([0.9, 0.0, 0.0]).double())
    with pytest.raises(
        UserError, match=r"prior\.background forbids the start: number 1 is 0\.3, and half_width allows 0\.1"
    ):
        prior.check(torch.tensor([0.9, 0.3, 0.0]).double())


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"chains": 0}, "sampler.chains is 0"),
        ({"draws": 3}, "sampler.draws is 3, expected 4 or more"),
        ({"noise": "poisson"}, "sampler.noise is 'poisson'"),
        ({"sigma": 0.0}, "sampler.sigma is 0"),
        ({"start": "nowhere"}, "sampler.start is 'nowhere'"),
    ],
)
def test_what_is_no_sampler_is_refused(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        Sampler(**keys)


def test_the_state_of_chains_is_plain() -> None:
    posterior = posterior_of(bent)
    chains = draws_of(posterior, torch.tensor([[1.0, 0.3, 0.0]]).double(), 4, chains=2)
    again = Chains.from_plain(chains.to_plain())
    *_, one = run_chains(posterior, chains, 40, 8)
    *_, other = run_chains(posterior, again, 40, 8)
    assert torch.equal(one.places, other.places) and len(one.places) == 8
    with pytest.raises(UserError, match="this is not the state of chains"):
        Chains.from_plain({"charts": {}})


def test_raw_tensors_and_vectors_are_the_same_numbers() -> None:
    posterior = posterior_of(bent)
    raw: Raw = {"background": torch.tensor([0.1, 0.2, 0.3])}
    vector = posterior.tangent.flatten(raw)
    torch.testing.assert_close(posterior.tangent.split(vector)["background"].float(), raw["background"])
