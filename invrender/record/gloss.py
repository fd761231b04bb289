"""Materials as glTF's metallic-roughness has them, for programs that show meshes."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from invrender.io.looks import enlarge
from invrender.io.pictures.writing import to_bytes
from invrender.record.display import srgb_picture
from invrender.scene import Material, Property

METAL, ROUGHNESS = 2, 1
"""The channels of the picture that both share."""


def gltf_gloss(material: Material) -> dict[str, Any]:
    """What a material has beside its colour, as arguments of trimesh's `PBRMaterial`; matte for Phong's model.

    glTF has no roughness and metal by vertex, so these are the vertices' means, and maps of normals are scaled.
    """
    if material.model == "phong":
        return {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    rough, metal = (factor_of(material[name]) for name in ("roughness", "metallic"))
    emission = material["emission"]
    found = {
        "roughnessFactor": float(rough),
        "metallicFactor": float(metal),
        "metallicRoughnessTexture": packed(material["roughness"], material["metallic"]),
        "emissiveFactor": factor_of(emission).clamp(0, 1).tolist(),
        "emissiveTexture": None if emission.texture is None else Image.fromarray(srgb_picture(emission.texture)),
        "normalTexture": normals(material.properties["normal"]) if "normal" in material.properties else None,
    }
    return {name: each for name, each in found.items() if each is not None}


def factor_of(own: Property) -> Tensor:
    """A property's factor times the mean of its vertices' values."""
    factor = own.factor.detach().cpu().double()
    return (
        factor if own.vertex is None else factor * own.vertex.detach().cpu().double().mean(dim=0).reshape(factor.shape)
    )


def packed(roughness: Property, metallic: Property) -> Image.Image | None:
    """Both maps as one picture; None where there is neither."""
    maps = [each.texture for each in (roughness, metallic) if each.texture is not None]
    if not maps:
        return None
    size = max(each.shape[0] for each in maps), max(each.shape[1] for each in maps)
    picture = torch.ones(*size, 3)
    for channel, each in ((ROUGHNESS, roughness), (METAL, metallic)):
        if each.texture is not None:
            picture[..., channel] = enlarge(each.texture.detach().cpu().float(), *size)[..., 0]
    return Image.fromarray(to_bytes(picture))


def normals(own: Property) -> Image.Image | None:
    """A map of normals, scaled, of unit length, as 0 to 1 for −1 to 1."""
    if own.texture is None:
        return None
    vectors = torch.nn.functional.normalize(
        own.texture.detach().cpu().float() * own.factor.detach().cpu().float(), dim=-1
    )
    return Image.fromarray(to_bytes((vectors + 1) / 2))
