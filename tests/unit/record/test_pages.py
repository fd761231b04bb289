"""Reports and TensorBoard in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import PATIENCE, Page, browser, needs_chromium
from PIL import Image

from invrender.record.base import follow
from invrender.record.options import RecordOptions
from invrender.record.recorders import recorders
from invrender.record.report import write_report

pytestmark = needs_chromium
PHONE = {"width": 360, "height": 740, "mobile": True}


@pytest.fixture(scope="module")
def run(make_fit_in, ambiguous, tmp_path_factory) -> Path:
    """The folder of a fit with a verdict, with all records."""
    fit = make_fit_in(tmp_path_factory.mktemp("pages") / "run", step_count=60, verdict=ambiguous)
    options = RecordOptions(bar=False, picture_every=1)
    follow(fit.steps(), recorders(fit.run, options, fit.step_count, lambda folder, scene: None))
    return fit.run.folder


@pytest.fixture
def sweep(run: Path, tmp_path: Path) -> Path:
    """The folder of a sweep of three jobs, of which the last has failed."""
    jobs = [
        {
            "number": 0,
            "folder": "0",
            "overrides": [],
            "values": {"lr": "10", "optimizer": "adam"},
            "status": "finished",
        },
        {"number": 1, "folder": "1", "overrides": [], "values": {"lr": "9", "optimizer": "sgd"}, "status": "finished"},
        {"number": 2, "folder": "2", "overrides": [], "values": {"lr": "8", "optimizer": "adam"}, "status": "failed"},
    ]
    for job, rank, error in zip(jobs, (2, 1, None), (0.5, 0.25, None), strict=True):
        job.update(rank=rank, errors={} if error is None else {"pose": {"rotation_deg": error}}, errors_start={})
        job.update(loss=error, loss_start=error, seconds=error, iterations=5, stopped_because=None, message=None)
    jobs[0]["verdict"] = "not_converged"
    jobs[2]["message"] = "lr is <b>wrong</b>"
    for name in ("0", "1"):
        shutil.copytree(run, tmp_path / "sweep" / name)
    rank_by = {"name": "pose.rotation_deg", "higher_is_better": False}
    content = {"schema": 1, "command": "invrender sweep lr=10,9,8", "arguments": [], "swept": ["lr", "optimizer"]}
    (tmp_path / "sweep" / "summary.json").write_text(json.dumps({**content, "rank_by": rank_by, "jobs": jobs}))
    write_report(tmp_path / "sweep")
    return tmp_path / "sweep"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page in a browser."""
    with browser() as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_complaints(page: Page) -> Iterator[None]:
    """What scripts complain of, and what is fetched from elsewhere, fails the test."""
    page.messages.clear()
    page.requests.clear()
    yield
    known = ("Multiple instances of Three.js", "is not a property of this material", "is deprecated")
    assert [each for each in page.messages if not any(part in each for part in known)] == []
    assert [each for each in page.requests if not re.match(r"(file|data|blob|about):|http://127\.0\.0\.1", each)] == []


def pixels(page: Page, path: Path) -> np.ndarray:
    page.screenshot(path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def colors(picture: np.ndarray) -> int:
    """How many colours there are in a picture."""
    return len(np.unique(picture.reshape(-1, 3), axis=0))


def test_a_report_shows_and_moves(run: Path, page: Page, tmp_path: Path) -> None:
    page.open((run / "report.html").as_uri(), width=1000, height=3000)
    page.wait_for("document.getElementById('canvas').dataset.drawn")

    cut = "document.getElementById('left-picture').style.clipPath"
    before = page.run(cut)
    page.run("document.getElementById('divider').focus()")
    page.press("ArrowRight")
    assert (before, page.run(cut)) == ("inset(0px 50% 0px 0px)", "inset(0px 49% 0px 0px)")

    frame = "document.getElementById('frame').src"
    before = page.run(frame)
    page.run("document.getElementById('scrub').focus()")
    page.press("End")
    assert page.run(frame) != before
    assert page.run("document.getElementById('frame-number').textContent") == "32 of 32"

    assert page.run("document.querySelectorAll('#plots canvas').length") == 4
    page.run("document.querySelector('input[value=seconds]').click()")
    assert page.run("document.querySelector('#plots .u-legend .u-label').textContent") == "seconds"

    box = page.run("(({x, y, width, height}) => [x, y, width, height])(canvas.getBoundingClientRect())")
    left, top, width, height = map(int, box)
    area = slice(top, top + height), slice(left, left + width)
    assert colors(pixels(page, tmp_path / "shown.png")[area]) > 50, "the 3D view is drawn"
    page.run("document.querySelectorAll('#layers input').forEach((box) => box.click())")
    assert colors(pixels(page, tmp_path / "emptied.png")[area]) < 10, "and every layer can be hidden"


@pytest.mark.parametrize("name", ["fit", "sweep"])
def test_a_report_fits_a_phone(name: str, run: Path, sweep: Path, page: Page) -> None:
    folder = run if name == "fit" else sweep
    page.open((folder / "report.html").as_uri(), **PHONE)
    page.wait_for("document.querySelectorAll('canvas').length")
    assert page.run("document.documentElement.scrollWidth") == 360
    assert page.run("[...document.images].every((image) => image.alt)")


def test_a_sweep_is_a_table_to_sort(sweep: Path, page: Page) -> None:
    page.open((sweep / "report.html").as_uri())
    page.wait_for("document.querySelectorAll('#multiples canvas').length === 2")
    jobs = "[...document.querySelectorAll('.sortable tbody tr')].map((row) => row.cells[1].textContent.trim())"
    assert page.run(jobs) == ["1", "0", "2"]
    click = "[...document.querySelectorAll('.sortable button')].find((each) => each.textContent === '{}').click()"
    page.run(click.format("lr"))
    assert page.run(jobs) == ["2", "1", "0"], "by number, not by letter"
    page.run(click.format("pose.rotation_deg"))
    page.run(click.format("pose.rotation_deg"))
    assert page.run(jobs) == ["0", "1", "2"], "what is empty comes last"
    assert page.run("document.querySelectorAll('.sortable img').length") == 6
    assert page.run("document.querySelector('.sortable a').getAttribute('href')") == "0/report.html"
    assert "lr is <b>wrong</b>" in page.run("document.querySelector('.sortable').textContent")


def test_tensorboard_shows_every_picture_and_the_mesh(run: Path, page: Page, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from invrender.record.board import serve;"
        "sys.exit(serve([Path(sys.argv[1])], 0, False))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(run)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        (port,) = re.findall(r":(\d+)/", process.stdout.readline())
        address = f"http://127.0.0.1:{port}"
        page.open(f"{address}/?tagFilter=progression#timeseries")
        last = page.wait_for("document.querySelector('image-card input[type=range]')?.max")
        page.wait_for("document.querySelector('image-card img')?.naturalWidth > 500")
        assert last == "60", "the slider has a place for each of 61 pictures"
        assert page.run("document.querySelector('image-card .run').textContent").strip() == "run"
        page.open(f"{address}/#mesh")
        give_up = time.monotonic() + PATIENCE
        while colors(pixels(page, tmp_path / "mesh.png")[200:, 400:]) < 50:
            assert time.monotonic() < give_up, "the mesh is never drawn"
            time.sleep(0.2)
    finally:
        process.terminate()
        process.communicate(timeout=20)
