"""An object in a picture: its material, the ambient light and the eye, in a scratch array ``look`` of float64."""

from __future__ import annotations

from invrender.render.backends.numba.compiling import kernel

ALBEDO, SPECULAR, SHININESS, AMBIENT, EYE = 0, 3, 6, 7, 10
DIFFERENTIABLE = 13  # so many of the numbers have gradients
LEVELS = 13  # of the texture
LOOK_SIZE = 14


@kernel
def load_look(surface, obj, picture, look):
    """Fill the scratch array of an object in a picture."""
    for c in range(7):
        look[ALBEDO + c] = surface.materials[obj, c]
    for c in range(3):
        look[AMBIENT + c] = surface.ambient[picture, c]
        look[EYE + c] = surface.eyes[picture, c]
    look[LEVELS] = 0.0
    if len(surface.texels) > 0:
        for level in range(surface.textures.shape[1]):
            look[LEVELS] += surface.textures[obj, level, 1] > 0


@kernel
def load_look_tangent(tangent, obj, picture, direction, look):
    """Fill in how an object in a picture changes in one direction; arrays of ``tangent`` without directions do not."""
    look[:DIFFERENTIABLE] = 0.0
    for c in range(7):
        if len(tangent.materials) > 0:
            look[ALBEDO + c] = tangent.materials[direction, obj, c]
    for c in range(3):
        if len(tangent.ambient) > 0:
            look[AMBIENT + c] = tangent.ambient[direction, picture, c]
        if len(tangent.eyes) > 0:
            look[EYE + c] = tangent.eyes[direction, picture, c]
