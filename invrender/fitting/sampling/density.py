"""The posterior density of unknowns, in charts of tangent spaces about some places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.objective import Objective
from invrender.fitting.sampling.noise import Noise
from invrender.fitting.sampling.prior import Prior
from invrender.fitting.sampling.tangent import Tangent
from invrender.fitting.solve.base import Linearized, Raw

# The most that a chart says of a number that no picture shows: a deviation of so many learning rates, as in verdicts.
WIDEST = 25.0
# The step to the minimum is taken at most so many deviations far.
FARTHEST = 3.0


@dataclass(frozen=True, eq=False)
class Points:
    """Places of several chains.

    chart: [N], which chart each is in. change: [N, K], from the chart's centre. place: [N, K], what it leads to.
    density: [N], the logarithm by the volume of changes in the chart; minus infinity where nothing may be.
    slope: [N, K], its derivative in the change, by Jacobians of pictures; None where it was not asked for.
    """

    chart: Tensor
    change: Tensor
    place: Tensor
    density: Tensor
    slope: Tensor | None = None

    def where(self, taken: Tensor, other: Points) -> Points:
        """The other points where ``taken`` [N], these elsewhere; slopes only if both have them."""
        wide = taken[:, None]
        slope = None if self.slope is None or other.slope is None else torch.where(wide, other.slope, self.slope)
        return Points(
            torch.where(taken, other.chart, self.chart),
            torch.where(wide, other.change, self.change),
            torch.where(wide, other.place, self.place),
            torch.where(taken, other.density, self.density),
            slope,
        )


@dataclass(frozen=True, eq=False)
class Charts:
    """Tangent spaces, each about a place, with what is known of the density there.

    A change from a centre reaches every place, so each chart has all of the density, and a chain may be in any of them.

    centers: [M, K], places. means: [M, K], changes. spreads: [M, K, K], L of covariances L Lᵀ of changes.
    """

    centers: Tensor
    means: Tensor
    spreads: Tensor

    def __len__(self) -> int:
        return len(self.centers)

    def whiten(self, chart: Tensor, change: Tensor) -> Tensor:
        """Changes [N, K] in standard deviations, along independent directions."""
        offset = (change - self.means[chart])[..., None]
        found: Tensor = torch.linalg.solve_triangular(self.spreads[chart], offset, upper=False)[..., 0]
        return found

    def color(self, chart: Tensor, white: Tensor) -> Tensor:
        """The changes [N, K] that whitened ones stand for."""
        return self.means[chart] + (self.spreads[chart] @ white[..., None])[..., 0]

    def log_volume(self, chart: Tensor) -> Tensor:
        """The logarithm of the volume of a whitened change, [N]."""
        return self.spreads[chart].diagonal(dim1=1, dim2=2).log().sum(dim=1)

    def take(self, kept: Sequence[int]) -> Charts:
        """Some of the charts."""
        return Charts(*(each[list(kept)] for each in (self.centers, self.means, self.spreads)))


@dataclass(frozen=True, eq=False)
class Posterior:
    """log p(places | pictures), up to a constant, as one stage draws them.

    temper: the power of the likelihood.
    """

    objective: Objective
    tangent: Tangent
    noise: Noise
    prior: Prior
    temper: float = 1.0

    def raws(self, places: Tensor) -> list[Raw]:
        """The raw tensors of places [N, K], as the renderer takes them."""
        like = self.objective.scene.background
        return [{name: each.to(like) for name, each in self.tangent.split(place).items()} for place in places]

    def linearize(self, places: Tensor, names: Sequence[str]) -> list[Linearized]:
        """The losses near places [N, K]."""
        with torch.no_grad():
            return self.objective.linearize(self.raws(places), names) if len(places) else []

    def measure(self, charts: Charts, chart: Tensor, change: Tensor, slopes: bool = False) -> Points:
        """What changes [N, K] in charts [N] lead to."""
        center = charts.centers[chart]
        place = self.tangent.retract(center, change)
        # How volumes of changes in the chart compare with those of changes at the place.
        both = self.tangent.differentiate(torch.cat([center, place]), torch.cat([change, torch.zeros_like(change)]))
        along, here = both.chunk(2)
        density = self.prior.log_density(place) + along.det().abs().log() - here.det().abs().log()
        found = Points(chart, change, place, density)
        return self.add_likelihood(found, torch.linalg.solve_ex(here, along)[0], along, slopes)

    def add_likelihood(self, points: Points, transport: Tensor, along: Tensor, slopes: bool) -> Points:
        """Points with the likelihood in their density.

        transport: [N, K, K], by which changes in the chart become changes at the place. along: likewise, of the place.
        """
        allowed = points.density.isfinite().nonzero()[:, 0].tolist()
        density, slope = points.density.clone(), torch.zeros_like(points.change)
        local = self.linearize(points.place[allowed], self.tangent.names if slopes else ())
        for index, each in zip(allowed, local, strict=True):
            density[index] += self.temper * self.noise.log_likelihood(each)
            if slopes:
                _, pull = self.noise.weigh(each).normal_equations()
                slope[index] = -self.temper * transport[index].T @ pull
        if slopes:
            slope += (along.transpose(1, 2) @ self.prior.slopes(points.place)[..., None])[..., 0]
        density = torch.where(density.isnan(), -torch.inf, density)
        return replace(points, density=density, slope=slope.nan_to_num() if slopes else None)

    def chart_at(self, places: Tensor) -> Charts:
        """The charts about places [M, K], by the Gauss-Newton covariance and the step to the minimum there.

        Raises `UserError` where there is none, since the noise is nothing.
        """
        here = self.tangent.differentiate(places, torch.zeros_like(places))
        means, spreads = [], []
        for place, jacobian, local in zip(places, here, self.linearize(places, self.tangent.names), strict=True):
            normal, pull = self.noise.weigh(local).normal_equations()
            if not bool(normal.isfinite().all()):
                raise UserError("the likelihood is zero everywhere around the start: its curvature is no finite number")
            normal = normal + jacobian.T @ torch.diag(self.prior.precision) @ jacobian
            pull = pull - jacobian.T @ self.prior.slopes(place)
            rates = self.tangent.rates
            scaled = rates * normal * rates[:, None] + torch.eye(len(rates)).double() / WIDEST**2
            covariance = rates * torch.linalg.inv(scaled) * rates[:, None]
            spreads.append(torch.linalg.cholesky((covariance + covariance.T) / 2))
            step = -covariance @ pull
            deviations = torch.linalg.solve_triangular(spreads[-1], step[:, None], upper=False).norm()
            means.append(step * (FARTHEST / deviations.clamp(min=FARTHEST)))
        return Charts(places, torch.stack(means), torch.stack(spreads))
