"""A posterior that is sampled in a run's folder: for `invrender sample`, and after a fit with optimizer=mcmc."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tqdm import tqdm

from invrender.cli.job import VERDICTS
from invrender.cli.resuming import SAMPLING
from invrender.config.origin import Origin
from invrender.errors import shown
from invrender.fitting.sampling import Draws, Sampling, SamplingState
from invrender.fitting.state import stamp
from invrender.record.posterior import Checkpoint, draws_text, remove_checkpoint, write_draws


def sample(
    folder: Path,
    sampling: Sampling,
    seed: int,
    quiet: bool,
    origin: Origin | None = None,
    state: SamplingState | None = None,
) -> int:
    """Draw, or go on drawing from a state, and write what was found; the exit status.

    origin: how a sampling began that does not go on; it is written when nothing has been refused.
    Raises `KeyboardInterrupt` for Ctrl-C, when the state is written.
    """
    checkpoint = Checkpoint(folder / SAMPLING, stamp(sampling.problem))
    state = sampling.begin(seed) if state is None else state
    if origin is not None:
        origin.write(folder / SAMPLING)
    checkpoint.step(state)
    try:
        with tqdm(total=sampling.steps, initial=state.chains.taken, disable=quiet or None, file=sys.stderr) as bar:
            for following in sampling.run(state):
                state = following
                checkpoint.step(state)
                bar.update()
    except KeyboardInterrupt:
        checkpoint.write(checkpoint.content(state))
        if not quiet:
            print(f"invrender sample --resume {shlex.quote(shown(folder))} goes on with it", flush=True)
        raise
    draws = Draws(sampling, state)
    write_draws(folder, draws)
    remove_checkpoint(folder / SAMPLING)
    if not quiet:
        print(draws_text(draws))
    print(f"draws in {shown(folder / 'samples.csv')}", flush=True)
    return VERDICTS[draws.verdict[0]]
