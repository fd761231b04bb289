"""Materials: named properties, each a factor with a texture and colours of vertices where it has any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import Tensor

Model = Literal["phong", "principled"]

PRINCIPLED: Mapping[str, tuple[float, ...]] = {
    "albedo": (1.0, 1.0, 1.0),
    "roughness": (1.0,),
    "metallic": (0.0,),
    "emission": (0.0, 0.0, 0.0),
    "normal": (0.0, 0.0, 1.0),
}
"""The properties of principled materials, and what they are where nobody says."""


@dataclass(frozen=True)
class Property:
    """One quantity of a surface: the product of what is given.

    factor: [C], or [] for a single number.
    texture: [H, W, C] or None; row 0 is the top of the picture.
    vertex: [V, C] or None, by vertex of the mesh.
    """

    factor: Tensor
    texture: Tensor | None = None
    vertex: Tensor | None = None


@dataclass(frozen=True)
class Material:
    """What a surface does to light: a model of reflection and its properties by name.

    model: "phong" is Lambert's diffuse reflection with Phong's highlight; its properties are albedo [3], the diffuse
        colour, specular [3], the strength of the highlight, and shininess [], Phong's exponent.
        "principled" is glTF's metallic-roughness: albedo [3], the colour of what is diffuse or metal, roughness [] and
        metallic [], both from 0 to 1, emission [3], the radiance of its own, and, where there is a map of normals,
        normal [3], whose texture has vectors in the frame of u, v and the outside, and whose factor scales them.
        `invrender.render.shading.principled` has the formulae. A single number has textures [H, W, 1] and [V, 1].
    """

    properties: Mapping[str, Property]
    model: Model = field(default="phong")

    def __getitem__(self, name: str) -> Property:
        return self.properties[name]

    @property
    def albedo(self) -> Tensor:
        """The factor [3] of the diffuse colour."""
        return self["albedo"].factor

    @property
    def texture(self) -> Tensor | None:
        """The texture [H, W, 3] of the diffuse colour, or None."""
        return self["albedo"].texture

    @property
    def vertex_colors(self) -> Tensor | None:
        """The diffuse colours [V, 3] of the vertices, or None."""
        return self["albedo"].vertex

    @property
    def specular(self) -> Tensor:
        """The strength [3] of Phong's highlight."""
        return self["specular"].factor

    @property
    def shininess(self) -> Tensor:
        """Phong's exponent, []."""
        return self["shininess"].factor

    @property
    def glossy(self) -> bool:
        """Whether it may have highlights."""
        return self.model != "phong" or bool((self.specular != 0).any())

    @property
    def textured(self) -> bool:
        """Whether any property has a texture."""
        return any(each.texture is not None for each in self.properties.values())

    @property
    def vertex_values(self) -> dict[str, Tensor]:
        """What it has by vertex, [V, C], by property."""
        return {name: each.vertex for name, each in self.properties.items() if each.vertex is not None}

    def with_property(self, name: str, **changes: Any) -> Material:
        """The material with ``factor``, ``texture`` or ``vertex`` of one property changed."""
        return replace(self, properties={**self.properties, name: replace(self[name], **changes)})


def phong(
    albedo: Tensor,
    specular: Tensor,
    shininess: Tensor,
    texture: Tensor | None = None,
    vertex_colors: Tensor | None = None,
) -> Material:
    """A material of Lambert's and Phong's model; albedo, texture and vertex colours multiply each other."""
    return Material(
        {
            "albedo": Property(albedo, texture, vertex_colors),
            "specular": Property(specular),
            "shininess": Property(shininess),
        }
    )


def principled(
    albedo: Property, roughness: Property, metallic: Property, emission: Property, normal: Property | None = None
) -> Material:
    """A material of glTF's metallic-roughness model."""
    found = {"albedo": albedo, "roughness": roughness, "metallic": metallic, "emission": emission}
    return Material(found if normal is None else {**found, "normal": normal}, model="principled")
