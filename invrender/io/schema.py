"""The keys of a scene file: what is in the scene, who looks at it and what lights it.

Lengths are in the scene's unit, angles in degrees, colours linear RGB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class PartConfig:
    """The faces of a mesh that have one of its materials.

    albedo: instead of the material's colour. texture: a file, instead of the material's texture.
    """

    albedo: list[float] | None = None
    texture: str | None = None


@dataclass
class VerticesConfig:
    """Files of values of vertices, by property."""

    roughness: str | None = None
    metallic: str | None = None
    emission: str | None = None


@dataclass
class MapsConfig(VerticesConfig):
    """Files of maps, by property."""

    normal: str | None = None


@dataclass
class ObjectConfig:
    """One mesh with its material and its place.

    mesh, texture, vertex_colors: files, relative to the scene's folder. mesh: or "sphere", a start for shapes, with
        subdivisions: how often its 20 faces are cut in four, and box: two corners, [[x, y, z], [x, y, z]], in which it
        is an ellipsoid; null is a radius of 1, or, with target=views and no place given, where the views look.
        Or "hull", what lies within the masks of target=views, on a grid of so many cells along its longest side.
        Or "grid", heights along z over a regular grid in x and y, with heights: a file of them, a .npy [rows, columns]
        or a grey picture, whose first row has the largest y, or null for a plane, grid: [rows, columns], null for the
        file's own, and box: its corners, where the lowest and the highest height are at both ends of z, and a plane in
        the middle; null is 2 along the longer side about the origin, and heights as they are.
    vertex_colors: a .npy of linear [V, 3], or
        "white" for vertices that are all (1, 1, 1), or "position" for red, green and blue from 0 to 1 along x, y and z.
        "blank" takes the place of the mesh file's texture by one of the colour ``albedo`` all over.
    texture_size: [height, width]; resamples the texture or, where there is none, makes one of the colour ``albedo``.
    albedo: multiplies texture and vertex colours; null takes the mesh file's own colour, else white.
    parts: by the names of the mesh file's materials, what takes the place of their colours and textures.
    model: phong (specular, shininess) or principled (the keys from roughness to normal_scale); null is principled where
        one of these is given, phong where specular is, else what the mesh file has.
    roughness, metallic: from 0 to 1. emission: a radiance. normal_scale: of a map of normals. null takes the mesh
        file's. maps, vertices: by property (roughness, metallic, emission, and of maps normal), files that multiply
        these: pictures, linear but for emission, or "blank" for one of ``texture_size`` that is the same all over;
        a .npy of [V, 1] or [V, 3].
    crease: edges sharper than this have split normals; 180 is smooth all over, 0 is flat. null takes the mesh file's
        normals, and 60 where it has none.
    rotation: a rotation vector. world_from_object: [4, 4], instead of position, rotation and scale.
    """

    mesh: str = MISSING
    subdivisions: int = 4
    box: Any = None
    cells: int = 64
    grid: list[int] | None = None
    heights: str | None = None
    texture: str | None = None
    texture_size: list[int] | None = None
    albedo: list[float] | None = None
    parts: dict[str, PartConfig] = field(default_factory=dict)
    vertex_colors: str | None = None
    specular: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    shininess: float = 32.0
    model: str | None = None
    roughness: float | None = None
    metallic: float | None = None
    emission: list[float] | None = None
    normal_scale: float | None = None
    maps: MapsConfig = field(default_factory=MapsConfig)
    vertices: VerticesConfig = field(default_factory=VerticesConfig)
    crease: float | None = None
    position: list[float] | None = None
    rotation: list[float] | None = None
    scale: float | None = None
    world_from_object: Any = None


@dataclass
class SceneConfig:
    """The objects and what is behind them.

    folder: where the files are, relative to the YAML that names it; null is that YAML's own folder.
    background: a colour. picture: a file, instead of the colour.
    light_unit: what a 1 in the positions of lights is; null is half the longest side of the largest object, so that
        small and large ones are lit alike.
    """

    folder: str | None = None
    background: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    picture: str | None = None
    light_unit: float | None = 1.0
    objects: dict[str, ObjectConfig] = field(default_factory=dict)


@dataclass
class LensConfig:
    """A lens.

    model: brown_conrady, division, kannala_brandt or equirectangular.
    coefficients: of these models in turn, 4, 5 or 8 (k1, k2, p1, p2, k3, k4, k5, k6 as OpenCV has them), one or more
        (k1, k2, …), 4 (k1 to k4), or none.
    """

    model: str = MISSING
    coefficients: list[float] = field(default_factory=list)


@dataclass
class CameraConfig:
    """A camera: its picture, its optics and its place.

    fov: across the shorter side of a perspective picture; null is what the EXIF data of the photograph say, else 40.
    extent: the same for an orthographic one, in world units.
    focal: pixels, a number or [fx, fy], instead of fov or extent (orthographic: pixels for each world unit).
    principal: [cx, cy] in pixels; null is the picture's centre.
    lens: a `LensConfig`, of a perspective camera; null is a pinhole. fov is that of the lens without its coefficients;
        an equirectangular one shows the whole sphere where no focal is given.
    pixel_centers: "half" where the first pixel's centre is (0.5, 0.5), "integer" where it is (0, 0).
    Place: camera_from_world [4, 4] (OpenCV axes), else position, else azimuth, elevation and distance about look_at.
    azimuth 0, elevation 0 is on the +z side; azimuth turns towards +x, elevation towards +y.
    look_at: null is the middle of the objects. up: the direction to the picture's top.
    near, far: depths; null follows from the scene, 0.1 and 100 unless its objects are out of their reach.
    """

    projection: str = "perspective"
    width: int = 256
    height: int = 256
    fov: float | None = None
    extent: float = 2.5
    focal: Any = None
    principal: list[float] | None = None
    pixel_centers: str = "half"
    lens: Any = None
    azimuth: float = 0.0
    elevation: float = 0.0
    distance: float = 4.0
    position: list[float] | None = None
    camera_from_world: Any = None
    look_at: list[float] | None = None
    up: list[float] = field(default_factory=lambda: [0.0, 1.0, 0.0])
    near: float | None = None
    far: float | None = None


@dataclass
class LightConfig:
    """One light.

    kind: ambient, directional, point, sh or environment. position: of a point light. direction: towards a directional
        light. falloff: of a point light, none or inverse_square. coefficients: [9, 3], of spherical harmonics (sh),
        which ``color`` multiplies. picture: of an environment, a file of the whole sphere, whose middle is towards −z
        and whose right half towards +x; rotation: degrees about y, towards +x. shadows: whether what is in the way of a
        point or directional light stops it.
    """

    kind: str = MISSING
    color: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0])
    intensity: float = 1.0
    position: list[float] | None = None
    direction: list[float] | None = None
    falloff: str | None = None
    coefficients: Any = None
    picture: str | None = None
    rotation: float | None = None
    shadows: bool = False


@dataclass
class SceneFile:
    """What a scene file says: everything that a renderer needs."""

    scene: SceneConfig = field(default_factory=SceneConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    light: dict[str, LightConfig] = field(default_factory=dict)


def literal(node: Any) -> Any:
    """Nested containers with nothing in their texts that OmegaConf would resolve: data is no config."""
    if isinstance(node, dict):
        return {key: literal(value) for key, value in node.items()}
    if isinstance(node, list):
        return [literal(value) for value in node]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", node) if isinstance(node, str) else node
