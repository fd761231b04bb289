"""Surface colour: Lambert's diffuse reflection and Phong's highlight at every fragment."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.render.assembly import Assembly
from invrender.render.fragments import Fragments
from invrender.render.texture import sample_bilinear
from invrender.scene import AmbientLight, Light, Material, Object, PointLight, Scene


def shade(scene: Scene, assembly: Assembly, fragments: Fragments) -> Tensor:
    """Linear RGB [N, 3] of every fragment, seen from the scene's camera.

    albedo × Σ lights (ambient + diffuse) + specular × Σ lights highlight, as PyTorch3D's Phong shading; the normal is
    interpolated and not turned towards the camera, so a face seen from behind is lit from its outside.
    """
    corners = assembly.corners.index_select(0, fragments.face)
    points = interpolate(corners, fragments.barycentric)
    normals = interpolate(assembly.normals.index_select(0, fragments.face), fragments.barycentric)
    normals = torch.nn.functional.normalize(normals, dim=1, eps=1e-6)
    towards_camera = view_directions(scene, points)
    colors = torch.zeros_like(points)
    for thing, chosen, face in assembly.split(fragments.face):
        weights = fragments.barycentric.index_select(0, chosen)
        lit = light_surface(
            scene,
            thing.material,
            points.index_select(0, chosen),
            normals.index_select(0, chosen),
            towards_camera.index_select(0, chosen),
            albedo(thing, face, weights),
        )
        colors = colors.index_add(0, chosen, lit)
    return colors


def view_directions(scene: Scene, points: Tensor) -> Tensor:
    """Unit vectors [N, 3] from points [N, 3] towards the camera; parallel for an orthographic one."""
    camera = scene.camera
    if camera.projection == "orthographic":
        return (-camera.camera_from_world[2, :3]).expand_as(points)
    return torch.nn.functional.normalize(camera.position - points, dim=1, eps=1e-6)


def albedo(thing: Object, face: Tensor, weights: Tensor) -> Tensor:
    """The diffuse colour [N, 3] at barycentrics [N, 3] of faces [N]: albedo × texture × vertex colours."""
    mesh, material = thing.mesh, thing.material
    color = material.albedo.expand(face.shape[0], 3)
    if material.texture is not None and mesh.uv is not None and mesh.uv_faces is not None:
        corners = gather_corners(mesh.uv, mesh.uv_faces, face)
        color = color * sample_bilinear(material.texture, interpolate(corners, weights))
    if material.vertex_colors is not None:
        color = color * interpolate(gather_corners(material.vertex_colors, mesh.faces, face), weights)
    return color


def light_surface(
    scene: Scene, material: Material, points: Tensor, normals: Tensor, towards_camera: Tensor, color: Tensor
) -> Tensor:
    """The light [N, 3] that surface points reflect to the camera."""
    diffuse = torch.zeros_like(color)
    highlight = torch.zeros_like(color)
    shiny = material.specular.requires_grad or bool((material.specular != 0).any())
    for light in scene.lights.values():
        if isinstance(light, AmbientLight):
            diffuse = diffuse + light.color * light.intensity
            continue
        irradiance, towards_light = incoming(light, points)
        cosine = (normals * towards_light).sum(dim=1, keepdim=True)
        diffuse = diffuse + irradiance * cosine.clamp(min=0)
        if shiny:
            mirrored = 2 * cosine * normals - towards_light
            alignment = (mirrored * towards_camera).sum(dim=1, keepdim=True).clamp(min=0)
            lobe = alignment**material.shininess
            highlight = highlight + irradiance * torch.where(cosine > 0, lobe, torch.zeros_like(lobe))
    return color * diffuse + material.specular * highlight


def incoming(light: Light, points: Tensor) -> tuple[Tensor, Tensor]:
    """Irradiance [N, 3] on a surface that faces the light, and unit vectors [N, 3] towards the light."""
    radiance = light.color * light.intensity
    if isinstance(light, PointLight):
        offset = light.position - points
        squared = (offset * offset).sum(dim=1, keepdim=True)
        towards = torch.nn.functional.normalize(offset, dim=1, eps=1e-6)
        return (radiance / squared if light.falloff == "inverse_square" else radiance.expand_as(points)), towards
    assert not isinstance(light, AmbientLight)
    towards = torch.nn.functional.normalize(light.direction, dim=0, eps=1e-6)
    return radiance.expand_as(points), towards.expand_as(points)


def gather_corners(values: Tensor, faces: Tensor, face: Tensor) -> Tensor:
    """Values [V, C] at the corners of chosen faces [N] of [F, 3]: [N, 3, C]."""
    corners = faces.index_select(0, face).reshape(-1)
    return values.index_select(0, corners).reshape(-1, 3, values.shape[1])


def interpolate(corners: Tensor, weights: Tensor) -> Tensor:
    """[N, C] from values at corners [N, 3, C] and barycentrics [N, 3]."""
    first, second, third = corners.unbind(1)
    return first * weights[:, :1] + second * weights[:, 1:2] + third * weights[:, 2:]
