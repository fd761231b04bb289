"""`invrender render`: one picture of a scene."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from invrender.cli.job import DONE, RESULTS, Job, check_unused
from invrender.config.build import build
from invrender.config.compose import scene_options
from invrender.config.device import choose_device, repeatable
from invrender.config.overrides import PICTURES
from invrender.config.schema import RenderConfig
from invrender.config.target import folder_of
from invrender.errors import UserError, shown, suggestion
from invrender.io.atomic import atomic_write
from invrender.io.pictures import share_clipped, write_mask, write_picture
from invrender.io.scenes import build_scene
from invrender.render.base import render_scene


def run(job: Job) -> int:
    """Render, and write the picture; returns the exit status."""
    check_unused(job.folder, RESULTS)
    options = scene_options(job.composed, RenderConfig)
    output = check_output(options.output, options.overwrite)
    device = choose_device(options.device)
    with repeatable(options.seed, device), torch.no_grad():
        renderer = build(options.renderer, "renderer", options.allow_targets)
        scene = build_scene(options, folder_of(options)).to(device)
        rendered = render_scene(renderer, scene)
    for path in filter(None, (output, job.folder / "picture.png")):
        with atomic_write(path) as partial:
            write_picture(partial, rendered.rgb)
    with atomic_write(job.folder / "mask.png") as partial:
        write_mask(partial, rendered.alpha)
    with atomic_write(job.folder / "depth.npy") as partial, partial.open("wb") as file:
        np.save(file, rendered.depth.cpu().numpy())
    picture = output or job.folder / "picture.png"
    clipped = share_clipped(picture, rendered.rgb)
    if clipped > 0:
        told = f"{shown(picture)}: {100 * clipped:.2g}% of its pixels are clipped at the top of what it can show"
        print(f"{told}; give EXR to keep them", file=sys.stderr)
    print(shown(picture))
    return DONE


def check_output(output: str | None, overwrite: bool) -> Path | None:
    """The picture file to write. Raises `UserError` where that would overwrite something or can't work."""
    if not output:
        return None
    path = Path(output)
    if path.suffix.lower() not in PICTURES:
        near = suggestion(path.suffix, PICTURES)
        raise UserError(f"output is {output!r}, expected a picture file such as picture.png{near}")
    if not path.parent.is_dir():
        raise UserError(f"output is {output!r}: there is no folder {path.parent}")
    if path.exists() and not overwrite:
        raise UserError(f"output is {output!r}, which exists; give another name or overwrite=true")
    return path
