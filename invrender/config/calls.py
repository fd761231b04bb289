"""The command line's words from Python: scenes, experiments and fits."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TypeVar, overload

from hydra import compose, initialize_config_dir
from omegaconf import open_dict, read_write

from invrender.config.assemble import Experiment, assemble
from invrender.config.compose import Composition, check_interpolations, check_keys, scene_options
from invrender.config.device import choose_device
from invrender.config.files import store
from invrender.config.messages import explain
from invrender.config.overrides import rewrite
from invrender.config.resources import configs_folder, options_in, register_resolvers
from invrender.config.schema import FitConfig, RenderConfig, register_schemas
from invrender.config.target import folder_of
from invrender.config.turns import Turns
from invrender.errors import UserError
from invrender.fitting.step import Step
from invrender.io.scenes import build_scene
from invrender.io.schema import SceneFile
from invrender.scene import Scene

Options = TypeVar("Options", bound=SceneFile)


def load_scene(scene: str | Path, *overrides: str, device: str = "cpu") -> Scene:
    """A scene, as `invrender render scene=SCENE …` has it.

    scene: the name of a shipped one, a YAML file, or a folder that holds ``scene.yaml``, such as a fit's ``recovered``.
    overrides: words of the command line, such as ``camera.azimuth=60`` and ``light=sun``.
    device: cpu, cuda, or auto.

    Raises `UserError` for what can't be used.
    """
    options, _ = read_options("render", RenderConfig, [f"scene={scene}", f"device={device}", *overrides])
    return build_scene(options, folder_of(options)).to(choose_device(options.device))


def load_experiment(*overrides: str) -> Experiment:
    """All that a fit needs, as `invrender fit` has it: scene, target, unknowns, renderer, losses, solver.

    overrides: words of the command line, such as ``experiment=camera_pose`` and ``recover=[camera_pose,ambient]``. What
    they say of the terminal and of files has no effect.

    An experiment is data, and `dataclasses.replace` puts another problem, search or stopping in place of its own.

    Raises `UserError` for what can't be used.
    """
    options, composed = read_options("fit", FitConfig, overrides)
    device = choose_device(options.device)
    with Turns(options.seed, device).take():
        return assemble(options, device, str(composed.choices.get("optimizer")))


@overload
def fit(experiment: Experiment, /) -> Generator[Step, None, None]: ...


@overload
def fit(*overrides: str) -> Generator[Step, None, None]: ...


def fit(*given: Experiment | str) -> Generator[Step, None, None]:
    """The steps of a fit: the start, each step taken, and the best scene once more, with ``stopped_because``.

    given: words of the command line, as for `load_experiment`, or an experiment. On the CPU the numbers are those of
    `invrender fit`, to the bit. The caller's random numbers and torch's threads are as ever between two steps.

    Raises `UserError`, at once and not with the first step, for what can't be fitted.
    """
    experiments = [each for each in given if isinstance(each, Experiment)]
    words = [each for each in given if isinstance(each, str)]
    if experiments and len(given) > 1:
        raise UserError(
            "fit takes an experiment or words of the command line, not both: give the words to load_experiment"
        )
    experiment = experiments[0] if experiments else load_experiment(*words)
    turns = Turns(experiment.seed, experiment.device)
    with turns.take():
        steps = experiment.fit()
    return alternate(steps, turns)


def alternate(steps: Generator[Step, None, None], turns: Turns) -> Generator[Step, None, None]:
    """The steps of a fit, each computed in its own turn; Ctrl-C while one is consumed ends the fit, too."""
    interrupt: KeyboardInterrupt | None = None
    try:
        while True:
            with turns.take():
                step = next(steps, None) if interrupt is None else steps.throw(interrupt)
            if step is None:
                return
            interrupt = None
            try:
                yield step
            except KeyboardInterrupt as error:
                interrupt = error
    finally:
        steps.close()


def read_options(command: str, schema: type[Options], words: Sequence[str]) -> tuple[Options, Composition]:
    """A command's words as an object of its schema, and as they were composed. Raises `UserError` for unusable ones."""
    files: dict[str, Path] = {}
    try:
        composed = compose_words(command, words, files)
        check_keys(composed.config)
        check_interpolations(composed.config)
        return scene_options(composed, schema), composed
    except Exception as error:
        told = explain(error, options_of)
        if told is None:
            raise
        for name, path in files.items():
            told = told.replace(name, str(path))
        raise UserError(told) from error


def compose_words(command: str, words: Sequence[str], files: dict[str, Path]) -> Composition:
    """What Hydra makes of a command's words; config files that they name are added to ``files``, by their options.

    Raises `UserError` for options such as ``--quiet``, and what Hydra raises.
    """
    for word in words:
        if word.startswith("-"):
            raise UserError(f"{word} is for the command line; from Python give GROUP=OPTION and KEY=VALUE")
    register_schemas()
    register_resolvers(create=False)
    rewritten = rewrite(words, options_of)
    files |= {file.name: file.path for file in rewritten.files}
    store(rewritten.files)
    with initialize_config_dir(str(configs_folder()), job_name=command, version_base="1.3"):
        config = compose(command, rewritten.arguments, return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with read_write(config), open_dict(config):
        del config["hydra"]
    return Composition(config, rewritten.arguments, choices, files, [configs_folder()])


def options_of(group: str) -> set[str]:
    """The names of the shipped options of a group."""
    return options_in([configs_folder()], group)
