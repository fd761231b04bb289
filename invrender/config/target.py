"""The scene and the target of a fit, from its config."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from invrender.checks import above, at_least, one_of, pixels, seed
from invrender.config.build import build
from invrender.config.schema import FitConfig, TargetConfig
from invrender.config.start import carve_hulls, check_hulls, place_spheres
from invrender.errors import UserError, first_line, suggestion
from invrender.geometry.meshes import bounds, world_vertices
from invrender.images.resample import resize_view
from invrender.io.cameras.keys import build_camera, fit_to_picture, without_effect
from invrender.io.cameras.merging import merged_camera
from invrender.io.pictures import COLOR_SPACES, ORIENTATIONS, Decoding, picture_size, reduced_size, write_mask
from invrender.io.region import Region
from invrender.io.scenes import build_scene, radius_of
from invrender.io.schema import SceneFile, literal
from invrender.io.views import Reading, read_focused_view, read_own_lights, read_views, whole_size
from invrender.io.visibility import check_visible
from invrender.render.base import Renderer, Shot, check_samples
from invrender.render.hard import HardRenderer
from invrender.render.shading.channels import Shader
from invrender.scene import CAMERA, Camera, Channels, Scene, Target, View
from invrender.targets import render_target

KINDS = ("render", "drawn", "image", "views")
# Kinds of targets whose truth is known.
KNOWN = {"render": "a rendered target", "drawn": "a drawn photograph"}
HINTS = ("none", "mask", "box")
REGIONS = ("whole", "object")
CLIPPED = ("at_least", "exact")


def build_truth_file(config: FitConfig) -> SceneFile:
    """The scene behind a rendered target: the config's, with ``target.scene``, ``camera`` and ``light`` merged in.

    Raises `UserError` for keys that the scene has not, and for camera keys that change nothing.
    """
    changes = {"scene": config.target.scene, "camera": config.target.camera, "light": config.target.light}
    own = {
        "scene": asdict(config.scene),
        "camera": asdict(config.camera),
        "light": {name: asdict(light) for name, light in config.light.items()},
    }
    base = OmegaConf.merge(OmegaConf.structured(SceneFile), literal(own))
    check_keys(changes, base, "target")
    try:
        merged = OmegaConf.to_object(OmegaConf.merge(base, literal(changes)))
    except OmegaConfBaseException as error:
        raise UserError(f"target.{getattr(error, 'full_key', '')}: {first_line(error)}") from error
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


def build_scene_and_target(
    config: FitConfig, device: str, channels: Channels, shaders: Mapping[str, Shader]
) -> tuple[Scene, Target]:
    """The initial guess and what it is to explain, on ``device``.

    channels: those that losses compare. shaders: those of the fit's renderer, which draw a truth, too.

    ``config.scene.folder`` must be absolute. A camera of fov or extent takes the size of the picture ``target.path``.
    """
    kind = one_of("target.kind", config.target.kind, KINDS)
    check_kind(config.target)
    check_hulls(config)
    if kind == "render":
        read: dict[Hashable, Any] = {}
        scene = build_scene(config, folder_of(config), read=read).to(device)
        target = render_truth(config, device, channels, shaders, read)
        assert target.truth is not None
        known = {name: camera for name, camera in target.truth.scene.cameras.items() if name not in scene.cameras}
        scene = replace(scene, cameras={**scene.cameras, **known})
        return scene, replace(target, views=focus_views(config.target, scene, target))
    read_depth = "depth" in channels
    scene, target = draw_photograph(config) if kind == "drawn" else read_photographs(config, read_depth)
    return scene.to(device), target.to(device)


def focus_views(options: TargetConfig, scene: Scene, target: Target) -> tuple[View, ...]:
    """The views of a rendered target, or the parts of them in which the start is."""
    region = build_region(options, scene)
    if region is None:
        return target.views
    return tuple(
        region.focus(
            view,
            view.size,
            scene.cameras[view.camera],
            partial(shrink_longer, view),
            pixels("target.max_size", options.max_size),
        )
        for view in target.views
    )


def shrink_longer(view: View, longest: int) -> View:
    """A view whose longer side has at most so many pixels."""
    return resize_view(view, *reduced_size(*view.size, longest))


def folder_of(file: SceneFile) -> Path:
    """Where the scene's files are."""
    return Path(file.scene.folder or ".")


def check_kind(target: TargetConfig) -> None:
    """Raise `UserError` for keys that a target of this kind does not have."""
    if target.kind == "drawn":
        for name in ("views", "noise"):
            if getattr(target, name):
                raise UserError(f"target.{name} has no effect on a drawn photograph; set target=render")
    elif target.photograph is not None or target.hint != "none":
        name = "hint" if target.photograph is None else "photograph"
        raise UserError(f"target.{name} has no effect on a target of kind {target.kind}; set target=drawn")
    if target.kind in KNOWN:
        for name in ("path", "mask", "weight", "depth", "depth_unit", "box"):
            if getattr(target, name) is not None:
                raise UserError(
                    f"target.{name} has no effect on {KNOWN[target.kind]}; set target=image or target=views"
                )
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
        for name in ("mask", "weight", "depth", "box"):
            if getattr(target, name) is not None:
                raise UserError(f"target.{name} has no effect on views; name each view's {name} in {target.path}")


def render_truth(
    config: FitConfig, device: str, channels: Channels, shaders: Mapping[str, Shader], read: dict[Hashable, Any]
) -> Target:
    """Pictures of the truth; ``read`` is what was read of files for the scene, which the truth most often has, too."""
    options = config.target
    check_samples("target.samples", options.samples)
    at_least("target.noise", options.noise, 0)
    file = build_truth_file(config)
    truth = build_scene(file, folder_of(file), "target.", read)
    cameras: dict[str, Camera] = {}
    low, high = bounds(truth.objects)
    for index, changes in enumerate(options.views):
        key = f"target.views[{index}]"
        changed = merged_camera(file.camera, changes, key)
        camera = build_camera(changed, truth.camera.look_at, key, radius_of(low, high))
        check_visible(truth, camera, key)
        cameras[f"view_{index + 1}"] = camera
    truth = replace(truth, cameras={**truth.cameras, **cameras}).to(device)
    renderer: Renderer = HardRenderer(shaders=shaders)
    if options.renderer:
        renderer = build(options.renderer, "target.renderer", config.allow_targets)
    if missing := channels - renderer.supports.channels:
        raise UserError(
            f"target: the losses compare {', '.join(sorted(missing))}, which its renderer does not draw; "
            "set target.renderer to one that does"
        )
    names = [*cameras] or [CAMERA]
    return render_target(truth, names, renderer, options.samples, options.noise, seed_of(config), channels)


def seed_of(config: FitConfig) -> int:
    """What draws the target's noise, or all that is in a drawn photograph."""
    return seed("target.seed", config.seed if config.target.seed is None else config.target.seed)


def draw_photograph(config: FitConfig) -> tuple[Scene, Target]:
    """The scene, and a photograph that is drawn of the truth and read as any other; the target knows the truth."""
    from invrender.photographs.photography import Photography  # few targets are drawn

    options = config.target
    check_samples("target.samples", options.samples)
    hint = one_of("target.hint", options.hint, HINTS)
    photography = Photography()
    if options.photograph:
        photography = build(options.photograph, "target.photograph", config.allow_targets)
    file = build_truth_file(config)
    truth = build_scene(file, folder_of(file), "target.")
    renderer = build(options.renderer, "target.renderer", config.allow_targets) if options.renderer else None
    photograph = photography.take(truth, renderer, options.samples, seed_of(config))
    with TemporaryDirectory() as folder:
        path, mask = Path(folder, "photograph.jpg"), Path(folder, "mask.png")
        path.write_bytes(photograph.file)
        write_mask(mask, torch.from_numpy(photograph.mask))
        given = replace(
            options,
            kind="image",
            path=str(path),
            mask=str(mask) if hint == "mask" else None,
            box=list(photograph.box) if hint == "box" else options.box,
        )
        scene, target = read_photographs(replace(config, target=given), depth=False)
    return scene, replace(target, truth=photograph.truth)


def read_photographs(config: FitConfig, depth: bool) -> tuple[Scene, Target]:
    """The scene, its camera of the photograph's size, and the photographs. depth: whether their depth maps are read."""
    options = config.target
    path = Path(str(options.path))
    decoding = build_decoding(options)
    views_format = build(options.format, "target.format", config.allow_targets) if options.format else None
    placed = place_spheres(config, decoding, views_format) if options.kind == "views" else config
    file = SceneFile(scene=placed.scene, camera=placed.camera, light=config.light)
    if options.kind == "image":
        height, width = picture_size(path, decoding)
        file = SceneFile(config.scene, fit_to_picture(config.camera, width, height, path), config.light)
    scene = build_scene(file, folder_of(file))
    low, high = bounds(scene.objects)
    unit = None if options.depth_unit is None else above("target.depth_unit", options.depth_unit, 0)
    reading = Reading(
        decoding, scene.background, (low + high) / 2, radius_of(low, high), depth, unit, build_region(options, scene)
    )
    if options.kind == "views":
        views, cameras = read_views(path, config.camera, reading, views_format)
        for index, camera in enumerate(cameras.values()):
            check_visible(scene, camera, f"{path}: views[{index}]")
        own_lights = read_own_lights(path, config.light, folder_of(config), views_format)
        scene = replace(scene, cameras={**scene.cameras, **cameras}, own_lights=own_lights)
        scene, target = carve_hulls(config, scene, views), Target(views)
    else:
        mask, weight, map_of_depth = (file_named(key, getattr(options, key)) for key in ("mask", "weight", "depth"))
        view = read_focused_view(path, mask, weight, reading, scene.camera, map_of_depth)
        scene, target = scene.with_camera(scene.camera.resized(*reversed(whole_size(view)))), Target((view,))
    if depth:
        check_measured(scene, target)
    return scene, target


def file_named(key: str, name: str | None) -> Path | None:
    """A file of the target's, None where none is given. Raises `UserError` for an empty name."""
    if name == "":
        raise UserError(f"target.{key} is '', expected the name of a file, or null for none")
    return None if name is None else Path(name)


def check_measured(scene: Scene, target: Target) -> None:
    """Raise `UserError` where no depth was measured at any pixel at which the start shows an object."""
    for view in target.views:
        if "depth" not in view.picture:
            continue  # which the loss says better
        [drawn] = HardRenderer(samples=1).render([Shot(scene, view.frame(scene))], frozenset(("depth",)))
        if not bool(((drawn.depth > 0) & (view.picture.depth > 0)).any()):
            raise UserError(
                f"target: no depth is measured at any pixel at which {view.camera} shows the object at the start; "
                "give a closer start, or a depth map with numbers above 0 there"
            )


def build_region(target: TargetConfig, scene: Scene) -> Region | None:
    """Where to look in the target's pictures. Raises `UserError` for words and numbers that mean nothing."""
    at_least("target.margin", target.margin or 0.0, 0)
    if one_of("target.region", target.region, REGIONS) == "whole":
        if target.box is not None:
            raise UserError("target.box has no effect with target.region=whole; set target.region=object")
        return None
    points = torch.cat([world_vertices(obj) for obj in scene.objects.values()])
    return Region(points, target.box, target.margin)


def build_decoding(target: TargetConfig) -> Decoding:
    """How the target's files are read. Raises `UserError` for words and numbers that mean nothing."""
    at_least("target.max_pixels", target.max_pixels, 1)
    return Decoding(
        color_space=one_of("target.color_space", target.color_space, COLOR_SPACES),
        max_size=pixels("target.max_size", target.max_size),
        orientation=one_of("target.orientation", target.orientation, ORIENTATIONS),
        max_pixels=target.max_pixels,
        key="target.max_pixels",
        marks_clipped=one_of("target.clipped", target.clipped, CLIPPED) == "at_least",
    )
