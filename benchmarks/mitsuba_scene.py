"""One matt object of ours as a scene of Mitsuba 3 whose picture is differentiable in the object's vertices."""

from __future__ import annotations

from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
import torch
from torch import Tensor

from invrender.scene import Camera, DirectionalLight, Object, Scene

mi.set_variant("llvm_ad_rgb")


class MitsubaScene:
    """A scene of one object under one sun, before black.

    Direct light, with projective sampling of the edges that the camera sees, and of none of shadows.
    """

    def __init__(self, scene: Scene, threads: int) -> None:
        dr.set_thread_count(threads)
        (shape,), (sun,) = scene.objects.values(), scene.lights.values()
        assert isinstance(sun, DirectionalLight)
        mesh, self.vertex = mesh_of(shape)
        self.scene = mi.load_dict(
            {
                "type": "scene",
                "integrator": {"type": "direct_projective", "sppi": 0},
                "shape": mesh,
                "sensor": sensor_of(scene.camera),
                "sun": {
                    "type": "directional",
                    "direction": (-sun.direction).tolist(),
                    "irradiance": {"type": "rgb", "value": (np.pi * sun.intensity * sun.color).tolist()},
                },
            }
        )
        self.parameters = mi.traverse(self.scene)
        self.seed = 0

    def picture(self, vertices: Tensor, samples: int) -> Tensor:
        """The picture [H, W, 3] with the object's vertices elsewhere, [V, 3], from ``samples`` for each pixel."""
        self.seed += 1
        return self.rendered(vertices.index_select(0, self.vertex).reshape(-1), samples, self.seed)

    def rendered(self, positions: Tensor, samples: int, seed: int) -> Tensor:
        """The picture from Mitsuba's own vertices, flat; torch's graph goes on in Mitsuba."""

        @dr.wrap(source="torch", target="drjit")
        def render(given: Any) -> Any:
            self.parameters["shape.vertex_positions"] = given.array
            self.parameters.update()
            return mi.render(self.scene, self.parameters, spp=samples, seed=seed)

        picture: Tensor = render(positions)
        return picture


def mesh_of(shape: Object) -> tuple[Any, Tensor]:
    """An object as a mesh of Mitsuba's, and which of our vertices each of its vertices is."""
    mesh, material = shape.mesh, shape.material
    assert mesh.uv is not None and mesh.uv_faces is not None and material.texture is not None
    pairs = torch.stack([mesh.faces, mesh.uv_faces], dim=-1).reshape(-1, 2)
    pairs, corner = pairs.unique(dim=0, return_inverse=True)
    properties = mi.Properties()
    bitmap = mi.Bitmap((material.texture * material.albedo).numpy())
    texture = {"type": "bitmap", "bitmap": bitmap, "raw": True, "wrap_mode": "clamp"}
    properties["mesh_bsdf"] = mi.load_dict({"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": texture}})
    made = mi.Mesh(
        "shape", len(pairs), len(mesh.faces), has_vertex_normals=True, has_vertex_texcoords=True, props=properties
    )
    parameters = mi.traverse(made)
    uv = mesh.uv[pairs[:, 1]] * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0])
    parameters["vertex_texcoords"] = uv.reshape(-1).numpy()
    parameters["faces"] = corner.reshape(-1).to(torch.int32).numpy()
    parameters["vertex_positions"] = mesh.vertices[pairs[:, 0]].reshape(-1).numpy()
    parameters.update()
    return made, pairs[:, 0]


def sensor_of(camera: Camera) -> dict[str, Any]:
    """A perspective camera with square pixels and a centred principal point; Mitsuba's x runs to the left."""
    world_from_camera = torch.linalg.inv(camera.camera_from_world) @ torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0]))
    field_of_view = 2 * torch.atan(camera.width / 2 / camera.intrinsics[0, 0])
    return {
        "type": "perspective",
        "to_world": mi.ScalarTransform4f(world_from_camera.numpy()),
        "fov": float(torch.rad2deg(field_of_view)),
        "near_clip": camera.near,
        "film": {
            "type": "hdrfilm",
            "width": camera.width,
            "height": camera.height,
            "rfilter": {"type": "box"},
            "sample_border": True,
            "pixel_format": "rgb",
        },
    }
