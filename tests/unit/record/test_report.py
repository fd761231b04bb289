"""Reports as they lie on disk."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from invrender.errors import UserError
from invrender.fitting.scale_ambiguity import ScaleAmbiguity
from invrender.record.base import follow
from invrender.record.options import RecordOptions
from invrender.record.recorders import recorders
from invrender.record.report import fit_page, write_report
from invrender.record.report.fit_page import curves, film, rows_of, spread
from invrender.record.report.sweep_page import measures_of

OPTIONS = RecordOptions(tensorboard=False, bar=False, report=False)
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def recorded(make_fit_in, tmp_path_factory) -> Path:
    """The folder of a fit, without a report."""
    fit = make_fit_in(tmp_path_factory.mktemp("report") / "run")
    follow(fit.steps(), recorders(fit.run, OPTIONS, fit.step_count, lambda folder, scene: None))
    return fit.run.folder


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(recorded, tmp_path / "run")


def data_of(report: Path) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', report.read_text(), re.DOTALL)
    return json.loads(text)


def visible(report: Path) -> str:
    """The page without its scripts and styles."""
    return re.sub(r"<(script|style).*?</\1>", "", report.read_text(), flags=re.DOTALL)


def test_everything_is_in_one_file(run: Path) -> None:
    report = write_report(run)
    data = data_of(report)
    assert report == run / "report.html"
    assert set(data["pictures"]) == {"target", "start", "final", "difference", "overlay"}
    assert len(data["frames"]) == 22
    assert data["geometry"] is not None
    assert [plot["title"] for plot in data["charts"]["plots"]] == ["loss", "error in %", "error in °", "PSNR in dB"]
    page = visible(report)
    assert "invrender fit scene=cup recover=light_intensity" in page
    assert "light_intensity:" in page
    assert "Renderer embedded (auto: there is no CUDA), device" in page
    assert not re.search(r'(src|href)="(?!data:)', report.read_text())
    assert report.stat().st_size < 2_000_000


def test_what_is_missing_is_left_out(run: Path) -> None:
    for name in ("progress.gif", "geometry.glb", "history.csv", "start.png", "command.txt", "config.yaml"):
        (run / name).unlink()
    report = write_report(run)
    page = visible(report)
    assert 'id="compare"' in page
    assert [part for part in ("film", "geometry", "charts", "command") if f'id="{part}"' in page] == []
    assert "start" not in data_of(report)["pictures"]


def test_texts_can_do_no_harm(run: Path) -> None:
    for name in ("command.txt", "config.yaml"):
        (run / name).write_text(EVIL)
    result = json.loads((run / "result.json").read_text())
    result["parameters"][EVIL] = result["parameters"].pop("light_intensity")
    (run / "result.json").write_text(json.dumps(result))
    (run / "history.csv").write_text(f"iteration,seconds,stage,loss,error.{EVIL}.x\n0,0,0,1,1\n1,1,0,1,1\n")
    text = write_report(run).read_text()
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("</script>") == 3


def test_a_convention_stands_by_the_values_that_depend_on_it(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    assert "pictures show" not in visible(write_report(run))
    (run / "result.json").write_text(json.dumps({**result, "gauge": ScaleAmbiguity.TEXT}))
    assert "Pictures show light x colour: the colours keep the mean" in visible(write_report(run))


def test_errors_stand_by_what_was_found_where_there_are_any() -> None:
    known = {"start": {"x": 1.0}, "truth": {"x": 2.0}, "error_start": {"relative": 0.5}, "error": {"relative": 0.004}}
    (row,) = rows_of({"size": {**known, "value": {"x": 1.992}, "deviation": {"x": 0.0125}}})
    assert (row.found, row.deviation, row.truth, row.error) == ("1.992", "0.013", "2.000", "0.4%")
    (row,) = rows_of({"size": {**known, "value": {"x": 1.992}}})
    assert row.deviation == ""


def test_a_verdict_with_other_answers(make_fit, ambiguous) -> None:
    page = visible(reported(make_fit(verdict=ambiguous)))
    assert '<span class="badge ambiguous">ambiguous</span> 4 other answers explain the picture as well' in page
    assert page.count('<td class="number">9.000 2.000 3.000</td>') == 3
    assert "± 0.012 0.0010 0.10" in page
    assert "And 1 more in result.json" in page
    assert 'id="unseen"' not in page


def test_a_verdict_on_what_is_not_determined(make_fit, unidentifiable) -> None:
    page = visible(reported(make_fit(verdict=unidentifiable)))
    assert "<li>light_intensity 75%, texture 25%</li>" in page
    assert "texture: 25% of its texels are well seen, 25% hardly, 50% not" in page
    assert 'id="others"' not in page


def reported(fit) -> Path:
    """The report of a fit."""
    options = replace(OPTIONS, gif=False)
    follow(fit.steps(), recorders(fit.run, options, fit.step_count, lambda folder, scene: None))
    return write_report(fit.run.folder)


def test_curves_are_thinned_and_keep_their_ends(tmp_path: Path) -> None:
    rows = [f"{i},{i / 10},0,{1 / (i + 1)},{i}" for i in range(5000)]
    (tmp_path / "history.csv").write_text("\n".join(["iteration,seconds,stage,loss,error.pose.x_relative", *rows]))
    charts = curves(tmp_path / "history.csv")
    assert charts is not None
    assert (charts["iteration"][0], charts["iteration"][-1], len(charts["iteration"])) == (0, 4999, fit_page.POINTS)
    loss, error = charts["plots"]
    assert loss["series"]["total"][0] == 1
    assert error["title"] == "error in %"
    assert error["series"]["pose x"][-1] == 499900
    assert error["series"]["pose x"][0] is None, "a logarithmic axis has no zero"


def test_the_film_is_bounded_in_frames_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = [Image.effect_noise((64, 64), 90).convert("RGB") for _ in range(100)]
    noise[0].save(tmp_path / "film.gif", save_all=True, append_images=noise[1:])
    assert len(film(tmp_path / "film.gif")) == fit_page.FRAMES
    monkeypatch.setattr(fit_page, "FRAME_BYTES", 60_000)
    fewer = film(tmp_path / "film.gif")
    assert 2 <= len(fewer) < fit_page.FRAMES
    assert sum(map(len, fewer)) < 70_000


def test_evenly_spaced_with_both_ends() -> None:
    assert list(spread(3, 5)) == [0, 1, 2]
    assert list(spread(11, 3)) == [0, 5, 10]


def test_measures_of_a_sweep() -> None:
    errors = {"pose": {"rotation_deg": 1.0, "position": 2.0, "position_relative": 0.1}}
    jobs = [{"errors": {}}, {"errors": errors}]
    assert measures_of(jobs) == ["pose.rotation_deg", "pose.position_relative", "loss", "seconds"]


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_result(run: Path, content: str) -> None:
    (run / "result.json").write_text(content)
    with pytest.raises(UserError, match=r"result\.json"):
        write_report(run)


def test_a_folder_without_a_fit(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no result\.json and no summary\.json"):
        write_report(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        write_report(tmp_path / "nowhere")


def test_a_report_is_written_anew(run: Path) -> None:
    (run / "report.html").write_text("old")
    assert write_report(run).read_text() != "old"
