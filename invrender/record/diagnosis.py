"""A diagnosis as people read it: a short table, a sentence, and a sheet of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from invrender.fitting.judge.diagnosis import Diagnosis
from invrender.record.contact_sheet import contact_sheet
from invrender.record.display import overlay_picture, write_png
from invrender.scene import Picture as Rendering
from invrender.scene import View

NAME = "doctor.png"
# So many suspects are listed.
LISTED = 6


def diagnosis_lines(diagnosis: Diagnosis) -> list[str]:
    """What is printed: the share of the pictures that is explained with each change, and what to do."""
    trials = [diagnosis.as_it_is, *diagnosis.trials[:LISTED]]
    width = max(len(trial.suspect.name) for trial in trials) + 2
    heading = f"{'explained':<{width}}" + "".join(f"{name:>8}" for name in trials[0].explained)
    rows = [
        f"{trial.suspect.name:<{width}}" + "".join(f"{share:>8.1%}" for share in trial.explained.values())
        for trial in trials
    ]
    return [heading, *rows, conclusion(diagnosis)]


def conclusion(diagnosis: Diagnosis) -> str:
    """The sentence at the end."""
    named, (_, before) = diagnosis.named, diagnosis.as_it_is.best
    if named is None:
        return "none of the usual mistakes would explain the picture clearly better"
    name, share = named.best
    suspect = named.suspect
    return (
        f"it looks as if {suspect.told}: the {name} would explain {share:.1%} instead of {before:.1%}; {suspect.mend}"
    )


def write_sheet(path: Path, diagnosis: Diagnosis, drawn: Sequence[tuple[View, Rendering]]) -> None:
    """Write the picture that each trial has under its rendering, in the order of what they explain, as PNG.

    drawn: of what is there without a change, then of each trial.
    """
    trials = [diagnosis.as_it_is, *diagnosis.trials]
    captions = [f"{name}: {share:.1%} explained" for name, share in (trial.best for trial in trials)]
    pictures = [overlay_picture(rendered, view) for view, rendered in drawn]
    sheet = contact_sheet(pictures, [trial.suspect.name for trial in trials], captions)
    write_png(path, sheet)
