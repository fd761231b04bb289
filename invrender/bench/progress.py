"""How far a benchmark has come, on stderr."""

from __future__ import annotations

import sys
from contextlib import suppress
from threading import Lock
from typing import Self

from tqdm import tqdm

from invrender.bench.results import score_text
from invrender.bench.statistics import Score
from invrender.bench.trials import Run
from invrender.record.console import Bar


class Progress:
    """A bar on a terminal, a line for every fit elsewhere, failures alone where it is to be quiet."""

    def __init__(self, total: int, quiet: bool) -> None:
        self.quiet = quiet
        self.total = total
        self.count = 0
        self.lock = Lock()
        wanted = sys.stderr.isatty() and not quiet
        self.bar = tqdm(total=total, leave=False, dynamic_ncols=True, bar_format=Bar.FORMAT) if wanted else None

    def ended(self, run: Run) -> None:
        """Show that a fit has ended; any thread may say so."""
        with self.lock, suppress(BrokenPipeError):
            self.count += 1
            if self.bar is not None:
                self.bar.set_postfix_str(run_text(run), refresh=False)
                self.bar.update()
                if run.message is not None:
                    self.bar.write(run_text(run), file=sys.stderr)
            elif run.message is not None or not self.quiet:
                print(f"{self.count}/{self.total} {run_text(run)}", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()


def run_text(run: Run) -> str:
    """A run in a line."""
    name = " ".join(each for each in (run.task, run.case, f"seed {run.seed}") if each)
    if run.message is not None:
        return f"{name} failed: {run.message}"
    before, found = (score_text(Score.of(errors)) for errors in (run.errors_start, run.errors))
    verdict = f", {run.verdict}" if run.verdict else ""
    return f"{name}: {before} to {found}, {run.seconds or 0:.1f} s{verdict}"
