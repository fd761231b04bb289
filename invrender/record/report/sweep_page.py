"""The report of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from invrender.errors import UserError
from invrender.record.report.page import picture, write_page
from invrender.record.results import read_json
from invrender.record.units import error_text, find_error, has_relative
from invrender.record.verdicts import status_words

SOURCE = "summary.json"
THUMBNAILS = ("start", "final", "target")
THUMBNAIL_SIDE = 160
MOST_WITH_THUMBNAILS = 200


def suits(folder: Path) -> bool:
    """Whether a folder has the summary of a sweep."""
    return (folder / SOURCE).is_file()


def write(folder: Path, path: Path) -> None:
    """Write the report of a sweep's folder: its ``summary.json``, with pictures of the best jobs."""
    summary = read_json(folder / SOURCE)
    jobs = sorted(summary["jobs"], key=lambda job: (job["rank"] is None, job["rank"], job["number"]))
    measures = measures_of(jobs)
    rows = [
        {
            "job": job,
            "cells": [
                (measure, measure_of(job, measure), text_of(measure, measure_of(job, measure))) for measure in measures
            ],
            "verdict": status_words(job.get("verdict") or ""),
            "link": link(folder, job),
            "pictures": pictures(job_folder(folder, job)) if index < MOST_WITH_THUMBNAILS else {},
        }
        for index, job in enumerate(jobs)
    ]
    finished = [job for job in jobs if job["status"] == "finished"]
    plotted = {
        "swept": {key: [job["values"].get(key) for job in finished] for key in summary["swept"]},
        "measures": {measure: [measure_of(job, measure) for job in finished] for measure in measures},
        "numbers": [job["number"] for job in finished],
    }
    write_page(
        path,
        "sweep.html",
        title=folder.resolve().name,
        summary=summary,
        counts={
            status: sum(job["status"] == status for job in jobs) for status in dict.fromkeys(j["status"] for j in jobs)
        },
        rows=rows,
        measures=measures,
        thumbnails=THUMBNAILS,
        judged=any(job.get("verdict") for job in jobs),
        data={"sweep": plotted},
    )


def measures_of(jobs: list[dict[str, Any]]) -> list[str]:
    """What the jobs are compared by: the errors, as ``UNKNOWN.NAME``, the loss and the seconds.

    An absolute error is left out where the relative one is there.
    """
    errors = {
        f"{unknown}.{name}": None
        for job in jobs
        for unknown, errors in job["errors"].items()
        for name in errors
        if not has_relative(name, errors)
    }
    return [*errors, "loss", "seconds"]


def measure_of(job: Mapping[str, Any], measure: str) -> float | None:
    """A job's error, loss or seconds."""
    value: float | None = find_error(job["errors"], measure) if "." in measure else job[measure]
    return value


def text_of(measure: str, value: float | None) -> str:
    """A measure with its unit."""
    if value is None:
        return ""
    return f"{value:.1f} s" if measure == "seconds" else error_text(measure.rpartition(".")[2], value)


def link(folder: Path, job: Mapping[str, Any]) -> str | None:
    """Where the job's own report is, relative to the sweep's; None where it has none."""
    return quote(f"{job['folder']}/report.html") if (job_folder(folder, job) / "report.html").is_file() else None


def job_folder(folder: Path, job: Mapping[str, Any]) -> Path:
    """A job's folder. Raises `UserError` where that is not one in the sweep's own, as somebody's file may have it."""
    found = folder / str(job["folder"])
    if found.resolve().parent != folder.resolve():
        raise UserError(f"runs: {folder / SOURCE} has a job in {job['folder']}, which is not in the sweep's folder")
    return found


def pictures(folder: Path) -> dict[str, str]:
    """A job's thumbnails as data URIs, those that are there."""
    found = {name: picture(folder / f"{name}.png", THUMBNAIL_SIDE) for name in THUMBNAILS}
    return {name: uri for name, uri in found.items() if uri is not None}
