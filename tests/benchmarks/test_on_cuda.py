"""The script for graphics cards runs as far as it goes without one, part by part."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def test_parts_run_without_a_card_and_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import on_cuda

    monkeypatch.setattr(
        sys, "argv", ["on_cuda.py", "--device", "cpu", "--only", "card", "--results", f"{tmp_path}/r.json"]
    )
    assert on_cuda.main() == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["card"]["problem"] is None
    assert found["card"]["found"]["gpu"] is None


def test_the_backends_agree_on_the_meshes_of_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    import on_cuda

    monkeypatch.setattr(on_cuda, "VISIBILITIES", ("edge",))
    rows = on_cuda.compare_devices(on_cuda.Setting("cpu", None))
    assert {row["of"] for row in rows} == {"picture", "gradient", "jacobian"}
    assert max(row["largest_difference"] for row in rows) < 1e-4


def test_a_part_that_takes_too_long_or_fails_is_told() -> None:
    import on_cuda

    assert on_cuda.run_limited([sys.executable, "-c", "import time; time.sleep(60)"], 0.5) == "took more than 0.5 s"
    assert on_cuda.run_limited([sys.executable, "-c", "raise SystemExit(3)"], 60.0) == "ended with status 3"
    assert on_cuda.run_limited([sys.executable, "-c", ""], 60.0) is None


def test_what_pytest_says_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    import on_cuda

    said = "FAILED tests/test_it.py::test_one - assert 0\n1 failed, 3 passed, 2 skipped in 0.1s\n"
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, said, ""))
    found = on_cuda.run_tests([])
    assert (found["failed"], found["passed"], found["skipped"]) == (1, 3, 2)
    assert found["failures"] == ["tests/test_it.py::test_one - assert 0"]
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 4, "", "no such file"))
    with pytest.raises(RuntimeError, match="no such file"):
        on_cuda.run_tests([])
