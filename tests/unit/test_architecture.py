"""The layers of the package: which room may import which, and what may be said in one place only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import invrender

PACKAGE = Path(invrender.__file__).parent
REPOSITORY = Path(__file__).parents[2]

# A room is a module or a folder of the package; a folder's base.py holds its protocols and is a room of its own.
LEAVES = {"scene", "errors", "color", "pixels", "writing", "constants"}
BUILDING = LEAVES | {"geometry", "io", "render.base", "render", "pyramid"}
PROTOCOLS = {"render.base", "parameters.base", "losses.base", "solve.base"}
UNKNOWNS = {"parameters.base", "parameters", "losses.base", "losses", "solve.base", "solve"}
MAY_IMPORT: dict[str, set[str]] = {
    **{leaf: set() for leaf in LEAVES},
    "geometry": LEAVES,
    "io": {"geometry"} | LEAVES,
    "render.base": LEAVES,
    "render": {"render.base", "geometry"} | LEAVES,
    "pyramid": {"render.base"} | LEAVES,
    "parameters.base": {"render.base", "geometry"} | LEAVES,
    "parameters": {"parameters.base", "render.base", "geometry"} | LEAVES,
    "losses.base": {"render.base", "geometry"} | LEAVES,
    "losses": {"losses.base", "render.base", "geometry"} | LEAVES,
    "solve.base": {"pyramid", "render.base"} | LEAVES,
    "solve": {"solve.base", "pyramid", "render.base"} | LEAVES,
    "objective": {"pyramid"} | PROTOCOLS | LEAVES,
    "verdict": {"objective", "pyramid"} | PROTOCOLS | LEAVES,
    "search": {"objective", "verdict", "pyramid", "losses", "solve"} | PROTOCOLS | LEAVES,
    "gauge": PROTOCOLS | LEAVES,
    "fit": {"gauge", "objective", "verdict", "search", "pyramid"} | PROTOCOLS | LEAVES,
    "targets": {"render.base", "render", "geometry"} | LEAVES,
    "rehearsal": {"fit", "objective", "pyramid"} | PROTOCOLS | LEAVES,
    "doctor": {"render.base", "render", "geometry"} | LEAVES,
    "record": {"fit", "gauge", "rehearsal", "pyramid", "parameters.base", "geometry"} | LEAVES,
    "resources": {"errors"},
    "alternatives": {"errors"},
    "overrides": {"errors", "resources", "alternatives"},
    "messages": {"errors", "overrides"},
    "config": {"resources", "overrides", "fit", "targets"} | BUILDING | UNKNOWNS,
    "sweep": {"errors", "resources", "overrides", "record", "fit", "io", "writing"},
    "completion": {"errors", "overrides", "sweep"},
    "listing": set(),
    "commands": {"resources", "overrides", "config", "doctor", "record", "rehearsal", "fit", "targets"}
    | BUILDING
    | UNKNOWNS,
    "bench": {
        *("errors", "resources", "overrides", "messages", "config", "commands", "sweep", "record"),
        *("fit", "render.base", "scene", "io", "writing"),
    },
    "cli": {
        *("errors", "resources", "overrides", "messages", "config", "commands"),
        *("bench", "sweep", "completion", "listing"),
    },
    "__main__": {"cli"},
}


def room_of(module: str) -> str:
    """The room of a module named from the package on, such as ``render.hard``; the package itself is no room."""
    first, _, rest = module.partition(".")
    return f"{first}.base" if rest == "base" and f"{first}.base" in MAY_IMPORT else first


def imports(source: str) -> Iterator[str]:
    """The modules of ours that a source imports, anywhere in it, named from the package on."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            # `from invrender.render import base` names a module, `from invrender.scene import Scene` does not.
            names = [f"{node.module}.{each.name}" for each in node.names]
            names = [
                name if (PACKAGE.parent / f"{name.replace('.', '/')}.py").exists() else node.module for name in names
            ]
        else:
            continue
        yield from (name.removeprefix("invrender.") for name in names if name and name.startswith("invrender."))


def breaches(module: str, source: str) -> list[str]:
    """The imports of a module that its room may not have."""
    room = room_of(module)
    allowed = {room} | MAY_IMPORT[room]
    return [f"{module} imports {each}" for each in imports(source) if room_of(each) not in allowed]


def modules() -> dict[str, Path]:
    """The files of the package by module, named from the package on."""
    paths = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py"))}
    named = {".".join(part for part in parts if part != "__init__"): path for path, parts in paths.items()}
    return {name: path for name, path in named.items() if name}


def test_every_module_has_a_room_and_every_room_a_module() -> None:
    assert {room_of(module) for module in modules()} == set(MAY_IMPORT)


def test_imports_point_down() -> None:
    assert [each for module, path in modules().items() for each in breaches(module, path.read_text())] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("scene", "from invrender.errors import UserError"),
        ("fit", "def fit():\n    from invrender.render.hard import HardRenderer"),
        ("fit", "from invrender.render import hard"),
        ("losses.pictures", "import invrender.solve.first_order"),
        ("objective", "from invrender.verdict import Verdict"),
        ("verdict", "from invrender.search import Search"),
        ("search", "from invrender.parameters.camera_pose import CameraPose"),
        ("render.base", "from invrender.render.hard import HardRenderer"),
        ("config", "if TYPE_CHECKING:\n    from invrender.record.base import Run"),
    ],
)
def test_an_import_that_points_up_is_found(module: str, source: str) -> None:
    assert len(breaches(module, source)) == 1


def test_the_rooms_have_no_circles() -> None:
    below = {room: set(allowed) for room, allowed in MAY_IMPORT.items()}
    while lowest := {room for room, allowed in below.items() if not allowed}:
        below = {room: allowed - lowest for room, allowed in below.items() if room not in lowest}
    assert below == {}


def test_the_command_line_is_there_before_torch() -> None:
    names = ", ".join(
        f"invrender.{each}" for each in ("cli", "commands", "config", "messages", "overrides", "resources")
    )
    code = f"import sys, {names}; print(sorted({{'torch', 'numpy', 'trimesh', 'matplotlib'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout == "[]\n"


def test_pytorch3d_is_imported_in_one_place() -> None:
    imported = re.compile(r"^\s*(from|import) pytorch3d\b", re.MULTILINE)
    importing = [module for module, path in modules().items() if imported.search(path.read_text())]
    assert importing == ["render.pytorch3d.adapter"]


def test_srgb_is_converted_in_one_place() -> None:
    constants = re.compile(r"12\.92|0\.0031308|0\.04045")
    assert [module for module, path in modules().items() if constants.search(path.read_text())] == ["color"]


def test_triton_is_imported_by_its_kernels_alone() -> None:
    imported = re.compile(r"^\s*(import|from) triton\b", re.MULTILINE)
    found = [module for module, path in modules().items() if imported.search(path.read_text())]
    assert found != []
    assert [module for module in found if not module.startswith("render.kernels.cuda")] == []


def test_nothing_is_left_over_from_the_work() -> None:
    left_over = re.compile(r"^(<<<<<<<|>>>>>>>) |\bbreakpoint\(|\bpdb\b[.]|\bFIXME\b", re.MULTILINE)
    folders = ("invrender", "configs", "scenes", "tests", "benchmarks", "docs")
    paths = [path for folder in folders for path in (REPOSITORY / folder).rglob("*")]
    texts = [path for path in (*paths, *REPOSITORY.glob("*.*")) if path.suffix in (".py", ".yaml", ".md", ".toml")]
    assert len(texts) > len(modules())
    found = [path for path in texts if path != Path(__file__) and left_over.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_each_worker_has_one_thread() -> None:
    assert torch.get_num_threads() == 1
