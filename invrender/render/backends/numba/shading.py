"""The colours of a block of fragments, and their derivatives: `shading.phong` in vectors.

The fragments are of one object in one picture, whose numbers are in an array ``look``, as in `looks`.
What each light does to them is kept in another array, ``lit`` [L, LIT_ROWS, COLUMNS], as in `lights`.
"""

from __future__ import annotations

import numpy as np

from invrender.render.backends.numba.blocks import (
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
from invrender.render.backends.numba.compiling import allocating, kernel
from invrender.render.backends.numba.lights import (
    ATTENUATION,
    COSINE,
    DL,
    LIT_ROWS,
    LOBE,
    TOWARDS,
    light_up,
    light_up_back,
    light_up_tangent,
)
from invrender.render.backends.numba.looks import ALBEDO, AMBIENT, EYE, LEVELS, SHININESS, SPECULAR, load_look_tangent
from invrender.render.backends.numba.textures import look_up, look_up_tangent


@allocating
def room_for_block(surface):
    """The scratch arrays ``rows`` and ``lit`` of a block."""
    return np.zeros((ROWS, COLUMNS)), np.zeros((len(surface.kinds), LIT_ROWS, COLUMNS))


@kernel
def shade(surface, look, picture, obj, slopes, rows, lit, n):
    """Fill in the colours of interpolated fragments.

    slopes: whether derivatives will follow, which need to know how the texture changes.
    """
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    normalize(rows, NORMAL, NORMAL_LENGTH, n)
    if surface.shiny:
        towards_camera(surface, look, rows, n)
    for c in range(3):
        fill(rows, DIFFUSE + c, look[AMBIENT + c], n)
        fill(rows, HIGHLIGHT + c, 0.0, n)
        if len(surface.paint) == 0:
            fill(rows, PAINT + c, 1.0, n)
    for number in range(len(surface.kinds)):
        light, own = surface.lights[picture, number], lit[number]
        light_up(light, surface.kinds[number], surface, look[SHININESS], rows, own, n)
        for c in range(3):
            radiance = light[c] * 1.0
            for i in range(lanes):
                rows[DIFFUSE + c, i] += radiance * (own[ATTENUATION, i] * own[COSINE, i])
            if surface.shiny:
                for i in range(lanes):
                    rows[HIGHLIGHT + c, i] += radiance * (own[ATTENUATION, i] * own[LOBE, i])
    if look[LEVELS] > 0.0:
        look_up(surface.textures[obj], look[LEVELS], surface.texels, slopes, rows, n)
    else:
        for c in range(3):
            fill(rows, TEXTURE + c, 1.0, n)
    for c in range(3):
        albedo, specular = look[ALBEDO + c], look[SPECULAR + c]
        for i in range(lanes):
            body = albedo * (rows[PAINT + c, i] * rows[TEXTURE + c, i]) * rows[DIFFUSE + c, i]
            rows[COLOR + c, i] = body + specular * rows[HIGHLIGHT + c, i]


@kernel
def towards_camera(surface, look, rows, n):
    """Fill in the unit directions to the eye, and how much the normals point there."""
    assert rows.shape[1] == COLUMNS
    lanes = whole_lanes(n)
    moves = 0.0 if surface.parallel else 1.0
    for c in range(3):
        eye = look[EYE + c]
        for i in range(lanes):
            rows[VIEW + c, i] = eye - moves * rows[POSITION + c, i]
    if not surface.parallel:
        normalize(rows, VIEW, VIEW_LENGTH, n)
    for i in range(lanes):
        facing = rows[NORMAL, i] * rows[VIEW, i] + rows[NORMAL + 1, i] * rows[VIEW + 1, i]
        rows[FACING, i] = facing + rows[NORMAL + 2, i] * rows[VIEW + 2, i]


@kernel
def shade_back(surface, look, picture, rows, lit, n, gradient, light_gradient, wanted):
    """From the cotangents of colours those of positions, normals, texture (and where and how small it is) and paint.

    gradient: laid out as look; light_gradient: [L, 6]. What is wanted is added to them.
    """
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    body_back(look, rows, n, gradient, wanted)
    for c in range(3):
        fill(rows, D + POSITION + c, 0.0, n)
        fill(rows, D + NORMAL + c, 0.0, n)
        fill(rows, D + VIEW + c, 0.0, n)
    fill(rows, D + FACING, 0.0, n)
    for number in range(len(surface.kinds)):
        light, kind, own = surface.lights[picture, number], surface.kinds[number], lit[number]
        light_up_back(light, kind, surface, look[SHININESS], rows, own, n, gradient, wanted)
        if wanted.lights:
            for c in range(3):
                # The cosine's cotangent has been passed on; its row is free for sums.
                for i in range(lanes):
                    own[DL + COSINE, i] = own[ATTENUATION, i] * own[COSINE, i] * rows[D + DIFFUSE + c, i]
                light_gradient[number, c] += total(own, DL + COSINE, 0, n)
                if surface.shiny:
                    for i in range(lanes):
                        own[DL + COSINE, i] = own[ATTENUATION, i] * own[LOBE, i] * rows[D + HIGHLIGHT + c, i]
                    light_gradient[number, c] += total(own, DL + COSINE, 0, n)
                light_gradient[number, 3 + c] += total(own, DL + TOWARDS + c, 0, n)
    if surface.shiny:
        for i in range(lanes):
            facing = rows[D + FACING, i]
            for c in range(3):
                rows[D + NORMAL + c, i] += facing * rows[VIEW + c, i]
                rows[D + VIEW + c, i] += facing * rows[NORMAL + c, i]
        if not surface.parallel:
            normalize_derivative(rows, VIEW, VIEW_LENGTH, n)
            for c in range(3):
                for i in range(lanes):
                    rows[D + POSITION + c, i] -= rows[D + VIEW + c, i]
        if wanted.eyes:
            for c in range(3):
                gradient[EYE + c] += total(rows, D + VIEW + c, 0, n)
    normalize_derivative(rows, NORMAL, NORMAL_LENGTH, n)


@kernel
def body_back(look, rows, n, gradient, wanted):
    """The product rule of albedo × texture × paint × diffuse + specular × highlight, in reverse."""
    assert rows.shape[1] == COLUMNS
    lanes = whole_lanes(n)
    for c in range(3):
        albedo, specular = look[ALBEDO + c], look[SPECULAR + c]
        if wanted.materials:
            for i in range(lanes):
                body = rows[D + COLOR + c, i] * rows[PAINT + c, i] * rows[TEXTURE + c, i]
                rows[D + DIFFUSE + c, i] = body
            gradient[ALBEDO + c] += dot(rows, D + DIFFUSE + c, DIFFUSE + c, 0, n)
            gradient[SPECULAR + c] += dot(rows, D + COLOR + c, HIGHLIGHT + c, 0, n)
        for i in range(lanes):
            cotangent, paint, texture = rows[D + COLOR + c, i], rows[PAINT + c, i], rows[TEXTURE + c, i]
            body = cotangent * albedo * rows[DIFFUSE + c, i]
            rows[D + TEXTURE + c, i] = body * paint
            rows[D + PAINT + c, i] = body * texture
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
def move_colors(surface, tangent, look, obj, picture, direction, moved, still, rows, lit, n):
    """Fill in how colours change in one direction of ``tangent``, from the changes of what is interpolated.

    moved: scratch for the change of look. still: zeros, [L, 6].
    """
    if len(tangent.texels) > 0 and look[LEVELS] > 0.0:
        look_up_tangent(look[LEVELS], rows, n, tangent.texels[direction])
    else:
        for c in range(3):
            fill(rows, D + TEXTURE + c, 0.0, n)
    load_look_tangent(tangent, obj, picture, direction, moved)
    lights = tangent.lights[direction, picture] if len(tangent.lights) > 0 else still
    shade_tangent(surface, look, moved, picture, lights, rows, lit, n)


@kernel
def shade_tangent(surface, look, moved, picture, moving_lights, rows, lit, n):
    """From the changes of what is interpolated, and of the texture because of its texels, those of the colours.

    moved: the change of look; moving_lights: [L, 6], of the lights.
    """
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    normalize_derivative(rows, NORMAL, NORMAL_LENGTH, n)
    if surface.shiny:
        moves = 0.0 if surface.parallel else 1.0
        for c in range(3):
            eye = moved[EYE + c]
            for i in range(lanes):
                rows[D + VIEW + c, i] = eye - moves * rows[D + POSITION + c, i]
        if not surface.parallel:
            normalize_derivative(rows, VIEW, VIEW_LENGTH, n)
        for i in range(lanes):
            facing = 0.0
            for c in range(3):
                facing += rows[D + NORMAL + c, i] * rows[VIEW + c, i] + rows[NORMAL + c, i] * rows[D + VIEW + c, i]
            rows[D + FACING, i] = facing
    for c in range(3):
        fill(rows, D + DIFFUSE + c, moved[AMBIENT + c], n)
        fill(rows, D + HIGHLIGHT + c, 0.0, n)
        if len(surface.paint) == 0:
            fill(rows, D + PAINT + c, 0.0, n)
    for number in range(len(surface.kinds)):
        light, change, own = surface.lights[picture, number], moving_lights[number], lit[number]
        light_up_tangent(change, surface.kinds[number], surface, look[SHININESS], moved[SHININESS], rows, own, n)
        for c in range(3):
            radiance, more = light[c] * 1.0, change[c] * 1.0
            for i in range(lanes):
                irradiance = own[ATTENUATION, i] * own[COSINE, i]
                change_of_it = own[DL + ATTENUATION, i] * own[COSINE, i] + own[ATTENUATION, i] * own[DL + COSINE, i]
                rows[D + DIFFUSE + c, i] += more * irradiance + radiance * change_of_it
            if surface.shiny:
                for i in range(lanes):
                    lobe = own[ATTENUATION, i] * own[LOBE, i]
                    change_of_it = own[DL + ATTENUATION, i] * own[LOBE, i] + own[ATTENUATION, i] * own[DL + LOBE, i]
                    rows[D + HIGHLIGHT + c, i] += more * lobe + radiance * change_of_it
    body_tangent(look, moved, rows, n)


@kernel
def body_tangent(look, moved, rows, n):
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
            body = more_albedo * texture * paint
            body += albedo * (rows[D + TEXTURE + c, i] * paint + texture * rows[D + PAINT + c, i])
            rows[D + COLOR + c, i] = (
                body * rows[DIFFUSE + c, i] + albedo * texture * paint * rows[D + DIFFUSE + c, i]
                + more_specular * rows[HIGHLIGHT + c, i] + specular * rows[D + HIGHLIGHT + c, i]
            )  # fmt: skip
