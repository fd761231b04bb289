"""Losses: weighted terms on a rendering, a picture and the scene."""

from invrender.losses.contrast import Contrast
from invrender.losses.pictures import Huber, MeanAbsoluteError, MeanSquaredError
from invrender.losses.silhouettes import Moments, Silhouette
from invrender.losses.smoothness import TotalVariation

__all__ = ["Contrast", "Huber", "MeanAbsoluteError", "MeanSquaredError", "Moments", "Silhouette", "TotalVariation"]
