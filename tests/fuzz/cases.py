"""The kinds of inputs, and what is done with them. A kind and a number make the same input again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from omegaconf import OmegaConf

from fuzz.case import SEEDS, Case, command, many_changes, seeds
from fuzz.folders import doctor_case, report_case, resume_case, sweep_case
from fuzz.mutation import VALUES, mutated
from fuzz.oracle import check_function
from invrender.config.resources import configs_folder
from invrender.config.schema import FitConfig, RenderConfig, TargetConfig
from invrender.config.target import build_scene_and_target
from invrender.io.cameras.formats import FORMATS, read_photographs
from invrender.io.pictures import Decoding, read_mask, read_picture
from invrender.io.scenes import build_scene
from invrender.io.schema import CameraConfig, LightConfig, ObjectConfig, SceneConfig, SceneFile, literal

CAMERAS = (
    *("cameras.json", "transforms.json", "scene_camera.json", "scene_gt.json", "cameras.txt", "images.txt"),
    *("cameras.bin", "images.bin", "camera.yaml", "camera.xml"),
)


def make(kind: str, number: int) -> Case:
    """The case of a kind with a number."""
    return KINDS[kind](Random(f"{kind} {number}"))


def seen(mesh: str) -> SceneFile:
    """A scene with a mesh, from far away."""
    camera = CameraConfig(width=24, height=16, azimuth=30, elevation=20)
    light = {"key": LightConfig(kind="point", intensity=0.85, position=[-2.0, 3.0, 4.0])}
    return SceneFile(SceneConfig(objects={"thing": ObjectConfig(mesh=mesh)}), camera, light)


def mesh_case(random: Random) -> Case:
    """A mesh file with faults, or one whose materials or texture have some."""
    found = dict(seeds("meshes"))
    names = sorted(found)
    name = random.choice(names)
    alike = tuple(found[each] for each in names if Path(each).suffix == Path(name).suffix)
    files = {**found, name: mutated(found[name], random, alike)}
    mesh = "cube.obj" if name.startswith("cube.") else name
    return Case("mesh", files, lambda folder: check_function(lambda: build_scene(seen(mesh), folder)))


def picture_case(random: Random) -> Case:
    """A picture file with faults."""
    found = seeds("pictures")
    name = random.choice(sorted(found))
    content = mutated(found[name], random, tuple(found.values()))
    name = name if random.random() < 0.9 else f"x{Path(random.choice(sorted(found))).suffix}"
    decoding = Decoding(max_size=random.choice((4, 640)), max_pixels=random.choice((30, 1_000_000)))

    def read(folder: Path) -> None:
        (read_picture if random.random() < 0.8 else read_mask)(folder / name, decoding)

    return Case("picture", {name: content}, lambda folder: check_function(lambda: read(folder)))


def cameras_case(random: Random) -> Case:
    """A camera file with faults, read as a target's and written in another format."""
    name, files = camera_files(random)
    written = random.choice(list(FORMATS.values()))

    def read(folder: Path) -> None:
        written.encode(read_photographs(folder / name), folder)
        build_target(folder, TargetConfig(kind="views", path=str(folder / name)))

    return Case("cameras", {**seeds("meshes"), **files}, lambda folder: check_function(lambda: read(folder)))


def camera_case(random: Random) -> Case:
    """A camera file with faults on the command line: for the camera, for a target, and to be converted."""
    name, files = camera_files(random)
    picture = [f"camera.picture={random.choice(('rgb.png', 'rgb', 'deep.png', '0', ''))}"] * random.choice((0, 1))
    scene = ("--config-dir", "cfg", "scene=box", "renderer.samples=1", "hydra.run.dir=named/run")
    place = random.choice((f"cams/{name}", f"cams/{name}", "cams"))
    given = random.choice(
        [
            ("render", *scene, f"camera={place}", *picture),
            ("render", *scene, f"camera={place}", *picture, "camera.width=9", "camera.lens=null"),
            ("fit", *scene, f"target={place}", "recover=light_intensity", "--dry-run"),
            ("convert", place, f"out{random.choice(('.json', '.txt', '.bin', '.yaml', '.xml', ''))}"),
            ("convert", place, "cams", f"format={random.choice(list(FORMATS))}", "overwrite=true"),
        ]
    )
    return command("camera", {f"cams/{each}": content for each, content in files.items()}, *given)


def camera_files(random: Random) -> tuple[str, dict[str, bytes]]:
    """The name of a camera file with faults, in its values or in its text, and it with what stands beside it."""
    name = random.choice(CAMERAS)
    text = (SEEDS / name).read_bytes()
    if name.endswith(".json") and random.random() < 0.8:
        text = json.dumps(many_changes(json.loads(text), random)).encode()
    else:
        text = mutated(text, random)
    # What stands beside the file is whole. COLMAP's binaries count before its texts, which must not be there with them.
    beside = {each: (SEEDS / each).read_bytes() for each in CAMERAS if Path(each).suffix == Path(name).suffix}
    pictures = {f"rgb/{number:06d}.png": seeds("pictures")["rgb.png"] for number in range(2)}
    return name, {**seeds("pictures"), **pictures, **beside, name: text}


def build_target(folder: Path, target: TargetConfig) -> None:
    """Read all that a fit of the cube in a folder reads."""
    scene = seen("cube.obj")
    config = FitConfig(scene=scene.scene, camera=scene.camera, light=scene.light, target=target)
    config.scene.folder = str(folder)
    build_scene_and_target(config, "cpu", frozenset({"rgb", "depth"}), {})


def photograph_case(random: Random) -> Case:
    """A photograph with a mask, weights, depths, a box and a region, some of them damaged or wrong."""
    found = {**seeds("pictures"), **seeds("depths")}
    depth, mask = random.choice(sorted(seeds("depths"))), random.choice(("alpha.png", "rgb.png", "deep.png"))
    picture = random.choice(sorted(seeds("pictures")))
    options = {
        "mask": mask,
        "weight": random.choice((mask, "float.exr")),
        "depth": depth,
        "depth_unit": random.choice((None, 0.001, 1.0)),
        "box": [1.0, 1.0, 4.0, 3.0],
        "region": "object",
        "margin": 0.2,
        "max_size": random.choice((3, 640)),
        "max_pixels": random.choice((30, 1_000_000)),
        "orientation": random.choice(("file", "ignore")),
        "clipped": random.choice(("at_least", "exact")),
    }
    kept = {name: value for name, value in options.items() if random.random() < 0.7}
    for name in random.choice(([], [], [random.choice(sorted(kept or options))])):
        kept[name] = random.choice([value for value in VALUES if value != 10**400])
    damaged = random.choice((picture, mask, depth))
    files = {**found, damaged: mutated(found[damaged], random, tuple(found.values()))}

    def read(folder: Path) -> None:
        given = OmegaConf.merge(OmegaConf.structured(TargetConfig), literal({"kind": "image", "path": picture, **kept}))
        target: Any = OmegaConf.to_object(given)
        build_target(folder, target)

    return Case("photograph", {**seeds("meshes"), **files}, lambda folder: check_function(lambda: read(folder)))


def scene_case(random: Random) -> Case:
    """A scene's file with faults, in its values or in its text."""
    text = (SEEDS / "scene.yaml").read_bytes()
    if random.random() < 0.7:
        tree = many_changes(yaml.safe_load(text), random)
        text = b"# @package _global_\n" + yaml.safe_dump(tree, allow_unicode=True).encode(errors="surrogatepass")
    else:
        text = mutated(text, random)
    given = ("--config-dir", "cfg", "scene=cfg/mine/mine.yaml", "renderer.samples=1", "hydra.run.dir=named/run")
    return command("scene", {"cfg/mine/mine.yaml": text}, "render", *given)


def overrides_case(random: Random) -> Case:
    """Words as somebody might type them."""
    name = random.choice(("render", "render", "fit"))
    dry = ["--dry-run", "renderer.samples=1"] if name == "fit" else []
    words = [word(name, random) for _ in range(random.choice((1, 1, 1, 2, 4)))]
    words = [each for each in words if not each.startswith(("--config-dir", "-m", "--multirun", "--hydra"))]
    return command("overrides", {}, name, "--config-dir", "cfg", "scene=box", *dry, *words)


def word(name: str, random: Random) -> str:
    """One word of a command: mostly a key with a value that suits it, or does not."""
    key = random.choice(keys(name))
    if random.random() < 0.1:
        groups = sorted(path.name for path in configs_folder().iterdir() if path.is_dir() and path.name != "hydra")
        group = random.choice(groups)
        options = sorted(path.stem for path in (configs_folder() / group).glob("*.yaml"))
        picked = [random.choice([*options, "none", "null", "a.yaml"]) for _ in range(random.choice((1, 1, 2)))]
        return f"{group}={picked[0]}" if len(picked) == 1 else f"{group}=[{','.join(picked)}]"
    value = random.choice(VALUES)
    text = value if isinstance(value, str) else json.dumps(value) if value != 10**400 else "9" * 401
    text = text.replace('"', "'") if random.random() < 0.5 else text
    given = f"{random.choice(('', '', '', '+', '++', '~'))}{key}={text}".replace("\0", "")
    if random.random() < 0.15:
        given = mutated(given.encode(errors="replace"), random).decode(errors="replace").replace("\0", "")
    return given.encode(errors="replace").decode()


@cache
def keys(name: str) -> list[str]:
    """Keys of a command, and some that there are not."""
    scene = yaml.safe_load((SEEDS / "scene.yaml").read_bytes())
    schema = OmegaConf.to_container(OmegaConf.structured(FitConfig if name == "fit" else RenderConfig))
    assert isinstance(schema, dict)
    options = [yaml.safe_load((configs_folder() / "renderer" / "embedded.yaml").read_text())]
    trees = [
        schema,
        {key: scene[key] for key in ("scene", "camera", "light")},
        *({"renderer": each} for each in options),
    ]
    if name == "fit":
        for group in ("recover/camera_pose", "loss/huber", "optimizer/adam", "optimizer/lm", "search/auto"):
            node = yaml.safe_load((configs_folder() / f"{group}.yaml").read_text())
            head = group.split("/")
            trees.append({head[0]: {head[1]: node} if head[0] in ("recover", "loss") else node})
    found = {key for tree in trees for key in flat(tree)} - {"output", "runs", "allow_targets"}
    return sorted(key for key in found if "@" not in key and " " not in key)


def flat(tree: Any, key: str = "") -> list[str]:
    """The dotted keys of a tree, those of branches too."""
    if not isinstance(tree, dict):
        return [key]
    return [*([key] if key else []), *(each for name in tree for each in flat(tree[name], f"{key}.{name}".strip(".")))]


KINDS: Mapping[str, Callable[[Random], Case]] = {
    "mesh": mesh_case,
    "picture": picture_case,
    "cameras": cameras_case,
    "camera": camera_case,
    "photograph": photograph_case,
    "scene": scene_case,
    "overrides": overrides_case,
    "run": report_case,
    "resume": resume_case,
    "doctor": doctor_case,
    "sweep": sweep_case,
}
