"""Addresses: paths from a scene down to its tensors, such as ``objects.cup.material.albedo.factor``.

The parts of a path are fields of dataclasses, names in mappings, or ``*`` for all names; a material's properties are
reached by their own names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from torch import Tensor

from invrender.errors import UserError
from invrender.scene.material import Material

T = TypeVar("T")

# Where there are things that are not everywhere.
PLACES = {
    **dict.fromkeys(("roughness", "metallic", "emission"), "objects of model=principled"),
    **dict.fromkeys(("specular", "shininess"), "objects of model=phong"),
    "normal": "objects with maps.normal",
    "coefficients": "light=sh",
}


def get_tensors(scene: Any, path: str) -> dict[str, Tensor]:
    """The tensors at a path, by their own addresses, in the scene's order; those that are None are left out.

    Raises `UserError` where the path leads nowhere, or to something that is no tensor of numbers with a point.
    """
    found = {".".join(parts): value for parts, value in walk(scene, path.split("."), ()) if value is not None}
    for address, value in found.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            names = ", ".join(children(value)) or "nothing"
            raise UserError(f"path is {path!r}: {address} is no tensor of numbers; it has {names}")
    if not found:
        raise UserError(f"path is {path!r}: this scene has nothing there")
    return found


def find_tensors(scene: Any) -> dict[str, Tensor]:
    """All tensors of numbers with a point, by address, in the scene's order."""
    found: dict[str, Tensor] = {}
    for name, value in children(scene).items():
        below = {"": value} if isinstance(value, Tensor) else find_tensors(value)
        found |= {f"{name}.{rest}".strip("."): each for rest, each in below.items() if each.is_floating_point()}
    return found


def walk(value: Any, parts: Sequence[str], before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What lies at the end of ``parts`` below ``value``, with the whole address; nothing below None."""
    if not parts or value is None:
        yield before, None if parts else value
        return
    first, *rest = parts
    below = children(value)
    if first != "*" and first not in below:
        where = ".".join(before) or "the scene"
        elsewhere = f"; {first} belongs to {PLACES[first]}" if first in PLACES else ""
        raise UserError(f"path: {where} has no {first!r}, expected one of {', '.join(below) or 'nothing'}{elsewhere}")
    if first != "*":
        yield from walk(below[first], rest, (*before, first))
        return
    # Of all names those count that lead somewhere: materials of other models have other properties.
    faults: list[UserError] = []
    for name in below:
        try:
            found = list(walk(below[name], rest, (*before, name)))
        except UserError as error:
            faults.append(error)
        else:
            yield from found
    if faults and len(faults) == len(below):
        raise faults[0]


def children(value: Any) -> dict[str, Any]:
    """What lies directly below a value, by name."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Material):
        return dict(value.properties)
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return {}


def set_tensors(scene: T, tensors: Mapping[str, Tensor]) -> T:
    """The scene with other tensors at some addresses."""
    for address, tensor in tensors.items():
        scene = cast("T", put(scene, address.split("."), tensor))
    return scene


def put(value: Any, parts: Sequence[str], tensor: Tensor) -> Any:
    """``value`` with a tensor at the end of ``parts``."""
    if not parts:
        return tensor
    first, *rest = parts
    changed = put(children(value)[first], rest, tensor)
    if isinstance(value, Mapping):
        return {**value, first: changed}
    if isinstance(value, Material):
        return replace(value, properties={**value.properties, first: changed})
    return replace(value, **{first: changed})
