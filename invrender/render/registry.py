"""The renderers that come along, as `auto`, `doctor` and messages see them.

A renderer of its own library is a folder beside ``pytorch3d`` and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from invrender.render.adapters.pytorch3d import loading
from invrender.render.adapters.pytorch3d.renderer import PyTorch3DRenderer
from invrender.render.approximate.renderer import RULES, ApproximateRenderer, RuleName
from invrender.render.base import Renderer
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.trial import draws


@dataclass(frozen=True)
class Entry:
    """One renderer.

    title: as people call it, the library behind it if there is one.
    make: the renderer, from the settings that `auto` has.
    problem: what is wrong with it on a device, None where it draws a triangle.
    library: the version of its library, None where that is not installed; "" where it has none.
    guide: where to read how it is installed. made_for: the device for which `auto` prefers it.
    """

    title: str
    make: Callable[..., Renderer]
    problem: Callable[[str], str | None]
    library: Callable[[], str | None] = lambda: ""
    guide: str = ""
    made_for: str = ""


def embedded_problem(device: str) -> str | None:
    """What is wrong with the embedded renderer on ``device``: None where it draws a triangle."""
    return None if draws(EmbeddedRenderer(), device) else "it draws nothing"


def approximate_problem(device: str) -> str | None:
    """What is wrong with the renderers of approximate gradients on ``device``: None where all draw a triangle."""
    idle = [rule for rule in RULES if not draws(ApproximateRenderer(rule), device)]
    return f"{', '.join(idle)} draws nothing" if idle else None


def approximate(title: str, rule: RuleName) -> Entry:
    """The entry of a rule for approximate gradients."""
    return Entry(title, partial(ApproximateRenderer, rule), approximate_problem)


REGISTRY: Mapping[str, Entry] = {
    "embedded": Entry("embedded", EmbeddedRenderer, embedded_problem),
    "pytorch3d": Entry(
        "PyTorch3D", PyTorch3DRenderer, loading.problem, loading.library, loading.GUIDE, made_for="cuda"
    ),
    "opendr": approximate("OpenDR's rule", "opendr"),
    "nmr": approximate("NMR's rule", "nmr"),
    "nvdiffrast_rule": approximate("nvdiffrast's rule", "nvdiffrast"),
    "drtk_rule": approximate("DRTK's rule", "drtk"),
}
"""By option of the group renderer."""


def problem(name: str, device: str) -> str | None:
    """What is wrong with a renderer on ``device``, None where it works."""
    return REGISTRY[name].problem(device)
