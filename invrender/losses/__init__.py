"""Losses: weighted terms of pictures, and priors on scenes."""

from invrender.losses.contrast import Contrast
from invrender.losses.data import Huber, MeanAbsoluteError, MeanSquaredError
from invrender.losses.depth import Depth
from invrender.losses.priors import KnownIntrinsics, TotalVariation
from invrender.losses.silhouettes import Moments, Silhouette

__all__ = [
    "Contrast",
    "Depth",
    "Huber",
    "KnownIntrinsics",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Moments",
    "Silhouette",
    "TotalVariation",
]
