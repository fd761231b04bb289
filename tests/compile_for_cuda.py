"""Takes every kernel for CUDA through Triton's front end, for a card that need not be there; prints their names.

With a precision as an argument, ``float32`` or ``float64``, it compiles them to the card's own code, and prints
beside each name how many registers a thread has, how many bytes of them spill to memory, and how many a program shares.

Only what the kernels' callers pass on is real: nothing runs, and no results are filled in.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import tiny
import torch
import triton
from torch.autograd import forward_ad
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from invrender.render.backends.triton import edges as edge_kernels
from invrender.render.backends.triton import hard, launching, passes, soft
from invrender.render.base import shots_of
from invrender.render.raster import antialias as edges
from invrender.render.raster import visible
from invrender.render.raster.blend import Softness
from invrender.render.raster.project import project_surfaces
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import Scene, map_tensors


class Card:
    """What Triton asks of a driver before it compiles."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


class Understood(Exception):
    """Raised where the front end is done."""


def front_end(source: ASTSource, *arguments: Any) -> None:
    make_ir(source, *arguments)
    raise Understood


def understood(kernel: Any, programs: int, *tables: Any, fused: bool = True, **constants: Any) -> None:
    try:
        prepare(kernel, programs, *tables, fused=fused, **constants)
    except Understood:
        print(kernel.__name__)


def compiled(kernel: Any, programs: int, *tables: Any, fused: bool = True, **constants: Any) -> None:
    made = prepare(kernel, programs, *tables, fused=fused, **constants)
    registers, spilled = usage(made.asm["cubin"])
    print(kernel.__name__, registers, spilled, made.metadata.shared, flush=True)


def prepare(kernel: Any, programs: int, *tables: Any, fused: bool, **constants: Any) -> Any:
    return kernel.warmup(*tables, grid=(programs,), num_warps=launching.WARPS, enable_fp_fusion=fused, **constants)


def usage(code: bytes) -> tuple[int, int]:
    """A thread's registers, and the bytes of its stack, where registers spill to."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(code)
        file.flush()
        tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
        told = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", told)
    assert found is not None, told
    return int(found[1]), int(found[2])


def compile_all(scene: Scene) -> None:
    softness = Softness(sigma=1e-2, gamma=1e-2, reach=4e-2, near=0.1, far=10.0)
    with forward_ad.dual_level():
        moving = map_tensors(
            scene,
            lambda each: (
                forward_ad.make_dual(each.clone().requires_grad_(), torch.ones_like(each))
                if each.is_floating_point()
                else each
            ),
        )
        surfaces = Surfaces.of(shots_of([moving]), mipmaps=True)
        screen = project_surfaces(surfaces, [moving.camera], cull_backfaces=False)
        shaded = passes.soft_layers(screen, surfaces, softness)
        deep, alone = (passes.soft_layers(screen, None, softness, depth) for depth in (True, False))
        color, depth = passes.hard_layers(
            screen, surfaces, visible.nearest_faces(screen), surfaces.ambient.expand(screen.pixels, 3)
        )
        results = [shaded.alpha, shaded.color, shaded.depth, shaded.weight, deep.alpha, alone.alpha, color, depth]
        torch.autograd.grad([each.sum() for each in results if each is not None], screen.vertices)
    passes.nearest_faces(screen)
    passes.crossings(screen, edges.outlines(screen, surfaces))


make_ir = ASTSource.make_ir
whole = len(sys.argv) > 1
if not whole:
    ASTSource.make_ir = front_end
triton.runtime.driver.set_active(Card())
for module in (soft, hard, edge_kernels):
    module.launch = compiled if whole else understood
if whole:
    compile_all(tiny.scene(12).to(dtype=getattr(torch, sys.argv[1])))
else:
    compile_all(tiny.scene(12).to(dtype=torch.float32))
    compile_all(tiny.one_object(12))
