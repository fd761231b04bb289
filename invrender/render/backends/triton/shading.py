"""The colour of a face's fragments in a tile: `shading.phong`, with its adjoint and its tangent.

g: the number of a face of the frame; weights: three blocks of barycentrics. Everything is linear in the cotangents,
so that where these are zero nothing is added.
"""

from __future__ import annotations

import triton
import triton.language as tl

from invrender.render.backends.triton.frame import PICTURES, THINGS
from invrender.render.backends.triton.interpolation import interpolate, interpolate_back, interpolate_tangent
from invrender.render.backends.triton.lights import arriving, arriving_back, arriving_tangent
from invrender.render.backends.triton.textures import look_up, look_up_back, look_up_tangent
from invrender.render.backends.triton.vectors import (
    add,
    add_up,
    add_up3,
    dot,
    load3,
    multiply,
    normalize,
    normalize_derivative,
    ones3,
    scale,
    subtract,
    zeros3,
)


@triton.jit
def towards_camera(surface, picture, point, VARIANT: tl.constexpr):
    """The unit direction towards the camera, and the distance."""
    eye = load3(surface.eyes + picture * 3)
    if VARIANT.parallel:
        view, distance = add(eye, zeros3(point[0])), tl.zeros_like(point[0])
    else:
        view, distance = normalize(subtract(eye, point))
    return view, distance


@triton.jit
def coverings(surface, obj, g, weights, texels_covered, shown, VARIANT: tl.constexpr):
    """The vertex colours, the texture's colour, its slopes as in `look_up`, and the texture coordinates."""
    paint, texture = ones3(weights[0]), ones3(weights[0])
    slope_u, slope_v, slope_m, uv = zeros3(weights[0]), zeros3(weights[0]), zeros3(weights[0]), zeros3(weights[0])
    if VARIANT.painted:
        paint = interpolate(surface.paint, g, weights)
    if VARIANT.textured:
        uv = interpolate(surface.uv, g, weights)
        texture, slope_u, slope_v, slope_m = look_up(surface, obj, uv, texels_covered, shown)
    return paint, texture, slope_u, slope_v, slope_m, uv


@triton.jit
def made_of(surface, g, picture, weights, texels_covered, shown, VARIANT: tl.constexpr):
    """What the colours of fragments are made of, and they.

    (point, normal, its length, view, distance), (object, albedo, specular, shininess), (diffuse, highlight),
    `coverings`, (what covers the albedo, the body's colour, the colour).
    """
    obj = tl.load(surface.obj + g)
    material = surface.materials + obj * 7
    albedo, specular, shininess = load3(material), load3(material + 3), tl.load(material + 6)
    point = interpolate(surface.positions, g, weights)
    normal, length = normalize(interpolate(surface.normals, g, weights))
    view, distance = towards_camera(surface, picture, point, VARIANT)
    light = arriving(surface, picture, point, normal, view, shininess, VARIANT)
    texturing = coverings(surface, obj, g, weights, texels_covered, shown, VARIANT)
    covering = multiply(texturing[0], texturing[1])
    body = multiply(covering, albedo)
    color = add(multiply(body, light[0]), multiply(light[1], specular))
    geometry, looks = (point, normal, length, view, distance), (obj, albedo, specular, shininess)
    return geometry, looks, light, texturing, (covering, body, color)


@triton.jit
def shade(surface, g, picture, weights, texels_covered, shown, VARIANT: tl.constexpr):
    """The colours of fragments."""
    _, _, _, _, colors = made_of(surface, g, picture, weights, texels_covered, shown, VARIANT)
    return colors[2]


@triton.jit
def shade_back(
    surface, gradient, part, g, picture, weights, texels_covered, shown, cotangents,
    VARIANT: tl.constexpr, WANTED: tl.constexpr,
):  # fmt: skip
    """The colours of fragments, and from their cotangents those of the barycentrics and of the texels covered.

    Adds everything else to the gradients; to copy ``part`` of those that many faces share.
    """
    geometry, looks, light, texturing, colors = made_of(surface, g, picture, weights, texels_covered, shown, VARIANT)
    point, normal, length, view, distance = geometry
    obj, albedo, specular, shininess = looks
    diffuse, highlight = light
    paint, texture, slope_u, slope_v, slope_m, uv = texturing
    covering, body, color = colors

    row = part * tl.load(surface.counts + PICTURES) + picture
    at_body, at_diffuse = multiply(cotangents, diffuse), multiply(cotangents, body)
    at_highlight = multiply(cotangents, specular)
    at_point, at_normal, at_view, at_shininess = arriving_back(
        surface, gradient, row, picture, point, normal, view, shininess, at_diffuse, at_highlight, VARIANT, WANTED
    )
    if WANTED.materials:
        own = gradient.materials + (part * tl.load(surface.counts + THINGS) + obj) * 7
        add_up3(own, multiply(at_body, covering))
        add_up3(own + 3, multiply(cotangents, highlight))
        add_up(own + 6, at_shininess)
    if WANTED.ambient:
        add_up3(gradient.ambient + row * 3, at_diffuse)
    if VARIANT.shiny:
        if not VARIANT.parallel:
            at_view = normalize_derivative(view, distance, at_view)
            at_point = subtract(at_point, at_view)
        if WANTED.eyes:
            add_up3(gradient.eyes + row * 3, at_view)
    at_normal = normalize_derivative(normal, length, at_normal)
    at_weights = interpolate_back(surface.positions, gradient.positions, g, weights, at_point, WANTED.positions)
    at_weights = add(
        at_weights, interpolate_back(surface.normals, gradient.normals, g, weights, at_normal, WANTED.normals)
    )
    at_covering, at_covered = multiply(at_body, albedo), tl.zeros_like(length)
    if VARIANT.painted:
        at_paint = multiply(at_covering, texture)
        at_weights = add(
            at_weights, interpolate_back(surface.paint, gradient.paint, g, weights, at_paint, WANTED.paint)
        )
    if VARIANT.textured:
        at_texture = multiply(at_covering, paint)
        at_uv = dot(at_texture, slope_u), dot(at_texture, slope_v), tl.zeros_like(length)
        at_weights = add(at_weights, interpolate_back(surface.uv, gradient.uv, g, weights, at_uv, WANTED.uv))
        at_covered = dot(at_texture, slope_m)
        if WANTED.texels:
            look_up_back(surface, gradient.texels, obj, uv, texels_covered, at_texture, shown)
    return color, at_weights, at_covered


@triton.jit
def shade_tangent(
    surface, tangent, g, picture, weights, weights_change, texels_covered, covered_change, shown,
    VARIANT: tl.constexpr, GIVEN: tl.constexpr,
):  # fmt: skip
    """The colours of fragments and their tangents."""
    geometry, looks, light, texturing, colors = made_of(surface, g, picture, weights, texels_covered, shown, VARIANT)
    point, normal, length, view, distance = geometry
    obj, albedo, specular, shininess = looks
    diffuse, highlight = light
    paint, texture, slope_u, slope_v, slope_m, uv = texturing
    covering, body, color = colors

    point_change = interpolate_tangent(
        surface.positions, tangent.positions, g, weights, weights_change, GIVEN.positions
    )
    normal_change = interpolate_tangent(surface.normals, tangent.normals, g, weights, weights_change, GIVEN.normals)
    normal_change = normalize_derivative(normal, length, normal_change)
    view_change = zeros3(length)
    if GIVEN.eyes:
        view_change = add(view_change, load3(tangent.eyes + picture * 3))
    if not VARIANT.parallel:
        view_change = normalize_derivative(view, distance, subtract(view_change, point_change))
    albedo_change, specular_change, shininess_change = zeros3(length), zeros3(length), tl.zeros_like(length)
    if GIVEN.materials:
        albedo_change = add(albedo_change, load3(tangent.materials + obj * 7))
        specular_change = add(specular_change, load3(tangent.materials + obj * 7 + 3))
        shininess_change += tl.load(tangent.materials + obj * 7 + 6)
    diffuse_change, highlight_change = arriving_tangent(
        surface, tangent, picture, point, normal, view, shininess, point_change, normal_change, view_change,
        shininess_change, VARIANT, GIVEN,
    )  # fmt: skip
    body_change = multiply(covering, albedo_change)
    if VARIANT.painted:
        paint_change = interpolate_tangent(surface.paint, tangent.paint, g, weights, weights_change, GIVEN.paint)
        body_change = add(body_change, multiply(paint_change, multiply(texture, albedo)))
    if VARIANT.textured:
        uv_change = interpolate_tangent(surface.uv, tangent.uv, g, weights, weights_change, GIVEN.uv)
        texture_change = add(scale(slope_u, uv_change[0]), scale(slope_v, uv_change[1]))
        texture_change = add(texture_change, scale(slope_m, covered_change))
        if GIVEN.texels:
            moved = look_up_tangent(surface, tangent.texels, obj, uv, texels_covered, shown)
            texture_change = add(texture_change, moved)
        body_change = add(body_change, multiply(texture_change, multiply(paint, albedo)))
    change = add(multiply(body_change, diffuse), multiply(body, diffuse_change))
    change = add(change, add(multiply(highlight_change, specular), multiply(highlight, specular_change)))
    return color, change
