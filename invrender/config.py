"""What the command line composes: the schema of every subcommand, and what is built from it.

Nothing here imports torch before something is built.
"""

from __future__ import annotations

import inspect
import math
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from invrender.errors import UserError, suggestion
from invrender.io.schema import SceneFile
from invrender.overrides import one_line

if TYPE_CHECKING:
    from invrender.fit import Stopping
    from invrender.scene import Scene, Target

ALLOWED = ("invrender.", "torch.optim.")
KINDS = ("render", "image", "views")


@dataclass
class TargetConfig:
    """The pictures that a fit explains.

    kind: render (of the scene with ``camera``, ``light`` and ``scene`` changed: a known truth), image or views (files).
    path: the picture, or the camera file of the views. mask, weight: pictures of its size.
    color_space: of the pictures, srgb or linear. max_size: their longer side is reduced to so many pixels.
    samples: of a rendered target, for each pixel in each direction. noise: standard deviation, linear; seed: its own,
    None: the run's.
    views: changes of the camera, one rendered picture for each; the fit then knows the cameras.
    """

    kind: str = "render"
    path: str | None = None
    mask: str | None = None
    weight: str | None = None
    color_space: str = "srgb"
    max_size: int = 640
    samples: int = 4
    noise: float = 0.0
    seed: int | None = None
    views: list[dict[str, Any]] = field(default_factory=list)
    camera: dict[str, Any] = field(default_factory=dict)
    light: dict[str, Any] = field(default_factory=dict)
    scene: dict[str, Any] = field(default_factory=dict)


@dataclass
class StoppingConfig:
    """When a fit stops early.

    tolerance: a loss at or below it ends the stage. patience: so many steps without the loss falling by the share
    ``improvement`` end the stage. seconds: the budget of the whole fit.
    """

    tolerance: float = 0.0
    patience: int = 50
    improvement: float = 1e-3
    seconds: float | None = None


@dataclass
class RecordConfig:
    """What a fit leaves in its folder.

    files: result, pictures, history. gif: the progress as a film of at most ``frames`` pictures. report: all of them as
    one HTML file. tensorboard: events, with a picture every ``picture_every`` steps. bar: a progress bar.
    """

    files: bool = True
    gif: bool = True
    frames: int = 60
    report: bool = True
    tensorboard: bool = True
    picture_every: int = 10
    bar: bool = True


@dataclass
class Work:
    """What every subcommand that renders has.

    device: auto (cuda where there is one), cpu or cuda. allow_targets: further prefixes of what ``_target_`` may name.
    """

    renderer: Any = MISSING
    seed: int = 0
    device: str = "auto"
    allow_targets: list[str] = field(default_factory=list)


@dataclass
class FitConfig(Work, SceneFile):
    """`invrender fit`. The scene is the initial guess; ``recover`` names what is unknown in it.

    verbosity: quiet, normal or verbose. dry_run: show what would be done, and do none of it.
    """

    target: TargetConfig = field(default_factory=TargetConfig)
    recover: dict[str, Any] = field(default_factory=dict)
    optimizer: Any = MISSING
    search: Any = MISSING
    loss: dict[str, Any] = field(default_factory=dict)
    record: RecordConfig = field(default_factory=RecordConfig)
    stopping: StoppingConfig = field(default_factory=StoppingConfig)
    verbosity: str = "normal"
    dry_run: bool = False


@dataclass
class RenderConfig(Work, SceneFile):
    """`invrender render`. output: a picture file to write besides those in the run's folder."""

    output: str | None = None
    overwrite: bool = False


@dataclass
class CaseConfig:
    """One of a task's starts. fit: further overrides of `invrender fit`. draw: replaces keys of the task's."""

    fit: list[str] = field(default_factory=list)
    draw: dict[str, Any] = field(default_factory=dict)


@dataclass
class TaskConfig:
    """What a benchmark asks for again and again.

    fit: overrides of `invrender fit`. draw: by ``_target_``, what a seed draws; empty for a task that is always the
    same. cases: by name, such as the angles to start from; empty for a task of one case.
    """

    fit: list[str] = field(default_factory=list)
    draw: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, CaseConfig] = field(default_factory=dict)


@dataclass
class RightConfig:
    """How near to the truth an answer is right: rotations in degrees, relative errors as shares, colours in dB."""

    degrees: float = 1.0
    share: float = 0.01
    decibels: float = 20.0


@dataclass
class BenchConfig:
    """`invrender bench`.

    seeds: runs of each case. size: pixels of the square pictures. fit: overrides of every fit, after its task's.
    jobs: at a time; auto is one on each core. right: what counts as found where answers and verdicts are compared.
    dry_run: list the fits, and run none.
    """

    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    seeds: int = 1
    size: int = 96
    fit: list[str] = field(default_factory=list)
    jobs: str = "auto"
    right: RightConfig = field(default_factory=RightConfig)
    verbosity: str = "normal"
    dry_run: bool = False
    allow_targets: list[str] = field(default_factory=list)


@dataclass
class BoardConfig:
    """`invrender board`. runs: folders to search. open: a browser, auto where there is a display."""

    runs: list[str] = field(default_factory=lambda: ["outputs"])
    port: int = 6006
    open: str = "auto"


@dataclass
class ReportConfig:
    """`invrender report`. runs: folders of fits and sweeps."""

    runs: list[str] = field(default_factory=list)


@dataclass
class DoctorConfig:
    """`invrender doctor` has no keys."""


def register_schemas() -> None:
    """Make the schemas known to Hydra, as ``fit_schema`` and so on, by the name of the command."""
    store = ConfigStore.instance()
    schemas = {
        "fit": FitConfig,
        "render": RenderConfig,
        "bench": BenchConfig,
        "board": BoardConfig,
        "report": ReportConfig,
        "doctor": DoctorConfig,
    }
    for name, schema in schemas.items():
        store.store(name=f"{name}_schema", node=schema, provider="invrender")


def build(node: Any, key: str, allow: Sequence[str] = ()) -> Any:
    """The object that ``node`` describes by ``_target_`` and the arguments beside it, nested ones too.

    Only targets in `ALLOWED` and under the prefixes ``allow`` are called, and only with arguments of the right type.
    key: names the node in messages.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    if not isinstance(plain, dict) or "_target_" not in plain:
        raise UserError(f"{key} is {plain!r}, expected a group's option, with _target_")
    plain = checked(plain, key, (*ALLOWED, *allow))
    try:
        return instantiate(plain, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            told = str(cause)
            raise UserError(told if told.startswith(key) else f"{key}.{told}") from error
        reason = f"{cause}" if cause is not None and str(cause) else str(error)
        raise UserError(f"{key}: {one_line(reason)}") from error


def checked(node: Any, key: str, allowed: Sequence[str]) -> Any:
    """``node`` with all its nested targets checked, and named where the argument's type alone tells them.

    Raises `UserError` for a target that is not allowed or not there, and for arguments that it does not take.
    """
    if isinstance(node, list):
        return [checked(item, f"{key}[{index}]", allowed) for index, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if "_target_" in node:
        node = check_arguments(node, target_of(node, key, allowed), key)
    return {name: checked(item, f"{key}.{name}", allowed) for name, item in node.items()}


def target_of(node: Mapping[str, Any], key: str, allowed: Sequence[str]) -> Callable[..., Any]:
    """The class or function that a node names; raises `UserError` unless it is allowed and there."""
    name = node["_target_"]
    if not isinstance(name, str) or not name.startswith(tuple(allowed)):
        raise UserError(
            f"{key}._target_ is {name!r}, expected something under {', '.join(allowed)}; "
            "allow more with allow_targets=[prefix.]"
        )
    try:
        target = pkgutil.resolve_name(name)
    except Exception as error:
        raise UserError(f"{key}._target_ is {name!r}: {one_line(str(error))}") from error
    if not callable(target):
        raise UserError(f"{key}._target_ is {name!r}, expected a class or a function")
    home = f"{getattr(target, '__module__', '')}."
    if not home.startswith(tuple(allowed)):
        raise UserError(
            f"{key}._target_ is {name!r}, which is from {home} and not from {', '.join(allowed)}; "
            "allow more with allow_targets=[prefix.]"
        )
    found: Callable[..., Any] = target
    return found


def check_arguments(node: Mapping[str, Any], target: Callable[..., Any], key: str) -> dict[str, Any]:
    """The node; items of lists that ``target`` wants to be of a dataclass get its name as their target."""
    parameters = inspect.signature(target).parameters
    annotations = typing.get_type_hints(
        inspect.getattr_static(target, "__init__") if isinstance(target, type) else target
    )
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    completed = dict(node)
    for name, parameter in parameters.items():
        plain = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if plain and parameter.default is parameter.empty and name not in node and not node.get("_partial_"):
            raise UserError(f"{key}.{name} is missing, expected a value")
    for argument, value in node.items():
        if argument.startswith("_") and argument.endswith("_"):
            continue
        if argument not in parameters and not open_ended:
            raise UserError(f"{key} has no key {argument!r}{suggestion(argument, parameters)}")
        annotation = annotations.get(argument)
        check_type(value, annotation, f"{key}.{argument}")
        item = next((each for each in typing.get_args(annotation) if is_dataclass(each)), None)
        if isinstance(item, type) and isinstance(value, list):
            name = f"{item.__module__}.{item.__qualname__}"
            completed[argument] = [{"_target_": name, **each} if isinstance(each, dict) else each for each in value]
    return completed


def check_type(value: Any, annotation: Any, key: str) -> None:
    """Raise `UserError` where a plain value does not suit a simple annotation; other annotations are not judged."""
    origin, options = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        kinds = [each for each in options if each is not type(None)]
        if len(kinds) == 1 and (value is not None or len(kinds) == len(options)):
            check_type(value, kinds[0], key)
    elif origin is Literal:
        if value not in options:
            raise UserError(
                f"{key} is {value!r}, expected one of {', '.join(map(str, options))}{suggestion(value, options)}"
            )
    elif origin in (list, tuple, Sequence):
        check_list(value, options, key)
    elif origin is Callable or is_dataclass(annotation):
        if not isinstance(value, dict):
            raise UserError(f"{key} is {value!r}, expected keys and values")
    elif annotation in (bool, int, float, str):
        right = isinstance(value, (int, float) if annotation is float else annotation)
        if not right or (annotation is not bool and isinstance(value, bool)):
            names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
            raise UserError(f"{key} is {value!r}, expected {names[annotation]}")
        if annotation is float and not math.isfinite(value):
            raise UserError(f"{key} is {value!r}, expected a finite number")


def check_list(value: Any, kinds: Sequence[Any], key: str) -> None:
    """`check_type` for lists: ``kinds`` are the items' annotations, or one and an ellipsis for any number of them."""
    if not isinstance(value, list):
        raise UserError(f"{key} is {value!r}, expected a list in brackets")
    if len(kinds) > 1 and kinds[-1] is not ...:
        if len(value) != len(kinds):
            raise UserError(f"{key} is {value!r}, expected {len(kinds)} values")
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


def check_seed(key: str, seed: int) -> None:
    """Raise `UserError` for a seed that PyTorch does not take."""
    if not 0 <= seed < 2**63:
        raise UserError(f"{key} is {seed}, expected a whole number from 0 to 2^63 - 1")


def build_stopping(config: StoppingConfig) -> Stopping:
    """When the fit stops. Raises `UserError` for values out of range."""
    from invrender.fit import Stopping
    from invrender.io.checks import above, at_least

    at_least("stopping.tolerance", config.tolerance, 0)
    at_least("stopping.patience", config.patience, 1)
    if not 0 <= config.improvement < 1:
        raise UserError(f"stopping.improvement is {config.improvement}, expected a share from 0 to below 1")
    if config.seconds is not None:
        above("stopping.seconds", config.seconds, 0)
    return Stopping(**vars(config))


def truth_file(config: FitConfig) -> SceneFile:
    """The scene behind a rendered target: the config's, with ``target.scene``, ``camera`` and ``light`` merged in.

    Raises `UserError` for keys that the scene has not, and for camera keys that change nothing.
    """
    from invrender.io.cameras import without_effect

    changes = {"scene": config.target.scene, "camera": config.target.camera, "light": config.target.light}
    base = OmegaConf.structured(SceneFile(scene=config.scene, camera=config.camera, light=config.light))
    check_keys(changes, base, "target")
    try:
        merged = OmegaConf.to_object(OmegaConf.merge(base, changes))
    except OmegaConfBaseException as error:
        raise UserError(f"target.{getattr(error, 'full_key', '')}: {str(error).splitlines()[0]}") from error
    assert isinstance(merged, SceneFile)
    ineffective = without_effect(merged.camera, config.target.camera.keys())
    if ineffective:
        raise UserError(f"target.camera.{ineffective}")
    return merged


def check_keys(changes: Mapping[str, Any], base: Any, key: str) -> None:
    """Raise `UserError` for a key in nested ``changes`` that ``base`` has not."""
    for name, change in changes.items():
        if name not in base:
            raise UserError(f"{key} has no key {name!r}{suggestion(name, base)}; {key} can change what the scene has")
        if isinstance(change, Mapping) and OmegaConf.is_dict(base[name]):
            check_keys(change, base[name], f"{key}.{name}")


def build_scene_and_target(config: FitConfig, device: str) -> tuple[Scene, Target]:
    """The initial guess and what it is to explain, on ``device``.

    ``config.scene.folder`` must be absolute. A camera of fov or extent takes the size of the picture ``target.path``.
    """
    from invrender.io.checks import one_of
    from invrender.io.scenes import build_scene

    kind = one_of("target.kind", config.target.kind, KINDS)
    check_kind(config.target)
    if kind == "render":
        scene = build_scene(config, folder_of(config))
        return scene.to(device), rendered(config, device)
    scene, target = photographed(config)
    return scene.to(device), target.to(device)


def folder_of(file: SceneFile) -> Path:
    """Where the scene's files are."""
    return Path(file.scene.folder or ".")


def check_kind(target: TargetConfig) -> None:
    """Raise `UserError` for keys that a target of this kind does not have."""
    if target.kind == "render":
        for name in ("path", "mask", "weight"):
            if getattr(target, name) is not None:
                raise UserError(f"target.{name} has no effect on a rendered target; set target=image or target=views")
        return
    if not target.path:
        example = "photo.png" if target.kind == "image" else "cameras.json"
        raise UserError(f"target.path is missing, expected a file; give target={example}")
    for name in ("camera", "light", "scene", "views"):
        if getattr(target, name):
            raise UserError(
                f"target.{name} has no effect on a target of kind {target.kind}: it changes the truth of a rendered one"
            )
    if target.kind == "views":
        for name in ("mask", "weight"):
            if getattr(target, name) is not None:
                raise UserError(f"target.{name} has no effect on views; name each view's {name} in {target.path}")


def rendered(config: FitConfig, device: str) -> Target:
    """Pictures of the truth."""
    from invrender.io.cameras import build_camera
    from invrender.io.checks import at_least
    from invrender.io.scenes import build_scene
    from invrender.io.views import merged_camera
    from invrender.io.visibility import check_visible
    from invrender.render.base import MOST_SAMPLES
    from invrender.scene import converted
    from invrender.targets import rendered_target

    options = config.target
    if not 1 <= options.samples <= MOST_SAMPLES:
        raise UserError(f"target.samples is {options.samples}, expected 1 to {MOST_SAMPLES}")
    seed = config.seed if options.seed is None else options.seed
    check_seed("target.seed", seed)
    at_least("target.noise", options.noise, 0)
    file = truth_file(config)
    truth = build_scene(file, folder_of(file), "target.")
    cameras = []
    for index, changes in enumerate(options.views):
        key = f"target.views[{index}]"
        camera = build_camera(merged_camera(file.camera, changes, key), truth.camera.look_at, key)
        check_visible(replace(truth, camera=camera), key)
        cameras.append(converted(camera, device))
    return rendered_target(truth.to(device), cameras or None, options.samples, options.noise, seed)


def photographed(config: FitConfig) -> tuple[Scene, Target]:
    """The scene, its camera of the photograph's size, and the photographs."""
    from invrender.geometry.meshes import bounds
    from invrender.io.cameras import fit_to_picture
    from invrender.io.checks import pixels
    from invrender.io.pictures import read_values
    from invrender.io.scenes import build_scene
    from invrender.io.views import Reading, read_view, read_views, reduced_view
    from invrender.scene import Target

    options = config.target
    path = Path(str(options.path))
    pixels("target.max_size", options.max_size)
    file = SceneFile(scene=config.scene, camera=config.camera, light=config.light)
    if options.kind == "image":
        height, width = read_values(path).shape[:2]
        file = SceneFile(config.scene, fit_to_picture(config.camera, width, height, path), config.light)
    scene = build_scene(file, folder_of(file))
    low, high = bounds(scene.objects)
    reading = Reading(options.color_space, options.max_size, scene.background, (low + high) / 2)
    if options.kind == "views":
        return scene, Target(read_views(path, config.camera, reading))
    mask, weight = (Path(name) if name else None for name in (options.mask, options.weight))
    view = reduced_view(read_view(path, mask, weight, reading), options.max_size)
    camera = scene.camera.resized(view.rgb.shape[1], view.rgb.shape[0])
    return replace(scene, camera=camera), Target((view,))
