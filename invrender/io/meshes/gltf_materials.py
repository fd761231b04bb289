"""The materials of glTF 2.0 files, as far as they are drawn."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from invrender.errors import UserError, first_line
from invrender.images.color import linear_from_srgb
from invrender.io.meshes.content import Array, Gloss, Part, Texture, Wrap
from invrender.io.meshes.gltf_buffers import Gltf, Json
from invrender.io.pictures.data import vectors
from invrender.io.pictures.pillow import FORMATS, numbers_of
from invrender.io.pictures.source import scaled, with_channels

WRAPS: dict[int, Wrap] = {10497: "repeat", 33648: "mirror", 33071: "clamp"}
REPEAT = 10497
OLDER, UNLIT = "KHR_materials_pbrSpecularGlossiness", "KHR_materials_unlit"
READ = {"KHR_texture_transform", "KHR_materials_emissive_strength", OLDER, UNLIT}
# The channel that a map is in; metal and roughness share a picture.
CHANNELS = {"roughness": 1, "metallic": 2}


@dataclass(frozen=True)
class Surface:
    """A material. set: of the texture coordinates. transform: [2, 3], applied to them, v down."""

    part: Part
    set: int = 0
    transform: Array = field(default_factory=lambda: np.eye(2, 3))


def plain() -> Surface:
    """The material of primitives that have none: white."""
    return Surface(Part("default"))


def surfaces(gltf: Gltf, undrawn: list[str], notes: list[str]) -> list[Surface]:
    """The file's materials; adds to ``undrawn`` what of them is not drawn, and to ``notes`` what is drawn otherwise."""
    return [surface(gltf, number, undrawn, notes) for number in range(len(gltf.document.get("materials", [])))]


def surface(gltf: Gltf, number: int, undrawn: list[str], notes: list[str]) -> Surface:
    """One material: its colour, texture and gloss."""
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
    gloss = None if {OLDER, UNLIT} & set(extensions) else gloss_of(gltf, material, notes)
    reference = texture or next(iter(references(material).values()), None) if gloss is not None else texture
    if reference is None:
        return Surface(Part(name, color, gloss=gloss))
    if gloss is not None and any(placing(each) != placing(reference) for each in references(material).values()):
        notes.append(f"material {name!r} places its maps differently, and all are placed as its first texture")
    transform, coordinates = placing(reference)
    if texture is None:
        return Surface(Part(name, color, gloss=gloss), coordinates, matrix(transform))
    found = texture_of(gltf, texture)
    if isinstance(found, str):
        return Surface(Part(name, color, lost=found, gloss=gloss), coordinates, matrix(transform))
    return Surface(Part(name, color, found, gloss=gloss), coordinates, matrix(transform))


def references(material: Json) -> dict[str, Json]:
    """A material's references to the textures of its gloss, by property."""
    metallic = material.get("pbrMetallicRoughness", {})
    packed, glow, bumps = metallic.get("metallicRoughnessTexture"), material.get("emissiveTexture"), "normalTexture"
    found = {"roughness": packed, "metallic": packed, "emission": glow, "normal": material.get(bumps)}
    return {name: each for name, each in found.items() if each is not None}


def placing(reference: Json) -> tuple[Json, int]:
    """How a texture is moved, and the number of its texture coordinates."""
    transform = reference.get("extensions", {}).get("KHR_texture_transform", {})
    return transform, int(transform.get("texCoord", reference.get("texCoord", 0)))


def gloss_of(gltf: Gltf, material: Json, notes: list[str]) -> Gloss | None:
    """What a material has beside its colour; None for a matte one, and where neither metal nor roughness is stated."""
    stated = material.get("pbrMetallicRoughness", {})
    silent = not {"metallicFactor", "roughnessFactor", "metallicRoughnessTexture"} & set(stated)
    found = Gloss(
        roughness=1.0 if silent else float(stated.get("roughnessFactor", 1.0)),
        metallic=0.0 if silent else float(stated.get("metallicFactor", 1.0)),
        emission=emission_of(gltf, material),
        normal_scale=float(material.get("normalTexture", {}).get("scale", 1.0)),
    )
    for name, value in (("roughness", found.roughness), ("metallic", found.metallic)):
        if not 0 <= value <= 1:
            raise gltf.error(f"a material has {name}Factor {value:g}, expected 0 to 1")
    maps: dict[str, Texture] = {}
    for name, reference in references(material).items():
        texture = texture_of(gltf, reference, name)
        if isinstance(texture, str):
            notes.append(f"{texture}; it is left out of {name}")
        elif name != "emission" or max(found.emission) > 0:
            maps[name] = texture
    if silent:
        notes.append(
            "materials that state neither metal nor roughness, by default rough metals, are drawn as matte as most are "
            "meant; model=principled and metallic=1 of the object make them metal"
        )
    found = replace(found, maps=maps)
    return None if found.matte else found


def emission_of(gltf: Gltf, material: Json) -> tuple[float, float, float]:
    """What a material shines with: its factor and the strength that multiplies it."""
    factor = [float(each) for each in material.get("emissiveFactor", [0, 0, 0])]
    strength = material.get("extensions", {}).get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1.0)
    if len(factor) != 3 or not all(0 <= each < math.inf for each in (*factor, float(strength))):
        raise gltf.error(
            f"a material has emissiveFactor {factor} of strength {strength}, expected three finite numbers of 0 or more"
        )
    red, green, blue = (float(strength) * each for each in factor)
    return red, green, blue


def effects(material: Json) -> list[str]:
    """What a material has that is not drawn, in words."""
    metallic = material.get("pbrMetallicRoughness", {})
    extensions = material.get("extensions", {})
    plain = OLDER in extensions or UNLIT in extensions
    found = {
        "transparency (alphaMode MASK)": material.get("alphaMode") == "MASK",
        "transparency (alphaMode BLEND)": material.get("alphaMode") == "BLEND",
        "maps of metal and roughness": plain and "metallicRoughnessTexture" in metallic,
        "glow (emissive)": plain and any(value > 0 for value in material.get("emissiveFactor", [0, 0, 0])),
        "maps of normals": plain and "normalTexture" in material,
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


def texture_of(gltf: Gltf, reference: Json, use: str = "albedo") -> Texture | str:
    """A texture with its sampler, as the map of a property; where it can't be read, why."""
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
    return Texture(name, f"image {source} {use}", lambda: decoded(gltf, name, data, use), wrap)


def source_of(texture: Json) -> Any:
    """The image of a texture: its own, or a WebP, which can be read; None where there is neither."""
    webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
    return texture.get("source", webp.get("source"))


def decoded(gltf: Gltf, name: str, data: bytes, use: str) -> Tensor:
    """An encoded picture as the map of a property: colours are linear [H, W, 3], single numbers [H, W, 1]."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            values = scaled(with_channels(numbers_of(picture)))
    except Exception as error:
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "of no known format" if unknown else first_line(error, type(error).__name__)
        raise UserError(f"{gltf.path}: the texture {name!r} is not a readable picture ({reason})") from error
    colors = values[..., :-1] if values.shape[-1] in (2, 4) else values
    colors = colors.expand(-1, -1, 3).contiguous()
    if use in CHANNELS:
        return colors[..., CHANNELS[use]][..., None].contiguous()
    return vectors(colors, f"{gltf.path}: the texture {name!r}") if use == "normal" else linear_from_srgb(colors)
