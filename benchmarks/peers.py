"""The steps of peers, each of which may be missing: PyTorch3D as in its tutorials, and Mitsuba 3."""

from __future__ import annotations

import math
import warnings
from importlib.util import find_spec

import torch
from subjects import Case, Step, scene_of, with_gradient
from torch import Tensor

MITSUBA_SAMPLES = 16


def available(peer: str) -> bool:
    """Whether a peer can be imported."""
    return find_spec(peer) is not None


def pytorch3d(case: Case) -> Step:
    """A soft step by PyTorch3D, with its own cameras, rasterizer and shaders."""
    warnings.simplefilter("ignore")  # of PyTorch3D's dependencies, about themselves
    from pytorch3d.renderer import (
        BlendParams,
        FoVPerspectiveCameras,
        Materials,
        MeshRasterizer,
        MeshRenderer,
        PointLights,
        RasterizationSettings,
        SoftPhongShader,
        SoftSilhouetteShader,
        TexturesUV,
        look_at_rotation,
    )
    from pytorch3d.structures import Meshes

    torch.set_num_threads(case.threads)
    scene = scene_of(case)
    shape = scene.objects["shape"]
    textures = None
    if shape.material.texture is not None:
        assert shape.mesh.uv is not None and shape.mesh.uv_faces is not None
        textures = TexturesUV(
            shape.material.texture[None], shape.mesh.uv_faces[None], shape.mesh.uv[None], align_corners=False
        )
    meshes = Meshes([shape.mesh.vertices], [shape.mesh.faces], textures)
    blend = BlendParams(sigma=case.sigma, gamma=case.gamma, background_color=(1.0, 1.0, 1.0))
    settings = RasterizationSettings(
        image_size=case.size,
        blur_radius=math.log(1 / 1e-4 - 1) * case.sigma,
        faces_per_pixel=case.faces_per_pixel,
    )
    device = torch.device(case.device)
    rasterizer = MeshRasterizer(FoVPerspectiveCameras(fov=60, device=device), settings)
    if case.silhouette:
        shader = SoftSilhouetteShader(blend)
    else:
        materials = Materials(shininess=float(shape.material.shininess), device=device)
        shader = SoftPhongShader(
            device,
            lights=PointLights(location=((0.0, 0.0, -3.0),), device=device),
            materials=materials,
            blend_params=blend,
        )
    renderer = MeshRenderer(rasterizer, shader)

    def step() -> Tensor:
        eye = torch.tensor(case.eye, device=device).requires_grad_()
        rotation = look_at_rotation(eye[None], device=device)
        translation = -torch.bmm(rotation.transpose(1, 2), eye[None, :, None])[:, :, 0]
        cameras = FoVPerspectiveCameras(R=rotation, T=translation, fov=60, device=device)
        picture = renderer(meshes_world=meshes, cameras=cameras)[0]
        return with_gradient(picture[..., 3:] if case.silhouette else picture[..., :3], eye)

    return step


def mitsuba(case: Case) -> Step:
    """An edge step by Mitsuba's direct lighting with projective sampling; the object moves instead of the camera."""
    from mitsuba_scene import MitsubaScene

    torch.set_num_threads(case.threads)
    scene = scene_of(case)
    vertices = scene.objects["shape"].mesh.vertices
    peer = MitsubaScene(scene, case.threads)

    def step() -> Tensor:
        offset = torch.zeros(3).requires_grad_()
        picture = peer.picture(vertices - offset, MITSUBA_SAMPLES)
        return with_gradient(picture, offset)

    return step
