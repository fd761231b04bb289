"""How kernels are started."""

from __future__ import annotations

from typing import Any

import torch

WARPS = 1  # a tile's


def launch(kernel: Any, programs: int, frame: Any, *tables: Any, fused: bool = True, **constants: Any) -> None:
    """Run ``programs`` programs of a kernel on the device where the frame's vertices lie.

    fused: whether products and sums may be rounded once, which is faster, instead of twice.
    """
    if programs:
        with torch.cuda.device_of(frame.vertices):
            kernel[(programs,)](frame, *tables, num_warps=WARPS, enable_fp_fusion=fused, **constants)
