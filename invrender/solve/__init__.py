"""Solvers: what turns an objective into steps."""

from invrender.solve.first_order import FirstOrder

__all__ = ["FirstOrder"]
