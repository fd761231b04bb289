"""The four stages of a hard picture, for renderers and for those who compose their own.

    raster = rasterize(scene)                     # what each pixel's centre shows
    values = interpolate(raster, vertex_values)   # anything that vertices have, in between
    colors = shade(raster)                        # the scene's own colours, or a shader's
    smooth = antialias(raster, colors)            # with the gradient of moving edges

Pictures are [B, H, W, C], however few there are. All of it is differentiable in the scene's tensors and in what else is
given; where edges are, through `antialias` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from invrender.checks import all_finite
from invrender.errors import UserError
from invrender.render.backends.dispatch import Backend, Implementation, implementation
from invrender.render.base import Shot, choose_camera
from invrender.render.film import Batch, likeness
from invrender.render.raster import visible
from invrender.render.raster.antialias import Crossings, Outlines, outlines, select_crossings
from invrender.render.raster.fragments import Fragments
from invrender.render.raster.project import project_surfaces
from invrender.render.raster.screen import Screen
from invrender.render.shading import models
from invrender.render.shading.channels import Shader
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import CAMERA, Scene


@dataclass(frozen=True, eq=False)
class Raster:
    """What the centre of each pixel shows, in B pictures of H × W pixels.

    batch: the shots. surfaces: their faces, as flat tensors. screen: the faces that can show.
    winner: [B H W] int64, the screen's face that each pixel shows, −1 for none. work: the kernels.
    """

    batch: Batch
    surfaces: Surfaces
    screen: Screen
    winner: Tensor
    work: Implementation

    @classmethod
    def of(cls, batch: Batch, cull_backfaces: bool, mipmaps: bool, shaded: bool, backend: Backend) -> Raster:
        """Rasterize a batch; without ``shaded`` there is nothing to shade it with (`Surfaces.of`)."""
        work = implementation(backend, batch.device)
        surfaces = batch.surfaces(mipmaps, shaded, work.operations)
        screen = project_surfaces(surfaces, batch.cameras, cull_backfaces, work.classify)
        return cls(batch, surfaces, screen, work.nearest_faces(screen), work)

    @property
    def size(self) -> tuple[int, int, int]:
        """B, H and W."""
        return self.screen.pictures, self.screen.height, self.screen.width

    @property
    def mask(self) -> Tensor:
        """[B, H, W] bool: where a face is."""
        return (self.winner >= 0).reshape(self.size)

    @cached_property
    def fragments(self) -> Fragments:
        """What is seen of the faces, a fragment for each pixel in `mask`, in its order; differentiable."""
        return visible.winning_fragments(self.screen, self.winner, self.work.fragments)

    @cached_property
    def jumps(self) -> tuple[Outlines, Crossings]:
        """The edges at which pictures may jump, and where these pass between two pixels."""
        found = outlines(self.screen, self.surfaces, self.work.jumps)
        source = self.surfaces.source
        names = None if source is None else source[self.screen.face]
        return found, select_crossings(found, self.work.crossings(self.screen, found), self.winner, names)

    def smooth(self, pictures: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Pictures [B H W, C] antialiased where they jump."""
        return self.work.antialias(self.screen, *self.jumps, pictures)


def rasterize(
    scenes: Scene | Sequence[Scene],
    camera: str = CAMERA,
    cull_backfaces: bool = False,
    mipmaps: bool = True,
    backend: Backend = "auto",
) -> Raster:
    """Find the nearest face at the centre of each pixel, in a picture of each scene by its camera of this name.

    cull_backfaces, mipmaps, backend: as of `invrender.render.edge.EdgeRenderer`.

    Raises `UserError` for a camera that is not there, and for scenes whose cameras differ in size, projection or range
    of depth, or whose lights differ in kind: these make separate batches.
    """
    shots = [Shot(each, choose_camera(each, camera)) for each in ([scenes] if isinstance(scenes, Scene) else scenes)]
    if not shots:
        raise UserError("scenes is empty, expected at least one scene")
    if any(likeness(shot) != likeness(shots[0]) for shot in shots):
        raise UserError(
            "scenes differ in the size, projection, near or far of their cameras or in the kinds of their lights, "
            "expected scenes that are alike in these; rasterize them one by one"
        )
    return Raster.of(Batch(shots, samples=1), cull_backfaces, mipmaps, shaded=True, backend=backend)


def interpolate(raster: Raster, values: Tensor, faces: Tensor | None = None) -> Tensor:
    """Values of vertices at what each pixel shows, [B, H, W, C]; 0 where nothing is.

    values: [V, C], for each vertex of ``raster.surfaces``, whose objects follow each other.
    faces: [F, 3] int64 into ``values``, where they are not by vertex: ``raster.surfaces.normal_faces`` or ``uv_faces``.

    Raises `UserError` for values of another shape, and for ones that are not finite.
    """
    surfaces, seen = raster.surfaces, raster.fragments
    corners = surfaces.faces if faces is None else faces
    count = len(surfaces.vertices) if faces is None else int(corners.max()) + 1
    if values.ndim != 2 or len(values) < count or (faces is None and len(values) > count):
        raise UserError(f"values is {list(values.shape)}, expected [{count}, C]")
    all_finite({"values": values})
    return spread(raster, raster.work.operations.interpolate(values, corners, seen.face, seen.barycentric))


def shade(raster: Raster, shader: Shader | None = None) -> Tensor:
    """The colours [B, H, W, 3] of what each pixel shows, over the scene's background.

    shader: gives other values [N, C] from the surfaces and `Raster.fragments`; they lie over 0, and the picture is
        [B, H, W, C].
    """
    if shader is not None:
        return spread(raster, shader(raster.surfaces, raster.fragments))
    if raster.surfaces.deferred:
        color = defer(raster, raster.batch.background)
    else:
        color, _ = raster.work.hard_layers(raster.screen, raster.surfaces, raster.winner, raster.batch.background)
    return color.reshape(*raster.size, -1)


def defer(raster: Raster, background: Tensor, shader: Shader = models.shade) -> Tensor:
    """The colours [P, C] that a shader gives to what pixels show, over a background [P, C] or [P, 1]."""
    own = raster.screen, raster.surfaces, raster.winner, background
    return visible.hard_layers(*own, shader, raster.work.fragments)[0]


def antialias(raster: Raster, picture: Tensor) -> Tensor:
    """A picture [B, H, W, C] antialiased where it jumps at edges; differentiable in it and in where the edges are.

    Raises `UserError` for a picture of another size, and for one that is not finite.
    """
    if picture.ndim != 4 or tuple(picture.shape[:3]) != raster.size:
        wanted = ", ".join(str(side) for side in raster.size)
        raise UserError(f"picture is {list(picture.shape)}, expected [{wanted}, C]")
    all_finite({"picture": picture})
    (smooth,) = raster.smooth([picture.reshape(raster.screen.pixels, -1)])
    return smooth.reshape(picture.shape)


def spread(raster: Raster, values: Tensor) -> Tensor:
    """Values [N, C] of fragments as a picture [B, H, W, C]; 0 where nothing is."""
    empty = values.new_zeros(raster.screen.pixels, values.shape[1])
    return empty.index_copy(0, raster.fragments.pixel, values).reshape(*raster.size, -1)
