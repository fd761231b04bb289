"""The colour of a face's fragments in a tile: `render.shade`, with its adjoint and its tangent.

g: the number of a face of the frame; weights: three blocks of barycentrics. Everything is linear in the cotangents,
so that where these are zero nothing is added.
"""

from __future__ import annotations

import math

import triton
import triton.language as tl

from invrender.render import surfaces
from invrender.render.kernels.cuda.vectors import (
    add,
    add_up,
    add_up3,
    dot,
    load3,
    load_color,
    multiply,
    ones3,
    scale,
    some,
    subtract,
    zeros3,
)

DIRECTIONAL = tl.constexpr(surfaces.DIRECTIONAL)
INVERSE_SQUARE = tl.constexpr(surfaces.INVERSE_SQUARE)
PICTURES, THINGS, LEVELS, LAMPS = (tl.constexpr(position) for position in range(4))  # positions in `Surface.counts`
SHORTEST = tl.constexpr(1e-6)  # lengths below are taken for it
LEVELS_PER_E = tl.constexpr(0.5 / math.log(2.0))  # of a look-up where a pixel covers e times as many texels


@triton.jit
def mixed(corners, g, weights):
    """Three numbers interpolated between a face's corners, of [G, 3, 3]."""
    first = corners + g * 9
    start = scale(load3(first), weights[0])
    return add(start, add(scale(load3(first + 3), weights[1]), scale(load3(first + 6), weights[2])))


@triton.jit
def mixed_back(corners, gradient, g, weights, cotangents, WANTED: tl.constexpr):
    """Add the gradient of `mixed` to that of the corners if it is wanted; those of the barycentrics."""
    if WANTED:
        for k in tl.static_range(3):
            add_up3(gradient + g * 9 + 3 * k, scale(cotangents, weights[k]))
    first = corners + g * 9
    return dot(cotangents, load3(first)), dot(cotangents, load3(first + 3)), dot(cotangents, load3(first + 6))


@triton.jit
def mixed_tangent(corners, tangent, g, weights, weights_change, GIVEN: tl.constexpr):
    """The tangent of `mixed`, from those of the barycentrics and, if given, of the corners."""
    change = mixed(corners, g, weights_change)
    if GIVEN:
        change = add(change, mixed(tangent, g, weights))
    return change


@triton.jit
def unit(a):
    """A vector's direction and its length."""
    length = tl.maximum(tl.sqrt(dot(a, a)), SHORTEST)
    return scale(a, 1.0 / length), length


@triton.jit
def unit_change(direction, length, change):
    """How a direction changes with its vector, and equally the cotangent of a vector from that of its direction."""
    along = tl.where(length > SHORTEST, dot(change, direction), 0.0)
    return scale(subtract(change, scale(direction, along)), 1.0 / length)


@triton.jit
def incoming(light, kind, point):
    """The direction towards a light [6], 1 / the distance, and the attenuation."""
    where = load3(light + 3)
    offset = subtract(where, point)
    squared = dot(offset, offset)
    inverse = 1.0 / tl.maximum(tl.sqrt(squared), SHORTEST)
    attenuation = tl.where(kind == INVERSE_SQUARE, 1.0 / squared, 1.0)
    towards = scale(offset, inverse)
    if kind == DIRECTIONAL:
        towards = add(where, zeros3(squared))
    return towards, inverse, attenuation


@triton.jit
def reflected(normal, view, towards, cosine):
    """The cosine between a light's mirrored direction and that of the view, and between normal and view."""
    facing = dot(normal, view)
    return 2.0 * cosine * facing - dot(towards, view), facing


@triton.jit
def lobe_of(mirrored, cosine, shininess):
    """The highlight's strength, 0 unless the light and the mirrored view are in front; and its base, 1 elsewhere."""
    lit = (mirrored > 0) & (cosine > 0)
    safe = tl.where(lit, mirrored, 1.0)
    return tl.where(lit, tl.exp(shininess * tl.log(safe)), 0.0), safe


@triton.jit
def towards_camera(surface, picture, point, LOOK: tl.constexpr):
    """The unit direction towards the camera, and the distance."""
    eye = load3(surface.eyes + picture * 3)
    if LOOK.parallel:
        view, distance = add(eye, zeros3(point[0])), tl.zeros_like(point[0])
    else:
        view, distance = unit(subtract(eye, point))
    return view, distance


@triton.jit
def arriving(surface, picture, point, normal, view, shininess, LOOK: tl.constexpr):
    """The diffuse and the mirrored light."""
    highlight = zeros3(point[0])
    diffuse = add(load3(surface.ambient + picture * 3), highlight)
    lamps = tl.load(surface.counts + LAMPS)
    for number in range(lamps):
        light = surface.lights + (picture * lamps + number) * 6
        towards, _, attenuation = incoming(light, tl.load(surface.kinds + number), point)
        cosine = dot(normal, towards)
        radiance = load3(light)
        diffuse = add(diffuse, scale(radiance, attenuation * tl.maximum(cosine, 0.0)))
        if LOOK.shiny:
            mirrored, _ = reflected(normal, view, towards, cosine)
            lobe, _ = lobe_of(mirrored, cosine, shininess)
            highlight = add(highlight, scale(radiance, attenuation * lobe))
    return diffuse, highlight


@triton.jit
def corner_texel(surface, thing, level, uv):
    """Where a look-up takes its four texels.

    Returns the upper left one, the ways to its right and lower neighbours, the shares across and down, and how fast
    these grow with u and v.
    """
    table = surface.textures + (thing * tl.load(surface.counts + LEVELS) + level) * 3
    first, width, height = load3(table)
    wide, high = width.to(uv[0].dtype), height.to(uv[0].dtype)
    x, y = uv[0] * wide - 0.5, (1.0 - uv[1]) * high - 0.5
    rise_x = tl.where((x > 0) & (x < wide - 1), wide, 0.0)
    rise_y = tl.where((y > 0) & (y < high - 1), -high, 0.0)
    x, y = tl.minimum(tl.maximum(x, 0.0), wide - 1), tl.minimum(tl.maximum(y, 0.0), high - 1)
    left = tl.minimum(x.to(tl.int64), tl.maximum(width - 2, 0))
    top = tl.minimum(y.to(tl.int64), tl.maximum(height - 2, 0))
    right, below = tl.where(width > 1, 1, 0), tl.where(height > 1, width, 0)
    return first + top * width + left, right, below, x - left.to(x.dtype), y - top.to(y.dtype), rise_x, rise_y


@triton.jit
def bilinear(surface, texels, thing, level, uv, shown):
    """The colour of one level of a texture with texels [X, 3], and its slopes along u and v."""
    first, right, below, across, down, rise_x, rise_y = corner_texel(surface, thing, level, uv)
    a, b = load_color(texels, first, shown), load_color(texels, first + right, shown)
    first += below
    c, d = load_color(texels, first, shown), load_color(texels, first + right, shown)
    above, beneath = subtract(b, a), subtract(d, c)
    upper, lower = add(a, scale(above, across)), add(c, scale(beneath, across))
    gap = subtract(lower, upper)
    slope = add(scale(above, 1.0 - down), scale(beneath, down))
    return add(upper, scale(gap, down)), scale(slope, rise_x), scale(gap, rise_y)


@triton.jit
def level_of(surface, thing, texels_covered):
    """The finer level of a look-up, the share of the coarser one after it, the coarser level, and whether both differ.

    Nothing is mixed where textures are magnified, or smaller than a pixel.
    """
    coarsest = tl.load(surface.coarsest + thing)
    level = 0.5 * tl.log2(tl.maximum(texels_covered, 1.0))
    level = tl.minimum(level, coarsest.to(level.dtype))
    finer = level.to(tl.int64)
    coarser = tl.minimum(finer + 1, coarsest)
    return finer, level - finer.to(level.dtype), coarser, (texels_covered > 1) & (coarser > finer)


@triton.jit
def look_up(surface, thing, uv, texels_covered, shown):
    """The colour of a texture, and its slopes along u, v and the texels covered; white where there is none."""
    color, slope_u, slope_v, slope_m = ones3(uv[0]), zeros3(uv[0]), zeros3(uv[0]), zeros3(uv[0])
    if tl.load(surface.coarsest + thing) >= 0:
        finer, share, coarser, between = level_of(surface, thing, texels_covered)
        color, slope_u, slope_v = bilinear(surface, surface.texels, thing, finer, uv, shown)
        between = shown & between
        if some(between):
            other, other_u, other_v = bilinear(surface, surface.texels, thing, coarser, uv, between)
            share = tl.where(between, share, 0.0)
            gap = subtract(other, color)
            color = add(color, scale(gap, share))
            slope_u = add(slope_u, scale(subtract(other_u, slope_u), share))
            slope_v = add(slope_v, scale(subtract(other_v, slope_v), share))
            slope_m = scale(gap, tl.where(between, LEVELS_PER_E / tl.maximum(texels_covered, 1.0), 0.0))
    return color, slope_u, slope_v, slope_m


@triton.jit
def spread(texels, number, color, shown):
    """Add colours to texels."""
    first = texels + number * 3
    tl.atomic_add(first, color[0], shown, sem="relaxed")
    tl.atomic_add(first + 1, color[1], shown, sem="relaxed")
    tl.atomic_add(first + 2, color[2], shown, sem="relaxed")


@triton.jit
def bilinear_back(surface, texels, thing, level, uv, cotangents, shown):
    """Add the gradient of `bilinear` to that of the texels [X, 3]."""
    first, right, below, across, down, _, _ = corner_texel(surface, thing, level, uv)
    left, up = 1.0 - across, 1.0 - down
    spread(texels, first, scale(cotangents, up * left), shown)
    spread(texels, first + right, scale(cotangents, up * across), shown)
    spread(texels, first + below, scale(cotangents, down * left), shown)
    spread(texels, first + below + right, scale(cotangents, down * across), shown)


@triton.jit
def look_up_back(surface, texels, thing, uv, texels_covered, cotangents, shown):
    """Add the gradient of `look_up` to that of the texels [X, 3]."""
    if tl.load(surface.coarsest + thing) >= 0:
        finer, share, coarser, between = level_of(surface, thing, texels_covered)
        bilinear_back(surface, texels, thing, finer, uv, scale(cotangents, 1.0 - share), shown)
        between = shown & between
        if some(between):
            bilinear_back(surface, texels, thing, coarser, uv, scale(cotangents, share), between)


@triton.jit
def look_up_tangent(surface, tangent, thing, uv, texels_covered, shown):
    """The tangent of `look_up` from that of the texels [X, 3], in one place and at one level."""
    change = zeros3(uv[0])
    if tl.load(surface.coarsest + thing) >= 0:
        finer, share, coarser, between = level_of(surface, thing, texels_covered)
        fine, _, _ = bilinear(surface, tangent, thing, finer, uv, shown)
        change = scale(fine, 1.0 - share)
        between = shown & between
        if some(between):
            coarse, _, _ = bilinear(surface, tangent, thing, coarser, uv, between)
            change = add(change, scale(coarse, share))
    return change


@triton.jit
def coverings(surface, thing, g, weights, texels_covered, shown, LOOK: tl.constexpr):
    """The vertex colours, the texture's colour, its slopes as in `look_up`, and the texture coordinates."""
    paint, texture = ones3(weights[0]), ones3(weights[0])
    slope_u, slope_v, slope_m, uv = zeros3(weights[0]), zeros3(weights[0]), zeros3(weights[0]), zeros3(weights[0])
    if LOOK.painted:
        paint = mixed(surface.paint, g, weights)
    if LOOK.textured:
        uv = mixed(surface.uv, g, weights)
        texture, slope_u, slope_v, slope_m = look_up(surface, thing, uv, texels_covered, shown)
    return paint, texture, slope_u, slope_v, slope_m, uv


@triton.jit
def made_of(surface, g, picture, weights, texels_covered, shown, LOOK: tl.constexpr):
    """What the colours of fragments are made of.

    (point, normal, its length, view, distance), (object, albedo, specular, shininess),
    (diffuse, highlight), `coverings`.
    """
    thing = tl.load(surface.thing + g)
    material = surface.materials + thing * 7
    albedo, specular, shininess = load3(material), load3(material + 3), tl.load(material + 6)
    point = mixed(surface.positions, g, weights)
    normal, length = unit(mixed(surface.normals, g, weights))
    view, distance = towards_camera(surface, picture, point, LOOK)
    light = arriving(surface, picture, point, normal, view, shininess, LOOK)
    texturing = coverings(surface, thing, g, weights, texels_covered, shown, LOOK)
    return (point, normal, length, view, distance), (thing, albedo, specular, shininess), light, texturing


@triton.jit
def shade(surface, g, picture, weights, texels_covered, shown, LOOK: tl.constexpr):
    """The colours of fragments."""
    _, looks, light, texturing = made_of(surface, g, picture, weights, texels_covered, shown, LOOK)
    body = multiply(multiply(texturing[0], texturing[1]), looks[1])
    return add(multiply(body, light[0]), multiply(light[1], looks[2]))


@triton.jit
def arriving_back(
    surface, gradient, row, picture, point, normal, view, shininess, at_diffuse, at_highlight,
    LOOK: tl.constexpr, WANTED: tl.constexpr,
):  # fmt: skip
    """The cotangents of the point, normal, view and shininess of `arriving`.

    Adds the lights' gradient to row ``row`` of theirs, [·, L, 6].
    """
    at_point, at_normal, at_view = zeros3(point[0]), zeros3(point[0]), zeros3(point[0])
    at_shininess = tl.zeros_like(point[0])
    lamps = tl.load(surface.counts + LAMPS)
    for number in range(lamps):
        light = surface.lights + (picture * lamps + number) * 6
        kind = tl.load(surface.kinds + number)
        towards, inverse, attenuation = incoming(light, kind, point)
        radiance = load3(light)
        cosine = dot(normal, towards)
        brightness = tl.where(cosine > 0, dot(at_diffuse, radiance), 0.0)
        at_cosine, at_attenuation = brightness * attenuation, brightness * cosine
        at_radiance = scale(at_diffuse, attenuation * tl.maximum(cosine, 0.0))
        at_towards = zeros3(point[0])
        if LOOK.shiny:
            mirrored, facing = reflected(normal, view, towards, cosine)
            lobe, safe = lobe_of(mirrored, cosine, shininess)
            brightness = dot(at_highlight, radiance) * lobe
            at_attenuation += brightness
            at_radiance = add(at_radiance, scale(at_highlight, attenuation * lobe))
            at_shininess += brightness * attenuation * tl.log(safe)
            at_mirrored = brightness * attenuation * shininess / safe
            at_facing = 2.0 * at_mirrored * cosine
            at_cosine += 2.0 * at_mirrored * facing
            at_normal = add(at_normal, scale(view, at_facing))
            at_towards = scale(view, -at_mirrored)
            at_view = add(at_view, subtract(scale(normal, at_facing), scale(towards, at_mirrored)))
        at_normal = add(at_normal, scale(towards, at_cosine))
        at_towards = add(at_towards, scale(normal, at_cosine))
        if kind != DIRECTIONAL:
            along = dot(at_towards, towards) + tl.where(kind == INVERSE_SQUARE, 2.0 * at_attenuation * attenuation, 0.0)
            at_towards = scale(subtract(at_towards, scale(towards, along)), inverse)
            at_point = subtract(at_point, at_towards)
        if WANTED.lights:
            add_up3(gradient.lights + (row * lamps + number) * 6, at_radiance)
            add_up3(gradient.lights + (row * lamps + number) * 6 + 3, at_towards)
    return at_point, at_normal, at_view, at_shininess


@triton.jit
def shade_back(
    surface, gradient, part, g, picture, weights, texels_covered, shown, cotangents,
    LOOK: tl.constexpr, WANTED: tl.constexpr,
):  # fmt: skip
    """The colours of fragments, and from their cotangents those of the barycentrics and of the texels covered.

    Adds everything else to the gradients; to copy ``part`` of those that many faces share.
    """
    geometry, looks, light, texturing = made_of(surface, g, picture, weights, texels_covered, shown, LOOK)
    point, normal, length, view, distance = geometry
    thing, albedo, specular, shininess = looks
    diffuse, highlight = light
    paint, texture, slope_u, slope_v, slope_m, uv = texturing
    covering = multiply(paint, texture)
    body = multiply(covering, albedo)
    color = add(multiply(body, diffuse), multiply(highlight, specular))

    row = part * tl.load(surface.counts + PICTURES) + picture
    at_body, at_diffuse = multiply(cotangents, diffuse), multiply(cotangents, body)
    at_highlight = multiply(cotangents, specular)
    at_point, at_normal, at_view, at_shininess = arriving_back(
        surface, gradient, row, picture, point, normal, view, shininess, at_diffuse, at_highlight, LOOK, WANTED
    )
    if WANTED.materials:
        own = gradient.materials + (part * tl.load(surface.counts + THINGS) + thing) * 7
        add_up3(own, multiply(at_body, covering))
        add_up3(own + 3, multiply(cotangents, highlight))
        add_up(own + 6, at_shininess)
    if WANTED.ambient:
        add_up3(gradient.ambient + row * 3, at_diffuse)
    if LOOK.shiny:
        if not LOOK.parallel:
            at_view = unit_change(view, distance, at_view)
            at_point = subtract(at_point, at_view)
        if WANTED.eyes:
            add_up3(gradient.eyes + row * 3, at_view)
    at_normal = unit_change(normal, length, at_normal)
    at_weights = mixed_back(surface.positions, gradient.positions, g, weights, at_point, WANTED.positions)
    at_weights = add(at_weights, mixed_back(surface.normals, gradient.normals, g, weights, at_normal, WANTED.normals))
    at_covering, at_covered = multiply(at_body, albedo), tl.zeros_like(length)
    if LOOK.painted:
        at_paint = multiply(at_covering, texture)
        at_weights = add(at_weights, mixed_back(surface.paint, gradient.paint, g, weights, at_paint, WANTED.paint))
    if LOOK.textured:
        at_texture = multiply(at_covering, paint)
        at_uv = dot(at_texture, slope_u), dot(at_texture, slope_v), tl.zeros_like(length)
        at_weights = add(at_weights, mixed_back(surface.uv, gradient.uv, g, weights, at_uv, WANTED.uv))
        at_covered = dot(at_texture, slope_m)
        if WANTED.texels:
            look_up_back(surface, gradient.texels, thing, uv, texels_covered, at_texture, shown)
    return color, at_weights, at_covered


@triton.jit
def arriving_tangent(
    surface, tangent, picture, point, normal, view, shininess, point_change, normal_change, view_change,
    shininess_change, LOOK: tl.constexpr, GIVEN: tl.constexpr,
):  # fmt: skip
    """The tangents of `arriving`."""
    highlight = zeros3(point[0])
    diffuse = highlight
    if GIVEN.ambient:
        diffuse = add(diffuse, load3(tangent.ambient + picture * 3))
    lamps = tl.load(surface.counts + LAMPS)
    for number in range(lamps):
        at = (picture * lamps + number) * 6
        kind = tl.load(surface.kinds + number)
        towards, inverse, attenuation = incoming(surface.lights + at, kind, point)
        radiance = load3(surface.lights + at)
        radiance_change, where_change = zeros3(point[0]), zeros3(point[0])
        if GIVEN.lights:
            radiance_change = add(radiance_change, load3(tangent.lights + at))
            where_change = add(where_change, load3(tangent.lights + at + 3))
        towards_change, attenuation_change = where_change, tl.zeros_like(point[0])
        if kind != DIRECTIONAL:
            offset_change = scale(subtract(where_change, point_change), inverse)
            along = dot(offset_change, towards)
            towards_change = subtract(offset_change, scale(towards, along))
            attenuation_change = tl.where(kind == INVERSE_SQUARE, -2.0 * along * attenuation, 0.0)
        cosine = dot(normal, towards)
        cosine_change = dot(normal_change, towards) + dot(normal, towards_change)
        strength = attenuation * tl.maximum(cosine, 0.0)
        strength_change = tl.where(cosine > 0, attenuation_change * cosine + attenuation * cosine_change, 0.0)
        diffuse = add(diffuse, add(scale(radiance_change, strength), scale(radiance, strength_change)))
        if LOOK.shiny:
            mirrored, facing = reflected(normal, view, towards, cosine)
            lobe, safe = lobe_of(mirrored, cosine, shininess)
            facing_change = dot(normal_change, view) + dot(normal, view_change)
            mirrored_change = 2.0 * (cosine_change * facing + cosine * facing_change)
            mirrored_change -= dot(towards_change, view) + dot(towards, view_change)
            lobe_change = lobe * (shininess_change * tl.log(safe) + shininess * mirrored_change / safe)
            strength_change = attenuation_change * lobe + attenuation * lobe_change
            brighter = add(scale(radiance_change, attenuation * lobe), scale(radiance, strength_change))
            highlight = add(highlight, brighter)
    return diffuse, highlight


@triton.jit
def shade_tangent(
    surface, tangent, g, picture, weights, weights_change, texels_covered, covered_change, shown,
    LOOK: tl.constexpr, GIVEN: tl.constexpr,
):  # fmt: skip
    """The colours of fragments and their tangents."""
    geometry, looks, light, texturing = made_of(surface, g, picture, weights, texels_covered, shown, LOOK)
    point, normal, length, view, distance = geometry
    thing, albedo, specular, shininess = looks
    diffuse, highlight = light
    paint, texture, slope_u, slope_v, slope_m, uv = texturing
    covering = multiply(paint, texture)
    body = multiply(covering, albedo)
    color = add(multiply(body, diffuse), multiply(highlight, specular))

    point_change = mixed_tangent(surface.positions, tangent.positions, g, weights, weights_change, GIVEN.positions)
    normal_change = mixed_tangent(surface.normals, tangent.normals, g, weights, weights_change, GIVEN.normals)
    normal_change = unit_change(normal, length, normal_change)
    view_change = zeros3(length)
    if GIVEN.eyes:
        view_change = add(view_change, load3(tangent.eyes + picture * 3))
    if not LOOK.parallel:
        view_change = unit_change(view, distance, subtract(view_change, point_change))
    albedo_change, specular_change, shininess_change = zeros3(length), zeros3(length), tl.zeros_like(length)
    if GIVEN.materials:
        albedo_change = add(albedo_change, load3(tangent.materials + thing * 7))
        specular_change = add(specular_change, load3(tangent.materials + thing * 7 + 3))
        shininess_change += tl.load(tangent.materials + thing * 7 + 6)
    diffuse_change, highlight_change = arriving_tangent(
        surface, tangent, picture, point, normal, view, shininess, point_change, normal_change, view_change,
        shininess_change, LOOK, GIVEN,
    )  # fmt: skip
    body_change = multiply(covering, albedo_change)
    if LOOK.painted:
        paint_change = mixed_tangent(surface.paint, tangent.paint, g, weights, weights_change, GIVEN.paint)
        body_change = add(body_change, multiply(paint_change, multiply(texture, albedo)))
    if LOOK.textured:
        uv_change = mixed_tangent(surface.uv, tangent.uv, g, weights, weights_change, GIVEN.uv)
        texture_change = add(scale(slope_u, uv_change[0]), scale(slope_v, uv_change[1]))
        texture_change = add(texture_change, scale(slope_m, covered_change))
        if GIVEN.texels:
            moved = look_up_tangent(surface, tangent.texels, thing, uv, texels_covered, shown)
            texture_change = add(texture_change, moved)
        body_change = add(body_change, multiply(texture_change, multiply(paint, albedo)))
    change = add(multiply(body_change, diffuse), multiply(body, diffuse_change))
    change = add(change, add(multiply(highlight_change, specular), multiply(highlight, specular_change)))
    return color, change
