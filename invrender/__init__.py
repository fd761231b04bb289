"""Inverse rendering from the command line: recover cameras, lights and textures from pictures."""

__version__ = "0.1.0"
