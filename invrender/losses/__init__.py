"""Weighted, named terms on (rendering, view, scene)."""

from invrender.losses.pictures import Huber, MeanAbsoluteError, MeanSquaredError, Silhouette
from invrender.losses.smoothness import TotalVariation

__all__ = ["Huber", "MeanAbsoluteError", "MeanSquaredError", "Silhouette", "TotalVariation"]
