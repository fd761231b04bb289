"""A fit as the person at the terminal sees it."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TextIO

from tqdm import tqdm

from invrender.fitting.step import Step
from invrender.parameters.base import Parameters
from invrender.record.base import Resumed, Run
from invrender.record.summary import summary
from invrender.record.units import errors_text, values_text

LINE_SECONDS = 30.0
# So many unknowns are told of in the line of a step; all of them stand in the table at the end.
SHOWN = 3
# What goes on where there are no steps for seconds.
SEARCH_LOG = logging.getLogger("invrender.fitting.search")


class Progress(Protocol):
    """Shows how far a fit has come."""

    def begin(self, text: str) -> None:
        """Say in a line how the fit is run."""
        ...

    def step(self, iteration: int, total: int, text: str) -> None:
        """Show a step, and how many there will be at most."""
        ...

    def pause(self, text: str) -> None:
        """Show what goes on until the next step."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def choose_progress(total: int, verbosity: str, bar: bool) -> Progress | None:
    """What shows how far a run has come; None where nothing does."""
    if verbosity == "verbose":
        return Lines(total, sys.stderr, every=1)
    if verbosity == "quiet" or not bar:
        return None
    return Bar(total) if sys.stderr.isatty() else Lines(total, sys.stderr)


class Console:
    """Shows progress on stderr while the fit goes on, and what was found on stdout when the other recorders are done.

    bar: whether to show progress: a bar on a terminal, a line now and then elsewhere.
    folder: where the records are, or None where there are none.
    resumed: of a fit that goes on.
    verbosity: quiet says only where the records are; verbose has a line for every step, with the terms of the loss.
    """

    def __init__(
        self,
        run: Run,
        total_steps: int,
        bar: bool,
        folder: Path | None,
        verbosity: str = "normal",
        resumed: Resumed | None = None,
    ) -> None:
        self.run = run
        self.total_steps = total_steps
        self.folder = folder
        self.start: Step | None = None if resumed is None else resumed.start
        self.last: Step | None = None
        self.quiet = verbosity == "quiet"
        self.verbose = verbosity == "verbose"
        self.progress = choose_progress(total_steps, verbosity, bar)
        if resumed is not None and self.progress is not None:
            self.progress.begin(f"going on after step {resumed.iteration}")
        self.listener = None if self.progress is None else Listener(self.progress)

    def step(self, step: Step) -> None:
        """Show a step."""
        if self.start is None:
            self.start = step
            if self.progress is not None:
                self.progress.begin(f"renderer {self.run.renderer_text} on {self.run.device}")
                if self.run.optimizer_note:
                    self.progress.begin(f"optimizer {self.run.optimizer_text}")
        if step.iteration > self.total_steps:
            # A search has found another start, and the stages begin anew.
            self.total_steps *= 2
        self.last = step
        if self.progress is not None and step.stopped_because is None:
            terms = terms_text(step) if self.verbose else ""
            self.progress.step(step.iteration, self.total_steps, step_text(step, self.run.parameters) + terms)

    def close(self) -> None:
        """Print what was found, if the fit came to an end."""
        if self.listener is not None:
            self.listener.close()
        if self.progress is not None:
            self.progress.close()
        if self.start is None or self.last is None or self.last.stopped_because is None:
            return
        if not self.quiet:
            say(summary(self.run, self.start, self.last, self.total_steps))
        if self.folder is not None:
            say(f"results in {self.folder}")


def step_text(step: Step, parameters: Parameters) -> str:
    """Loss and errors in one line; the values of the unknowns where the truth is not known."""
    if step.errors:
        unknowns = [f"{name} {errors_text(errors)}" for name, errors in step.errors.items()]
    else:
        values = {name: values_text(parameter.value(step.scene)) for name, parameter in parameters.items()}
        unknowns = [f"{name} {text}" for name, text in values.items() if text]
    more = [f"and {len(unknowns) - SHOWN} more unknowns"] if len(unknowns) > SHOWN + 1 else []
    return ", ".join([f"loss {step.loss:.3g}", *(unknowns[:SHOWN] if more else unknowns), *more])


def terms_text(step: Step) -> str:
    """The stage, and the terms of the loss where there are several."""
    terms = [f"{name} {value:.3g}" for name, value in step.terms.items()] if len(step.terms) > 1 else []
    return f" ({', '.join([f'stage {step.stage}', *terms])})"


def say(text: str) -> None:
    """Print to stdout, whatever its encoding lacks replaced."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


class Listener(logging.Handler):
    """Hands on to the progress what a search says of itself."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self.progress = progress
        self.level_before = SEARCH_LOG.level
        SEARCH_LOG.setLevel(logging.INFO)
        SEARCH_LOG.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Show what goes on."""
        self.progress.pause(record.getMessage())

    def close(self) -> None:
        """Listen no longer."""
        SEARCH_LOG.removeHandler(self)
        SEARCH_LOG.setLevel(self.level_before)
        super().close()


class Bar:
    """A progress bar for terminals; it vanishes in the end."""

    FORMAT = "{percentage:3.0f}%|{bar:12}| {n_fmt}/{total_fmt} {elapsed}<{remaining} {postfix}"

    def __init__(self, total_steps: int) -> None:
        self.bar = tqdm(total=total_steps, file=sys.stderr, leave=False, dynamic_ncols=True, bar_format=self.FORMAT)

    def begin(self, text: str) -> None:
        """Print above the bar."""
        self.bar.write(text, file=sys.stderr)

    def step(self, iteration: int, total: int, text: str) -> None:
        """Move on; drawn ten times a second at most."""
        self.bar.total = total
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.update(iteration - self.bar.n)

    def pause(self, text: str) -> None:
        """Stand in the bar until the next step."""
        self.bar.set_postfix_str(text)

    def close(self) -> None:
        """Remove the bar."""
        self.bar.close()


class Lines:
    """A line for the start, ``every`` so many steps (a tenth of all), and whenever there has been none for a while."""

    def __init__(self, total_steps: int, stream: TextIO, every: int | None = None) -> None:
        self.every = every or max(1, total_steps // 10)
        self.stream = stream
        self.began = self.latest = time.monotonic()
        self.next_iteration = 0

    def begin(self, text: str) -> None:
        """Print a line."""
        # A fit goes on, and is recorded, where whoever read its progress has gone.
        with suppress(BrokenPipeError):
            print(text, file=self.stream, flush=True)

    def step(self, iteration: int, total: int, text: str) -> None:
        """Print a line if it is time."""
        now = time.monotonic()
        if iteration < self.next_iteration and now - self.latest < LINE_SECONDS:
            return
        self.begin(f"step {iteration}/{total}, {now - self.began:.1f} s, {text}")
        self.latest = now
        self.next_iteration = (iteration // self.every + 1) * self.every

    def pause(self, text: str) -> None:
        """Print a line."""
        self.begin(f"{time.monotonic() - self.began:.1f} s, {text}")

    def close(self) -> None:
        """Nothing is left to do."""
