"""The colours of a block of fragments, and their derivatives: `render.shade` in vectors.

The fragments are of one object in one picture, whose numbers are gathered in a scratch array ``look`` of float64.
What a light does to them is kept in another array, ``lit`` [L, LIT_ROWS, COLUMNS], which the derivatives read.
"""

from __future__ import annotations

import math

import numpy as np

from invrender.render.kernels.cpu.blocks import (
    COLOR,
    COLUMNS,
    DIFFUSE,
    FACING,
    HIGHLIGHT,
    MINIFICATION,
    NORMAL,
    NORMAL_LENGTH,
    PAINT,
    POSITION,
    ROWS,
    SHORTEST,
    TEXTURE,
    TEXTURE_M,
    TEXTURE_U,
    TEXTURE_V,
    UV,
    VIEW,
    VIEW_LENGTH,
    D,
    dot,
    fill,
    normalize,
    normalize_derivative,
    total,
    whole_lanes,
)
from invrender.render.kernels.cpu.compiling import allocating, kernel
from invrender.render.kernels.cpu.textures import look_up, look_up_along
from invrender.render.surfaces import DIRECTIONAL, INVERSE_SQUARE

# look: an object in a picture
ALBEDO, SPECULAR, SHININESS, AMBIENT, EYE = 0, 3, 6, 7, 10
DIFFERENTIABLE = 13  # so many of the numbers have gradients
LEVELS = 13  # of the texture
LOOK_SIZE = 14

# lit: a fragment and a light
TOWARDS, ATTENUATION, NEARNESS, COSINE, MIRRORED, LOBE = 0, 3, 4, 5, 6, 7  # nearness: 1 / the distance
DL = 8  # the derivative of row A is in row DL + A
LIT_ROWS = 2 * DL

LARGEST_WHOLE = 1 << 12


@allocating
def room_for_block(shading):
    """The scratch arrays ``rows`` and ``lit`` of a block."""
    return np.zeros((ROWS, COLUMNS)), np.zeros((len(shading.kinds), LIT_ROWS, COLUMNS))


@kernel
def load_look(shading, thing, picture, look):
    """Fill the scratch array of an object in a picture."""
    for c in range(7):
        look[ALBEDO + c] = shading.materials[thing, c]
    for c in range(3):
        look[AMBIENT + c] = shading.ambient[picture, c]
        look[EYE + c] = shading.eyes[picture, c]
    look[LEVELS] = 0.0
    if len(shading.texels) > 0:
        for level in range(shading.textures.shape[1]):
            look[LEVELS] += shading.textures[thing, level, 1] > 0


@kernel
def load_moving_look(moving, thing, picture, direction, look):
    """Fill in how an object in a picture changes in one direction; arrays of ``moving`` without directions do not."""
    look[:DIFFERENTIABLE] = 0.0
    for c in range(7):
        if len(moving.materials) > 0:
            look[ALBEDO + c] = moving.materials[direction, thing, c]
    for c in range(3):
        if len(moving.ambient) > 0:
            look[AMBIENT + c] = moving.ambient[direction, picture, c]
        if len(moving.eyes) > 0:
            look[EYE + c] = moving.eyes[direction, picture, c]


@kernel
def light_up(light, kind, shading, shininess, rows, lit, n):
    """Fill in what a light [6] does to the fragments."""
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    l0, l1, l2 = light[3] * 1.0, light[4] * 1.0, light[5] * 1.0
    near, fading = kind != DIRECTIONAL, kind == INVERSE_SQUARE
    for i in range(lanes):
        t0 = l0 - rows[POSITION, i] if near else l0
        t1 = l1 - rows[POSITION + 1, i] if near else l1
        t2 = l2 - rows[POSITION + 2, i] if near else l2
        squared = t0 * t0 + t1 * t1 + t2 * t2
        inverse = 1.0 / max(math.sqrt(squared), SHORTEST) if near else 1.0
        t0, t1, t2 = t0 * inverse, t1 * inverse, t2 * inverse
        cosine = rows[NORMAL, i] * t0 + rows[NORMAL + 1, i] * t1 + rows[NORMAL + 2, i] * t2
        lit[TOWARDS, i], lit[TOWARDS + 1, i], lit[TOWARDS + 2, i] = t0, t1, t2
        lit[ATTENUATION, i] = 1.0 / squared if fading else 1.0
        lit[NEARNESS, i] = inverse
        lit[COSINE, i] = cosine if cosine > 0.0 else 0.0
    if shading.shiny:
        for i in range(lanes):
            t0, t1, t2 = lit[TOWARDS, i], lit[TOWARDS + 1, i], lit[TOWARDS + 2, i]
            seen = t0 * rows[VIEW, i] + t1 * rows[VIEW + 1, i] + t2 * rows[VIEW + 2, i]
            mirrored = 2.0 * lit[COSINE, i] * rows[FACING, i] - seen
            mirrored = mirrored if mirrored > 0.0 else 0.0
            lit[MIRRORED, i] = mirrored if lit[COSINE, i] > 0.0 else 0.0
        raise_to_power(lit, shininess, n)


@kernel
def raise_to_power(lit, exponent, n):
    """Fill in the lobes: mirrored ** exponent, 0 where that is 0; whole exponents, which most are, in few products."""
    assert lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    whole = int(exponent)
    if whole != exponent or not 0 <= whole <= LARGEST_WHOLE:
        for i in range(n):
            lit[LOBE, i] = lit[MIRRORED, i] ** exponent if lit[MIRRORED, i] > 0.0 else 0.0
        return
    squares = DL + MIRRORED
    for i in range(lanes):
        lit[LOBE, i] = 1.0 if lit[MIRRORED, i] > 0.0 else 0.0
        lit[squares, i] = lit[MIRRORED, i]
    while whole > 0:
        if whole & 1:
            for i in range(lanes):
                lit[LOBE, i] *= lit[squares, i]
        for i in range(lanes):
            lit[squares, i] *= lit[squares, i]
        whole >>= 1


@kernel
def shade(shading, look, picture, thing, slopes, rows, lit, n):
    """Fill in the colours of interpolated fragments.

    slopes: whether derivatives will follow, which need to know how the texture changes.
    """
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    normalize(rows, NORMAL, NORMAL_LENGTH, n)
    if shading.shiny:
        face_the_eye(shading, look, rows, n)
    for c in range(3):
        fill(rows, DIFFUSE + c, look[AMBIENT + c], n)
        fill(rows, HIGHLIGHT + c, 0.0, n)
        if len(shading.colors) == 0:
            fill(rows, PAINT + c, 1.0, n)
    for number in range(len(shading.kinds)):
        light, own = shading.lights[picture, number], lit[number]
        light_up(light, shading.kinds[number], shading, look[SHININESS], rows, own, n)
        for c in range(3):
            radiance = light[c] * 1.0
            for i in range(lanes):
                rows[DIFFUSE + c, i] += radiance * (own[ATTENUATION, i] * own[COSINE, i])
            if shading.shiny:
                for i in range(lanes):
                    rows[HIGHLIGHT + c, i] += radiance * (own[ATTENUATION, i] * own[LOBE, i])
    if look[LEVELS] > 0.0:
        look_up(shading.textures[thing], look[LEVELS], shading.texels, slopes, rows, n)
    else:
        for c in range(3):
            fill(rows, TEXTURE + c, 1.0, n)
    for c in range(3):
        albedo, specular = look[ALBEDO + c], look[SPECULAR + c]
        for i in range(lanes):
            surface = albedo * (rows[PAINT + c, i] * rows[TEXTURE + c, i]) * rows[DIFFUSE + c, i]
            rows[COLOR + c, i] = surface + specular * rows[HIGHLIGHT + c, i]


@kernel
def face_the_eye(shading, look, rows, n):
    """Fill in the unit directions to the eye, and how much the normals point there."""
    assert rows.shape[1] == COLUMNS
    lanes = whole_lanes(n)
    moves = 0.0 if shading.parallel else 1.0
    for c in range(3):
        eye = look[EYE + c]
        for i in range(lanes):
            rows[VIEW + c, i] = eye - moves * rows[POSITION + c, i]
    if not shading.parallel:
        normalize(rows, VIEW, VIEW_LENGTH, n)
    for i in range(lanes):
        facing = rows[NORMAL, i] * rows[VIEW, i] + rows[NORMAL + 1, i] * rows[VIEW + 1, i]
        rows[FACING, i] = facing + rows[NORMAL + 2, i] * rows[VIEW + 2, i]


@kernel
def shade_back(shading, look, picture, rows, lit, n, gradient, light_gradient, wanted):
    """From the cotangents of colours those of positions, normals, texture (and where and how small it is) and paint.

    gradient: laid out as look; light_gradient: [L, 6]. What is wanted is added to them.
    """
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    surface_back(look, rows, n, gradient, wanted)
    for c in range(3):
        fill(rows, D + POSITION + c, 0.0, n)
        fill(rows, D + NORMAL + c, 0.0, n)
        fill(rows, D + VIEW + c, 0.0, n)
    fill(rows, D + FACING, 0.0, n)
    for number in range(len(shading.kinds)):
        light, kind, own = shading.lights[picture, number], shading.kinds[number], lit[number]
        light_up_back(light, kind, shading, look[SHININESS], rows, own, n, gradient, wanted)
        if wanted.lights:
            for c in range(3):
                # The cosine's cotangent has been passed on; its row is free for sums.
                for i in range(lanes):
                    own[DL + COSINE, i] = own[ATTENUATION, i] * own[COSINE, i] * rows[D + DIFFUSE + c, i]
                light_gradient[number, c] += total(own, DL + COSINE, 0, n)
                if shading.shiny:
                    for i in range(lanes):
                        own[DL + COSINE, i] = own[ATTENUATION, i] * own[LOBE, i] * rows[D + HIGHLIGHT + c, i]
                    light_gradient[number, c] += total(own, DL + COSINE, 0, n)
                light_gradient[number, 3 + c] += total(own, DL + TOWARDS + c, 0, n)
    if shading.shiny:
        for i in range(lanes):
            facing = rows[D + FACING, i]
            for c in range(3):
                rows[D + NORMAL + c, i] += facing * rows[VIEW + c, i]
                rows[D + VIEW + c, i] += facing * rows[NORMAL + c, i]
        if not shading.parallel:
            normalize_derivative(rows, VIEW, VIEW_LENGTH, n)
            for c in range(3):
                for i in range(lanes):
                    rows[D + POSITION + c, i] -= rows[D + VIEW + c, i]
        if wanted.eyes:
            for c in range(3):
                gradient[EYE + c] += total(rows, D + VIEW + c, 0, n)
    normalize_derivative(rows, NORMAL, NORMAL_LENGTH, n)


@kernel
def surface_back(look, rows, n, gradient, wanted):
    """The product rule of albedo × texture × paint × diffuse + specular × highlight, in reverse."""
    assert rows.shape[1] == COLUMNS
    lanes = whole_lanes(n)
    for c in range(3):
        albedo, specular = look[ALBEDO + c], look[SPECULAR + c]
        if wanted.materials:
            for i in range(lanes):
                surface = rows[D + COLOR + c, i] * rows[PAINT + c, i] * rows[TEXTURE + c, i]
                rows[D + DIFFUSE + c, i] = surface
            gradient[ALBEDO + c] += dot(rows, D + DIFFUSE + c, DIFFUSE + c, 0, n)
            gradient[SPECULAR + c] += dot(rows, D + COLOR + c, HIGHLIGHT + c, 0, n)
        for i in range(lanes):
            cotangent, paint, texture = rows[D + COLOR + c, i], rows[PAINT + c, i], rows[TEXTURE + c, i]
            surface = cotangent * albedo * rows[DIFFUSE + c, i]
            rows[D + TEXTURE + c, i] = surface * paint
            rows[D + PAINT + c, i] = surface * texture
            rows[D + DIFFUSE + c, i] = cotangent * albedo * paint * texture
            rows[D + HIGHLIGHT + c, i] = cotangent * specular
        if wanted.ambient:
            gradient[AMBIENT + c] += total(rows, D + DIFFUSE + c, 0, n)
    if look[LEVELS] > 0.0:
        for i in range(lanes):
            along_u, along_v, along_m = 0.0, 0.0, 0.0
            for c in range(3):
                along_u += rows[D + TEXTURE + c, i] * rows[TEXTURE_U + c, i]
                along_v += rows[D + TEXTURE + c, i] * rows[TEXTURE_V + c, i]
                along_m += rows[D + TEXTURE + c, i] * rows[TEXTURE_M + c, i]
            rows[D + UV, i], rows[D + UV + 1, i], rows[D + MINIFICATION, i] = along_u, along_v, along_m
    else:
        for row in (UV, UV + 1, MINIFICATION):
            fill(rows, D + row, 0.0, n)


@kernel
def light_up_back(light, kind, shading, shininess, rows, lit, n, gradient, wanted):
    """Add one light's share to the cotangents of positions, normals, views and facing; that of where it is: lit."""
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    r, g, b = light[0] * 1.0, light[1] * 1.0, light[2] * 1.0
    for i in range(lanes):
        diffuse = r * rows[D + DIFFUSE, i] + g * rows[D + DIFFUSE + 1, i] + b * rows[D + DIFFUSE + 2, i]
        lit[DL + COSINE, i] = diffuse * lit[ATTENUATION, i] if lit[COSINE, i] > 0.0 else 0.0
        lit[DL + ATTENUATION, i] = diffuse * lit[COSINE, i]
        lit[DL + TOWARDS, i], lit[DL + TOWARDS + 1, i], lit[DL + TOWARDS + 2, i] = 0.0, 0.0, 0.0
    if shading.shiny:
        for i in range(lanes):
            highlight = r * rows[D + HIGHLIGHT, i] + g * rows[D + HIGHLIGHT + 1, i] + b * rows[D + HIGHLIGHT + 2, i]
            highlight *= lit[LOBE, i]
            lit[DL + ATTENUATION, i] += highlight
            lit[DL + LOBE, i] = highlight * lit[ATTENUATION, i]  # of the lobe's logarithm
        if wanted.materials:
            for i in range(n):
                if lit[MIRRORED, i] > 0.0:
                    gradient[SHININESS] += lit[DL + LOBE, i] * math.log(lit[MIRRORED, i])
        for i in range(lanes):
            mirrored = shininess * lit[DL + LOBE, i] / lit[MIRRORED, i] if lit[MIRRORED, i] > 0.0 else 0.0
            lit[DL + COSINE, i] += 2.0 * mirrored * rows[FACING, i]
            rows[D + FACING, i] += 2.0 * mirrored * lit[COSINE, i]
            for c in range(3):
                rows[D + VIEW + c, i] -= mirrored * lit[TOWARDS + c, i]
                lit[DL + TOWARDS + c, i] = -mirrored * rows[VIEW + c, i]
    for i in range(lanes):
        cosine = lit[DL + COSINE, i]
        for c in range(3):
            rows[D + NORMAL + c, i] += cosine * lit[TOWARDS + c, i]
            lit[DL + TOWARDS + c, i] += cosine * rows[NORMAL + c, i]
    if kind != DIRECTIONAL:
        fading = 2.0 if kind == INVERSE_SQUARE else 0.0
        for i in range(lanes):
            along = fading * lit[DL + ATTENUATION, i] * lit[ATTENUATION, i]
            for c in range(3):
                along += lit[DL + TOWARDS + c, i] * lit[TOWARDS + c, i]
            for c in range(3):
                moved = (lit[DL + TOWARDS + c, i] - along * lit[TOWARDS + c, i]) * lit[NEARNESS, i]
                lit[DL + TOWARDS + c, i] = moved
                rows[D + POSITION + c, i] -= moved


@kernel
def move_colors(shading, moving, look, thing, picture, direction, moved, still, rows, lit, n):
    """Fill in how colours change in one direction of ``moving``, from the changes of what is interpolated.

    moved: scratch for the change of look. still: zeros, [L, 6].
    """
    if len(moving.texels) > 0 and look[LEVELS] > 0.0:
        look_up_along(look[LEVELS], rows, n, moving.texels[direction])
    else:
        for c in range(3):
            fill(rows, D + TEXTURE + c, 0.0, n)
    load_moving_look(moving, thing, picture, direction, moved)
    lights = moving.lights[direction, picture] if len(moving.lights) > 0 else still
    shade_along(shading, look, moved, picture, lights, rows, lit, n)


@kernel
def shade_along(shading, look, moved, picture, moving_lights, rows, lit, n):
    """From the changes of what is interpolated, and of the texture because of its texels, those of the colours.

    moved: the change of look; moving_lights: [L, 6], of the lights.
    """
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    normalize_derivative(rows, NORMAL, NORMAL_LENGTH, n)
    if shading.shiny:
        moves = 0.0 if shading.parallel else 1.0
        for c in range(3):
            eye = moved[EYE + c]
            for i in range(lanes):
                rows[D + VIEW + c, i] = eye - moves * rows[D + POSITION + c, i]
        if not shading.parallel:
            normalize_derivative(rows, VIEW, VIEW_LENGTH, n)
        for i in range(lanes):
            facing = 0.0
            for c in range(3):
                facing += rows[D + NORMAL + c, i] * rows[VIEW + c, i] + rows[NORMAL + c, i] * rows[D + VIEW + c, i]
            rows[D + FACING, i] = facing
    for c in range(3):
        fill(rows, D + DIFFUSE + c, moved[AMBIENT + c], n)
        fill(rows, D + HIGHLIGHT + c, 0.0, n)
        if len(shading.colors) == 0:
            fill(rows, D + PAINT + c, 0.0, n)
    for number in range(len(shading.kinds)):
        light, change, own = shading.lights[picture, number], moving_lights[number], lit[number]
        light_up_along(change, shading.kinds[number], shading, look[SHININESS], moved[SHININESS], rows, own, n)
        for c in range(3):
            radiance, more = light[c] * 1.0, change[c] * 1.0
            for i in range(lanes):
                irradiance = own[ATTENUATION, i] * own[COSINE, i]
                change_of_it = own[DL + ATTENUATION, i] * own[COSINE, i] + own[ATTENUATION, i] * own[DL + COSINE, i]
                rows[D + DIFFUSE + c, i] += more * irradiance + radiance * change_of_it
            if shading.shiny:
                for i in range(lanes):
                    lobe = own[ATTENUATION, i] * own[LOBE, i]
                    change_of_it = own[DL + ATTENUATION, i] * own[LOBE, i] + own[ATTENUATION, i] * own[DL + LOBE, i]
                    rows[D + HIGHLIGHT + c, i] += more * lobe + radiance * change_of_it
    surface_along(look, moved, rows, n)


@kernel
def light_up_along(change, kind, shading, shininess, more_shininess, rows, lit, n):
    """Fill in how what a light does to the fragments changes as the light does, by change [6]."""
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    l0, l1, l2 = change[3] * 1.0, change[4] * 1.0, change[5] * 1.0
    near, fading = kind != DIRECTIONAL, 2.0 if kind == INVERSE_SQUARE else 0.0
    for i in range(lanes):
        t0, t1, t2 = lit[TOWARDS, i], lit[TOWARDS + 1, i], lit[TOWARDS + 2, i]
        d0 = (l0 - rows[D + POSITION, i]) * lit[NEARNESS, i] if near else l0
        d1 = (l1 - rows[D + POSITION + 1, i]) * lit[NEARNESS, i] if near else l1
        d2 = (l2 - rows[D + POSITION + 2, i]) * lit[NEARNESS, i] if near else l2
        along = d0 * t0 + d1 * t1 + d2 * t2 if near else 0.0
        d0, d1, d2 = d0 - along * t0, d1 - along * t1, d2 - along * t2
        lit[DL + TOWARDS, i], lit[DL + TOWARDS + 1, i], lit[DL + TOWARDS + 2, i] = d0, d1, d2
        lit[DL + ATTENUATION, i] = -fading * lit[ATTENUATION, i] * along
        cosine = rows[D + NORMAL, i] * t0 + rows[D + NORMAL + 1, i] * t1 + rows[D + NORMAL + 2, i] * t2
        cosine += rows[NORMAL, i] * d0 + rows[NORMAL + 1, i] * d1 + rows[NORMAL + 2, i] * d2
        lit[DL + COSINE, i] = cosine if lit[COSINE, i] > 0.0 else 0.0
    if shading.shiny:
        for i in range(lanes):
            mirrored = 2.0 * (lit[DL + COSINE, i] * rows[FACING, i] + lit[COSINE, i] * rows[D + FACING, i])
            for c in range(3):
                mirrored -= lit[DL + TOWARDS + c, i] * rows[VIEW + c, i]
                mirrored -= lit[TOWARDS + c, i] * rows[D + VIEW + c, i]
            relative = shininess * mirrored / lit[MIRRORED, i] if lit[MIRRORED, i] > 0.0 else 0.0
            lit[DL + LOBE, i] = lit[LOBE, i] * relative
        if more_shininess != 0.0:
            for i in range(n):
                if lit[MIRRORED, i] > 0.0:
                    lit[DL + LOBE, i] += lit[LOBE, i] * more_shininess * math.log(lit[MIRRORED, i])


@kernel
def surface_along(look, moved, rows, n):
    """The product rule of albedo × texture × paint × diffuse + specular × highlight."""
    assert rows.shape[1] == COLUMNS
    lanes = whole_lanes(n)
    textured = look[LEVELS] > 0.0
    for c in range(3):
        albedo, specular, more_albedo, more_specular = (
            look[ALBEDO + c], look[SPECULAR + c], moved[ALBEDO + c], moved[SPECULAR + c]
        )  # fmt: skip
        if textured:
            for i in range(lanes):
                moved_place = rows[TEXTURE_U + c, i] * rows[D + UV, i] + rows[TEXTURE_V + c, i] * rows[D + UV + 1, i]
                rows[D + TEXTURE + c, i] += moved_place + rows[TEXTURE_M + c, i] * rows[D + MINIFICATION, i]
        for i in range(lanes):
            texture, paint = rows[TEXTURE + c, i], rows[PAINT + c, i]
            surface = more_albedo * texture * paint
            surface += albedo * (rows[D + TEXTURE + c, i] * paint + texture * rows[D + PAINT + c, i])
            rows[D + COLOR + c, i] = (
                surface * rows[DIFFUSE + c, i] + albedo * texture * paint * rows[D + DIFFUSE + c, i]
                + more_specular * rows[HIGHLIGHT + c, i] + specular * rows[D + HIGHLIGHT + c, i]
            )  # fmt: skip
