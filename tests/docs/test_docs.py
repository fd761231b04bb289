"""What the documents say is so: commands run, links lead somewhere, every option and room is named."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

import invrender
from invrender.cli import run
from invrender.cli.job import VERDICTS
from invrender.config import calls
from invrender.config.compose import Composition

REPOSITORY = Path(__file__).parents[2]
PAGES = {path.stem: path for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))}
GROUPS = sorted(path.name for path in (REPOSITORY / "configs").iterdir() if path.is_dir() and path.name != "hydra")
FENCE = re.compile(r"(?:<!-- (?P<name>\S+) -->\n)?```(?P<language>\w*)\n(?P<body>.*?)```", re.DOTALL)
NAMED = re.compile(r"# (?P<name>[\w/]+\.\w+)\n")

MISSING = object()

# A fit of the documents with as few steps, pixels and files as will do. The last word on a key counts.
QUIET = ("record.gif=false", "record.tensorboard=false", "record.bar=false")
DRAWN = ("chains=2", "burn_in=2", "draws=4", "modes=false", "particles=8")
NEAR = ("search.poses=4", "search.survivors=1", "search.finalists=1")
TINY = (
    *("training.steps=2", "training.batch=4", "lesson.size=16", "lesson.width=4", "lesson.hypotheses=12"),
    *("lesson.fresh=2", "lesson.pool=6", "lesson.rendered=2", "lesson.unseen=8", "record.tensorboard=false"),
)
SHORT = ("optimizer.stages=[{steps: 2, size: 24}]", *NEAR, "target.samples=1", "target.max_size=48", *QUIET)


def blocks(page: Path) -> Iterator[tuple[str, str, str | None]]:
    """Language, text and file name, if it has one, of each fenced block."""
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        named = NAMED.match(match["body"])
        yield match["language"], match["body"], match["name"] or (named["name"] if named else None)


def commands(page: Path) -> list[str]:
    """The lines of all shell blocks, then the whole commands that stand in the text."""
    lines = [
        line for language, body, _ in blocks(page) if language == "bash" for line in body.splitlines() if line.strip()
    ]
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    named = "fit|train|sweep|bench|render|board|report|sample"
    return lines + re.findall(rf"`((?:invrender (?:{named})|python) [^`]*[=/][^`]*)`", prose)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that looks like a copy of the repository, but for what the commands write."""
    for name in ("scenes", "configs"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if re.match("HYDRA_|INVRENDER_", name)]:
        monkeypatch.delenv(name)
    return tmp_path


def execute(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a line of the documents in the working folder, what takes long in a short form; its exit status."""
    words = shlex.split(command)
    if words[0] == "PYTHONPATH=.":
        monkeypatch.syspath_prepend(str(Path.cwd()))
        words = words[1:]
    if words[0] == "invrender":
        status = run_shortened(words[1:])
        # Without PyTorch3D a command that wants it is refused.
        wanted = "renderer=pytorch3d" in words and find_spec("pytorch3d") is None
        return int(status != 2) if wanted else status
    if words[0] == "make":
        return subprocess.run(["make", "-n", *words[1:]], cwd=REPOSITORY, capture_output=True, check=False).returncode
    if words == ["python", "docs/make_images.py"]:
        return make_images(["camera_pose", "photo"], monkeypatch)
    if words[0] == "python":
        environment = {**os.environ, "PYTHONPATH": f".{os.pathsep}{REPOSITORY}"}
        return subprocess.run([sys.executable, *words[1:]], env=environment, check=False).returncode
    if words == ["source", ".venv/bin/activate"]:
        return 0 if "VENV := .venv\n" in (REPOSITORY / "Makefile").read_text() else 1
    assert words[0] in ("cp", "mkdir"), f"this test does not know how to run {command!r}"
    return subprocess.run(words, check=False).returncode


def make_images(names: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a copy of the script, which writes beside itself, with short fits."""
    Path("docs").mkdir()
    script = shutil.copy(REPOSITORY / "docs" / "make_images.py", "docs")
    with monkeypatch.context() as patched:
        patched.setattr("sys.argv", [str(script), *names])
        patched.setattr("invrender.cli.run", lambda arguments: run_shortened(arguments, "record.gif=true"))
        runpy.run_path(str(script), run_name="__main__")
    written = {path.name for path in Path("docs/images").iterdir()}
    return 0 if written == {"camera_pose.gif", "photo.png"} else 1


def run_shortened(arguments: list[str], *more: str) -> int:
    """Run invrender with what makes it quick. That so short a fit doubts its answer, as it may well, is no error."""
    status = run([*shortened(arguments), *more])
    return 0 if status in VERDICTS.values() else status


def shortened(arguments: list[str]) -> list[str]:
    """Arguments of invrender with what makes them quick added; a renderer that they choose may not know of samples."""
    if arguments[0] == "bench":
        tasks = [] if any(each.startswith("tasks") for each in arguments) else ["tasks=[light]"]
        # A process takes longer to start than its share of the fits.
        return [*arguments, *tasks, "seeds=1", "jobs=1", "size=24", "optimizer.stages=[{steps: 2}]", "target.samples=1"]
    if arguments[0] == "sample":
        return [*arguments, *(f"sampler.{each}" for each in DRAWN)]
    if arguments[0] == "train":
        return arguments if "--resume" in arguments else [*arguments, *TINY]
    if arguments[0] == "gradients":
        return [*arguments, "size=24", "fine=2", "shifts=1"]
    if arguments[0] not in ("fit", "sweep", "render") or {"--help", "--cfg", "--resume"} & set(arguments):
        return arguments
    if arguments[0] == "sweep" and not any(each.startswith("hydra/launcher=") for each in arguments):
        arguments = [*arguments, "hydra.launcher.n_jobs=1"]
    given = {each.partition("=")[0] for each in arguments}
    added = [] if "renderer" in given else ["renderer.samples=1"]
    if arguments[0] != "render":
        added += [f"optimizer.sampler.{each}" for each in DRAWN] if "optimizer=mcmc" in arguments else []
        added += SHORT if "target" in given else (*SHORT, "camera.width=48", "camera.height=48")
    return [*arguments, *added]


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_every_command_runs(page: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[list[Path]] = []

    def serve(folders: list[Path], port: int, open_browser: bool | None) -> int:
        served.append(folders)
        return 0 if all(folder.is_dir() for folder in folders) else 2

    monkeypatch.setattr("invrender.record.board.serve", serve)
    for _, body, name in blocks(page):
        if name is not None:
            path = workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
    ran = list(dict.fromkeys(commands(page)))
    statuses = {command: execute(command, monkeypatch) for command in ran}
    assert {command: status for command, status in statuses.items() if status != 0} == {}
    assert len(served) == sum("invrender board" in command for command in ran)
    assert bool(ran) == (
        page.stem
        in (
            "README",
            "answers",
            "benchmark",
            "gradients",
            "photos",
            "posteriors",
            "files",
            "learning",
            "course",
            "extending",
            "renderers",
            "shape",
            "sweeps",
            "resuming",
            "materials",
        )
    )


def cells(notebook: Path) -> str:
    """The code of a notebook, cell by cell."""
    code = [
        cell["source"]
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    return "\n".join("".join(each) for each in code)


def examples() -> list[Any]:
    """The examples for Python, by their headings, and the notebook."""
    sections = re.split(r"^## ", PAGES["python"].read_text(encoding="utf-8"), flags=re.M)[1:]
    found = {each.splitlines()[0]: match["body"] for each in sections for match in FENCE.finditer(each)}
    notebooks = {path.name: cells(path) for path in (REPOSITORY / "docs").glob("*.ipynb")}
    return [pytest.param(code, id=name) for name, code in (found | notebooks).items()]


@pytest.mark.parametrize("code", examples())
def test_every_example_for_python_runs(code: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose = calls.compose_words

    def compose_shortened(command: str, words: list[str], files: dict[str, Path]) -> Composition:
        return compose(command, shortened([command, *words])[1:], files)

    monkeypatch.setattr(calls, "compose_words", compose_shortened)
    exec(compile(code, "an example", "exec"), {"__name__": "__main__"})


def test_there_are_five_examples_for_python_and_two_notebooks() -> None:
    assert {each.id for each in examples()[-2:]} == {"course.ipynb", "python.ipynb"}
    assert len(examples()) == 7


@pytest.mark.parametrize("command", ["invrender fit experiment=camera_poses", "make demos", "cp nothing.png my"])
def test_a_wrong_command_is_found(command: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert execute(command, monkeypatch) != 0


def slugs(text: str) -> set[str]:
    """The anchors of a page's headings."""
    prose = FENCE.sub("", text)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", prose, re.M)}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        path = page.parent / name if name else page
        if not path.is_file() or (anchor and anchor not in slugs(path.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_picture_is_shown_and_small() -> None:
    pictures = sorted((REPOSITORY / "docs" / "images").iterdir())
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES.values())
    assert [path.name for path in pictures if f"images/{path.name})" not in texts] == []
    assert [path.name for path in pictures if path.stat().st_size > 1_500_000] == []


@pytest.mark.parametrize("group", GROUPS)
def test_the_readme_names_every_option(group: str) -> None:
    (row,) = re.findall(rf"^\| `{group}` \| (.*) \|$", PAGES["README"].read_text(encoding="utf-8"), re.M)
    options = {path.stem for path in (REPOSITORY / "configs" / group).glob("*.yaml")}
    aside = re.compile(r"\([^)]*\)|;.*")
    assert set(re.findall(r"`(\w+)`", aside.sub("", row))) == options


def test_the_keys_that_the_documents_name_are_there() -> None:
    sections = "camera|target|recover|renderer|optimizer|search|lesson|record|hydra"
    named = re.compile(rf"`((?:{sections})(?:\.(?!png|py\b)\w+)+)")
    ours = ("sweeper/grid", "sweeper/search", "launcher/processes")
    everything: Any = OmegaConf.create(
        {"hydra": {"run": {"dir": ""}, "sweep": {"dir": ""}, "launcher": {"cpus_per_task": 1}}}
    )
    for name in ours:
        node = OmegaConf.load(REPOSITORY / "configs" / "hydra" / f"{name}.yaml")
        everything = OmegaConf.merge(everything, {"hydra": {name.partition("/")[0]: node}})
    for group in GROUPS:
        for path in sorted((REPOSITORY / "configs" / group).glob("*.yaml")):
            node = OmegaConf.create(path.read_text(encoding="utf-8"))
            everything = OmegaConf.merge(everything, node if group == "experiment" else {group: node})
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES.values())
    found = set(named.findall(texts))
    assert len(found) > 10
    assert {key for key in found if OmegaConf.select(everything, key, default=MISSING) is MISSING} == set()


def test_the_architecture_names_every_room() -> None:
    rooms = {path.stem for path in Path(invrender.__file__).parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    text = PAGES["architecture"].read_text(encoding="utf-8")
    assert [room for room in rooms - {"__init__", "__pycache__"} if f"`{room}`" not in text] == []


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    found = [(language, body) for page in PAGES.values() for language, body, _ in blocks(page)]
    assert {language for language, _ in found} == {"bash", "python", "yaml", "json", "text"}
    assert all(isinstance(yaml.safe_load(body), dict) for language, body in found if language in ("yaml", "json"))
