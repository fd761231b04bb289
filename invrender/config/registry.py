"""The classes that configs may name, and no others: a file from elsewhere can't have anything else called."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from invrender.config.moved import moved_target
from invrender.errors import UserError, one_line, shortened, suggestion

OPTIMIZERS = "torch.optim"
CLASSES = frozenset(
    (
        "invrender.bench.draws.CameraViews",
        "invrender.bench.draws.Numbers",
        "invrender.bench.draws.ObjectPoses",
        "invrender.bench.draws.RoughViews",
        "invrender.bench.draws.Together",
        "invrender.fitting.auto.AutoSolver",
        "invrender.fitting.auto.SampledSolver",
        "invrender.fitting.sampling.Sampler",
        "invrender.fitting.search.Search",
        "invrender.fitting.solve.AdamUniform",
        "invrender.fitting.solve.FirstOrder",
        "invrender.fitting.solve.Fusion",
        "invrender.fitting.solve.GridLeastSquares",
        "invrender.fitting.solve.LBFGS",
        "invrender.fitting.solve.LevenbergMarquardt",
        "invrender.geometry.refining.RefineGrid",
        "invrender.geometry.remeshing.Remesh",
        "invrender.io.cameras.bop.Bop",
        "invrender.learning.pose.lesson.PoseLesson",
        "invrender.learning.pose.search.NetworkSearch",
        "invrender.losses.BiLaplacian",
        "invrender.losses.Contrast",
        "invrender.losses.Correlation",
        "invrender.losses.Depth",
        "invrender.losses.EdgeLengths",
        "invrender.losses.Huber",
        "invrender.losses.KnownIntrinsics",
        "invrender.losses.Laplacian",
        "invrender.losses.MeanAbsoluteError",
        "invrender.losses.MeanSquaredError",
        "invrender.losses.Moments",
        "invrender.losses.NormalConsistency",
        "invrender.losses.Normals",
        "invrender.losses.Separation",
        "invrender.losses.Silhouette",
        "invrender.losses.TotalVariation",
        "invrender.parameters.Albedo",
        "invrender.parameters.Ambient",
        "invrender.parameters.CameraFocal",
        "invrender.parameters.CameraIntrinsics",
        "invrender.parameters.CameraPose",
        "invrender.parameters.CameraPoses",
        "invrender.parameters.CameraPosition",
        "invrender.parameters.HeightMap",
        "invrender.parameters.LightColor",
        "invrender.parameters.LightDirection",
        "invrender.parameters.LightIntensity",
        "invrender.parameters.LightPosition",
        "invrender.parameters.ObjectPose",
        "invrender.parameters.Texture",
        "invrender.parameters.Values",
        "invrender.parameters.VertexColors",
        "invrender.parameters.Vertices",
        "invrender.photographs.photography.Photography",
        "invrender.render.approximate.renderer.ApproximateRenderer",
        "invrender.render.auto.automatic",
        "invrender.render.edge.EdgeRenderer",
        "invrender.render.embedded.EmbeddedRenderer",
        "invrender.render.hard.HardRenderer",
        "invrender.render.adapters.pytorch3d.renderer.PyTorch3DRenderer",
        "invrender.render.soft.SoftRenderer",
    )
)


def target_of(node: Mapping[str, Any], key: str, allow: Sequence[str]) -> Callable[..., Any]:
    """The class or function that a node names: of `CLASSES`, an optimizer of PyTorch, or under a prefix of ``allow``.

    Raises `UserError` for any other, and for one that is not there.
    """
    name = moved_target(node["_target_"], key)
    told = f"{key}._target_ is {shortened(name)}"
    if not isinstance(name, str) or not (name in CLASSES or is_optimizer(name) or name.startswith(tuple(allow))):
        near = suggestion(name, CLASSES) or ", expected something under invrender. or torch.optim. that configs name"
        raise UserError(f"{told}{near}; allow more with allow_targets=[PREFIX.] on the command line")
    try:
        found: Callable[..., Any] = pkgutil.resolve_name(name)
    except Exception as error:
        raise UserError(f"{told}: {one_line(str(error))}") from error
    if not callable(found):
        raise UserError(f"{told}, expected a class or a function")
    home = f"{getattr(found, '__module__', '')}."
    if name not in CLASSES and not is_optimizer(name) and not home.startswith(tuple(allow)):
        raise UserError(f"{told}, which is from {home[:-1]} and not from {', '.join(allow)}")
    return found


def is_optimizer(name: str) -> bool:
    """Whether ``name`` is that of an optimizer in `torch.optim`."""
    module, _, own = name.rpartition(".")
    if module != OPTIMIZERS or not own.isidentifier():
        return False
    from torch import optim

    found = getattr(optim, own, None)
    return isinstance(found, type) and issubclass(found, optim.Optimizer) and found is not optim.Optimizer
