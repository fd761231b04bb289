"""Time and memory of one step of an optimisation, beside our own reference, PyTorch3D and Mitsuba 3.

A step is a picture, its loss, and the loss's gradient in the camera's position. Everything that is compared is run in
turns in the same run. `--meshes` names a folder with PyTorch3D's teapot.obj and cow/cow.obj; without it shipped meshes
stand in. `--long` lets slow rivals run at large sizes, too, which takes half an hour and 6 GB.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from common import processors, write
from peers import available, mitsuba, pytorch3d
from racing import race
from subjects import Case, covered_pixels, jacobian, ours, reference, scene_of, subject

RIVALS = {"reference": reference, "pytorch3d": pytorch3d, "mitsuba": mitsuba, "jacobian": jacobian}
PEERS = ("pytorch3d", "mitsuba")
LARGEST = {"reference": 128, "pytorch3d": 128, "mitsuba": 512}
LARGEST_LONG = {"reference": 512, "pytorch3d": 512, "mitsuba": 1024}
SAME = 0.01  # mean difference of channels between pictures that are called the same; Mitsuba's have noise
SIZES = (64, 128, 256, 512, 1024)
DISTANCES = (1.5, 2.0, 2.7, 4.0, 6.0, 9.0)
FACES = (500, 5_000, 50_000, 500_000)
SIGMAS = (1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True)
class Entry:
    """A line of a table: a case, and who runs it beside us."""

    table: str
    case: Case
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tables:
    """All entries. long: whether slow rivals run at large sizes, too."""

    meshes: Path | None
    threads: int
    long: bool

    def __iter__(self) -> Iterator[Entry]:
        """The lines, table after table."""
        yield Entry("tutorial", self.tutorial, ("reference", "pytorch3d"))
        for size in SIZES:
            yield Entry("size, soft", replace(self.cow, size=size), self.rivals(size, "pytorch3d"))
        for size in SIZES:
            yield Entry("size, edge", replace(self.cow, size=size, visibility="edge"), self.rivals(size, "mitsuba"))
        for distance in DISTANCES:
            yield Entry("distance", replace(self.cow, visibility="edge", eye=(0.0, 0.0, -distance)))
        for faces in FACES:
            yield Entry("faces", replace(self.cow, mesh=faces, visibility="edge"))
        for faces in FACES:
            yield Entry("faces", replace(self.cow, mesh=faces, sigma=1e-6))
        for sigma in SIGMAS:
            yield Entry("sigma", replace(self.cow, size=256, sigma=sigma))
        for threads in range(1, processors() + 1):
            yield Entry("threads", replace(self.cow, threads=threads))
            yield Entry("threads", replace(self.cow, threads=threads, visibility="edge"))
        yield Entry("jacobian", replace(self.cow, size=256), ("jacobian",))
        yield Entry("jacobian", replace(self.cow, size=256, visibility="edge"), ("jacobian",))

    @cached_property
    def tutorial(self) -> Case:
        """The step of PyTorch3D's camera tutorial."""
        mesh = subject("teapot", self.meshes)
        return Case(mesh, 256, "soft", self.threads, eye=(3.0, 6.9, 2.5), silhouette=True, faces_per_pixel=100)

    @cached_property
    def cow(self) -> Case:
        """A textured animal, lit and soft, at 512 × 512."""
        return Case(subject("cow", self.meshes), 512, "soft", self.threads)

    def rivals(self, size: int, peer: str) -> tuple[str, ...]:
        """Who of the reference and a peer is fast enough for a size."""
        largest = LARGEST_LONG if self.long else LARGEST
        return tuple(name for name in ("reference", peer) if size <= largest[name])


def measured(entry: Entry, laps: int, patience: float) -> dict[str, Any]:
    """One entry, run and as data."""
    rivals = {name: RIVALS[name] for name in entry.rivals if name not in PEERS or available(name)}
    case = entry.case
    results = race({"invrender": ours, **rivals}, case, laps, patience)
    found = {name: result.row(results["invrender"]) for name, result in results.items()}
    if any((each["difference"] or 0) > SAME for each in found.values()):
        sys.exit(f"{case.label}: the pictures differ, so their times tell nothing: {found}")
    return {
        "table": entry.table,
        "case": case.label,
        "mesh": case.mesh.stem if isinstance(case.mesh, Path) else "sphere",
        "faces": len(scene_of(case).objects["shape"].mesh.faces),
        "size": case.size,
        "visibility": case.visibility,
        "sigma": case.sigma if case.visibility == "soft" else None,
        "distance": float(torch.tensor(case.eye).norm()),
        "threads": case.threads,
        "covered_pixels": covered_pixels(case),
        "results": found,
    }


def line(row: dict[str, Any], name: str) -> str:
    """What is printed for one rival."""
    result = row["results"][name]
    memory = "" if result["megabytes"] is None else f"{result['megabytes']:8.0f} MB"
    ratio = "" if name == "invrender" else f"{result['ratio']:10.2f} times ours"
    return f"{row['table']:<12}{row['case']:<40}{name:<12}{1000 * result['seconds']:12.1f} ms{memory}{ratio}"


def linearity(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """a + b n, the times of n covered pixels as a line that is nearest in proportion, and how far off it is at most."""
    pixels = torch.tensor([row["covered_pixels"] for row in rows], dtype=torch.float64)
    seconds = torch.tensor([row["results"]["invrender"]["seconds"] for row in rows], dtype=torch.float64)
    design = torch.stack([torch.ones_like(pixels), pixels], dim=1) / seconds[:, None]
    start, slope = torch.linalg.lstsq(design, torch.ones(len(rows), 1, dtype=torch.float64)).solution[:, 0].tolist()
    share = seconds / (start + slope * pixels)
    return {
        "fixed_seconds": start,
        "seconds_per_pixel": slope,
        "farthest": float(torch.maximum(share, 1 / share).max()),
    }


def main() -> None:
    """Run the entries that are asked for, print a line for each rival, and keep them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meshes", type=Path)
    parser.add_argument("--tables", nargs="+", help="tutorial, size, distance, faces, sigma, threads, jacobian")
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--laps", type=int, default=7)
    parser.add_argument(
        "--patience", type=float, default=20.0, help="seconds after which a rival starts no further lap"
    )
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="leave out larger pictures")
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    for name in PEERS:
        if not available(name):
            print(f"{name} can't be imported: it is left out")
    rows = []
    for entry in Tables(options.meshes, options.threads, options.long):
        chosen = options.tables is None or entry.table.split(",")[0] in options.tables
        if chosen and entry.case.size <= options.largest:
            rows.append(measured(entry, options.laps, options.patience))
            for name in rows[-1]["results"]:
                print(line(rows[-1], name), flush=True)
    lines = {}
    for table in ("size, soft", "size, edge", "distance"):
        some = [row for row in rows if row["table"] == table]
        if len(some) > 2:
            lines[table] = linearity(some)
            print(f"{table}: at most {lines[table]['farthest']:.2f} times off a line in covered pixels")
    versions = {name: version(name) for name in PEERS if available(name)}
    write("render", rows, peers=versions, linear_in_pixels=lines)


if __name__ == "__main__":
    main()
