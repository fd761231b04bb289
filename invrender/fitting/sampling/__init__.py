"""Posteriors: samples of the unknowns, given the pictures."""

from invrender.fitting.sampling.draws import Draws, Interval, Mode
from invrender.fitting.sampling.sampler import Sampler, Sampling, SamplingState

__all__ = ["Draws", "Interval", "Mode", "Sampler", "Sampling", "SamplingState"]
