"""Make the README's pictures anew and print the numbers beside them: ``python docs/make_images.py [NAME ...]``."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from invrender.cli import run

HERE = Path(__file__).parent
IMAGES = HERE / "images"
SCENES = HERE.parent / "scenes"
FITS = {
    "camera_pose": ["experiment=camera_pose", "record.frames=40"],
    "camera_position": ["experiment=camera_position"],
    "light_intensity": ["experiment=light_intensity"],
    "texture": ["experiment=texture"],
    "joint": ["experiment=joint"],
    "shape": ["experiment=shape"],
    "material": ["experiment=material", "camera.width=256", "camera.height=256"],
    "light_sh": ["experiment=light_sh", "camera.width=256", "camera.height=256"],
    "photo": ["scene=vase", f"target={SCENES / 'vase' / 'target.png'}", "recover=[camera_pose,light_intensity]"],
}
TILE, GAP, LINE = 256, 8, 26
BACKGROUND, INK = (24, 24, 27), (212, 212, 216)


def make(name: str) -> None:
    """Run a fit and keep a picture of it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "fit"
        if run(["fit", *FITS[name], "record.tensorboard=false", f"hydra.run.dir={folder}"]) != 0:
            sys.exit(f"the fit {name} did not end well")
        result = json.loads((folder / "result.json").read_text())
        print(json.dumps({name: result["parameters"], "iterations": result["iterations"]}))
        if name == "camera_pose":
            shutil.copy(folder / "progress.gif", IMAGES / f"{name}.gif")
        else:
            side_by_side(folder).save(IMAGES / f"{name}.png", optimize=True)


def side_by_side(folder: Path) -> Image.Image:
    """Start, what was found and target, of the first view."""
    canvas = Image.new("RGB", (3 * TILE + 4 * GAP, LINE + TILE + GAP), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for column, (file, label) in enumerate((("start", "start"), ("final", "found"), ("target", "target"))):
        left = GAP + column * (TILE + GAP)
        draw.text((left + TILE // 2, LINE // 2), label, INK, ImageFont.load_default(size=15), anchor="mm")
        strip = Image.open(folder / f"{file}.png").convert("RGB")
        view = strip.crop((0, 0, strip.height, strip.height))
        canvas.paste(view.resize((TILE, TILE), Image.Resampling.LANCZOS), (left, LINE))
    return canvas


def draw_gloss() -> None:
    """Balls from smooth to rough, of plastic above and of metal below."""
    blank = f"mesh: {SCENES}/still_life/globe.obj, texture: blank, texture_size: [1, 1], albedo: [0.9, 0.55, 0.3]"
    balls = [
        f"{name}_{number}: {{{blank}, position: [{0.82 * number - 1.64:.2f}, {height}, 0], "
        f"roughness: {roughness}, metallic: {metallic}}}"
        for name, height, metallic in (("plastic", 0.41, 0), ("metal", -0.41, 1))
        for number, roughness in enumerate((0.1, 0.25, 0.45, 0.7, 1.0))
    ]
    with tempfile.TemporaryDirectory() as scratch:
        scene = Path(scratch) / "balls.yaml"
        lines = ["# @package _global_", "defaults:", "  - /light@_global_.light: sh", "  - _self_"]
        lines += ["light:", "  sky: {intensity: 0.5}", "  key: {kind: point, position: [-3, 4, 5], intensity: 0.7}"]
        lines += ["scene:", "  background: [0.03, 0.03, 0.035]", "  objects:"]
        scene.write_text("\n".join([*lines, *(f"    {ball}" for ball in balls)]), encoding="utf-8")
        camera = ["camera.projection=orthographic", "camera.extent=1.65", "camera.width=640", "camera.height=256"]
        run(["render", f"scene={scene}", *camera, f"output={IMAGES / 'gloss.png'}"])


def draw_edge() -> None:
    """How a pixel changes as an edge passes, and its derivative: the first plot of the course's notebook."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cells = json.loads((HERE / "course.ipynb").read_text(encoding="utf-8"))["cells"]
    first = [cell for cell in cells if cell["cell_type"] == "code"][:2]
    exec("\n".join("".join(cell["source"]) for cell in first), {})
    pyplot.savefig(IMAGES / "edge_of_a_pixel.png")


def draw_network() -> None:
    """What a network sees and says, after a training."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "train"
        run(["train", "experiment=pose_network", "record.tensorboard=false", f"hydra.run.dir={folder}"])
        print((folder / "result.json").read_text(encoding="utf-8"))
        shutil.copy(folder / "examples.png", IMAGES / "pose_network.png")


OTHERS = {"gloss": draw_gloss, "edge_of_a_pixel": draw_edge, "pose_network": draw_network}

if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or [*FITS, *OTHERS]:
        OTHERS[name]() if name in OTHERS else make(name)
