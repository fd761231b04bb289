"""Make the shipped scenes' meshes, textures and targets anew: ``python scenes/make_scenes.py [folder]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from make import cube, duck, panel, snapshot, still_life, teapot, terrain, vase

from invrender.cli import run

SCENES = {
    "cube": cube.write,
    "panel": panel.write,
    "still_life": still_life.write,
    "teapot": teapot.write,
    "terrain": terrain.write,
    "vase": vase.write,
    "shapes": duck.write,
    "snapshot": snapshot.write,  # of the vase, which must be there
}

# What the targets show: the scenes from elsewhere, in another light.
TRUTHS = {
    "cube": "camera: {azimuth: 55, elevation: 35, distance: 4.2}\nlight: {key: {intensity: 1.1}}",
    "panel": "camera: {azimuth: 22, elevation: 14, distance: 3.5}\nlight: {key: {intensity: 1.1}}",
    "still_life": "camera: {azimuth: 10, elevation: 38, distance: 4.2}\nlight: {key: {intensity: 1.2}}",
    "teapot": "camera: {azimuth: 48, elevation: 30, distance: 4.0}\nlight: {key: {intensity: 1.1}}",
    "vase": "camera: {azimuth: 50, elevation: 10, distance: 4.2}\nlight: {key: {intensity: 0.6}}",
}
TRUTH = """# @package _global_
# The truth behind target.png, which `invrender render scene=scenes/{name}/truth.yaml renderer.samples=8` makes again.
defaults: [/scene/{name}, _self_]
{changes}
"""


def make_scenes(folder: Path) -> None:
    """Write every scene's files under ``folder``/<scene>; the bytes are the same each time."""
    for name, write in SCENES.items():
        write(folder / name)


def make_targets(folder: Path) -> None:
    """Write every scene's truth and target under ``folder``/<scene>, from the scenes that the package ships."""
    for name, changes in TRUTHS.items():
        truth = folder / name / "truth.yaml"
        truth.parent.mkdir(parents=True, exist_ok=True)
        truth.write_text(TRUTH.format(name=name, changes=changes))
        with tempfile.TemporaryDirectory() as elsewhere:
            arguments = [
                f"scene={truth}",
                "renderer.samples=8",
                f"output={folder / name / 'target.png'}",
                "overwrite=true",
            ]
            if run(["render", *arguments, f"hydra.run.dir={elsewhere}"]) != 0:
                sys.exit(f"{truth} can't be rendered")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_scenes(where)
    make_targets(where)
