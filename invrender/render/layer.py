"""Rendering from Python: a function, and a layer of a network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError, suggestion
from invrender.render.base import ALL, OWN, Quality, Renderer, Shot, choose_camera
from invrender.render.edge import EdgeRenderer
from invrender.scene import CAMERA, Picture, Scene, map_tensors
from invrender.scene.address import find_tensors, set_tensors


def render(
    scene: Scene,
    channels: Collection[str] = ALL,
    renderer: Renderer | None = None,
    camera: str = CAMERA,
    quality: Quality = OWN,
) -> Picture:
    """The picture that one of the scene's cameras takes, differentiable in every tensor of the scene.

    channels: what it is to have, such as "rgb" [H, W, 3], linear, "alpha" [H, W], "depth" [H, W], "normal" [H, W, 3].
    renderer: None for `EdgeRenderer()`: hard edges, antialiased, with the gradient of edges that move.
    camera: its name in the scene. quality: how finely to draw; the renderer's own where it says nothing.

    Raises `UserError` for a camera or channels that are not there, and for numbers that are not finite.
    """
    renderer = EdgeRenderer() if renderer is None else renderer
    check_channels(channels, renderer)
    checks.all_finite(find_tensors(scene))
    return renderer.render([Shot(scene, choose_camera(scene, camera))], frozenset(channels), quality)[0]


class RenderLayer(torch.nn.Module):
    """A layer of a network that renders: tensors of a scene in, by their addresses, channels of pictures out.

    scene: what is rendered where no tensor is given. It moves with the layer to another device or precision
        (``layer.to("cuda")``, ``layer.double()``), and is no part of the layer's ``state_dict``.
    The others are those of `render`, which gives the same bits.

    Raises `UserError` for a camera or channels that are not there, and for numbers that are not finite.
    """

    def __init__(
        self,
        scene: Scene,
        channels: Collection[str] = ("rgb",),
        renderer: Renderer | None = None,
        camera: str = CAMERA,
        quality: Quality = OWN,
    ) -> None:
        super().__init__()
        self.scene, self.camera, self.quality = scene, camera, quality
        self.renderer: Renderer = EdgeRenderer() if renderer is None else renderer
        check_channels(channels, self.renderer)
        self.channels = frozenset(channels)
        choose_camera(scene, camera)
        checks.all_finite(find_tensors(scene))

    def forward(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Render with some of the scene's tensors in place of its own.

        tensors: by address (`invrender.scene.address`), such as ``lights.key.intensity`` or
            ``cameras.camera.camera_from_world``; each of its own shape, or of several pictures, [B, …].
        Returns by channel [H, W, …], or [B, H, W, …] where a tensor was given for several pictures.

        Raises `UserError` for an address that is not there, for tensors of another shape, precision or device, and for
        numbers that are not finite.
        """
        own = find_tensors(self.scene)
        for address, tensor in tensors.items():
            check_tensor(address, tensor, own)
        checks.all_finite(tensors)
        several = {address: each for address, each in tensors.items() if each.ndim > own[address].ndim}
        scene = set_tensors(self.scene, {address: each for address, each in tensors.items() if address not in several})
        # Objects that no tensor of several changes are the same ones in all scenes, and renderers hold them once.
        changes = [{address: each[i] for address, each in several.items()} for i in range(batch_size(several))]
        shots = [Shot(one, one.cameras[self.camera]) for one in (set_tensors(scene, each) for each in changes or [{}])]
        pictures = self.renderer.render(shots, self.channels, self.quality)
        if not several:
            return dict(pictures[0].channels)
        return {name: torch.stack([picture[name] for picture in pictures]) for name in sorted(self.channels)}

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> RenderLayer:
        """What `torch.nn.Module` does to all of a module's tensors, to those of the scene as well."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.scene = map_tensors(self.scene, fn)
        return self

    def extra_repr(self) -> str:
        """What tells one layer from another."""
        return f"channels={sorted(self.channels)}, camera={self.camera!r}"


def batch_size(several: Mapping[str, Tensor]) -> int:
    """For how many pictures tensors [B, …] are; 0 where there are none. Raises `UserError` where they differ in B."""
    sizes = {address: len(each) for address, each in several.items()}
    if len(set(sizes.values())) > 1 or 0 in sizes.values():
        told = ", ".join(f"{address} for {size}" for address, size in sizes.items())
        raise UserError(f"tensors are for different numbers of pictures, or for none: {told}; give all for as many")
    return next(iter(sizes.values()), 0)


def check_tensor(address: str, tensor: Any, own: Mapping[str, Tensor]) -> None:
    """Raise `UserError` for what can't take the place of the scene's ``own`` tensor at an address."""
    if address not in own:
        near = suggestion(address, own) or f"; known are {', '.join(own)}"
        raise UserError(f"{address}: the scene has no tensor of numbers there{near}")
    wanted = own[address]
    if not isinstance(tensor, Tensor):
        raise UserError(f"{address} is a {type(tensor).__name__}, expected a tensor")
    if wanted.shape not in (tensor.shape, tensor.shape[1:]):
        sides = [str(side) for side in wanted.shape]
        one, many = (", ".join(each) for each in (sides, ["B", *sides]))
        raise UserError(f"{address} is {list(tensor.shape)}, expected [{one}], or [{many}] for B pictures")
    if (tensor.dtype, tensor.device) != (wanted.dtype, wanted.device):
        raise UserError(
            f"{address} is {tensor.dtype} on {tensor.device}, and the layer's scene {wanted.dtype} on {wanted.device}; "
            "convert one of them, the layer by its to(...)"
        )


def check_channels(channels: Collection[str], renderer: Renderer) -> None:
    """Raise `UserError` where there are none, or some that the renderer does not draw."""
    drawn = renderer.supports.channels
    if isinstance(channels, str) or not channels or not frozenset(channels) <= drawn:
        given = channels if isinstance(channels, str) else sorted(channels)
        raise UserError(f"channels is {given!r}, expected some of {', '.join(sorted(drawn))}, as in {{'rgb'}}")
