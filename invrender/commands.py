"""What each subcommand does with its composed config. torch is imported when work starts."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from invrender.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from invrender.fit import Step
    from invrender.io.schema import SceneFile
    from invrender.record.base import Recorder, Run
    from invrender.rehearsal import Rehearsal
    from invrender.render.base import Renderer
    from invrender.scene import Scene

Options = TypeVar("Options", bound="SceneFile")
Item = TypeVar("Item")

# Exit statuses: of a command, and of a fit whose answer was judged.
DONE, BUG, UNUSABLE, DIVERGED, INTERRUPTED = 0, 1, 2, 3, 130
VERDICTS = {"converged": DONE, "not_converged": 4, "ambiguous": 5, "unidentifiable": 6}
VERBOSITIES = ("quiet", "normal", "verbose")
RESULTS = (
    *("result.json", "config.yaml", "command.txt", "history.csv", "recovered", "events.out.tfevents.*", "progress.gif"),
    *("target.png", "start.png", "final.png", "difference.png", "overlay.png", "loss.png", "geometry.glb"),
    "report.html",
    *("picture.png", "mask.png", "depth.npy"),
)


@dataclass(frozen=True)
class Job:
    """One run of a subcommand.

    folder: where it writes. command: repeats it. overrides: what was given for it. choices: by group, the option.
    files: config files that were given as options, by name. sources: the folders of configs, in order of search.
    interrupted: whether Ctrl-C was pressed. recorders: of the fit, besides those that its config asks for.
    watched: the renderer as the fit is to see it, for those who look on.
    """

    folder: Path
    command: str
    overrides: Sequence[str]
    choices: Mapping[str, Any]
    files: Mapping[str, Path]
    sources: Sequence[Path]
    interrupted: Callable[[], bool]
    recorders: Sequence[Recorder] = ()
    watched: Callable[[Renderer], Renderer] = lambda renderer: renderer


def run_fit(config: DictConfig, job: Job) -> int:
    """`invrender fit`: recover what is unknown; returns the exit status."""
    from omegaconf import OmegaConf

    from invrender.config import (
        FitConfig,
        build,
        build_all,
        build_scene_and_target,
        build_stopping,
    )
    from invrender.fit import fit
    from invrender.io.scenes import write_scene
    from invrender.record.base import Run, follow
    from invrender.record.recorders import RecordOptions, recorders
    from invrender.rehearsal import rehearse
    from invrender.render.auto import in_use

    options = prepared(config, FitConfig, job)
    device = chosen_device(options.device)
    with repeatable(options.seed, device):
        allow = options.allow_targets
        solver = build(options.optimizer, "optimizer", allow)
        renderer = build(options.renderer, "renderer", allow)
        search = build(options.search, "search", allow)
        parameters = build_all(options.recover, "recover", allow)
        losses = build_all(options.loss, "loss", allow)
        stopping = build_stopping(options.stopping)
        scene, target = build_scene_and_target(options, device)
        resolved = OmegaConf.to_container(config, resolve=True)
        assert isinstance(resolved, dict)
        renderer_name, renderer_note = in_use(str(job.choices.get("renderer")), renderer, options.device)
        described = Run(
            folder=job.folder,
            config={str(key): value for key, value in resolved.items()},
            given=dict(each.lstrip("+").split("=", 1) for each in job.overrides if not each.startswith("~")),
            command=job.command,
            parameters=parameters,
            target=target,
            scene=scene,
            renderer=renderer_name,
            renderer_note=renderer_note,
            device=device,
            seed=options.seed,
        )

        def write(folder: Path, found: Scene) -> None:
            write_scene(folder, found)

        recorded = RecordOptions(**vars(options.record))
        looking = search if search.suits(solver) else None
        steps = begun(fit(scene, target, parameters, job.watched(renderer), losses, solver, stopping, looking))
        if options.dry_run:
            rehearsal = rehearse(scene, target, parameters, renderer, losses, solver)
            show_plan(described, rehearsal, next(steps), looking is not None and looking.mode != "off")
            return DONE
        if job.interrupted():
            raise KeyboardInterrupt
        verbosity = checked_verbosity(options.verbosity)
        record = recorders(described, recorded, sum(stage.steps for stage in solver.stages), write, verbosity)
        last = follow(steps, [*record, *job.recorders])
    return exit_status(last)


def exit_status(last: Step) -> int:
    """What the shell is told of a fit: how it ended, or else what its answer is worth."""
    ends = {"diverged": DIVERGED, "interrupted": INTERRUPTED}
    if last.stopped_because in ends:
        return ends[last.stopped_because]
    return DONE if last.verdict is None else VERDICTS[last.verdict.status]


def show_plan(run: Run, rehearsal: Rehearsal, start: Step, searches: bool) -> None:
    """Print what the fit would do, and draw its start over the target."""
    from invrender.record.plan import plan_text, write_overlay

    overlay = run.folder / "dry_run.png"
    print(plan_text(run, rehearsal, start, searches))
    write_overlay(overlay, run, start)
    print(f"the start over the target: {shown(overlay)}")


def checked_verbosity(verbosity: str) -> str:
    """How much to say. Raises `UserError` for another word."""
    from invrender.io.checks import one_of

    return one_of("verbosity", verbosity, VERBOSITIES)


def begun(steps: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The same steps, of which the first is there already: what can't be fitted is said before anything is written."""
    first = next(steps)

    def all_steps() -> Generator[Item, None, None]:
        try:
            yield first
        except KeyboardInterrupt as interrupt:
            yield steps.throw(interrupt)
        yield from steps

    return all_steps()


def run_render(config: DictConfig, job: Job) -> int:
    """`invrender render`: one picture of a scene."""
    import numpy as np
    import torch

    from invrender.config import RenderConfig, build, folder_of
    from invrender.io.pictures import write_mask, write_picture
    from invrender.io.scenes import build_scene

    options = prepared(config, RenderConfig, job)
    output = checked_output(options.output, options.overwrite)
    device = chosen_device(options.device)
    with repeatable(options.seed, device), torch.no_grad():
        renderer = build(options.renderer, "renderer", options.allow_targets)
        scene = build_scene(options, folder_of(options)).to(device)
        rendered = renderer.render(scene)
    picture = output or job.folder / "picture.png"
    if output is not None:
        write_picture(output, rendered.rgb)
    write_picture(job.folder / "picture.png", rendered.rgb)
    write_mask(job.folder / "mask.png", rendered.alpha)
    np.save(job.folder / "depth.npy", rendered.depth.cpu().numpy())
    print(shown(picture))
    return DONE


def run_board(config: DictConfig, job: Job) -> int:
    """`invrender board`: TensorBoard on the fits in some folders."""
    from invrender.record.board import serve

    opens = {"auto": None, "true": True, "false": False}
    choice = str(config.open).lower()
    if choice not in opens:
        raise UserError(f"open is {config.open!r}, expected auto, true or false")
    if not 1 <= config.port <= 65535:
        raise UserError(f"port is {config.port}, expected 1 to 65535")
    return serve([Path(folder) for folder in config.runs], config.port, opens[choice])


def run_report(config: DictConfig, job: Job) -> int:
    """`invrender report`: the report.html of fits and sweeps, in place of earlier ones."""
    from invrender.record.report import write_report

    if not config.runs:
        raise UserError("runs is empty, expected the folder of a fit or of a sweep: invrender report outputs/fit/RUN")
    for folder in config.runs:
        print(shown(write_report(Path(folder))))
    return DONE


def run_doctor(config: DictConfig, job: Job) -> int:
    """`invrender doctor`: what is installed, and which renderers work."""
    from invrender.doctor import findings, works

    for name, told in findings():
        print(f"{name:<12}{told}", flush=True)
    return DONE if works() else UNUSABLE


def prepared(config: DictConfig, schema: type[Options], job: Job) -> Options:
    """The config as an object of its schema; its scene's folder is made absolute, in ``config`` too.

    Raises `UserError` where the run's folder holds results, for a primary config without the schema, and for keys of
    the camera that change nothing.
    """
    from omegaconf import OmegaConf

    from invrender.io.cameras import without_effect

    check_unused(job.folder, RESULTS)
    check_schema(config, schema)
    config.scene.folder = str((scene_file(job).parent / (config.scene.folder or ".")).resolve())
    options = OmegaConf.to_object(config)
    assert isinstance(options, schema)
    given = [each.lstrip("+").partition("=")[0] for each in job.overrides]
    keys = [key.removeprefix("camera.") for key in given if key.startswith("camera.")]
    ineffective = without_effect(options.camera, keys)
    if ineffective:
        raise UserError(f"camera.{ineffective}")
    return options


def check_schema(config: DictConfig, schema: type[Any]) -> None:
    """Raise `UserError` for a primary config without the schema."""
    from omegaconf import OmegaConf

    if OmegaConf.get_type(config) is not schema:
        command = schema.__name__.removesuffix("Config").lower()
        raise UserError(f"--config-name names a config without the schema; begin it with defaults: [{command}, _self_]")


def check_unused(folder: Path, results: Sequence[str]) -> None:
    """Raise `UserError` where a run's folder holds results; these are patterns of names."""
    for found in (path for pattern in results for path in folder.glob(pattern)):
        raise UserError(
            f"hydra.run.dir is {shown(folder)}, which holds {found.name}; nothing is overwritten: "
            "give a folder that is empty or not there"
        )


def scene_file(job: Job) -> Path:
    """The YAML that the scene's folder is relative to: the scene's own, or the one it builds on that says more.

    That is the first of them that names the folder or a mesh.
    """
    choice: str | None = str(job.choices.get("scene"))
    first = None
    while choice is not None:
        path = config_path(choice, job)
        if path is None:
            break
        content = plain_yaml(path)
        scene = content.get("scene") or {}
        if scene.get("folder") or any("mesh" in item for item in (scene.get("objects") or {}).values() if item):
            return path
        first = first or path
        choice = base_scene(content.get("defaults") or ())
    return first or Path("scene.yaml")


def config_path(choice: str, job: Job) -> Path | None:
    """The YAML of an option of the group scene, None where it comes from no file."""
    if choice in job.files:
        return job.files[choice]
    paths = (source / "scene" / f"{choice}.yaml" for source in job.sources)
    return next((path for path in paths if path.is_file()), None)


def plain_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that Hydra has read already, as plain containers."""
    from omegaconf import OmegaConf

    content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


def base_scene(defaults: Sequence[Any]) -> str | None:
    """The scene that a scene's defaults list builds on."""
    for entry in defaults:
        group, name = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        whole = f"{group}/{name}".partition("@")[0].strip("/").removeprefix("scene/")
        if "/" not in whole and whole != "_self_":
            return whole
    return None


def chosen_device(name: str) -> str:
    """cpu or cuda. Raises `UserError` where there is no such device."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise UserError(f"device is {name!r}, expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device is cuda, but PyTorch finds no CUDA device here; set device=cpu")
    return name


@contextmanager
def repeatable(seed: int, device: str) -> Iterator[None]:
    """Seed every source of randomness; on the CPU every run gives the same bits."""
    import numpy as np
    import torch

    from invrender.config import check_seed

    check_seed("seed", seed)
    memory: Any = torch.utils.deterministic
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    before = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    if device == "cpu":
        torch.use_deterministic_algorithms(True)
        # Filling memory that is about to be written anyway costs time and decides nothing.
        memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        memory.fill_uninitialized_memory = before[1]


def checked_output(output: str | None, overwrite: bool) -> Path | None:
    """The picture file to write. Raises `UserError` where that would overwrite something or can't work."""
    from invrender.overrides import PICTURES

    if not output:
        return None
    path = Path(output)
    if path.suffix.lower() not in PICTURES:
        raise UserError(f"output is {output!r}, expected a picture file such as picture.png")
    if not path.parent.is_dir():
        raise UserError(f"output is {output!r}: there is no folder {path.parent}")
    if path.exists() and not overwrite:
        raise UserError(f"output is {output!r}, which exists; give another name or overwrite=true")
    return path


def shown(path: Path) -> str:
    """A path as a person types it: relative to the working directory where it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
