"""Lists, completion, dry runs, and how much is said."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from invrender.cli import run

SHORT = (
    "optimizer.stages=[{steps: 2, size: 12}]",
    "target.samples=1",
    "renderer.samples=1",
    "target.camera.azimuth=20",
)


def test_scenes_and_unknowns_have_a_line_each(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "cfg" / "recover").mkdir()
    (workspace / "cfg" / "recover" / "gloss.yaml").write_text("# The gloss of one object.\ngloss: {}\n")
    assert run(["scenes", "--config-dir", "cfg"]) == run(["params", "--config-dir", "cfg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "box" in lines
    assert "teapot      The Utah teapot, painted with a day in the country." in lines
    assert any(line.split(maxsplit=1) == ["gloss", "The gloss of one object."] for line in lines)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("invrender swe", ["sweep"]),
        ("invrender completion ", ["bash", "zsh", "fish"]),
        ("invrender fit --dr", ["--dry-run"]),
        ("invrender fit --resu", ["--resume"]),
        ("invrender fit experi", ["experiment="]),
        ("invrender sweep optimizer=ad", ["optimizer=adam", "optimizer=adam_staged", "optimizer=adam_uniform"]),
        ("invrender sweep optimizer=adam,l", ["optimizer=adam,lbfgs", "optimizer=adam,lm"]),
        ("invrender fit recover=[camera_f", ["recover=[camera_focal"]),
        ("invrender fit scene=vase camera.az", ["camera.azimuth="]),
        ("invrender sweep --opt", ["--optimize"]),
        ("invrender fit --config-dir=cfg scene=bo", ["scene=box"]),
        ("invrender bench tasks=[cube,li", ["tasks=[cube,light"]),
        ("invrender bench optimizer=lb", ["optimizer=lbfgs"]),
    ],
)
def test_completion(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", f"{line} and what is behind the cursor")
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    assert run(["completion", "query"]) == 0
    assert capsys.readouterr().out.split() == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_understand_their_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=True).stderr == ""


def test_a_dry_run_fits_nothing(invrender: Any, workspace: Path) -> None:
    outcome = invrender("fit", "--dry-run", "hydra.run.dir=out", *SHORT)
    assert outcome.status == 0
    assert "finite differences" in outcome.out
    assert re.search(r"at most 2 steps in about \d+\.\d s, not counting a search; \d\.\d GB of memory", outcome.out)
    assert [path.name for path in (workspace / "out").iterdir()] == ["dry_run.png"]
    assert invrender("fit", "hydra.run.dir=out", *SHORT, "verdict.judge=false", "--quiet").status == 0
    assert " s, not counting a search; " in invrender("fit", "--dry-run", *SHORT, "optimizer=lm").out


def test_how_much_is_said(invrender: Any, workspace: Path) -> None:
    quiet = invrender("fit", "-q", *SHORT)
    assert (quiet.err, quiet.out.count("\n")) == ("", 1)
    assert quiet.out.startswith("results in ")
    verbose = invrender("fit", "--verbose", "loss=[mse,l1]", *SHORT)
    assert "step 1/2" in verbose.err
    assert "(stage 0, mse " in verbose.err
    refused = invrender("fit", "verbosity=silent", *SHORT)
    assert "verbosity is 'silent', expected one of quiet, normal, verbose" in refused.error
