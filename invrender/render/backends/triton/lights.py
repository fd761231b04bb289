"""The light that arrives at fragments, diffuse and mirrored, with its adjoint and its tangent."""

from __future__ import annotations

import triton
import triton.language as tl

from invrender.render.backends.triton.frame import LAMPS
from invrender.render.backends.triton.vectors import SHORTEST, add, add_up3, dot, load3, scale, subtract, zeros3
from invrender.render.shading import lights

DIRECTIONAL = tl.constexpr(lights.DIRECTIONAL)
INVERSE_SQUARE = tl.constexpr(lights.INVERSE_SQUARE)


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
def arriving(surface, picture, point, normal, view, shininess, VARIANT: tl.constexpr):
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
        if VARIANT.shiny:
            mirrored, _ = reflected(normal, view, towards, cosine)
            lobe, _ = lobe_of(mirrored, cosine, shininess)
            highlight = add(highlight, scale(radiance, attenuation * lobe))
    return diffuse, highlight


@triton.jit
def arriving_back(
    surface, gradient, row, picture, point, normal, view, shininess, at_diffuse, at_highlight,
    VARIANT: tl.constexpr, WANTED: tl.constexpr,
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
        if VARIANT.shiny:
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
def arriving_tangent(
    surface, tangent, picture, point, normal, view, shininess, point_change, normal_change, view_change,
    shininess_change, VARIANT: tl.constexpr, GIVEN: tl.constexpr,
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
        if VARIANT.shiny:
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
