"""Make the shipped scenes' meshes and textures anew: ``python scenes/make_scenes.py [folder]``."""

from __future__ import annotations

import sys
from pathlib import Path

from make import panel, still_life, teapot, vase

SCENES = {"panel": panel.write, "still_life": still_life.write, "teapot": teapot.write, "vase": vase.write}


def make_scenes(folder: Path) -> None:
    """Write every scene's files under ``folder``/<scene>; the bytes are the same each time."""
    for name, write in SCENES.items():
        write(folder / name)


if __name__ == "__main__":
    make_scenes(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
