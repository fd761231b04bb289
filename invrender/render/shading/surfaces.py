"""What the scenes of a batch show, as flat tensors: the form in which surfaces are shaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from invrender.constants import Constants, constant, numbers
from invrender.geometry.meshes import world_normals, world_vertices
from invrender.render.base import Shot
from invrender.render.shading.charts import mesh_pyramid
from invrender.render.shading.lights import cast_shadows, eye, known_lights, number_kind, stack_harmonics
from invrender.render.shading.mipmaps import level_sizes
from invrender.render.shading.operations import PLAIN, Operations
from invrender.scene import PRINCIPLED, Material, Mesh, Object

known_vertices: Constants[Tensor] = Constants()
known_normals: Constants[Tensor] = Constants()
packed_objects: Constants[dict[str, Any]] = Constants()

# The properties of principled surfaces beside albedo: their factors for objects that have none.
LAYERS = {name: values for name, values in PRINCIPLED.items() if name != "albedo"}


@dataclass(frozen=True)
class Layer:
    """One property of all objects, its maps aside. factors: [O, C]. vertex: [V, C], or None where no object has any."""

    factors: Tensor
    vertex: Tensor | None


@dataclass(frozen=True)
class Maps:
    """The textures of properties whose tables are the same, as channels of one. names: of the properties, in order.

    texels: [X, C] and textures: [O, L, 3] as in `Surfaces`.
    """

    names: tuple[str, ...]
    texels: Tensor
    textures: Tensor


@dataclass(frozen=True)
class Surfaces:
    """The faces of all objects of B pictures, object after object; objects that pictures share are held once.

    vertices: [V, 3], world frame. faces: [F, 3] into them.
    normals: [N, 3], unit, world frame. normal_faces: [F, 3] into them.
    uv: [T, 2]; uv_faces: [F, 3] into it (zeros for objects without texture).
    colors: [V, 3], the vertices' colours, or None where no object has any.
    texels: [X, 3], every level of every texture, row by row. textures: [O, L, 3] int64: for each object and level the
        index of its first texel, its width and its height; a width of 0 where there is no such level.
    object: [F] int64, the object that a face belongs to.
    materials: [O, 7]: albedo, specular, shininess.
    ambient: [B, 3], radiance. lights: [B, L, 6]: radiance, then the position, or the unit direction towards the light.
    kinds: [L] int64, `DIRECTIONAL`, `POINT` or `INVERSE_SQUARE`. shiny: whether highlights matter.
    eyes: [B, 3]: the camera's centre, or if ``parallel`` the unit direction towards it.
    meshes: how the faces meet, of each object. placements: for each picture its meshes, as numbers. first_vertex,
        first_face: where each mesh begins, and at the end their number. source: [F], of faces that are pieces of others
        the numbers of those, or None.
    principled: [O] bool, the objects whose material is of that model, or None where all are of Phong's. layers, maps:
        what these have beside albedo; a property is the product of its layer and, where there is one, its map.
    harmonics: [B, 9, 3], the coefficients of light from everywhere, or None where there is none.
    surrounded: whether there is any light from everywhere. shadows: which lights cast them, for each of ``kinds``, or
        nothing where none does. operations: what shaders work on lists of fragments with.
    """

    vertices: Tensor
    faces: Tensor
    normals: Tensor
    normal_faces: Tensor
    uv: Tensor
    uv_faces: Tensor
    colors: Tensor | None
    texels: Tensor
    textures: Tensor
    object: Tensor
    materials: Tensor
    ambient: Tensor
    lights: Tensor
    kinds: Tensor
    eyes: Tensor
    parallel: bool
    shiny: bool
    meshes: tuple[Mesh, ...]
    placements: tuple[tuple[int, ...], ...]
    first_vertex: tuple[int, ...]
    first_face: tuple[int, ...]
    source: Tensor | None = None
    principled: Tensor | None = None
    layers: Mapping[str, Layer] = field(default_factory=dict)
    maps: tuple[Maps, ...] = ()
    harmonics: Tensor | None = None
    surrounded: bool = True
    shadows: tuple[bool, ...] = ()
    operations: Operations = PLAIN

    @property
    def deferred(self) -> frozenset[str]:
        """The channels that no kernel draws of these surfaces, but a shader of fragments does."""
        plain = self.principled is None and self.harmonics is None and not self.shadows
        return frozenset(() if plain else ("rgb",))

    @classmethod
    def of(cls, shots: Sequence[Shot], mipmaps: bool = False, shaded: bool = True) -> Surfaces:
        """Gather the objects and lights of shots whose lights are of the same kinds in the same order.

        Without ``shaded`` there are neither normals nor texels, which silhouettes and depths do without.
        """
        objects, placements = place_objects(shots)
        lights = [known_lights(shot.scene) for shot in shots]
        return cls(
            **known_objects(objects, mipmaps, shaded),
            ambient=torch.stack([ambient for ambient, _, _ in lights]),
            lights=torch.stack([rows for _, rows, _ in lights]),
            kinds=lights[0][2],
            eyes=torch.stack([eye(shot.camera) for shot in shots]),
            parallel=shots[0].camera.projection == "orthographic",
            meshes=tuple(obj.mesh for obj in objects),
            placements=placements,
            harmonics=stack_harmonics([shot.scene for shot in shots]),
            shadows=cast_shadows(shots[0].scene),
            surrounded=any(number_kind(each) < 0 for shot in shots for each in shot.scene.lights.values()),
        )


def place_objects(shots: Sequence[Shot]) -> tuple[tuple[Object, ...], tuple[tuple[int, ...], ...]]:
    """The objects of shots, those that they share once, and for each shot its objects, as numbers."""
    objects: list[Object] = []
    places: dict[int, int] = {}
    placements = []
    for shot in shots:
        for obj in shot.scene.objects.values():
            if id(obj) not in places:
                places[id(obj)] = len(objects)
                objects.append(obj)
        placements.append(tuple(places[id(obj)] for obj in shot.scene.objects.values()))
    return tuple(objects), tuple(placements)


def known_objects(objects: Sequence[Object], mipmaps: bool, shaded: bool) -> dict[str, Any]:
    """As `pack_objects`; where nothing moves or changes they are packed once."""
    tensors = [each for obj in objects for each in tensors_of_object(obj)]
    if not constant(*(each for each in tensors if each is not None)):
        return pack_objects(objects, mipmaps, shaded)
    # By the pose: what is known of that keeps the vertices, so that one known by the vertices would keep both.
    looks = tuple((obj.material.model, *obj.material.properties) for obj in objects)
    first, setting = objects[0].world_from_object, (mipmaps, shaded, looks)
    return packed_objects.get(lambda: pack_objects(objects, mipmaps, shaded), first, *tensors, setting=setting)


def tensors_of_object(obj: Object) -> tuple[Tensor | None, ...]:
    """All tensors of an object, the vertices first; None for those that it does without."""
    mesh, material = obj.mesh, obj.material
    placed = (mesh.vertices, mesh.faces, mesh.normal_faces, mesh.normals, mesh.uv, mesh.uv_faces)
    looks = [part for each in material.properties.values() for part in (each.factor, each.texture, each.vertex)]
    return (*placed, obj.world_from_object, *looks)


def pack_objects(objects: Sequence[Object], mipmaps: bool, shaded: bool) -> dict[str, Any]:
    """What `Surfaces` has of objects alone, by name."""
    vertices = [place_vertices(obj) for obj in objects]
    first_vertex = accumulate_counts(each.shape[0] for each in vertices)
    first_face = accumulate_counts(obj.mesh.faces.shape[0] for obj in objects)
    faces = [shift_indices(obj.mesh.faces, first) for obj, first in zip(objects, first_vertex, strict=False)]
    normals = [place_normals(world, obj) if shaded else world[:0] for world, obj in zip(vertices, objects, strict=True)]
    first_normal = accumulate_counts(each.shape[0] for each in normals)
    normal_faces = [
        shift_indices(obj.mesh.normal_faces, first) for obj, first in zip(objects, first_normal, strict=False)
    ]
    uv = [uv_of(obj) for obj in objects]
    first_uv = accumulate_counts(each.shape[0] for each, _ in uv)
    uv_faces = [shift_indices(indices, first) for (_, indices), first in zip(uv, first_uv, strict=False)]
    texels, textures = pack_textures(objects if shaded else [], "albedo", mipmaps, vertices[0])
    kinds = [obj.material.model == "principled" for obj in objects]
    materials = torch.stack([pack_material(obj.material) for obj in objects])
    return {
        "vertices": concatenate(vertices),
        "faces": concatenate(faces),
        "normals": concatenate(normals),
        "normal_faces": concatenate(normal_faces),
        "uv": concatenate([each for each, _ in uv]),
        "uv_faces": concatenate(uv_faces),
        "colors": vertex_colors(objects),
        "texels": texels,
        "textures": textures,
        "object": concatenate([torch.full_like(each[:, 0], number) for number, each in enumerate(faces)]),
        "materials": materials,
        "shiny": materials.requires_grad or bool((materials[:, 3:6] != 0).any()),
        "first_vertex": first_vertex,
        "first_face": first_face,
        "principled": numbers(tuple(kinds), materials, torch.bool) if any(kinds) else None,
        **(pack_layers(objects, mipmaps, vertices[0]) if shaded and any(kinds) else {}),
    }


def pack_layers(objects: Sequence[Object], mipmaps: bool, like: Tensor) -> dict[str, Any]:
    """The ``layers`` and ``maps`` of principled surfaces; normals where some object has a map of them."""
    mapped = any("normal" in obj.material.properties for obj in objects)
    names = [name for name in LAYERS if name != "normal" or mapped]
    found: list[Maps] = []
    for name in names:
        texels, textures = pack_textures(objects, name, mipmaps, like)
        alike = next((number for number, each in enumerate(found) if torch.equal(each.textures, textures)), None)
        if alike is not None:
            own = found[alike]
            found[alike] = Maps((*own.names, name), torch.cat([own.texels, texels], dim=1), textures)
        elif len(texels):
            found.append(Maps((name,), texels, textures))
    return {"layers": {name: pack_layer(objects, name, like) for name in names}, "maps": tuple(found)}


def pack_layer(objects: Sequence[Object], name: str, like: Tensor) -> Layer:
    """One property of all objects."""
    missing = numbers(LAYERS[name], like)
    found = [obj.material.properties.get(name) for obj in objects]
    factors = torch.stack([missing if each is None else each.factor.reshape(-1) for each in found])
    vertex = [None if each is None else each.vertex for each in found]
    counts = [len(obj.mesh.vertices) for obj in objects]
    ones = [like.new_ones(count, len(missing)) for count in counts]
    whole = [one if each is None else each for each, one in zip(vertex, ones, strict=True)]
    return Layer(factors, None if all(each is None for each in vertex) else torch.cat(whole))


def accumulate_counts(counts: Iterable[int]) -> tuple[int, ...]:
    """0, and the sum of the counts up to each."""
    return tuple(accumulate(counts, initial=0))


def concatenate(parts: Sequence[Tensor]) -> Tensor:
    """Tensors one after the other; a single one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def shift_indices(indices: Tensor, first: int) -> Tensor:
    """Indices counted from ``first``; from 0 they are not copied."""
    return indices + first if first else indices


def place_vertices(obj: Object) -> Tensor:
    """The object's vertices [V, 3] in the world; those of one that does not move are found once."""
    pose, vertices = obj.world_from_object, obj.mesh.vertices
    if constant(pose, vertices):
        return known_vertices.get(lambda: world_vertices(obj), pose, vertices)
    return world_vertices(obj)


def place_normals(world: Tensor, obj: Object) -> Tensor:
    """The object's normals [N, 3] at vertices ``world`` [V, 3]; those of one that does not move are found once."""
    mesh, pose = obj.mesh, obj.world_from_object
    if constant(world, pose):
        # The pose is known by ``world``; what is kept with that must not keep the pose, whose vertices it is.
        given = (world, mesh.faces, mesh.normal_faces, mesh.normals)
        return known_normals.get(lambda: world_normals(world, obj), *given)
    return world_normals(world, obj)


def uv_of(obj: Object) -> tuple[Tensor, Tensor]:
    """An object's texture coordinates [T, 2] and the faces' indices [F, 3] into them; zeros where it has no texture."""
    mesh = obj.mesh
    if not obj.material.textured or mesh.uv is None or mesh.uv_faces is None:
        return mesh.vertices.new_zeros(1, 2), torch.zeros_like(mesh.faces)
    return mesh.uv, mesh.uv_faces


def vertex_colors(objects: Sequence[Object]) -> Tensor | None:
    """The colours [V, 3] of all vertices, white where an object has none; None if none has."""
    if all(obj.material.vertex_colors is None for obj in objects):
        return None
    found = [(obj.material.vertex_colors, obj.mesh.vertices) for obj in objects]
    return torch.cat([torch.ones_like(vertices) if colors is None else colors for colors, vertices in found])


def pack_textures(objects: Sequence[Object], name: str, mipmaps: bool, like: Tensor) -> tuple[Tensor, Tensor]:
    """The texels [X, C] of a property and their table [O, L, 3]; objects that share a texture share its texels."""
    tables: list[list[tuple[int, int, int]]] = []
    texels: list[Tensor] = []
    packed: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    count = 0
    for obj in objects:
        texture = obj.material[name].texture if name in obj.material.properties else None
        if texture is None or obj.mesh.uv is None or obj.mesh.uv_faces is None:
            tables.append([])
            continue
        # The pyramid of a texture depends on where the mesh shows it.
        key = (id(texture), id(obj.mesh.uv), id(obj.mesh.uv_faces)) if mipmaps else (id(texture),)
        if key not in packed:
            rows = packed[key] = []
            texels.append(mesh_pyramid(obj.mesh, texture) if mipmaps else texture.reshape(-1, texture.shape[-1]))
            for height, width in level_sizes(*texture.shape[:2]) if mipmaps else [texture.shape[:2]]:
                rows.append((count, width, height))
                count += height * width
        tables.append(packed[key])
    levels = max((len(rows) for rows in tables), default=0)
    padded = tuple((*rows, *[(0, 0, 0)] * (max(levels, 1) - len(rows))) for rows in tables)
    none = like.new_zeros(0, len(PRINCIPLED[name]))
    table = numbers(padded, like, torch.int64).reshape(len(tables), max(levels, 1), 3)
    return concatenate(texels) if texels else none, table


def pack_material(material: Material) -> Tensor:
    """Albedo, specular and shininess, [7]; of a principled material the albedo alone."""
    if material.model == "principled":
        return torch.cat([material.albedo, numbers((0.0, 0.0, 0.0, 1.0), material.albedo)])
    return torch.cat([material.albedo, material.specular, material.shininess.reshape(1)])
