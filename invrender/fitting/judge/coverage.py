"""The coverage of maps: how much of a texture, or of another unknown of many numbers, the pictures show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.fitting.objective import Objective
from invrender.fitting.solve.base import Raw
from invrender.parameters.base import Shape
from invrender.scene import AmbientLight, Scene, detach, phong

# An entry is well seen where all pictures together change by so many pixels' worth when it does. Of texels that weigh
# less, others nearby may take the place: where they weigh 0.2 to 0.5, the errors were two to six times as large.
WELL = 0.5
# A vertex is seen in a view that changes by so many pixels' worth when the vertex has another colour; it is where it
# looks to be from as many views as its shape asks for, or from one that tells depths or normals.
SEEN = 0.02
TELLING = frozenset(("depth", "normal"))


@dataclass(frozen=True)
class Coverage:
    """How much the pictures show of a map's entries.

    weights: [N], how many pixels' worth all pictures together change when an entry does, in that of its channels of
    which they show least; of a shape, in how many views each vertex is seen. entries: what they are called.
    enough: from which weight on an entry is well seen. counted: whether weights are numbers of views.
    """

    weights: Tensor
    entries: str = "numbers"
    enough: float = WELL
    counted: bool = False

    @property
    def is_well_seen(self) -> Tensor:
        """Which of the entries are well seen, [N]."""
        return self.weights >= self.enough

    @property
    def well(self) -> float:
        """The share of the entries that are well seen."""
        return float(self.is_well_seen.float().mean())

    @property
    def by_views(self) -> list[float] | None:
        """The shares of entries that are seen in no view, in one, in two and so on; None for other weights."""
        if not self.counted:
            return None
        shares: list[float] = (torch.bincount(self.weights.long()) / len(self.weights)).tolist()
        return shares

    @property
    def seen(self) -> float:
        """The share of the entries that are seen at all."""
        return float((self.weights > 0).float().mean())


def measure_coverage(objective: Objective, raw: Raw, names: Sequence[str]) -> dict[str, Coverage]:
    """The coverage of some unknowns at ``raw``, by name."""
    shapes = {name: each for name in names if isinstance(each := objective.parameters[name], Shape)}
    others = [name for name in names if name not in shapes]
    found = measure_entries(objective, raw, others) if others else {}
    for name, shape in shapes.items():
        enough = 1 if objective.channels & TELLING else shape.views
        found[name] = Coverage(count_views(objective, raw, shape), "vertices", enough, counted=True)
    return found


def count_views(objective: Objective, raw: Raw, shape: Shape) -> Tensor:
    """In how many views each place of a shape's vertices is seen, [N].

    From the derivatives of pictures in the colours of vertices, each lit alike, so that any renderer tells.
    """
    scene = objective.scene_at(raw)
    white = {name: torch.ones_like(mesh.vertices).requires_grad_() for name, mesh in shape.meshes(scene).items()}
    painted = paint_plainly(scene, white)
    counts = {name: torch.zeros_like(color[:, 0]) for name, color in white.items()}
    for shot in objective.shots(painted):
        [drawn] = objective.renderer.render([shot], frozenset(("rgb",)), objective.quality)
        slopes = torch.autograd.grad(drawn.rgb.mean(dim=-1).sum(), list(white.values()), materialize_grads=True)
        for name, slope in zip(white, slopes, strict=True):
            counts[name] += slope.sum(dim=1).abs() > SEEN
    return shape.gather(scene, counts)


def paint_plainly(scene: Scene, colors: Mapping[str, Tensor]) -> Scene:
    """The scene in light from everywhere, some of its objects in nothing but colours [V, 3] of their vertices."""
    one = torch.ones_like(scene.background.reshape(-1, 3)[0])
    objects = dict(scene.objects)
    for name, color in colors.items():
        objects[name] = replace(objects[name], material=phong(one, 0 * one, one[0], vertex_colors=color))
    return replace(detach(scene), objects=objects, lights={"light": AmbientLight(one, one[0])}, own_lights={})


def measure_entries(objective: Objective, raw: Raw, names: Sequence[str]) -> dict[str, Coverage]:
    """The coverage of some unknowns by the derivatives of the pictures in their entries."""
    added = {name: torch.zeros_like(raw[name]).requires_grad_() for name in names}
    pictures = objective.pictures(objective.scene_with(raw, added))
    shown = [
        (channel if view.weight is None else channel * spread(view.weight, channel)).sum()
        for picture, view in zip(pictures, objective.views, strict=True)
        for name, channel in picture.channels.items()
        if name in objective.channels
    ]
    derivatives = torch.autograd.grad(torch.stack(shown).sum(), list(added.values()), materialize_grads=True)
    return {
        name: Coverage(
            each.reshape(len(each), -1).abs().amin(dim=1), getattr(objective.parameters[name], "entries", "numbers")
        )
        for name, each in zip(names, derivatives, strict=True)
    }


def spread(weight: Tensor, channel: Tensor) -> Tensor:
    """Weights [H, W] for a channel [H, W] or [H, W, C]."""
    return weight if channel.ndim == 2 else weight[..., None]
