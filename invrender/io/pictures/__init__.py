"""Picture files. Their values become linear here, and sRGB again."""

from invrender.io.pictures.data import grey, read_map, vectors, write_map
from invrender.io.pictures.depth import depth_size, read_depth
from invrender.io.pictures.reading import (
    COLOR_SPACES,
    ORIENTATIONS,
    Decoding,
    Picture,
    picture_size,
    read_mask,
    read_picture,
    reduced_size,
)
from invrender.io.pictures.source import scaled
from invrender.io.pictures.writing import LINEAR, share_clipped, write_mask, write_picture

__all__ = [
    "COLOR_SPACES",
    "LINEAR",
    "ORIENTATIONS",
    "Decoding",
    "Picture",
    "depth_size",
    "grey",
    "picture_size",
    "read_depth",
    "read_map",
    "read_mask",
    "read_picture",
    "reduced_size",
    "scaled",
    "share_clipped",
    "vectors",
    "write_map",
    "write_mask",
    "write_picture",
]
