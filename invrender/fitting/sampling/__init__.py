"""Posteriors: samples of the unknowns, given the pictures."""

from invrender.fitting.sampler import Sampler
from invrender.fitting.sampling.draws import Draws, Interval, Mode
from invrender.fitting.sampling.sampling import Sampling, SamplingState

__all__ = ["Draws", "Interval", "Mode", "Sampler", "Sampling", "SamplingState"]
