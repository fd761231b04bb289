"""Losses: weighted terms of pictures, and priors on scenes."""

from invrender.losses.contrast import Contrast
from invrender.losses.correlation import Correlation
from invrender.losses.data import Huber, MeanAbsoluteError, MeanSquaredError
from invrender.losses.priors import TotalVariation
from invrender.losses.separation import Separation
from invrender.losses.silhouettes import Moments, Silhouette

__all__ = [
    "Contrast",
    "Correlation",
    "Huber",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Moments",
    "Separation",
    "Silhouette",
    "TotalVariation",
]
