"""The keys of every subcommand, as Hydra knows them. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from invrender.fitting.stopping import Stopping
from invrender.io.schema import SceneFile
from invrender.learning.options import Training
from invrender.record.options import RecordOptions


@dataclass
class TargetConfig:
    """The pictures that a fit explains.

    kind: render (of the scene with ``camera``, ``light`` and ``scene`` changed: a known truth), drawn (a photograph of
    that truth, with what is in the way of real ones), image or views (files).
    path: the picture, or the camera file of the views. format: of that file; null recognizes it by its content.
    mask, weight: pictures of its size. depth: of its size, too, the camera z of what each pixel shows: whole numbers of
    16 bits, of which a 1 is ``depth_unit`` in the scene's unit, or floats, in that unit where none is given.
    box: [x, y, width, height], pixels of the photograph, in which the object is.
    region: whole, or object: what counts is the part of the picture around the mask, the box, or what the start shows;
    it is taken from the photograph at full resolution. margin: around that, a share of its longer side.
    color_space: of the pictures, srgb or linear; auto is srgb, but linear for floats, which always are.
    max_size: the longer side of what counts is reduced to so many pixels. max_pixels: files of more are not decoded.
    orientation: file turns pictures as their EXIF orientation says, ignore leaves them as they are stored.
    clipped: a channel at the top of its file's range says at_least (more light is as right), or exact.
    renderer: draws a rendered target; null for hard edges. samples: for each pixel in each direction. noise: standard
    deviation, linear; seed: its own, null: the run's.
    views: changes of the camera, one rendered picture for each; the fit then knows the cameras.
    photograph: by ``_target_``, how a drawn photograph is taken. hint: what is told of where the object is in it, none
    or mask, a rough one.
    """

    kind: str = "render"
    path: str | None = None
    format: Any = None
    mask: str | None = None
    weight: str | None = None
    depth: str | None = None
    depth_unit: float | None = None
    box: list[float] | None = None
    region: str = "whole"
    margin: float | None = None
    color_space: str = "auto"
    max_size: int = 640
    max_pixels: int = 128_000_000
    orientation: str = "file"
    clipped: str = "at_least"
    renderer: Any = None
    samples: int = 4
    noise: float = 0.0
    seed: int | None = None
    views: list[dict[str, Any]] = field(default_factory=list)
    camera: dict[str, Any] = field(default_factory=dict)
    light: dict[str, Any] = field(default_factory=dict)
    scene: dict[str, Any] = field(default_factory=dict)
    photograph: Any = None
    hint: str = "none"


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
class VerdictConfig:
    """judge: whether answers are judged.

    of: the unknowns that the verdict, and with it the exit status, is about; none for poses and cameras, if any.
    """

    judge: bool = True
    of: list[str] = field(default_factory=list)


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
    record: RecordOptions = field(default_factory=RecordOptions)
    stopping: Stopping = field(default_factory=Stopping)
    verdict: VerdictConfig = field(default_factory=VerdictConfig)
    verbosity: str = "normal"
    dry_run: bool = False


@dataclass
class RenderConfig(Work, SceneFile):
    """`invrender render`. output: a picture file to write besides those in the run's folder."""

    output: str | None = None
    overwrite: bool = False


@dataclass
class GradientsConfig(SceneFile):
    """`invrender gradients`. ``recover`` names one unknown of the scene.

    estimators: by name, a ``renderer`` and what it ``says``. only: names of some of them; none for all.
    numbers: of the unknown, from 0. size: pixels of the shorter side. samples, fine: for each pixel in each direction,
    of the estimators' pictures and of those whose finite differences are the truth. shifts: of the scene, sub-pixel.
    """

    recover: dict[str, Any] = field(default_factory=dict)
    estimators: dict[str, Any] = field(default_factory=dict)
    only: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    size: int = 96
    samples: int = 2
    fine: int = 12
    shifts: int = 4
    seed: int = 0
    device: str = "auto"
    verbosity: str = "normal"
    allow_targets: list[str] = field(default_factory=list)


@dataclass
class TrainConfig(SceneFile):
    """`invrender train`. ``lesson`` is what a network learns about the scene.

    record: of its keys ``files``, ``tensorboard`` and ``bar`` count here.
    """

    lesson: Any = MISSING
    training: Training = field(default_factory=Training)
    record: RecordOptions = field(default_factory=RecordOptions)
    verbosity: str = "normal"
    seed: int = 0
    device: str = "auto"
    allow_targets: list[str] = field(default_factory=list)


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
    judged: what is held against the truth: unknowns, all of them; or pose, that of the objects as the camera sees them,
    where the truth of the other unknowns means nothing.
    """

    fit: list[str] = field(default_factory=list)
    draw: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, CaseConfig] = field(default_factory=dict)
    judged: str = "unknowns"


@dataclass
class RightConfig:
    """How near to the truth an answer is right: rotations in degrees, relative errors as shares, colours in dB.

    absolute: of single colours, the error of a channel, and of other numbers without a relative error.
    """

    degrees: float = 1.0
    share: float = 0.01
    decibels: float = 20.0
    absolute: float = 0.02


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
class SampleConfig:
    """`invrender sample`. runs: the folder of a fit. sampler: by ``_target_``, how its posterior is sampled.

    seed: of the sampling. verbosity: quiet or normal. allow_targets: as in `Work`.
    """

    runs: list[str] = field(default_factory=list)
    sampler: Any = MISSING
    seed: int = 0
    verbosity: str = "normal"
    allow_targets: list[str] = field(default_factory=list)


@dataclass
class ConvertConfig:
    """`invrender convert`. files: the camera file to read, and the one to write.

    format: of the one to write; null is what its name says. object: of a BOP file, whose poses are meant.
    overwrite: what is there.
    """

    files: list[str] = field(default_factory=list)
    format: str | None = None
    object: int | None = None
    overwrite: bool = False


@dataclass
class DoctorConfig:
    """`invrender doctor`. runs: folders of fits to examine; none for what is installed. allow_targets: as in `Work`."""

    runs: list[str] = field(default_factory=list)
    allow_targets: list[str] = field(default_factory=list)


def register_schemas() -> None:
    """Make the schemas known to Hydra, as ``fit_schema`` and so on, by the name of the command."""
    store = ConfigStore.instance()
    schemas = {
        "fit": FitConfig,
        "render": RenderConfig,
        "gradients": GradientsConfig,
        "train": TrainConfig,
        "bench": BenchConfig,
        "board": BoardConfig,
        "report": ReportConfig,
        "sample": SampleConfig,
        "convert": ConvertConfig,
        "doctor": DoctorConfig,
    }
    for name, schema in schemas.items():
        store.store(name=f"{name}_schema", node=schema, provider="invrender")
