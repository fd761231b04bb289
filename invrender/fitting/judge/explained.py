"""The share of a picture that a rendering explains."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from invrender.images.blur import gaussian_blur, window_mean
from invrender.images.resample import STEP
from invrender.scene import Channels, Picture, View

# Standard deviation of the windows in which contrast is compared, as a share of the shorter side; and of the blur that
# takes out noise, in pixels.
WINDOW, SMOOTHED = 0.06, 1.0


def measure_unexplained(picture: Picture, view: View, channels: Channels) -> float:
    """The share of a picture that a rendering leaves unexplained, whatever the light: 0 to 1.

    In colours, 1 − the squared correlation within small windows, their mean luminances apart, weighted by the target's
    contrast in them; in silhouettes, what they do not have in common; in depths, the pixels that show another surface;
    in normals, 1 − cos of their angle. The largest of them, of those that the losses compare.
    """
    shares = [0.0]
    if "rgb" in channels:
        shown = picture.alpha if view.mask is None else picture.alpha.maximum(view.mask)
        weights = shown if view.weight is None else shown * view.weight
        shares.append(1 - measure_common_contrast(picture.rgb, view.rgb, weights))
    if "alpha" in channels and view.mask is not None:
        common = picture.alpha.minimum(view.mask).sum()
        shares.append(1 - float(common / picture.alpha.maximum(view.mask).sum().clamp(min=1e-12)))
    if "depth" in channels and "depth" in view.picture:
        shares.append(measure_other_surfaces(picture, view))
    if "normal" in channels and "normal" in view.picture:
        shares.append(measure_other_normals(picture["normal"], view.picture["normal"]))
    return max(shares)


def measure_other_normals(found: Tensor, wanted: Tensor) -> float:
    """What two pictures of normals [H, W, 3] do not have in common: of normals at an angle, 1 − cos."""
    squares = found.square().sum() + wanted.square().sum()
    return float((found - wanted).square().sum() / squares.clamp(min=1e-12))


def measure_other_surfaces(picture: Picture, view: View) -> float:
    """The share of an object's pixels of which another depth was measured, of those of which any was."""
    measured = view.picture.depth
    weights = picture.alpha * (picture.depth > 0) * (measured > 0)
    weights = weights if view.weight is None else weights * view.weight
    other = (picture.depth - measured).abs() > STEP * measured
    return float((weights * other).sum() / weights.sum().clamp(min=1e-12))


def measure_common_contrast(found: Tensor, wanted: Tensor, weights: Tensor) -> float:
    """The share of the local contrast of ``wanted`` [H, W, 3] that ``found`` has too, where ``weights`` [H, W] are."""
    mean = window_mean(weights, WINDOW * min(weights.shape))

    def local(values: Tensor) -> Tensor:
        return mean(values.mean(dim=-1))

    found, wanted = gaussian_blur(found, SMOOTHED), gaussian_blur(wanted, SMOOTHED)
    found, wanted = found - local(found)[..., None], wanted - local(wanted)[..., None]
    own, other, both = local(found**2), local(wanted**2), local(found * wanted)
    common = (both.clamp(min=0) ** 2 / own.clamp(min=1e-12)).minimum(other)
    return float((weights * common).sum() / (weights * other).sum().clamp(min=1e-12))


def measure_burnt_out(pictures: Sequence[Picture], views: Sequence[View]) -> float:
    """The share of the objects in renderings that the views show with a channel at the top of their range."""
    objects = sum(float(picture.alpha.sum()) for picture in pictures)
    lost = sum(
        float(picture.alpha[view.ceiling.isfinite().any(dim=-1)].sum())
        for picture, view in zip(pictures, views, strict=True)
        if view.ceiling is not None
    )
    return lost / max(objects, 1e-12)
