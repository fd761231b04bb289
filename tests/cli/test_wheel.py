"""What is built for others to install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[2]
UNWANTED = re.compile(r"__pycache__|\.pyc$|_cache/|\.egg-info/|^outputs/.*(?<!\.gitkeep)$|^\.venv/|^\.git/")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path) -> Path:
    """A folder that the wheel is installed in."""
    folder = built / "installed"
    with ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder


def files_in(*folders: str) -> set[str]:
    """The files of the checkout in some folders, without caches."""
    paths = (path for folder in folders for path in (REPOSITORY / folder).rglob("*") if path.is_file())
    names = {path.relative_to(REPOSITORY).as_posix() for path in paths}
    return {name for name in names if not UNWANTED.search(name)}


def test_the_wheel_holds_the_package_its_configs_and_its_scenes_and_nothing_else(installed: Path) -> None:
    found = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assets = {f"invrender/{name}" for name in files_in("configs", "scenes") if not name.endswith(".py")}
    metadata = {name for name in found if re.fullmatch(r"invrender-[^/]+\.dist-info/.+", name)}
    assert "invrender/configs/fit.yaml" in assets
    assert found - metadata == files_in("invrender", "hydra_plugins") | assets


def test_the_source_distribution_is_complete(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    folders = files_in("invrender", "hydra_plugins", "configs", "scenes", "tests", "benchmarks", ".ci")
    assert found >= folders | {"Makefile", "constraints.txt", "pyproject.toml", "LICENSE", "CHANGELOG.md"}
    assert [name for name in found if UNWANTED.search(name)] == []


def test_the_wheel_works_in_any_folder(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "invrender", "fit", "scene=panel", "--cfg", "job"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "panel.obj" in done.stdout
    where = "from invrender.config import resources; print(resources.scenes_folder())"
    done = subprocess.run([sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(installed / "invrender" / "scenes")
