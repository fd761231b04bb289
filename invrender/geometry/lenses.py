"""Lenses: where rays meet the film, and which ray meets a place on it.

The film's coordinates have no unit; a camera's intrinsics take them to pixels. With the coordinates x, y, z of a point
in the camera's frame, a = x/z, b = y/z, r² = a² + b², and the angle θ between its ray and the axis:

- Brown-Conrady (Brown 1971, in OpenCV's rational form): (a, b) (1 + k₁r² + k₂r⁴ + k₃r⁶) / (1 + k₄r² + k₅r⁴ + k₆r⁶),
  and to that 2p₁ab + p₂(r² + 2a²) across and p₁(r² + 2b²) + 2p₂ab down.
- Division (Fitzgibbon 2001): the film's (u, v), of d² = u² + v², with (a, b) = (u, v) / (1 + k₁d² + k₂d⁴ + …).
- Kannala-Brandt (2006): the direction of (x, y), as long as θ (1 + k₁θ² + k₂θ⁴ + k₃θ⁶ + k₄θ⁸).
- Equirectangular: the longitude atan2(x, z) and the latitude, both in radians, growing to the right and down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.func import jvp

from invrender.scene import Lens, LensModel

FLATTEST = 1e-3  # z as a share of x or y, below which rays of a flat film count as beside the camera
NEWTON_STEPS = 25
INVERSE_STEPS = 8


def film(lens: Lens, points: Tensor) -> tuple[Tensor, Tensor]:
    """Points [..., 3] in the camera's frame as places on the film [..., 2] and distances [...].

    The distance is the depth for Brown-Conrady and division, and the length of the ray for the others, which see
    beside the camera and behind it. Smooth and finite everywhere, but without meaning beyond the lens's field
    (`invrender.geometry.fields`).
    """
    return MODELS[lens.model](lens.coefficients, points)


def brown_conrady(coefficients: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """`film` of Brown and Conrady's model, of 4, 5 or 8 coefficients."""
    k1, k2, p1, p2, k3, k4, k5, k6 = in_order(coefficients)
    x, y = flatten(points)
    squared = x * x + y * y
    radial = radial_factor(squared, (k1, k2, k3), (k4, k5, k6))
    across = x * radial + 2 * p1 * x * y + p2 * (squared + 2 * x * x)
    down = y * radial + p1 * (squared + 2 * y * y) + 2 * p2 * x * y
    return torch.stack([across, down], dim=-1), points[..., 2]


def in_order(coefficients: Tensor) -> tuple[Tensor, ...]:
    """k1, k2, p1, p2, k3, k4, k5 and k6, [] each, of which the last may not be given."""
    return torch.cat([coefficients, coefficients.new_zeros(8 - len(coefficients))]).unbind()


def radial_factor(squared: Tensor, above: Sequence[Tensor], below: Sequence[Tensor]) -> Tensor:
    """The quotient of two polynomials that begin with 1; 1 / 1 below where that has fallen to 0."""
    divisor = polynomial(squared, below)
    return polynomial(squared, above) / torch.where(divisor > FLATTEST, divisor, torch.ones_like(divisor))


def polynomial(variable: Tensor, coefficients: Sequence[Tensor]) -> Tensor:
    """1 + c₁ t + c₂ t² + …."""
    value = torch.zeros_like(variable)
    for coefficient in reversed(coefficients):
        value = (value + coefficient) * variable
    return 1 + value


def flatten(points: Tensor) -> tuple[Tensor, Tensor]:
    """x / z and y / z of points [..., 3]; x and y of those beside or behind the camera."""
    x, y, z = points.unbind(-1)
    ahead = z.detach() > FLATTEST * torch.maximum(x.detach().abs(), y.detach().abs())
    divisor = torch.where(ahead, z, torch.ones_like(z))
    return x / divisor, y / divisor


def division(coefficients: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """`film` of the division model: an equation, solved by Newton's method from the film's centre outwards."""
    each = coefficients.unbind()
    x, y = flatten(points)
    squared = x * x + y * y
    constants, constant_squared = [one.detach() for one in each], squared.detach()
    # Fitzgibbon's own root, which is that of one coefficient.
    root = (1 - 4 * constants[0] * constant_squared).clamp(min=0).sqrt()
    found = constant_squared * (2 / (1 + root)) ** 2 if len(each) == 1 else torch.zeros_like(constant_squared)
    for _ in range(NEWTON_STEPS if len(each) > 1 else 0):
        found = (found - division_error(found, constant_squared, constants)).clamp(min=0)
    # The last step is smooth, and has the derivatives of the solution.
    slope = division_slope(found, constant_squared, constants)
    found = found - (found - squared * polynomial(found, each) ** 2) / slope
    factor = polynomial(found, each)
    return torch.stack([x * factor, y * factor], dim=-1), points[..., 2]


def division_error(found: Tensor, squared: Tensor, coefficients: Sequence[Tensor]) -> Tensor:
    """Newton's step for the film's squared radius ``found`` of rays whose tangent of θ is ``squared`` in square."""
    error = found - squared * polynomial(found, coefficients) ** 2
    return error / division_slope(found, squared, coefficients)


def division_slope(found: Tensor, squared: Tensor, coefficients: Sequence[Tensor]) -> Tensor:
    """The derivative of the equation by ``found``; 1 where it vanishes, beyond the lens's field."""
    value = polynomial(found, coefficients)
    by_found = torch.zeros_like(found)
    for power in range(len(coefficients), 0, -1):
        by_found = by_found * found + power * coefficients[power - 1]
    slope = 1 - 2 * squared * value * by_found
    return torch.where(slope.abs() > FLATTEST, slope, torch.ones_like(slope))


def kannala_brandt(coefficients: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """`film` of Kannala and Brandt's model, of 4 coefficients."""
    x, y, z = points.unbind(-1)
    across = length(x, y)
    angle = torch.atan2(across, z)
    radius = angle * polynomial(angle * angle, coefficients.unbind())
    return torch.stack([x, y], dim=-1) * (radius / across)[..., None], length(x, y, z)


def equirectangular(coefficients: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """`film` of the whole sphere."""
    x, y, z = points.unbind(-1)
    return torch.stack([torch.atan2(x, z), torch.atan2(y, length(x, z))], dim=-1), length(x, y, z)


def length(*components: Tensor) -> Tensor:
    """The length of vectors by their components, a little more than 0 so that it has a derivative."""
    return torch.stack([each * each for each in components]).sum(dim=0).clamp(min=1e-24).sqrt()


MODELS: Mapping[LensModel, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "brown_conrady": brown_conrady,
    "division": division,
    "kannala_brandt": kannala_brandt,
    "equirectangular": equirectangular,
}


def directions(turned: Tensor) -> Tensor:
    """Unit rays [..., 3] in the camera's frame, ``turned`` [..., 2] from its axis: by its length, in its direction."""
    angle = length(*turned.unbind(-1))
    return torch.cat([turned * (angle.sin() / angle)[..., None], angle.cos()[..., None]], dim=-1)


def solve_rays(lens: Lens, places: Tensor, guess: Tensor) -> Tensor:
    """The rays [N, 3] that meet the film at ``places`` [N, 2], by Newton's method; differentiable to first order.

    guess: [N, 2], as `directions` has them. NaN where there is no such ray near the guess.
    """
    constant = Lens(lens.coefficients.detach(), lens.model)
    wanted, found = places.detach(), guess.detach()
    for _ in range(INVERSE_STEPS):
        found = found - newton_step(constant, found, wanted)
    inverse = invert(slopes(constant, found))
    miss = film(lens, directions(found))[0] - places
    rays = directions(found - (inverse @ miss[..., None])[..., 0])
    close = miss.detach().norm(dim=-1) <= 1e3 * torch.finfo(miss.dtype).eps * (1 + wanted.norm(dim=-1))
    return torch.where(close[:, None], rays, torch.full_like(rays, torch.nan))


def newton_step(lens: Lens, found: Tensor, wanted: Tensor) -> Tensor:
    """What Newton's method takes off ``found`` [N, 2]."""
    miss = film(lens, directions(found))[0] - wanted
    return (invert(slopes(lens, found)) @ miss[..., None])[..., 0]


def slopes(lens: Lens, turned: Tensor) -> Tensor:
    """The Jacobians [N, 2, 2] of the film's places by ``turned`` [N, 2]."""
    columns = []
    for axis in range(2):
        tangent = torch.zeros_like(turned)
        tangent[..., axis] = 1
        columns.append(jvp(lambda at: film(lens, directions(at))[0], (turned,), (tangent,))[1])
    return torch.stack(columns, dim=-1)


def invert(matrices: Tensor) -> Tensor:
    """The inverses of matrices [N, 2, 2]; of singular ones, zeros."""
    (a, b), (c, d) = (row.unbind(-1) for row in matrices.unbind(-2))
    determinant = a * d - b * c
    scale = torch.where(determinant == 0, torch.zeros_like(a), 1 / determinant)
    adjugate = torch.stack([torch.stack([d, -b], dim=-1), torch.stack([-c, a], dim=-1)], dim=-2)
    return adjugate * scale[..., None, None]
