"""Objects from the nodes of a config: what ``_target_`` names, called with the arguments beside it."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import partial
from typing import Any, Literal

from omegaconf import OmegaConf

from invrender.checks import is_finite
from invrender.config.moved import moved_arguments
from invrender.config.registry import target_of
from invrender.errors import UserError, one_line, shortened, suggestion

SPECIAL = ("_target_", "_partial_")
NAMES: dict[object, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def build(node: Any, key: str, allow: Sequence[str] = ()) -> Any:
    """The object that ``node`` describes by ``_target_`` and the arguments beside it, nested ones too.

    Only targets of the registry and those under the prefixes ``allow`` are called, with arguments of the right type.
    key: names the node in messages.
    """
    plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    if not isinstance(plain, dict) or "_target_" not in plain:
        raise UserError(f"{key} is {shortened(plain)}, expected a group's option, with _target_")
    try:
        return construct(plain, key, allow)
    except UserError as error:
        told = str(error)
        raise UserError(told if told.startswith(key) else f"{key}.{told}") from error


def construct(node: Any, key: str, allow: Sequence[str], kind: type | None = None) -> Any:
    """What plain containers stand for.

    kind: the dataclass that keys and values without a target are the arguments of. Raises `UserError` for a target that
    is not allowed or not there, and for arguments that it does not take.
    """
    if isinstance(node, list):
        return [construct(item, f"{key}[{index}]", allow, kind) for index, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    target = target_of(node, key, allow) if "_target_" in node else kind
    if target is None:
        return {name: construct(item, f"{key}.{name}", allow) for name, item in node.items()}
    node = moved_arguments(node, target, key)
    check_arguments(node, target, key)
    kinds = dataclasses_in(target)
    given = {
        name: construct(item, f"{key}.{name}", allow, kinds.get(name))
        for name, item in node.items()
        if name not in SPECIAL
    }
    return partial(target, **given) if node.get("_partial_") else call(target, given, key)


def call(target: Callable[..., Any], given: Mapping[str, Any], key: str) -> Any:
    """What ``target`` returns; what it raises is an error of the node's keys."""
    try:
        return target(**given)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{key}: {one_line(str(error)) or type(error).__name__}") from error


def check_arguments(node: Mapping[str, Any], target: Callable[..., Any], key: str) -> None:
    """Raise `UserError` for arguments that are missing, not known or of another type."""
    parameters, annotations = inspect.signature(target).parameters, annotations_of(target)
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    if not isinstance(node.get("_partial_", False), bool):
        raise UserError(f"{key}._partial_ is {shortened(node['_partial_'])}, expected true or false")
    for name, parameter in parameters.items():
        plain = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if plain and parameter.default is parameter.empty and name not in node and not node.get("_partial_"):
            raise UserError(f"{key}.{name} is missing, expected a value")
    for argument, value in node.items():
        if argument in SPECIAL:
            continue
        if not isinstance(argument, str) or argument.startswith("_") or not (argument in parameters or open_ended):
            raise UserError(f"{key} has no key {shortened(argument)}{suggestion(argument, parameters)}")
        check_type(value, annotations.get(argument), f"{key}.{argument}")


def annotations_of(target: Callable[..., Any]) -> dict[str, Any]:
    """The types of a function's or a class's arguments."""
    if isinstance(target, type) and is_dataclass(target):
        # Each of its classes has the names of its own module.
        return typing.get_type_hints(target)
    function = inspect.getattr_static(target, "__init__") if isinstance(target, type) else target
    return typing.get_type_hints(function)


def dataclasses_in(target: Callable[..., Any]) -> dict[str, type]:
    """By argument that is a list of them, the dataclass."""
    found = {}
    for name, annotation in annotations_of(target).items():
        kind = next((each for each in typing.get_args(annotation) if is_dataclass(each)), None)
        if isinstance(kind, type):
            found[name] = kind
    return found


def check_type(value: Any, annotation: Any, key: str) -> None:
    """Raise `UserError` where a plain value does not suit a simple annotation; other annotations are not judged."""
    origin, options = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        kinds = [each for each in options if each is not type(None)]
        if len(kinds) == 1 and (value is not None or len(kinds) == len(options)):
            check_type(value, kinds[0], key)
    elif origin is Literal:
        if value not in options:
            near = suggestion(value, options)
            raise UserError(f"{key} is {shortened(value)}, expected one of {', '.join(map(str, options))}{near}")
    elif origin in (list, tuple, Sequence):
        check_list(value, options, key)
    elif origin is Callable or is_dataclass(annotation):
        if not isinstance(value, dict):
            raise UserError(f"{key} is {shortened(value)}, expected keys and values")
    elif annotation in (bool, int, float, str):
        right = isinstance(value, (int, float) if annotation is float else annotation)
        if not right or (annotation is not bool and isinstance(value, bool)):
            raise UserError(f"{key} is {shortened(value)}, expected {NAMES[annotation]}")
        if annotation is float and not is_finite(value):
            raise UserError(f"{key} is {shortened(value)}, expected a finite number")


def check_list(value: Any, kinds: Sequence[Any], key: str) -> None:
    """`check_type` for lists: ``kinds`` are the items' annotations, or one and an ellipsis for any number of them."""
    if not isinstance(value, list):
        raise UserError(f"{key} is {shortened(value)}, expected a list in brackets")
    if len(kinds) > 1 and kinds[-1] is not ...:
        if len(value) != len(kinds):
            raise UserError(f"{key} is {shortened(value)}, expected {len(kinds)} values")
        expected = list(kinds)
    else:
        expected = [kinds[0]] * len(value)
    for index, (item, kind) in enumerate(zip(value, expected, strict=True)):
        check_type(item, kind, f"{key}[{index}]")


def build_all(nodes: Mapping[str, Any], key: str, allow: Sequence[str]) -> dict[str, Any]:
    """`build` for each of named nodes. Raises `UserError` where there is none."""
    if not nodes:
        raise UserError(f"{key} is empty, expected at least one option; see the group's options with --help")
    return {name: build(node, f"{key}.{name}", allow) for name, node in nodes.items()}
