"""The only module that imports PyTorch3D: our scenes as its meshes, cameras and lights, its pictures as ours."""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.images.resample import background_pixels
from invrender.render.adapters.pytorch3d.conversions import SingleLight, ndc_from_view, single_light, view_from_world
from invrender.render.adapters.pytorch3d.horizon import beyond_horizon
from invrender.render.adapters.pytorch3d.renderer import PyTorch3DRenderer
from invrender.render.adapters.pytorch3d.shading import corner_normals, corner_positions, lit_by_face, lit_by_vertex
from invrender.render.base import Shot
from invrender.render.raster.fragments import Fragments as FlatFragments
from invrender.render.shading.phong import shade
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import Camera, Channels, Picture, Scene

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyTorch3D's dependencies, about themselves
    from pytorch3d.renderer import (
        AmbientLights,
        BlendParams,
        DirectionalLights,
        HardFlatShader,
        HardPhongShader,
        Materials,
        MeshRasterizer,
        MeshRendererWithFragments,
        OrthographicCameras,
        PerspectiveCameras,
        PointLights,
        RasterizationSettings,
        SoftGouraudShader,
        SoftPhongShader,
        SoftSilhouetteShader,
        TexturesUV,
        TexturesVertex,
    )
    from pytorch3d.renderer.blending import hard_rgb_blend, softmax_rgb_blend
    from pytorch3d.renderer.mesh.rasterize_meshes import kMaxFacesPerBin
    from pytorch3d.renderer.mesh.rasterizer import Fragments
    from pytorch3d.renderer.mesh.shader import ShaderBase
    from pytorch3d.structures import Meshes

OWN_SHADERS = {
    "soft_phong": SoftPhongShader,
    "hard_phong": HardPhongShader,
    "soft_gouraud": SoftGouraudShader,
    "hard_flat": HardFlatShader,
}
SMALLEST_DEPTH = 1e-6  # corners on the camera's plane are divided by this; the faces they belong to are clipped


class SteadyRasterizer(MeshRasterizer):
    """PyTorch3D's rasterizer, with barycentrics and depths held constant where their gradients explode."""

    def __init__(self, camera: Camera, surfaces: Surfaces, renderer: PyTorch3DRenderer) -> None:
        super().__init__(pytorch3d_cameras(camera), raster_settings(camera, renderer))
        self.camera = camera
        self.corners = corner_positions(surfaces)

    def forward(self, meshes_world: Meshes, **kwargs: object) -> Fragments:
        """What PyTorch3D finds; only gradients differ."""
        found = super().forward(meshes_world, **kwargs)
        if self.raster_settings.perspective_correct is False:
            return found
        with torch.no_grad():
            exploding = beyond_horizon(self.camera, self.corners, found.pix_to_face[0])[None]
        return replace(
            found,
            zbuf=torch.where(exploding, found.zbuf.detach(), found.zbuf),
            bary_coords=torch.where(exploding[..., None], found.bary_coords.detach(), found.bary_coords),
        )


class SceneShader(ShaderBase):
    """Shades by our own lighting: any number of lights and objects, falloff, mixed textures and vertex colours.

    The blending is PyTorch3D's, or `composite_rgb_blend`.
    """

    def __init__(
        self,
        surfaces: Surfaces,
        renderer: PyTorch3DRenderer,
        cameras: PerspectiveCameras | OrthographicCameras,
        blend: BlendParams,
    ) -> None:
        super().__init__(device=cameras.device, cameras=cameras, blend_params=blend)
        self.surfaces = surfaces
        self.renderer = renderer

    def forward(self, fragments: Fragments, meshes: Meshes, znear: float, zfar: float, **kwargs: object) -> Tensor:
        """RGBA, [1, H, W, 4]."""
        colors = self.colors(fragments)
        picture: Tensor
        if not self.renderer.is_soft:
            picture = hard_rgb_blend(colors, fragments, self.blend_params)
        elif self.renderer.background == "softmax":
            picture = softmax_rgb_blend(colors, fragments, self.blend_params, znear, zfar)
        else:
            picture = composite_rgb_blend(colors, fragments, self.blend_params, znear, zfar)
        return picture

    def colors(self, fragments: Fragments) -> Tensor:
        """The colour of every fragment, [1, H, W, K, 3]; only those that are there are shaded."""
        there = fragments.pix_to_face >= 0
        flat = flattened(fragments, there)
        light = {"soft_gouraud": lit_by_vertex, "hard_flat": lit_by_face}.get(self.renderer.shader, shade)
        colors: Tensor = torch.zeros_like(fragments.bary_coords)
        return colors.index_put((there,), light(self.surfaces, flat))


def flattened(fragments: Fragments, there: Tensor) -> FlatFragments:
    """The fragments of one picture that are ``there`` [1, H, W, K], as ours; textures are seen as if from close by."""
    row, column = there.nonzero()[:, 1:3].unbind(1)
    return FlatFragments(
        pixel=row * there.shape[2] + column,
        picture=torch.zeros_like(row),
        face=fragments.pix_to_face[there],
        inside=-fragments.dists[there],
        barycentric=fragments.bary_coords[there],
        depth=fragments.zbuf[there],
        footprint=torch.zeros_like(fragments.zbuf[there]),
    )


def face_weights(fragments: Fragments, blend: BlendParams, znear: float, zfar: float) -> Tensor:
    """The softmax over a pixel's faces alone, [1, H, W, K], by coverage and depth; zeros where no face is."""
    there = fragments.pix_to_face >= 0
    nearest = fragments.zbuf[..., :1].detach()
    logits = torch.nn.functional.logsigmoid(-fragments.dists / blend.sigma)
    logits = logits - (fragments.zbuf - nearest) / (zfar - znear) / blend.gamma
    logits = torch.where(there, logits, torch.full_like(logits, torch.finfo(logits.dtype).min))
    weights: Tensor = torch.softmax(logits, dim=-1) * there
    return weights


def composite_rgb_blend(colors: Tensor, fragments: Fragments, blend: BlendParams, znear: float, zfar: float) -> Tensor:
    """As `softmax_rgb_blend`, but the softmax is over faces alone and is laid over the background by alpha.

    RGBA, [1, H, W, 4], from colours [1, H, W, K, 3].
    """
    coverage = torch.sigmoid(-fragments.dists / blend.sigma) * (fragments.pix_to_face >= 0)
    alpha = 1 - torch.prod(1 - coverage, dim=-1)[..., None]
    faces = (face_weights(fragments, blend, znear, zfar)[..., None] * colors).sum(dim=-2)
    return torch.cat([alpha * faces + (1 - alpha) * blend.background_color, alpha], dim=-1)


def draw(shot: Shot, renderer: PyTorch3DRenderer, channels: Channels) -> Picture:
    """The picture of a float32 scene at its camera's size; what is not asked for is neither shaded nor kept."""
    drawn = all_channels(shot, silhouette_of(renderer) if "rgb" not in channels else renderer)
    return Picture({name: drawn[name] for name in sorted(channels)})


def silhouette_of(renderer: PyTorch3DRenderer) -> PyTorch3DRenderer:
    """The renderer without its colours: soft ones shade nothing."""
    return replace(renderer, shader="soft_silhouette", blur_radius=renderer.reach) if renderer.is_soft else renderer


def all_channels(shot: Shot, renderer: PyTorch3DRenderer) -> Picture:
    """Colours, silhouette and depth."""
    scene, camera = shot.scene, shot.camera
    background = background_pixels(scene.background, camera.height, camera.width)
    background = background.reshape(camera.height, camera.width, 3)
    surfaces = Surfaces.of([shot])
    if len(surfaces.faces) == 0:
        empty = background.new_zeros(camera.height, camera.width)
        return Picture({"rgb": background, "alpha": empty, "depth": empty})
    rasterizer = SteadyRasterizer(camera, surfaces, renderer)
    # The hard blend takes one colour only, so there the background is laid behind its picture here.
    behind = background[None] if renderer.is_soft else scene.background.new_zeros(3)
    blend = BlendParams(renderer.sigma, renderer.gamma, behind)
    shader = shader_for(shot, surfaces, renderer, rasterizer.cameras, blend)
    draws = MeshRendererWithFragments(rasterizer, shader)
    meshes = meshes_of(scene, surfaces)
    picture, fragments = draws(meshes, znear=camera.near, zfar=camera.far, eps=SMALLEST_DEPTH)
    rgb, alpha = picture[0, ..., :3], picture[0, ..., 3]
    if renderer.is_soft:
        weights = face_weights(fragments, blend, camera.near, camera.far)
        depth = (weights * fragments.zbuf).sum(dim=-1)[0]
        # A silhouette's picture is white whatever the scene: it depends on nothing.
        rgb = rgb.detach() if renderer.shader == "soft_silhouette" else rgb
    else:
        alpha = alpha.detach()
        rgb = torch.where(alpha[..., None] > 0, rgb, background)
        depth = torch.where(alpha > 0, fragments.zbuf[0, ..., 0], torch.zeros_like(alpha))
    return Picture({"rgb": rgb, "alpha": alpha, "depth": depth})


def pytorch3d_cameras(camera: Camera) -> PerspectiveCameras | OrthographicCameras:
    """Our camera as a batch of one of PyTorch3D's, in NDC."""
    kind = OrthographicCameras if camera.projection == "orthographic" else PerspectiveCameras
    rotation, translation = view_from_world(camera.camera_from_world)
    return kind(
        R=rotation[None], T=translation[None], K=ndc_from_view(camera)[None], in_ndc=True, device=rotation.device
    )


def raster_settings(camera: Camera, renderer: PyTorch3DRenderer) -> RasterizationSettings:
    """The rasterizer's settings. Bins exist on CUDA only, and change its speed alone.

    Raises `UserError` for bins that PyTorch3D finds too small for the picture.
    """
    cuda = camera.camera_from_world.is_cuda
    longer = max(camera.height, camera.width)
    if cuda and renderer.bin_size and 1 + (longer - 1) // renderer.bin_size >= kMaxFacesPerBin:
        least = (longer - 1) // (kMaxFacesPerBin - 1) + 1
        raise UserError(
            f"renderer.bin_size is {renderer.bin_size}, expected at least {least} for {longer} pixels, 0 or null"
        )
    return RasterizationSettings(
        image_size=(camera.height, camera.width),
        blur_radius=renderer.reach,
        faces_per_pixel=renderer.faces_per_pixel,
        bin_size=renderer.bin_size if cuda else 0,
        max_faces_per_bin=renderer.max_faces_per_bin,
        perspective_correct=renderer.perspective_correct,
        cull_backfaces=renderer.cull_backfaces,
        z_clip_value=camera.near,
    )


def meshes_of(scene: Scene, surfaces: Surfaces) -> Meshes:
    """All faces as one mesh whose corners are not shared, so that each has a normal and a colour of its own."""
    corners = corner_positions(surfaces).reshape(-1, 3)
    faces = torch.arange(len(corners), device=corners.device).reshape(-1, 3)
    return Meshes(
        verts=[corners],
        faces=[faces],
        textures=textures_of(scene),
        verts_normals=[corner_normals(surfaces).reshape(-1, 3)],
    )


def textures_of(scene: Scene) -> TexturesUV | TexturesVertex | None:
    """The albedo of a single object as PyTorch3D's textures; None where PyTorch3D's shaders are not used."""
    if len(scene.objects) != 1:
        return None
    (obj,) = scene.objects.values()
    mesh, material = obj.mesh, obj.material
    if material.texture is None:
        white = torch.ones_like(mesh.vertices)
        colors = material.albedo * (white if material.vertex_colors is None else material.vertex_colors)
        return TexturesVertex([colors.index_select(0, mesh.faces.reshape(-1))])
    if material.vertex_colors is not None or mesh.uv is None or mesh.uv_faces is None:
        return None
    texture = material.texture * material.albedo
    return TexturesUV(texture[None], mesh.uv_faces[None], mesh.uv[None], align_corners=False)


def shader_for(
    shot: Shot,
    surfaces: Surfaces,
    renderer: PyTorch3DRenderer,
    cameras: PerspectiveCameras | OrthographicCameras,
    blend: BlendParams,
) -> ShaderBase | SoftSilhouetteShader:
    """PyTorch3D's own shader where that draws the scene, else ours."""
    if renderer.shader == "soft_silhouette":
        return SoftSilhouetteShader(blend)
    scene = shot.scene
    light = single_light(list(scene.lights.values()), scene.background)
    if light is None or not own_shader_suits(shot, renderer):
        return SceneShader(surfaces, renderer, cameras, blend)
    (obj,) = scene.objects.values()
    materials = Materials(
        specular_color=obj.material.specular[None],
        shininess=obj.material.shininess,
        device=scene.background.device,
    )
    return OWN_SHADERS[renderer.shader](
        device=scene.background.device,
        cameras=cameras,
        lights=pytorch3d_lights(light),
        materials=materials,
        blend_params=blend,
    )


def own_shader_suits(shot: Shot, renderer: PyTorch3DRenderer) -> bool:
    """Whether PyTorch3D's own shader draws a scene of one light as we mean it."""
    if len(shot.scene.objects) != 1 or (renderer.is_soft and renderer.background == "composite"):
        return False
    (obj,) = shot.scene.objects.values()
    material = obj.material
    if material.texture is not None and (material.vertex_colors is not None or renderer.shader == "soft_gouraud"):
        return False
    # PyTorch3D sees highlights from one point, and parallel rays come from none.
    return shot.camera.projection == "perspective" or not bool((material.specular != 0).any())


def pytorch3d_lights(light: SingleLight) -> AmbientLights | DirectionalLights | PointLights:
    """The light as PyTorch3D's; its highlights are as bright as its light, for the material scales them."""
    if light.place is None:
        return AmbientLights(ambient_color=light.ambient[None], device=light.ambient.device)
    colors = {
        "ambient_color": light.ambient[None],
        "diffuse_color": light.radiance[None],
        "specular_color": light.radiance[None],
        "device": light.ambient.device,
    }
    if light.kind == "directional":
        return DirectionalLights(direction=light.place[None], **colors)
    return PointLights(location=light.place[None], **colors)


def rasterized_triangle(device: str) -> bool:
    """Whether PyTorch3D's compiled rasterizer runs on ``device`` and covers some of 8 × 8 pixels with a triangle."""
    vertices = torch.tensor([[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0]], device=device)
    cameras = PerspectiveCameras(focal_length=1.0, device=device)
    meshes = Meshes(verts=[vertices], faces=[torch.tensor([[0, 1, 2]], device=device)])
    fragments = MeshRasterizer(cameras, RasterizationSettings(image_size=8))(meshes)
    return bool((fragments.pix_to_face >= 0).any())
