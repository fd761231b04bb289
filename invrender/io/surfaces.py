"""Objects' meshes and materials: the config's word counts before the mesh file's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError, naming, note, suggestion
from invrender.images.resample import resize_area
from invrender.io.folder import Folder
from invrender.io.gloss import BLANK, choose_model, glossy_looks, glossy_material, texture_size, vertex_values
from invrender.io.looks import Look, cover, factors, normal_factor, spread
from invrender.io.meshes import MeshFile, read_mesh
from invrender.io.meshes.content import Gloss, Part, Wrap
from invrender.io.meshes.painting import distinct
from invrender.io.pictures import read_picture
from invrender.io.schema import ObjectConfig, PartConfig
from invrender.io.starts import STARTS, check_start, make_start
from invrender.scene import Material, Mesh, Property, phong


def build_surface(config: ObjectConfig, files: Folder, key: str) -> tuple[Mesh, Material]:
    """The mesh of an object and its material."""
    path, file = find_mesh(config, files, key)
    looks, part = distinct(*part_looks(config, path, file, files, key))
    if config.texture_size is not None:
        looks = [resized(config, file, looks, key)]
    elif config.texture == BLANK:
        raise UserError(f"{key}.texture is {BLANK}, which needs a size: set {key}.texture_size=[256,256]")
    model = choose_model(config, file, key)
    if model == "principled":
        looks = glossy_looks(config, looks, files, key)
    if any(each.textured for each in looks) and file.mesh.uv is None:
        raise UserError(
            f"{key} has a texture, but {config.mesh} has no texture coordinates (UV); unwrap it, or leave it out"
        )
    with naming(f"{key}.mesh is {config.mesh}"):
        covered = cover(file.mesh, part, looks)
    if covered.notes:
        note(f"{path}: {'; '.join(covered.notes)}")
    albedo = replace(covered.properties["albedo"], vertex=vertex_colors(config, file, files, key))
    if model == "principled":
        return covered.mesh, glossy_material(config, {**covered.properties, "albedo": albedo}, file, files, key)
    shininess = checks.at_least(f"{key}.shininess", config.shininess, 0)
    material = phong(
        albedo=albedo.factor,
        specular=checks.color(f"{key}.specular", config.specular),
        shininess=torch.tensor(shininess, dtype=torch.float32),
        texture=albedo.texture,
        vertex_colors=albedo.vertex,
    )
    return covered.mesh, material


def find_mesh(config: ObjectConfig, files: Folder, key: str) -> tuple[Path, MeshFile]:
    """The mesh of an object and the path of its file; a start has none."""
    if config.mesh in STARTS:
        return Path(config.mesh), make_start(config, files, key)
    check_start(config, key)
    path = files.find(config.mesh, f"{key}.mesh")
    return path, files.once((path, config.crease), lambda: read_mesh(path, config.crease))


def part_looks(config: ObjectConfig, path: Path, file: MeshFile, files: Folder, key: str) -> tuple[list[Look], Tensor]:
    """What the file's parts look like, and the part of each face [F] among them."""
    albedo = None if config.albedo is None else checks.color(f"{key}.albedo", config.albedo)
    if config.texture is not None:
        if config.parts:
            raise UserError(f"{key}.parts has no effect, for texture is given for all of them; set one of them to null")
        picture = None if config.texture == BLANK else named_picture(config.texture, files, f"{key}.texture")
        color = own_color(path, file) if albedo is None else albedo
        if any(each.gloss is not None and each.gloss.maps for each in file.parts):
            note(f"{path}: its maps of gloss go with its own texture, and {key}.texture takes the place of all")
        return [Look({"albedo": Property(color, picture)}, own_wrap(file))], torch.zeros_like(file.part)
    names = [part.name for part in file.parts]
    for name in config.parts:
        if name not in names:
            known = ", ".join(names) if any(names) else "no names"
            raise UserError(f"{key}.parts.{name}: {path} has no such part; it has {known}{suggestion(name, names)}")
    looks = [
        part_look(part, config.parts.get(part.name, PartConfig()), albedo, path, files, key) for part in file.parts
    ]
    if choose_model(config, file, key) == "principled":
        looks = [with_gloss(look, part, path, files) for look, part in zip(looks, file.parts, strict=True)]
    return looks, file.part


def own_color(path: Path, file: MeshFile) -> Tensor:
    """The colour [3] that all parts of a file have, else white."""
    colors = {part.color for part in file.parts}
    if len(colors) > 1 or None in colors:
        return torch.ones(3)
    if colors == {(0.0, 0.0, 0.0)}:
        note(f"{path}: its colour is black, which would hide the texture, and is taken as white")
        return torch.ones(3)
    return torch.tensor(colors.pop(), dtype=torch.float32)


def own_wrap(file: MeshFile) -> tuple[Wrap, Wrap]:
    """What is beyond the borders of the file's first texture; a file without any means that textures repeat."""
    return next((part.texture.wrap for part in file.parts if part.texture is not None), ("repeat", "repeat"))


def part_look(part: Part, given: PartConfig, albedo: Tensor | None, path: Path, files: Folder, key: str) -> Look:
    """What one part looks like. albedo: the colour that the object is given, or None."""
    own = f"{key}.parts.{part.name}"
    if given.albedo is not None:
        albedo = checks.color(f"{own}.albedo", given.albedo)
    color = albedo
    if color is None:
        color = torch.ones(3) if part.color is None else torch.tensor(part.color, dtype=torch.float32)
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat") if part.texture is None else part.texture.wrap
    if given.texture is not None:
        return colored(color, named_picture(given.texture, files, f"{own}.texture"), wrap)
    if part.lost is not None:
        if albedo is None:
            raise UserError(
                f"{path}: {part.lost}; to go on without it, give a colour, {key}.albedo=[0.8,0.8,0.8], or another "
                f"texture, {key}.texture=FILE"
            )
        note(f"{path}: {part.lost}, and the albedo that is given is drawn")
        return colored(color)
    if part.texture is None:
        return colored(color)
    return colored(color, files.once((path, part.texture.key), part.texture.read), wrap)


def colored(color: Tensor, picture: Tensor | None = None, wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")) -> Look:
    """The look of a colour and a texture alone."""
    return Look({"albedo": Property(color, picture)}, wrap)


def with_gloss(look: Look, part: Part, path: Path, files: Folder) -> Look:
    """A look with what the mesh file says of the part's gloss."""
    gloss = part.gloss or Gloss()
    found = {name: Property(factor) for name, factor in factors(gloss).items()}
    if "normal" in gloss.maps:
        found["normal"] = Property(normal_factor(gloss.normal_scale))
    for name, texture in gloss.maps.items():
        found[name] = replace(found[name], texture=files.once((path, name, texture.key), texture.read))
    wrap = next((each.wrap for each in gloss.maps.values()), look.wrap) if not look.textured else look.wrap
    return Look({**look.properties, **found}, wrap)


def named_picture(name: str, files: Folder, key: str) -> Tensor:
    """The colours [H, W, 3] of a picture that the config names."""
    path = files.find(name, key)
    return files.once(path, lambda: read_picture(path).rgb)


def resized(config: ObjectConfig, file: MeshFile, looks: list[Look], key: str) -> Look:
    """The one look of an object with a texture of the size that is given."""
    assert config.texture_size is not None
    height, width = texture_size(config.texture_size, f"{key}.texture_size")
    if len(looks) > 1:
        raise UserError(
            f"{key}.texture_size is {config.texture_size}, but {config.mesh} has {len(looks)} materials; give a "
            f"texture for all of it, or {key}.texture={BLANK}, or set the size to null"
        )
    (only,) = looks
    albedo = only.properties["albedo"]
    if albedo.texture is not None:
        painted, wrap = Property(albedo.factor, resize_area(albedo.texture, height, width)), only.wrap
    else:
        painted, wrap = spread(albedo, height, width), own_wrap(file)
    return Look({**only.properties, "albedo": painted}, wrap)


def vertex_colors(config: ObjectConfig, file: MeshFile, files: Folder, key: str) -> Tensor | None:
    """Linear colours [V, 3] from the config's .npy or the mesh file."""
    if config.vertex_colors is None:
        return file.vertex_colors
    if config.vertex_colors == "white":
        return torch.ones_like(file.mesh.vertices)
    if config.vertex_colors == "position":
        lowest, highest = file.mesh.vertices.amin(dim=0), file.mesh.vertices.amax(dim=0)
        return (file.mesh.vertices - lowest) / (highest - lowest).clamp(min=1e-9)
    return vertex_values(config.vertex_colors, len(file.mesh.vertices), 3, files, f"{key}.vertex_colors")
