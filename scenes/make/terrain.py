"""Heights of a landscape: matplotlib's sample, the Jacksboro fault in Tennessee, by the US Geological Survey."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
from matplotlib import cbook

SAMPLE = "jacksboro_fault_dem.npz"


def write(folder: Path) -> None:
    """Write the elevations in metres as a picture of 16 bits; north is at the top."""
    folder.mkdir(parents=True, exist_ok=True)
    with cbook.get_sample_data(SAMPLE) as sample:
        iio.imwrite(folder / "jacksboro.png", sample["elevation"].astype(np.uint16))
