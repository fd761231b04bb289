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
# Those that import nothing of ours but each other.
LEAVES = {"errors", "constants", "typed"}
LOWEST = LEAVES | {"checks", "scene", "images"}
BUILDING = LOWEST | {"geometry", "io", "render.base", "render"}
PROTOCOLS = {"render.base", "parameters.base", "losses.base"}
MAY_IMPORT: dict[str, set[str]] = {
    **{leaf: set() for leaf in LEAVES},
    "checks": {"errors"},
    "scene": {"errors", "constants"},
    "images": {"scene"},
    "geometry": LOWEST,
    "io": {"geometry"} | LOWEST,
    "render.base": LOWEST,
    "render": {"render.base", "geometry"} | LOWEST,
    "parameters.base": LOWEST,
    "parameters": {"parameters.base", "geometry"} | LOWEST,
    "losses.base": LOWEST,
    "losses": {"losses.base", "geometry"} | LOWEST,
    "fitting": {"losses"} | PROTOCOLS | LOWEST,
    "targets": {"render.base", "render", "geometry"} | LOWEST,
    "photographs": {"targets", "render.base"} | LOWEST,
    "gradients": {"record", "render", "render.base", "parameters.base", "geometry", "io"} | LOWEST,
    "record": {"fitting", "parameters.base", "geometry", "io"} | LOWEST,
    "learning": {"fitting", "record", "parameters"} | PROTOCOLS | BUILDING,
    "config": {"fitting", "record", "gradients", "learning", "targets", "photographs", "parameters", "losses"}
    | PROTOCOLS
    | BUILDING,
    "sweep": {"config", "record", "fitting", "io"} | LOWEST,
    "bench": {"config", "sweep", "record", "fitting", "render.base", "parameters.base", "geometry", "io"} | LOWEST,
    "cli": {"bench", "gradients", "learning", "sweep", "config", "record", "fitting"} | BUILDING,
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
        ("scene.scene", "from invrender.checks import above"),
        ("fitting.fit", "def fit():\n    from invrender.render.hard import HardRenderer"),
        ("fitting.fit", "from invrender.render import hard"),
        ("losses.data", "import invrender.fitting.solve.first_order"),
        ("fitting.search.search", "from invrender.parameters.camera_pose import CameraPose"),
        ("render.base", "from invrender.render.hard import HardRenderer"),
        ("config.build", "if TYPE_CHECKING:\n    from invrender.sweep.summary import Summary"),
        ("bench.trials", "from invrender.cli.job import DONE"),
    ],
)
def test_an_import_that_points_up_is_found(module: str, source: str) -> None:
    assert len(breaches(module, source)) == 1


def circles(below: dict[str, set[str]]) -> set[str]:
    """What is in a circle of imports, or above one: what is left when the lowest are taken away again and again."""
    below = {name: set(allowed) for name, allowed in below.items()}
    while lowest := {name for name, allowed in below.items() if not allowed}:
        below = {name: allowed - lowest for name, allowed in below.items() if name not in lowest}
    return set(below)


def test_the_rooms_have_no_circles() -> None:
    assert circles(MAY_IMPORT) == set()


def test_the_files_have_no_circles() -> None:
    known = modules()
    below = {name: {each for each in imports(path.read_text()) if each in known} for name, path in known.items()}
    assert sum(len(each) for each in below.values()) > len(below)
    assert circles(below) == set()
    assert circles({"one": {"two"}, "two": {"one"}, "above": {"two"}, "apart": set()}) == {"one", "two", "above"}


def test_no_file_is_long_and_most_functions_are_short() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
    functions = [
        node.end_lineno - node.lineno + 1
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno
    ]
    assert sorted(functions)[len(functions) // 2] <= 8
    assert len(list(PACKAGE.glob("*.py"))) <= 8


def test_the_command_line_is_there_before_torch() -> None:
    names = ", ".join(
        f"invrender.{each}"
        for each in ("cli.program", "config.schema", "config.build", "config.compose", "config.files")
    )
    code = f"import sys, {names}; print(sorted({{'torch', 'numpy', 'trimesh', 'matplotlib'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout == "[]\n"


def test_pytorch3d_is_imported_in_one_place() -> None:
    imported = re.compile(r"^\s*(from|import) pytorch3d\b", re.MULTILINE)
    importing = [module for module, path in modules().items() if imported.search(path.read_text())]
    assert importing == ["render.adapters.pytorch3d.adapter"]


def test_srgb_is_converted_in_one_place() -> None:
    constants = re.compile(r"12\.92|0\.0031308|0\.04045")
    assert [module for module, path in modules().items() if constants.search(path.read_text())] == ["images.color"]


def test_triton_is_imported_by_its_kernels_alone() -> None:
    imported = re.compile(r"^\s*(import|from) triton\b", re.MULTILINE)
    found = [module for module, path in modules().items() if imported.search(path.read_text())]
    assert found != []
    assert [module for module in found if not module.startswith("render.backends.triton")] == []


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
