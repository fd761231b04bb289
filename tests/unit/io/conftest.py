from __future__ import annotations

from pathlib import Path

import pytest
from cubes import write_cube


@pytest.fixture
def cube_folder(tmp_path: Path) -> Path:
    """A folder with the cube's files."""
    write_cube(tmp_path)
    return tmp_path
