"""Solvers: what turns an objective into steps."""

from invrender.solve.first_order import FirstOrder
from invrender.solve.least_squares import LevenbergMarquardt

__all__ = ["FirstOrder", "LevenbergMarquardt"]
