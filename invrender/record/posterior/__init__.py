"""Posteriors as files: draws, plots, intervals in the result, and the state that a sampling goes on from."""

from invrender.record.posterior.checkpoint import Checkpoint, read_checkpoint, remove_checkpoint
from invrender.record.posterior.files import FILES, write_draws
from invrender.record.posterior.text import draws_text

__all__ = ["FILES", "Checkpoint", "draws_text", "read_checkpoint", "remove_checkpoint", "write_draws"]
