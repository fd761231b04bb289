"""Configs of jobs: those that are changed are those that Hydra composes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from invrender.config.resources import configs_folder, register_resolvers
from invrender.config.schema import register_schemas
from invrender.sweep.compose import Compositions


@pytest.fixture
def compositions() -> Iterator[Compositions]:
    register_schemas()
    register_resolvers(create=False)
    with initialize_config_dir(str(configs_folder()), version_base="1.3"):
        loader: Any = GlobalHydra.instance().config_loader()
        yield Compositions(loader, loader.load_configuration("fit", ["hydra/launcher=processes"], RunMode.MULTIRUN))


@pytest.mark.parametrize(
    "overrides",
    [
        ["camera.azimuth=12", "optimizer=lm", "seed=3"],
        ["scene=vase", "++target.camera.azimuth=3", "optimizer.stages=[{steps: 2, size: 12}]"],
        ["recover=[camera_pose,texture]", "recover.texture.lr=0.5", "~light.key", "stopping.tolerance=1"],
        ["+target.scene.objects.vase.albedo=[1,0,0]", "target.scene.objects.vase.albedo=[0,0,1]", "scene=vase"],
    ],
)
def test_a_changed_config_is_what_hydra_composes(
    compositions: Compositions, overrides: list[str], tmp_path: Path
) -> None:
    # The process has run another job before, of which nothing is left.
    compositions.prepared([*overrides, "++seed=7"], tmp_path / "2").configs()
    config, hydra = compositions.prepared(overrides, tmp_path / "3").configs()
    given = [*overrides, f"hydra.sweep.dir={tmp_path}", "hydra.sweep.subdir=3"]
    expected = OmegaConf.to_container(compositions.loader.load_sweep_config(compositions.master, given), resolve=False)
    assert isinstance(expected, dict)
    wanted = expected.pop("hydra")
    assert OmegaConf.to_container(config, resolve=False) == expected
    found = OmegaConf.to_container(hydra, resolve=False)["hydra"]  # type: ignore[index,call-overload]
    assert found["overrides"]["task"] == wanted["overrides"]["task"]
    assert found["job"]["override_dirname"] == wanted["job"]["override_dirname"]
    assert found["runtime"]["choices"] == wanted["runtime"]["choices"]
    assert found["runtime"]["output_dir"] == str(tmp_path / "3")
    assert found["sweep"] == {**wanted["sweep"], "subdir": "3"}


def test_equal_choices_are_composed_once(compositions: Compositions, tmp_path: Path) -> None:
    for number in range(20):
        compositions.prepared([f"seed={number}", f"optimizer={('adam', 'lm')[number % 2]}"], tmp_path / str(number))
    assert len(compositions.composed) == 2


@pytest.mark.parametrize("override", ["camera.azimth=1", "camera.azimuth=oops", "optimizer=nothing"])
def test_what_does_not_go_is_told(compositions: Compositions, override: str) -> None:
    compositions.check(["seed=1"])
    with pytest.raises(Exception, match=r"azimth|oops|nothing") as error:
        compositions.check(["seed=1", override])
    assert isinstance(error.value, OmegaConfBaseException) or "hydra" in type(error.value).__module__
