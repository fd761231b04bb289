"""Gloss in files: glTF's and MTL's, scene files' own, and back again to the same picture."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapes
import torch
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor

from invrender.errors import UserError
from invrender.io.folder import Folder
from invrender.io.lights import build_light, light_keys
from invrender.io.scenes import build_scene, write_scene
from invrender.io.schema import (
    CameraConfig,
    LightConfig,
    MapsConfig,
    ObjectConfig,
    SceneConfig,
    SceneFile,
    VerticesConfig,
)
from invrender.record.geometry import textured
from invrender.render.base import render_scene
from invrender.render.hard import HardRenderer
from invrender.scene import Material, Object, Property, Scene, principled

RGB = frozenset(("rgb",))
Array = np.ndarray[Any, Any]
# Four texels whose channels tell each other apart.
PACKED = np.array([[[0, 51, 255], [0, 102, 0]], [[0, 153, 204], [0, 204, 153]]], np.uint8)
LEANING = np.array([[[178, 128, 230], [128, 128, 255]], [[128, 178, 230], [100, 128, 250]]], np.uint8)


def png(values: Array) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def write_glb(path: Path, material: dict[str, Any], pictures: list[Array]) -> None:
    """A square of four vertices with texture coordinates, of one material; texture number n shows picture number n."""
    points = np.array([[-1, -1, 0], [1, -1, 0], [-1, 1, 0], [1, 1, 0]], np.float32)
    uv = np.array([[0, 1], [1, 1], [0, 0], [1, 0]], np.float32)
    index = np.array([0, 1, 3, 0, 3, 2], np.uint16)
    blocks = [points.tobytes(), uv.tobytes(), index.tobytes(), *map(png, pictures)]
    starts, data = [], b""
    for block in blocks:
        starts.append(len(data))
        data += block + b"\0" * (-len(block) % 4)
    views = [{"buffer": 0, "byteOffset": at, "byteLength": len(each)} for at, each in zip(starts, blocks, strict=True)]
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}],
        "materials": [material],
        "textures": [{"source": number} for number in range(len(pictures))],
        "images": [{"bufferView": 3 + number, "mimeType": "image/png"} for number in range(len(pictures))],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [-1] * 3, "max": [1] * 3},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5123, "count": 6, "type": "SCALAR"},
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": len(data)}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(data)
    head = struct.pack("<4sII", b"glTF", 2, size) + struct.pack("<I4s", len(text), b"JSON")
    path.write_bytes(head + text + struct.pack("<I4s", len(data), b"BIN\0") + data)


def load(folder: Path, mesh: str, **keys: Any) -> Scene:
    keys |= {"maps": MapsConfig(**keys.get("maps", {})), "vertices": VerticesConfig(**keys.get("vertices", {}))}
    file = SceneFile(
        scene=SceneConfig(objects={"thing": ObjectConfig(mesh=mesh, **keys)}),
        camera=CameraConfig(width=24, height=24, distance=3.5, azimuth=20, elevation=15, look_at=[0, 0, 0]),
        light={
            "key": LightConfig(kind="point", position=[1, 1.5, 2.5]),
            "sky": LightConfig(kind="ambient", intensity=0.2),
        },
    )
    return build_scene(file, folder)


def looks(scene: Scene) -> Material:
    return scene.objects["thing"].material


def drawn(scene: Scene) -> Tensor:
    return render_scene(HardRenderer(samples=2), scene, RGB).rgb


def square(folder: Path) -> None:
    lines = ["mtllib a.mtl", "v -1 -1 0", "v 1 -1 0", "v -1 1 0", "v 1 1 0", "vt 0 0", "vt 1 0", "vt 0 1", "vt 1 1"]
    (folder / "a.obj").write_text("\n".join([*lines, "usemtl a", "f 1/1 2/2 4/4", "f 1/1 4/4 3/3"]))


def test_everything_that_gltf_says_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stated = {
        "pbrMetallicRoughness": {
            "baseColorFactor": [0.9, 0.8, 0.7, 1],
            "metallicFactor": 0.5,
            "roughnessFactor": 0.75,
            "metallicRoughnessTexture": {"index": 0},
        },
        "normalTexture": {"index": 1, "scale": 0.5},
        "emissiveFactor": [0.1, 0.2, 0.3],
    }
    write_glb(tmp_path / "a.glb", stated, [PACKED, LEANING])
    found = looks(load(tmp_path, "a.glb"))
    assert found.model == "principled"
    assert (float(found["roughness"].factor), float(found["metallic"].factor)) == (0.75, 0.5)
    torch.testing.assert_close(found["emission"].factor, torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(found["normal"].factor, torch.tensor([0.5, 0.5, 1.0]))
    packed = torch.from_numpy(PACKED).float() / 255
    for name, channel in (("roughness", 1), ("metallic", 2)):
        texture = found[name].texture
        assert texture is not None
        torch.testing.assert_close(texture[..., 0], packed[..., channel], rtol=0, atol=1e-6)
    normal = found["normal"].texture
    assert normal is not None
    torch.testing.assert_close(normal, 2 * torch.from_numpy(LEANING).float() / 255 - 1, rtol=0, atol=1e-6)
    assert not caplog.messages


@pytest.mark.parametrize(
    ("stated", "model", "told"),
    [
        ({"baseColorFactor": [1, 0, 0, 1]}, "phong", "state neither metal nor roughness"),
        ({"baseColorFactor": [1, 0, 0, 1], "metallicFactor": 0}, "phong", None),
        ({"metallicFactor": 0, "roughnessFactor": 1}, "phong", None),
        ({"metallicFactor": 0, "roughnessFactor": 0.5}, "principled", None),
        ({"roughnessFactor": 0.5}, "principled", None),
    ],
)
def test_what_is_plain_stays_as_it_was(
    stated: dict[str, Any], model: str, told: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_glb(tmp_path / "a.glb", {"pbrMetallicRoughness": stated}, [])
    assert looks(load(tmp_path, "a.glb")).model == model
    assert len(caplog.messages) == (told is not None)
    assert told is None or told in caplog.text


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "I;16"])
def test_maps_of_gltf_may_be_grey_or_have_alpha(mode: str, tmp_path: Path) -> None:
    grey = np.array([[0, 128, 255, 64]] * 3, np.uint8)
    picture = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    stated = {"pbrMetallicRoughness": {"metallicRoughnessTexture": {"index": 0}, "baseColorTexture": {"index": 0}}}
    write_glb(tmp_path / "a.glb", stated, [np.asarray(picture)])
    found = looks(load(tmp_path, "a.glb"))
    texture, rough = found.texture, found["roughness"].texture
    assert texture is not None and rough is not None
    assert texture.shape == (3, 4, 3)
    torch.testing.assert_close(rough[..., 0], torch.from_numpy(grey).float() / 255, rtol=0, atol=1e-6)


GLOW = {"emissiveFactor": [1, 1, 1], "extensions": {"KHR_materials_emissive_strength": {"emissiveStrength": -3}}}


@pytest.mark.parametrize("glow", [{"emissiveFactor": [-1, 0, 0]}, {"emissiveFactor": [1, 0]}, GLOW])
def test_glow_of_gltf_that_is_none_is_refused(glow: dict[str, Any], tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", glow, [])
    with pytest.raises(UserError, match=r"a material has emissiveFactor .* expected three finite numbers of 0 or more"):
        load(tmp_path, "a.glb")


def test_everything_that_mtl_says_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    square(tmp_path)
    (tmp_path / "a.mtl").write_text(
        "newmtl a\nKd 0.5 0.5 0.5\nPr 0.3\nPm 0.9\nKe 0.1 0 0\nmap_Pr rough.png\nnorm n.png\n"
    )
    Image.fromarray(PACKED[..., 1]).save(tmp_path / "rough.png")
    Image.fromarray(LEANING).save(tmp_path / "n.png")
    found = looks(load(tmp_path, "a.obj"))
    assert found.model == "principled"
    assert [float(found[name].factor) for name in ("roughness", "metallic")] == pytest.approx([0.3, 0.9])
    texture = found["roughness"].texture
    assert texture is not None
    torch.testing.assert_close(texture[..., 0], torch.from_numpy(PACKED[..., 1]).float() / 255, rtol=0, atol=1e-6)
    assert "normal" in found.properties
    assert found["emission"].factor.tolist() == pytest.approx([0.1, 0, 0])
    assert not caplog.messages
    (tmp_path / "a.mtl").write_text("newmtl a\nPr 1.5\n")
    with pytest.raises(UserError, match=r"expected 0 to 1.*albedo"):
        load(tmp_path, "a.obj")


def everything() -> Scene:
    """The square with a map of each property."""
    random = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return ((0.2 + 0.6 * torch.rand(shape, generator=random)) * 255).round() / 255

    sheet = shapes.quad([[-1, -1, 0], [1, -1, 0], [-1, 1, 0]], cells=2)
    lean = torch.nn.functional.normalize(torch.cat([noise(4, 4, 2) - 0.5, torch.ones(4, 4, 1)], dim=-1), dim=-1)
    made = principled(
        Property(torch.tensor([0.9, 0.8, 0.7]), noise(8, 8, 3)),
        Property(torch.tensor(0.8), noise(4, 4, 1)),
        Property(torch.tensor(0.6), noise(4, 4, 1)),
        Property(torch.tensor([0.1, 0.2, 0.3]), noise(2, 2, 3)),
        Property(torch.tensor([0.5, 0.5, 1.0]), lean),
    )
    one = shapes.scene(Object(sheet, made, torch.eye(4))).to(dtype=torch.float32)
    return Scene({"thing": one.objects["object 0"]}, one.cameras, one.lights, one.background)


def test_a_scene_is_written_and_read_back_to_the_same_picture(tmp_path: Path) -> None:
    square(tmp_path)
    base = load(tmp_path, "a.obj", albedo=[0.5, 0.5, 0.5])
    scene = Scene({"thing": everything().objects["thing"]}, base.cameras, base.lights, base.background)
    write_scene(tmp_path / "out", scene)
    keys = OmegaConf.load(tmp_path / "out" / "scene.yaml")
    file = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(SceneFile), keys))
    assert isinstance(file, SceneFile)
    again = build_scene(file, tmp_path / "out")
    assert looks(again).model == "principled"
    torch.testing.assert_close(drawn(again), drawn(scene), rtol=0.03, atol=6e-3)
    torch.testing.assert_close(looks(again)["normal"].factor, looks(scene)["normal"].factor)


def test_values_stay_with_their_vertices_in_whatever_order_these_are(tmp_path: Path) -> None:
    square(tmp_path)
    scene, thing = load(tmp_path, "a.obj", albedo=[0.5, 0.5, 0.5]), everything().objects["thing"]
    count = len(thing.mesh.vertices)
    mesh = replace(thing.mesh, vertices=thing.mesh.vertices.flip(0), faces=count - 1 - thing.mesh.faces)
    material = thing.material.with_property("albedo", vertex=torch.linspace(0, 1, 3 * count).reshape(count, 3))
    material = material.with_property("roughness", vertex=torch.linspace(0, 1, count)[:, None])
    write_scene(tmp_path, replace(scene, objects={"thing": replace(thing, mesh=mesh, material=material)}))
    keys = OmegaConf.load(tmp_path / "scene.yaml")
    file: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(SceneFile), keys))
    found = build_scene(file, tmp_path).objects["thing"]
    assert torch.equal(found.mesh.vertices[found.mesh.faces], mesh.vertices[mesh.faces])
    for name in ("albedo", "roughness"):
        values, given = found.material[name].vertex, material[name].vertex
        assert values is not None and given is not None
        assert torch.equal(values[found.mesh.faces], given[mesh.faces])


def test_a_glb_is_written_and_read_back_to_the_same_picture(tmp_path: Path) -> None:
    square(tmp_path)
    base = load(tmp_path, "a.obj", albedo=[0.5, 0.5, 0.5])
    thing = everything().objects["thing"]
    # A JPEG, which is for looking at, would blur small noise.
    thing = replace(thing, material=thing.material.with_property("albedo", texture=None))
    scene = Scene({"thing": thing}, base.cameras, base.lights, base.background)
    (tmp_path / "b.glb").write_bytes(textured(scene.objects["thing"]).export(file_type="glb"))
    again = load(tmp_path, "b.glb")
    assert looks(again).model == "principled"
    assert float(looks(again)["metallic"].factor) == pytest.approx(0.6)
    torch.testing.assert_close(drawn(again), drawn(scene), rtol=0.05, atol=1e-2)


def test_parts_of_different_gloss_become_one_material(tmp_path: Path) -> None:
    square(tmp_path)
    text = (tmp_path / "a.obj").read_text().replace("f 1/1 4/4 3/3", "usemtl b\nf 1/1 4/4 3/3")
    (tmp_path / "a.obj").write_text(text)
    rough = "newmtl a\nKd 0.8 0.2 0.2\nPr 0.2\nPm 1\nmap_Pr rough.png\n"
    (tmp_path / "a.mtl").write_text(f"{rough}newmtl b\nKd 0.2 0.8 0.2\n")
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(tmp_path / "rough.png")
    both = load(tmp_path, "a.obj")
    assert looks(both).model == "principled"
    picture = drawn(both)
    for material in ("a", "b"):
        (tmp_path / "a.mtl").write_text(rough if material == "a" else "newmtl a\nKd 0.2 0.8 0.2\n")
        (tmp_path / "a.obj").write_text(text.replace("usemtl b\n", ""))
        model = {} if material == "a" else {"model": "principled", "roughness": 1.0}
        alone = drawn(load(tmp_path, "a.obj", **model))
        # The lower right and the upper left half of the square.
        where = (15, 15) if material == "a" else (8, 8)
        torch.testing.assert_close(picture[where], alone[where], rtol=1e-3, atol=1e-3)
        (tmp_path / "a.obj").write_text(text)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "roughness above 1": ({"roughness": 1.5}, r"thing.roughness is 1.5, expected a number from 0 to 1"),
    "metal below 0": ({"metallic": -0.1}, r"thing.metallic is -0.1, expected a number from 0 to 1"),
    "a model that is none": ({"model": "disney"}, r"thing.model is 'disney', expected"),
    "gloss on phong": ({"model": "phong", "roughness": 0.5}, r"thing.roughness has no effect .*model=principled"),
    "highlights on gloss": ({"roughness": 0.5, "specular": [0.1] * 3}, r"thing.specular has no effect"),
    "a coloured map": ({"maps": {"metallic": "color.png"}}, r"maps.metallic: .*has colours, expected a grey picture"),
    "no map of normals": ({"maps": {"normal": "grey.png"}}, r"maps.normal: .*is no map of normals"),
    "a map that is not there": ({"maps": {"roughness": "x.png"}}, r"maps.roughness is 'x.png': no such file"),
    "a blank map without a size": ({"maps": {"roughness": "blank"}}, r"maps.roughness is blank, which needs a size"),
    "a scale of nothing": ({"roughness": 0.5, "normal_scale": 2.0}, r"normal_scale has no effect"),
    "values of other vertices": ({"vertices": {"roughness": "v.npy"}}, r"vertices.roughness is .* shape \(3, 1\)"),
}


@pytest.mark.parametrize(("keys", "told"), FAULTS.values(), ids=list(FAULTS))
def test_what_can_not_be_drawn_is_told(keys: dict[str, Any], told: str, tmp_path: Path) -> None:
    square(tmp_path)
    (tmp_path / "a.mtl").write_text("newmtl a\nKd 0.5 0.5 0.5\n")
    Image.fromarray(PACKED).save(tmp_path / "color.png")
    Image.fromarray(np.full((2, 2), 20, np.uint8)).save(tmp_path / "grey.png")
    np.save(tmp_path / "v.npy", np.ones((3, 1)))
    with pytest.raises(UserError, match=told):
        load(tmp_path, "a.obj", **keys)


def test_maps_and_vertices_multiply_what_is_given(tmp_path: Path) -> None:
    square(tmp_path)
    (tmp_path / "a.mtl").write_text("newmtl a\nKd 0.5 0.5 0.5\n")
    Image.fromarray(PACKED[..., 1]).save(tmp_path / "rough.png")
    np.save(tmp_path / "v.npy", np.full((4, 1), 0.5))
    keys: dict[str, Any] = {"maps": {"roughness": "rough.png"}, "vertices": {"metallic": "v.npy"}}
    found = looks(load(tmp_path, "a.obj", **keys))
    assert (float(found["roughness"].factor), float(found["metallic"].factor)) == (1.0, 1.0)
    assert found["metallic"].vertex is not None
    half = looks(load(tmp_path, "a.obj", roughness=0.5, **keys))
    assert float(half["roughness"].factor) == 0.5
    blank = looks(load(tmp_path, "a.obj", roughness=0.5, maps={"roughness": "blank"}, texture_size=[3, 5]))
    texture = blank["roughness"].texture
    assert texture is not None
    assert texture.shape == (3, 5, 1)
    assert float(texture.max()) == float(texture.min()) == 0.5


SKIES: dict[str, tuple[dict[str, Any], str]] = {
    "no coefficients": ({"kind": "sh"}, r"light.sky.coefficients is missing"),
    "too few": ({"kind": "sh", "coefficients": [[1, 1, 1]]}, r"light.sky.coefficients is .*expected 9x3 numbers"),
    "no picture": ({"kind": "environment"}, r"light.sky.picture is missing"),
    "no sphere": (
        {"kind": "environment", "picture": "square.png"},
        r"expected the whole sphere, twice as wide as high",
    ),
    "turned by no number": (
        {"kind": "environment", "picture": "sky.png", "rotation": float("nan")},
        r"light.sky.rotation is nan, expected finite degrees",
    ),
    "a key of others": ({"kind": "sh", "falloff": "none"}, r"light.sky.falloff has no effect on a light of kind sh"),
}


@pytest.mark.parametrize(("keys", "told"), SKIES.values(), ids=list(SKIES))
def test_a_sky_that_is_none_is_told(keys: dict[str, Any], told: str, tmp_path: Path) -> None:
    Image.fromarray(PACKED).save(tmp_path / "square.png")
    Image.fromarray(np.full((2, 4, 3), 9, np.uint8)).save(tmp_path / "sky.png")
    with pytest.raises(UserError, match=told):
        build_light(LightConfig(**keys), Folder(tmp_path), "light.sky")


def test_an_environment_of_8_bits_is_taken_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.fromarray(np.full((4, 8, 3), 255, np.uint8)).save(tmp_path / "sky.png")
    light = build_light(LightConfig(kind="environment", picture="sky.png"), Folder(tmp_path), "light.sky")
    assert "shows lamps and the sun too dark" in caplog.text
    again = build_light(LightConfig(**light_keys(light)), Folder(tmp_path), "light.sky")
    assert repr(again) == repr(light)
