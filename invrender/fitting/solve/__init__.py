"""Solvers: from an objective to steps."""

from invrender.fitting.solve.adam_uniform import AdamUniform
from invrender.fitting.solve.first_order import FirstOrder
from invrender.fitting.solve.fusion import Fusion
from invrender.fitting.solve.grid_least_squares import GridLeastSquares
from invrender.fitting.solve.lbfgs import LBFGS
from invrender.fitting.solve.least_squares import LevenbergMarquardt

__all__ = ["LBFGS", "AdamUniform", "FirstOrder", "Fusion", "GridLeastSquares", "LevenbergMarquardt"]
