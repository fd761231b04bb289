"""The materials of glTF 2.0 files, as far as they are drawn."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from invrender.errors import UserError, first_line
from invrender.images.color import linear_from_srgb
from invrender.io.meshes.content import Array, Part, Texture, Wrap
from invrender.io.meshes.gltf_buffers import Gltf, Json
from invrender.io.pictures.pillow import FORMATS, numbers_of
from invrender.io.pictures.source import scaled

WRAPS: dict[int, Wrap] = {10497: "repeat", 33648: "mirror", 33071: "clamp"}
REPEAT = 10497
READ = {"KHR_texture_transform", "KHR_materials_unlit", "KHR_materials_pbrSpecularGlossiness"}


@dataclass(frozen=True)
class Surface:
    """A material. set: of the texture coordinates. transform: [2, 3], applied to them, v down."""

    part: Part
    set: int = 0
    transform: Array = field(default_factory=lambda: np.eye(2, 3))


def plain() -> Surface:
    """The material of primitives that have none: white."""
    return Surface(Part("default"))


def surfaces(gltf: Gltf, undrawn: list[str]) -> list[Surface]:
    """The file's materials; adds to ``undrawn`` what of them is not drawn."""
    return [surface(gltf, number, undrawn) for number in range(len(gltf.document.get("materials", [])))]


def surface(gltf: Gltf, number: int, undrawn: list[str]) -> Surface:
    """One material: its colour and texture."""
    material = gltf.item("materials", number)
    name = str(material.get("name", f"material{number}"))
    undrawn += effects(material)
    extensions = material.get("extensions", {})
    metallic = material.get("pbrMetallicRoughness", {})
    factor, texture = metallic.get("baseColorFactor"), metallic.get("baseColorTexture")
    older = extensions.get("KHR_materials_pbrSpecularGlossiness")
    if older is not None:
        factor, texture = older.get("diffuseFactor"), older.get("diffuseTexture")
    color = None if factor is None else (float(factor[0]), float(factor[1]), float(factor[2]))
    if texture is None:
        return Surface(Part(name, color))
    transform = texture.get("extensions", {}).get("KHR_texture_transform", {})
    coordinates = int(transform.get("texCoord", texture.get("texCoord", 0)))
    found = texture_of(gltf, texture)
    if isinstance(found, str):
        return Surface(Part(name, color, lost=found), coordinates, matrix(transform))
    return Surface(Part(name, color, found), coordinates, matrix(transform))


def effects(material: Json) -> list[str]:
    """What a material has that is not drawn, in words."""
    metallic = material.get("pbrMetallicRoughness", {})
    extensions = material.get("extensions", {})
    is_metal = "KHR_materials_pbrSpecularGlossiness" not in extensions and "KHR_materials_unlit" not in extensions
    found = {
        "transparency (alphaMode MASK)": material.get("alphaMode") == "MASK",
        "transparency (alphaMode BLEND)": material.get("alphaMode") == "BLEND",
        "metal (metallicFactor)": is_metal and metallic.get("metallicFactor", 1.0) > 0,
        "maps of metal and roughness": "metallicRoughnessTexture" in metallic,
        "glow (emissive)": any(value > 0 for value in material.get("emissiveFactor", [0, 0, 0])),
        "maps of normals": "normalTexture" in material,
        "maps of occlusion": "occlusionTexture" in material,
        "that it is unlit (KHR_materials_unlit)": "KHR_materials_unlit" in extensions,
        "highlights (KHR_materials_pbrSpecularGlossiness)": "KHR_materials_pbrSpecularGlossiness" in extensions,
    }
    others = [f"{name}" for name in sorted(set(extensions) - READ)]
    return [words for words, is_there in found.items() if is_there] + others


def matrix(transform: Json) -> Array:
    """KHR_texture_transform as a matrix [2, 3]: scaled, turned, moved."""
    scale, angle = transform.get("scale", [1, 1]), float(transform.get("rotation", 0))
    offset = transform.get("offset", [0, 0])
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array(
        [[cosine * scale[0], sine * scale[1], offset[0]], [-sine * scale[0], cosine * scale[1], offset[1]]],
        dtype=np.float64,
    )


def texture_of(gltf: Gltf, reference: Json) -> Texture | str:
    """A texture with its sampler; where it can't be read, why."""
    item = gltf.item("textures", reference.get("index"))
    source = source_of(item)
    if source is None:
        kinds = ", ".join(item.get("extensions", {})) or "no picture"
        return f"a texture has {kinds}, which can't be read"
    sampler = gltf.item("samplers", item["sampler"]) if "sampler" in item else {}
    wrap = WRAPS.get(sampler.get("wrapS", REPEAT), "repeat"), WRAPS.get(sampler.get("wrapT", REPEAT), "repeat")
    image = gltf.item("images", source)
    name = str(image.get("name") or image.get("uri", f"image {source}"))[:80]
    try:
        data = gltf.picture(source)
    except UserError as error:
        return f"the texture {name!r}: {error}"
    return Texture(name, f"image {source}", lambda: decoded(gltf, name, data), wrap)


def source_of(texture: Json) -> Any:
    """The image of a texture: its own, or a WebP, which can be read; None where there is neither."""
    webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
    return texture.get("source", webp.get("source"))


def decoded(gltf: Gltf, name: str, data: bytes) -> Tensor:
    """The colours of an encoded picture, linear [H, W, 3]."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            values = scaled(numbers_of(picture))
    except Exception as error:
        reason = first_line(error, type(error).__name__)
        raise UserError(f"{gltf.path}: the texture {name!r} is not a readable picture ({reason})") from error
    colors = values[..., :-1] if values.shape[-1] in (2, 4) else values
    return linear_from_srgb(colors.expand(-1, -1, 3).contiguous())
