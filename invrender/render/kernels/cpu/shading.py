"""The colour of one fragment, and its derivatives: `render.shade` in scalars.

What a face is shaded with is gathered once, in a scratch array q of float64 that the constants below index. What a
fragment's colour is made of is left in another, s; the derivatives read it. Gradients of a face's numbers are summed
in an array laid out as q, and added to the picture's when the face is done.
"""

from __future__ import annotations

import math

from invrender.render.kernels.cpu.compiling import kernel
from invrender.render.surfaces import DIRECTIONAL, INVERSE_SQUARE

# q: a face
POSITIONS, NORMALS, UV, PAINT = 0, 9, 18, 24  # of three corners, one after the other
ALBEDO, SPECULAR, SHININESS = 33, 36, 39
AMBIENT, EYE = 40, 43
GRADIENTS = 46  # so many of the numbers have gradients
TEXEL_AREA, LEVELS, SHINY, PARALLEL, PAINTED = 46, 47, 48, 49, 50
SURFACE_SIZE = 51

# s: a fragment
POSITION, NORMAL, NORMAL_LENGTH, VIEW, VIEW_LENGTH = 0, 3, 6, 7, 10
U, V, LEVEL, TEXTURE, PAINTING, DIFFUSE, HIGHLIGHT = 11, 12, 13, 14, 17, 20, 23
TEXTURE_U, TEXTURE_V = 26, 29  # how u and v move the texture's colour
SHADING_SIZE = 32

SHORTEST = 1e-6  # lengths below are taken for it
LARGEST_WHOLE = 1 << 12


@kernel
def load_surface(shading, face, picture, q):
    """Fill the scratch array of a face seen in a picture."""
    thing = shading.object[face]
    q[LEVELS], q[TEXEL_AREA] = 0.0, 0.0
    q[SHINY], q[PARALLEL], q[PAINTED] = shading.shiny, shading.parallel, len(shading.colors) > 0
    for k in range(3):
        vertex, normal = shading.faces[face, k], shading.normal_faces[face, k]
        for c in range(3):
            q[POSITIONS + 3 * k + c] = shading.vertices[vertex, c]
            q[NORMALS + 3 * k + c] = shading.normals[normal, c]
            q[PAINT + 3 * k + c] = shading.colors[vertex, c] if len(shading.colors) > 0 else 1.0
    for c in range(7):
        q[ALBEDO + c] = shading.materials[thing, c]
    for c in range(3):
        q[AMBIENT + c] = shading.ambient[picture, c]
        q[EYE + c] = shading.eyes[picture, c]
    if len(shading.texels) > 0:
        table = shading.textures[thing]
        for level in range(len(table)):
            q[LEVELS] += table[level, 1] > 0
        for k in range(3):
            corner = shading.uv_faces[face, k]
            q[UV + 2 * k], q[UV + 2 * k + 1] = shading.uv[corner, 0], shading.uv[corner, 1]
        across = (q[UV + 2] - q[UV]) * (q[UV + 5] - q[UV + 1])
        across -= (q[UV + 3] - q[UV + 1]) * (q[UV + 4] - q[UV])
        q[TEXEL_AREA] = abs(across) * table[0, 1] * table[0, 2]


@kernel
def mixed(q, at, step, b0, b1, b2):
    """Interpolate one number of three corners."""
    return b0 * q[at] + b1 * q[at + step] + b2 * q[at + 2 * step]


@kernel
def corner_texel(table, level, u, v):
    """The upper left texel of a look-up, the ways to its right and lower neighbours, and the shares across and down."""
    width, height = table[level, 1], table[level, 2]
    x = min(max(u * width - 0.5, 0.0), width - 1.0)
    y = min(max((1.0 - v) * height - 0.5, 0.0), height - 1.0)
    left, top = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    right = 1 if width > 1 else 0
    below = width if height > 1 else 0
    return table[level, 0] + top * width + left, right, below, x - left, y - top


@kernel
def look_up(table, texels, levels, minification, slopes, s):
    """Fill in the texture's colour and level, and if asked for its slopes."""
    level = min(0.5 * math.log2(minification), levels - 1.0) if levels > 1.0 and minification > 1.0 else 0.0
    finer = int(level)
    share = level - finer
    s[LEVEL] = level
    u, v = s[U], s[V]
    for c in range(3):
        s[TEXTURE + c], s[TEXTURE_U + c], s[TEXTURE_V + c] = 0.0, 0.0, 0.0
    for part in range(2 if share > 0.0 else 1):
        here = finer + part
        first, right, below, across, down = corner_texel(table, here, u, v)
        weight = share if part == 1 else 1.0 - share
        width, height = table[here, 1], table[here, 2]
        slope_u = weight * width if 0.0 < u * width - 0.5 < width - 1 else 0.0
        slope_v = -weight * height if 0.0 < (1.0 - v) * height - 0.5 < height - 1 else 0.0
        for c in range(3):
            a, b = texels[first, c] * 1.0, texels[first + right, c] * 1.0
            d, e = texels[first + below, c] * 1.0, texels[first + below + right, c] * 1.0
            upper, lower = a + across * (b - a), d + across * (e - d)
            s[TEXTURE + c] += weight * (upper + down * (lower - upper))
            if slopes:
                s[TEXTURE_U + c] += slope_u * ((b - a) * (1.0 - down) + (e - d) * down)
                s[TEXTURE_V + c] += slope_v * (lower - upper)


@kernel
def look_up_back(table, s, cotangent0, cotangent1, cotangent2, gradient):
    """Add the gradient of a look-up to that of the texels [X, 3]."""
    finer = int(s[LEVEL])
    share = s[LEVEL] - finer
    for part in range(2 if share > 0.0 else 1):
        first, right, below, across, down = corner_texel(table, finer + part, s[U], s[V])
        weight = share if part == 1 else 1.0 - share
        for row in range(2):
            for column in range(2):
                texel = first + row * below + column * right
                factor = weight * (down if row else 1.0 - down) * (across if column else 1.0 - across)
                gradient[texel, 0] += factor * cotangent0
                gradient[texel, 1] += factor * cotangent1
                gradient[texel, 2] += factor * cotangent2


@kernel
def incoming(light, kind, p0, p1, p2):
    """The unit direction from a point towards a light [6], the attenuation, and 1 / the distance."""
    if kind == DIRECTIONAL:
        return light[3] * 1.0, light[4] * 1.0, light[5] * 1.0, 1.0, 0.0
    t0, t1, t2 = light[3] - p0, light[4] - p1, light[5] - p2
    squared = t0 * t0 + t1 * t1 + t2 * t2
    inverse = 1.0 / max(math.sqrt(squared), SHORTEST)
    return t0 * inverse, t1 * inverse, t2 * inverse, (1.0 / squared if kind == INVERSE_SQUARE else 1.0), inverse


@kernel
def power(base, exponent):
    """base ** exponent of a base above 0; whole exponents, which most are, in a few multiplications."""
    whole = int(exponent)
    if whole != exponent or not 0 <= whole <= LARGEST_WHOLE:
        return base**exponent
    found = 1.0
    while whole > 0:
        if whole & 1:
            found *= base
        base *= base
        whole >>= 1
    return found


@kernel
def shade(q, lights, kinds, table, texels, b0, b1, b2, minification, slopes, s):
    """The colour of a fragment; lights: [L, 6] of its picture, table: [levels, 3] of its object's texture.

    slopes: whether derivatives will follow, which need to know how the texture changes.
    """
    p0 = mixed(q, POSITIONS, 3, b0, b1, b2)
    p1 = mixed(q, POSITIONS + 1, 3, b0, b1, b2)
    p2 = mixed(q, POSITIONS + 2, 3, b0, b1, b2)
    n0 = mixed(q, NORMALS, 3, b0, b1, b2)
    n1 = mixed(q, NORMALS + 1, 3, b0, b1, b2)
    n2 = mixed(q, NORMALS + 2, 3, b0, b1, b2)
    length = max(math.sqrt(n0 * n0 + n1 * n1 + n2 * n2), SHORTEST)
    inverse = 1.0 / length
    n0, n1, n2 = n0 * inverse, n1 * inverse, n2 * inverse
    v0, v1, v2, distance = q[EYE], q[EYE + 1], q[EYE + 2], 1.0
    shiny = q[SHINY] != 0.0
    if shiny and q[PARALLEL] == 0.0:
        v0, v1, v2 = v0 - p0, v1 - p1, v2 - p2
        distance = max(math.sqrt(v0 * v0 + v1 * v1 + v2 * v2), SHORTEST)
        inverse = 1.0 / distance
        v0, v1, v2 = v0 * inverse, v1 * inverse, v2 * inverse
    d0, d1, d2, h0, h1, h2 = q[AMBIENT], q[AMBIENT + 1], q[AMBIENT + 2], 0.0, 0.0, 0.0
    for number in range(len(kinds)):
        light = lights[number]
        t0, t1, t2, attenuation, _ = incoming(light, kinds[number], p0, p1, p2)
        cosine = n0 * t0 + n1 * t1 + n2 * t2
        if cosine > 0.0:
            d0 += light[0] * (attenuation * cosine)
            d1 += light[1] * (attenuation * cosine)
            d2 += light[2] * (attenuation * cosine)
            if shiny:
                mirrored = 2.0 * cosine * (n0 * v0 + n1 * v1 + n2 * v2) - (t0 * v0 + t1 * v1 + t2 * v2)
                if mirrored > 0.0:
                    lobe = attenuation * power(mirrored, q[SHININESS])
                    h0 += light[0] * lobe
                    h1 += light[1] * lobe
                    h2 += light[2] * lobe
    c0, c1, c2 = 1.0, 1.0, 1.0
    if q[PAINTED] != 0.0:
        c0 = mixed(q, PAINT, 3, b0, b1, b2)
        c1 = mixed(q, PAINT + 1, 3, b0, b1, b2)
        c2 = mixed(q, PAINT + 2, 3, b0, b1, b2)
    s[PAINTING], s[PAINTING + 1], s[PAINTING + 2] = c0, c1, c2
    if q[LEVELS] > 0.0:
        s[U], s[V] = mixed(q, UV, 2, b0, b1, b2), mixed(q, UV + 1, 2, b0, b1, b2)
        look_up(table, texels, q[LEVELS], minification, slopes, s)
        c0, c1, c2 = c0 * s[TEXTURE], c1 * s[TEXTURE + 1], c2 * s[TEXTURE + 2]
    if slopes:
        s[POSITION], s[POSITION + 1], s[POSITION + 2] = p0, p1, p2
        s[NORMAL], s[NORMAL + 1], s[NORMAL + 2], s[NORMAL_LENGTH] = n0, n1, n2, length
        s[VIEW], s[VIEW + 1], s[VIEW + 2], s[VIEW_LENGTH] = v0, v1, v2, distance
        s[DIFFUSE], s[DIFFUSE + 1], s[DIFFUSE + 2] = d0, d1, d2
        s[HIGHLIGHT], s[HIGHLIGHT + 1], s[HIGHLIGHT + 2] = h0, h1, h2
        if q[LEVELS] == 0.0:
            for c in range(3):
                s[TEXTURE + c], s[TEXTURE_U + c], s[TEXTURE_V + c] = 1.0, 0.0, 0.0
    return (
        q[ALBEDO] * c0 * d0 + q[SPECULAR] * h0,
        q[ALBEDO + 1] * c1 * d1 + q[SPECULAR + 1] * h1,
        q[ALBEDO + 2] * c2 * d2 + q[SPECULAR + 2] * h2,
    )


@kernel
def unmixed(q, at, step, b0, b1, b2, cotangent, gradient):
    """The gradient of `mixed`: added to gradient, laid out as q; and those of the barycentrics."""
    gradient[at] += b0 * cotangent
    gradient[at + step] += b1 * cotangent
    gradient[at + 2 * step] += b2 * cotangent
    return cotangent * q[at], cotangent * q[at + step], cotangent * q[at + 2 * step]


@kernel
def unmixed_three(q, at, b0, b1, b2, c0, c1, c2, gradient):
    """`unmixed` for three numbers that lie one after the other."""
    x0, x1, x2 = unmixed(q, at, 3, b0, b1, b2, c0, gradient)
    y0, y1, y2 = unmixed(q, at + 1, 3, b0, b1, b2, c1, gradient)
    z0, z1, z2 = unmixed(q, at + 2, 3, b0, b1, b2, c2, gradient)
    return x0 + y0 + z0, x1 + y1 + z1, x2 + y2 + z2


@kernel
def shade_back(q, lights, kinds, b0, b1, b2, s, r, g, b, gradient, light_gradient):
    """Add the gradients of a colour with cotangents r, g, b to those of the face and of the lights [L, 6].

    s: the scratch array that `shade` left; s[TEXTURE : TEXTURE + 3] is overwritten by the texture's cotangent.
    Returns the gradients of the three barycentrics.
    """
    n0, n1, n2 = s[NORMAL], s[NORMAL + 1], s[NORMAL + 2]
    v0, v1, v2 = s[VIEW], s[VIEW + 1], s[VIEW + 2]
    p0, p1, p2 = s[POSITION], s[POSITION + 1], s[POSITION + 2]
    color = (r, g, b)
    g_uv0, g_uv1 = 0.0, 0.0
    for c in range(3):
        surface = color[c] * s[DIFFUSE + c]
        painted = surface * s[PAINTING + c]
        gradient[ALBEDO + c] += painted * s[TEXTURE + c]
        gradient[SPECULAR + c] += color[c] * s[HIGHLIGHT + c]
        texture = painted * q[ALBEDO + c]
        paint = surface * q[ALBEDO + c] * s[TEXTURE + c]
        color_of_surface = q[ALBEDO + c] * s[PAINTING + c] * s[TEXTURE + c]
        gradient[AMBIENT + c] += color[c] * color_of_surface
        s[DIFFUSE + c] = color[c] * color_of_surface
        s[HIGHLIGHT + c] = color[c] * q[SPECULAR + c]
        s[PAINTING + c] = paint
        s[TEXTURE + c] = texture
        g_uv0 += texture * s[TEXTURE_U + c]
        g_uv1 += texture * s[TEXTURE_V + c]
    d0, d1, d2 = s[DIFFUSE], s[DIFFUSE + 1], s[DIFFUSE + 2]
    h0, h1, h2 = s[HIGHLIGHT], s[HIGHLIGHT + 1], s[HIGHLIGHT + 2]
    gn0, gn1, gn2, gv0, gv1, gv2, gp0, gp1, gp2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    shiny = q[SHINY] != 0.0
    for number in range(len(kinds)):
        light, kind = lights[number], kinds[number]
        t0, t1, t2, attenuation, inverse = incoming(light, kind, p0, p1, p2)
        cosine = n0 * t0 + n1 * t1 + n2 * t2
        if cosine <= 0.0:
            continue
        diffuse = d0 * light[0] + d1 * light[1] + d2 * light[2]
        g_cosine, g_attenuation, lobe = diffuse * attenuation, diffuse * cosine, 0.0
        gt0, gt1, gt2 = 0.0, 0.0, 0.0
        if shiny:
            facing = n0 * v0 + n1 * v1 + n2 * v2
            mirrored = 2.0 * cosine * facing - (t0 * v0 + t1 * v1 + t2 * v2)
            if mirrored > 0.0:
                lobe = power(mirrored, q[SHININESS])
                g_lobe = h0 * light[0] + h1 * light[1] + h2 * light[2]
                g_attenuation += g_lobe * lobe
                g_lobe *= attenuation * lobe
                gradient[SHININESS] += g_lobe * math.log(mirrored)
                g_mirrored = g_lobe * q[SHININESS] / mirrored
                g_cosine += 2.0 * g_mirrored * facing
                twice = 2.0 * g_mirrored * cosine
                gn0, gn1, gn2 = gn0 + twice * v0, gn1 + twice * v1, gn2 + twice * v2
                gt0, gt1, gt2 = -g_mirrored * v0, -g_mirrored * v1, -g_mirrored * v2
                gv0 += twice * n0 - g_mirrored * t0
                gv1 += twice * n1 - g_mirrored * t1
                gv2 += twice * n2 - g_mirrored * t2
        gn0, gn1, gn2 = gn0 + g_cosine * t0, gn1 + g_cosine * t1, gn2 + g_cosine * t2
        gt0, gt1, gt2 = gt0 + g_cosine * n0, gt1 + g_cosine * n1, gt2 + g_cosine * n2
        light_gradient[number, 0] += attenuation * (d0 * cosine + h0 * lobe)
        light_gradient[number, 1] += attenuation * (d1 * cosine + h1 * lobe)
        light_gradient[number, 2] += attenuation * (d2 * cosine + h2 * lobe)
        if kind != DIRECTIONAL:
            along = gt0 * t0 + gt1 * t1 + gt2 * t2
            if kind == INVERSE_SQUARE:
                along += 2.0 * g_attenuation * attenuation
            gt0, gt1, gt2 = (gt0 - along * t0) * inverse, (gt1 - along * t1) * inverse, (gt2 - along * t2) * inverse
            gp0, gp1, gp2 = gp0 - gt0, gp1 - gt1, gp2 - gt2
        light_gradient[number, 3] += gt0
        light_gradient[number, 4] += gt1
        light_gradient[number, 5] += gt2
    if shiny:
        if q[PARALLEL] == 0.0:
            along = gv0 * v0 + gv1 * v1 + gv2 * v2 if s[VIEW_LENGTH] > SHORTEST else 0.0
            inverse = 1.0 / s[VIEW_LENGTH]
            gv0, gv1, gv2 = (gv0 - along * v0) * inverse, (gv1 - along * v1) * inverse, (gv2 - along * v2) * inverse
            gp0, gp1, gp2 = gp0 - gv0, gp1 - gv1, gp2 - gv2
        gradient[EYE] += gv0
        gradient[EYE + 1] += gv1
        gradient[EYE + 2] += gv2
    along = gn0 * n0 + gn1 * n1 + gn2 * n2 if s[NORMAL_LENGTH] > SHORTEST else 0.0
    inverse = 1.0 / s[NORMAL_LENGTH]
    gn0, gn1, gn2 = (gn0 - along * n0) * inverse, (gn1 - along * n1) * inverse, (gn2 - along * n2) * inverse
    first, second, third = unmixed_three(q, POSITIONS, b0, b1, b2, gp0, gp1, gp2, gradient)
    x, y, z = unmixed_three(q, NORMALS, b0, b1, b2, gn0, gn1, gn2, gradient)
    first, second, third = first + x, second + y, third + z
    if q[LEVELS] > 0.0:
        x, y, z = unmixed(q, UV, 2, b0, b1, b2, g_uv0, gradient)
        first, second, third = first + x, second + y, third + z
        x, y, z = unmixed(q, UV + 1, 2, b0, b1, b2, g_uv1, gradient)
        first, second, third = first + x, second + y, third + z
    if q[PAINTED] != 0.0:
        x, y, z = unmixed_three(
            q, PAINT, b0, b1, b2, s[PAINTING], s[PAINTING + 1], s[PAINTING + 2], gradient
        )  # fmt: skip
        first, second, third = first + x, second + y, third + z
    return first, second, third


@kernel
def load_moving_surface(moving, shading, face, picture, direction, q):
    """Fill q[: GRADIENTS] with how a face's numbers change in one direction; moving: `Shading` with directions first.

    Arrays of ``moving`` without directions do not change.
    """
    thing = shading.object[face]
    q[:GRADIENTS] = 0.0
    for k in range(3):
        vertex, normal, corner = shading.faces[face, k], shading.normal_faces[face, k], shading.uv_faces[face, k]
        for c in range(3):
            if len(moving.vertices) > 0:
                q[POSITIONS + 3 * k + c] = moving.vertices[direction, vertex, c]
            if len(moving.normals) > 0:
                q[NORMALS + 3 * k + c] = moving.normals[direction, normal, c]
            if len(moving.colors) > 0:
                q[PAINT + 3 * k + c] = moving.colors[direction, vertex, c]
        if len(moving.uv) > 0:
            q[UV + 2 * k] = moving.uv[direction, corner, 0]
            q[UV + 2 * k + 1] = moving.uv[direction, corner, 1]
    for c in range(7):
        if len(moving.materials) > 0:
            q[ALBEDO + c] = moving.materials[direction, thing, c]
    for c in range(3):
        if len(moving.ambient) > 0:
            q[AMBIENT + c] = moving.ambient[direction, picture, c]
        if len(moving.eyes) > 0:
            q[EYE + c] = moving.eyes[direction, picture, c]


@kernel
def look_up_along(table, s, texels):
    """How a look-up changes as the texels change by texels [X, 3]."""
    finer = int(s[LEVEL])
    share = s[LEVEL] - finer
    r, g, b = 0.0, 0.0, 0.0
    for part in range(2 if share > 0.0 else 1):
        first, right, below, across, down = corner_texel(table, finer + part, s[U], s[V])
        weight = share if part == 1 else 1.0 - share
        for row in range(2):
            for column in range(2):
                texel = first + row * below + column * right
                factor = weight * (down if row else 1.0 - down) * (across if column else 1.0 - across)
                r += factor * texels[texel, 0]
                g += factor * texels[texel, 1]
                b += factor * texels[texel, 2]
    return r, g, b


@kernel
def shade_along(q, moved, lights, moving_lights, kinds, b0, b1, b2, m0, m1, m2, s, t0_, t1_, t2_):
    """How a colour changes.

    moved: by how much the face's numbers change, laid out as q; moving_lights: [L, 6], the lights; m0, m1, m2: the
    barycentrics; t0_, t1_, t2_: the texture's colour because of its texels. s: the scratch array that `shade` left.
    """
    n0, n1, n2 = s[NORMAL], s[NORMAL + 1], s[NORMAL + 2]
    v0, v1, v2 = s[VIEW], s[VIEW + 1], s[VIEW + 2]
    p0, p1, p2 = s[POSITION], s[POSITION + 1], s[POSITION + 2]
    shiny = q[SHINY] != 0.0
    dp0 = mixed(q, POSITIONS, 3, m0, m1, m2) + mixed(moved, POSITIONS, 3, b0, b1, b2)
    dp1 = mixed(q, POSITIONS + 1, 3, m0, m1, m2) + mixed(moved, POSITIONS + 1, 3, b0, b1, b2)
    dp2 = mixed(q, POSITIONS + 2, 3, m0, m1, m2) + mixed(moved, POSITIONS + 2, 3, b0, b1, b2)
    dn0 = mixed(q, NORMALS, 3, m0, m1, m2) + mixed(moved, NORMALS, 3, b0, b1, b2)
    dn1 = mixed(q, NORMALS + 1, 3, m0, m1, m2) + mixed(moved, NORMALS + 1, 3, b0, b1, b2)
    dn2 = mixed(q, NORMALS + 2, 3, m0, m1, m2) + mixed(moved, NORMALS + 2, 3, b0, b1, b2)
    along = dn0 * n0 + dn1 * n1 + dn2 * n2 if s[NORMAL_LENGTH] > SHORTEST else 0.0
    inverse = 1.0 / s[NORMAL_LENGTH]
    dn0, dn1, dn2 = (dn0 - along * n0) * inverse, (dn1 - along * n1) * inverse, (dn2 - along * n2) * inverse
    dv0, dv1, dv2 = moved[EYE], moved[EYE + 1], moved[EYE + 2]
    if shiny and q[PARALLEL] == 0.0:
        dv0, dv1, dv2 = dv0 - dp0, dv1 - dp1, dv2 - dp2
        along = dv0 * v0 + dv1 * v1 + dv2 * v2 if s[VIEW_LENGTH] > SHORTEST else 0.0
        inverse = 1.0 / s[VIEW_LENGTH]
        dv0, dv1, dv2 = (dv0 - along * v0) * inverse, (dv1 - along * v1) * inverse, (dv2 - along * v2) * inverse
    dd0, dd1, dd2 = moved[AMBIENT], moved[AMBIENT + 1], moved[AMBIENT + 2]
    dh0, dh1, dh2 = 0.0, 0.0, 0.0
    for number in range(len(kinds)):
        light, kind, change = lights[number], kinds[number], moving_lights[number]
        t0, t1, t2, attenuation, inverse = incoming(light, kind, p0, p1, p2)
        cosine = n0 * t0 + n1 * t1 + n2 * t2
        if cosine <= 0.0:
            continue
        dt0, dt1, dt2, d_attenuation = change[3] * 1.0, change[4] * 1.0, change[5] * 1.0, 0.0
        if kind != DIRECTIONAL:
            dt0, dt1, dt2 = (dt0 - dp0) * inverse, (dt1 - dp1) * inverse, (dt2 - dp2) * inverse
            along = dt0 * t0 + dt1 * t1 + dt2 * t2
            dt0, dt1, dt2 = dt0 - along * t0, dt1 - along * t1, dt2 - along * t2
            if kind == INVERSE_SQUARE:
                d_attenuation = -2.0 * attenuation * along
        d_cosine = dn0 * t0 + dn1 * t1 + dn2 * t2 + n0 * dt0 + n1 * dt1 + n2 * dt2
        irradiance, change_of_it = attenuation * cosine, d_attenuation * cosine + attenuation * d_cosine
        dd0 += change[0] * irradiance + light[0] * change_of_it
        dd1 += change[1] * irradiance + light[1] * change_of_it
        dd2 += change[2] * irradiance + light[2] * change_of_it
        if shiny:
            facing = n0 * v0 + n1 * v1 + n2 * v2
            mirrored = 2.0 * cosine * facing - (t0 * v0 + t1 * v1 + t2 * v2)
            if mirrored > 0.0:
                d_facing = dn0 * v0 + dn1 * v1 + dn2 * v2 + n0 * dv0 + n1 * dv1 + n2 * dv2
                d_mirrored = 2.0 * (d_cosine * facing + cosine * d_facing)
                d_mirrored -= dt0 * v0 + dt1 * v1 + dt2 * v2 + t0 * dv0 + t1 * dv1 + t2 * dv2
                lobe = power(mirrored, q[SHININESS])
                d_lobe = lobe * (q[SHININESS] * d_mirrored / mirrored + moved[SHININESS] * math.log(mirrored))
                d_lobe = d_attenuation * lobe + attenuation * d_lobe
                lobe *= attenuation
                dh0 += change[0] * lobe + light[0] * d_lobe
                dh1 += change[1] * lobe + light[1] * d_lobe
                dh2 += change[2] * lobe + light[2] * d_lobe
    if q[LEVELS] > 0.0:
        du = mixed(q, UV, 2, m0, m1, m2) + mixed(moved, UV, 2, b0, b1, b2)
        dv = mixed(q, UV + 1, 2, m0, m1, m2) + mixed(moved, UV + 1, 2, b0, b1, b2)
        t0_ += s[TEXTURE_U] * du + s[TEXTURE_V] * dv
        t1_ += s[TEXTURE_U + 1] * du + s[TEXTURE_V + 1] * dv
        t2_ += s[TEXTURE_U + 2] * du + s[TEXTURE_V + 2] * dv
    dc0, dc1, dc2 = 0.0, 0.0, 0.0
    if q[PAINTED] != 0.0:
        dc0 = mixed(q, PAINT, 3, m0, m1, m2) + mixed(moved, PAINT, 3, b0, b1, b2)
        dc1 = mixed(q, PAINT + 1, 3, m0, m1, m2) + mixed(moved, PAINT + 1, 3, b0, b1, b2)
        dc2 = mixed(q, PAINT + 2, 3, m0, m1, m2) + mixed(moved, PAINT + 2, 3, b0, b1, b2)
    return (
        change_of_color(q, moved, s, 0, t0_, dc0, dd0, dh0),
        change_of_color(q, moved, s, 1, t1_, dc1, dd1, dh1),
        change_of_color(q, moved, s, 2, t2_, dc2, dd2, dh2),
    )


@kernel
def change_of_color(q, moved, s, c, texture, paint, diffuse, highlight):
    """The product rule for one channel: albedo × texture × paint × diffuse + specular × highlight."""
    t, p, a = s[TEXTURE + c], s[PAINTING + c], q[ALBEDO + c]
    surface = moved[ALBEDO + c] * t * p + a * texture * p + a * t * paint
    return (
        surface * s[DIFFUSE + c] + a * t * p * diffuse
        + moved[SPECULAR + c] * s[HIGHLIGHT + c] + q[SPECULAR + c] * highlight
    )  # fmt: skip
