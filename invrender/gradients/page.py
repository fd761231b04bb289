"""The comparison as an HTML page that needs nothing else, and as TensorBoard shows it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from invrender.gradients.colors import color_bar, signed_colors
from invrender.gradients.measure import Comparison
from invrender.gradients.results import comparison_text, rows_of
from invrender.gradients.sheet import unit_text, window_of
from invrender.record.display import Picture, srgb_picture
from invrender.record.report.page import data_uri, write_page


def write_gradients_page(path: Path, comparison: Comparison, command: str) -> None:
    """Write the page."""
    window = window_of(comparison)
    rows = [
        {
            "title": row.title,
            "says": row.says,
            "images": [as_uri(signed_colors(image[window], comparison.scale)) for image in row.images],
            "numbers": row.numbers,
        }
        for row in rows_of(comparison)
    ]
    write_page(
        path,
        "gradients.html",
        title=f"Gradients by {comparison.unknown}",
        command=command,
        directions=comparison.directions,
        rows=rows,
        scene=as_uri(srgb_picture(comparison.picture)),
        bar=as_uri(color_bar(200, 1)),
        scale=f"{comparison.scale:.2g}",
        unit=unit_text(comparison),
    )


def as_uri(picture: Picture) -> str:
    """A picture as a data URI."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG")
    return data_uri("image/png", file.getvalue())


def write_events(folder: Path, comparison: Comparison, sheet: Picture) -> None:
    """Write a file of events: the sheet, the derivative images by estimator, the numbers, and the table."""
    from torch.utils.tensorboard import SummaryWriter  # takes a while to import

    with SummaryWriter(str(folder)) as writer:
        writer.add_image("gradients", sheet, dataformats="HWC")
        for row in rows_of(comparison):
            images = np.stack([signed_colors(image, comparison.scale) for image in row.images])
            writer.add_images(f"derivative/{row.title}", images, dataformats="NHWC")
        for each in comparison.measured:
            for name in ("bias", "variance", "cosine"):
                writer.add_scalar(f"{name}/{each.name}", getattr(each.agreement, name))
        writer.add_text("gradients", "    " + comparison_text(comparison).replace("\n", "\n    "))
