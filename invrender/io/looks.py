"""What the parts of a mesh reflect, property by property, as the properties of one material."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.io.meshes.content import Gloss, Wrap
from invrender.io.meshes.painting import Paint, distinct, paint
from invrender.io.meshes.tiles import tile
from invrender.scene import PRINCIPLED, Mesh, Property


@dataclass(frozen=True)
class Look:
    """What a part looks like: properties by name, of factors [C], and what is beyond their textures' borders."""

    properties: Mapping[str, Property]
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")

    def find(self, name: str) -> Property:
        """A property, or what it is where it is missing."""
        return self.properties.get(name, Property(torch.tensor(PRINCIPLED[name])))

    @property
    def textured(self) -> bool:
        """Whether any property has a texture."""
        return any(each.texture is not None for each in self.properties.values())

    def same(self, other: Look) -> bool:
        """Whether both look alike."""
        if self.properties.keys() != other.properties.keys() or (self.textured and self.wrap != other.wrap):
            return False
        pairs = [(each, other.properties[name]) for name, each in self.properties.items()]
        return all(a.texture is b.texture and torch.equal(a.factor, b.factor) for a, b in pairs)


@dataclass(frozen=True)
class Covered:
    """A mesh with texture coordinates in [0, 1] and its properties. notes: as of `painting.Painted`."""

    mesh: Mesh
    properties: Mapping[str, Property]
    notes: tuple[str, ...] = ()


def factors(gloss: Gloss) -> dict[str, Tensor]:
    """The factors of a file's material by property."""
    found = {"roughness": (gloss.roughness,), "metallic": (gloss.metallic,), "emission": gloss.emission}
    return {name: torch.tensor(values, dtype=torch.float32) for name, values in found.items()}


def spread(own: Property, height: int, width: int) -> Property:
    """A property with a texture that is its factor all over, for a fit to begin with."""
    blank = own.factor.expand(height, width, len(own.factor)).contiguous()
    return Property(torch.ones_like(own.factor), blank)


def normal_factor(scale: float) -> Tensor:
    """What a map of normals is multiplied by."""
    return torch.tensor([scale, scale, 1.0])


def cover(mesh: Mesh, part: Tensor, looks: Sequence[Look]) -> Covered:
    """Cover the faces of a mesh, each with the look of its ``part`` [F].

    One look stays as it is where its textures are shown whole; else all that differs or has a texture is stacked as
    the channels of one picture, which is painted, and taken apart again.
    """
    kinds, part = distinct(looks, part)
    if len(kinds) == 1 and shown_whole(mesh, kinds[0]):
        return Covered(mesh, kinds[0].properties)
    names = [name for name in PRINCIPLED if any(name in each.properties for each in kinds)]
    stacked = [name for name in names if differs(kinds, name)]
    painted = paint(mesh, part, [stack(each, stacked) for each in kinds])
    found = {name: kinds[0].find(name) for name in names}
    start = 0
    for name in stacked:
        channels = slice(start, start + len(PRINCIPLED[name]))
        texture = None if painted.texture is None else painted.texture[..., channels].contiguous()
        found[name] = Property(painted.color[channels], texture)
        start = channels.stop
    return Covered(painted.mesh, found, painted.notes)


def shown_whole(mesh: Mesh, look: Look) -> bool:
    """Whether the textures as they are have all that is shown of them."""
    textures = [each.texture for each in look.properties.values() if each.texture is not None]
    if not textures or mesh.uv is None or mesh.uv_faces is None or look.wrap == ("clamp", "clamp"):
        return True
    corners = mesh.uv.double().numpy()[mesh.uv_faces.numpy()]
    return all(tile(corners, each.shape[0], each.shape[1], look.wrap).unchanged for each in textures)


def differs(looks: Sequence[Look], name: str) -> bool:
    """Whether a property has a texture, or is not the same in all looks."""
    found = [each.find(name) for each in looks]
    return any(each.texture is not None or not torch.equal(each.factor, found[0].factor) for each in found)


def stack(look: Look, names: Sequence[str]) -> Paint:
    """Some properties as one paint, whose picture is of the largest texture's size."""
    found = [look.find(name) for name in names]
    color = torch.cat([each.factor for each in found])
    textures = [each.texture for each in found if each.texture is not None]
    if not textures:
        return Paint(color, None, look.wrap)
    if len(found) == 1:
        return Paint(color, textures[0], look.wrap)
    height, width = (max(each.shape[axis] for each in textures) for axis in (0, 1))
    pictures = [
        torch.ones(height, width, len(each.factor)) if each.texture is None else enlarge(each.texture, height, width)
        for each in found
    ]
    return Paint(color, torch.cat(pictures, dim=-1), look.wrap)


def enlarge(texture: Tensor, height: int, width: int) -> Tensor:
    """A texture [H, W, C] in another size, interpolated."""
    if texture.shape[:2] == (height, width):
        return texture
    planes = texture.movedim(-1, 0)[None]
    return torch.nn.functional.interpolate(planes, (height, width), mode="bilinear")[0].movedim(0, -1)
