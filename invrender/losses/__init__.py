"""Losses: weighted terms of pictures, and priors on scenes."""

from invrender.losses.contrast import Contrast
from invrender.losses.correlation import Correlation
from invrender.losses.data import Huber, MeanAbsoluteError, MeanSquaredError
from invrender.losses.depth import Depth
from invrender.losses.normals import Normals
from invrender.losses.priors import KnownIntrinsics, TotalVariation
from invrender.losses.separation import Separation
from invrender.losses.shapes import BiLaplacian, EdgeLengths, Laplacian, NormalConsistency
from invrender.losses.silhouettes import Moments, Silhouette

__all__ = [
    "BiLaplacian",
    "Contrast",
    "Correlation",
    "Depth",
    "EdgeLengths",
    "Huber",
    "KnownIntrinsics",
    "Laplacian",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Moments",
    "NormalConsistency",
    "Normals",
    "Separation",
    "Silhouette",
    "TotalVariation",
]
