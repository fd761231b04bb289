"""EXIF's orientation: how a stored picture is turned and mirrored to be upright."""

from __future__ import annotations

from torch import Tensor

# EXIF 2.32, tag 274: the dimensions that are reversed, after rows and columns change places for 5 to 8.
TAG = 274
REVERSED: dict[int, tuple[int, ...]] = {1: (), 2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}
FIRST_ON_ITS_SIDE = 5


def valid(mark: object) -> int:
    """An orientation from 1 to 8; 1 for anything else that a file may say."""
    return mark if isinstance(mark, int) and mark in REVERSED else 1


def lies_on_its_side(orientation: int) -> bool:
    """Whether what is stored as height is the upright picture's width."""
    return orientation >= FIRST_ON_ITS_SIDE


def upright(stored: Tensor, orientation: int) -> Tensor:
    """A stored picture [H, W] or [H, W, C] the right way up."""
    turned = stored.transpose(0, 1) if lies_on_its_side(orientation) else stored
    return turned.flip(REVERSED[orientation]).contiguous() if REVERSED[orientation] else turned.contiguous()


def upright_size(height: int, width: int, orientation: int) -> tuple[int, int]:
    """Height and width of the upright picture; of the stored one, given the upright one's."""
    return (width, height) if lies_on_its_side(orientation) else (height, width)
