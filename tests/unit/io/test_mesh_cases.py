"""Files as people have them, with the right answer; skipped where their folders are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from invrender.errors import UserError
from invrender.images.color import srgb_from_linear
from invrender.io.meshes import read_mesh
from invrender.io.scenes import build_scene
from invrender.io.schema import SceneFile
from invrender.render.base import render_scene
from invrender.render.hard import HardRenderer
from invrender.scene import Scene

CASES = Path(__file__).parents[4] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs the cases beside the repository")

RED, GREEN, YELLOW, BLUE = (255, 0, 0), (0, 255, 0), (255, 255, 0), (0, 0, 255)
QUARTERS = (RED, GREEN, YELLOW, BLUE)
GREY = (188, 188, 188)
BACKGROUND = (0, 0, 124)


def load(folder: str, file: str, mesh: str | None = None, **keys: Any) -> Scene:
    """The scene of a folder's YAML file, with another mesh and keys of its object."""
    raw = OmegaConf.merge(OmegaConf.structured(SceneFile), OmegaConf.load(CASES / folder / file))
    for key, value in (keys if mesh is None else {"mesh": mesh, **keys}).items():
        OmegaConf.update(raw, f"scene.objects.thing.{key}", value)
    config = OmegaConf.to_object(raw)
    assert isinstance(config, SceneFile)
    return build_scene(config, CASES / folder)


def picture(*given: Any, **keys: Any) -> Tensor:
    """The picture of a scene, [H, W, 3] as bytes in sRGB."""
    rgb = render_scene(HardRenderer(samples=1), load(*given, **keys)).rgb
    return (srgb_from_linear(rgb).clamp(0, 1) * 255).round().int()


def quarters(shown: Tensor) -> tuple[tuple[int, ...], ...]:
    """The colours in the middles of the four quarters of the square in the middle of a picture, row by row."""
    middle, step = shown.shape[0] // 2, shown.shape[0] // 6
    places = [(middle + y * step, middle + x * step) for y in (-1, 1) for x in (-1, 1)]
    return tuple(tuple(shown[place].tolist()) for place in places)


def test_01_several_materials(caplog: pytest.LogCaptureFixture) -> None:
    box = load("01-several-materials", "box.yaml")
    assert list(box.objects) == ["thing"]
    material = box.objects["thing"].material
    assert material.texture is not None
    assert material.albedo.tolist() == [1, 1, 1]
    side = tuple(picture("01-several-materials", "box.yaml")[80, 80].tolist())
    assert side == tuple((srgb_from_linear(torch.tensor([0.2, 0.3, 0.9])) * 255).round().int().tolist())
    ball = picture("01-several-materials", "ball.yaml")
    assert torch.equal(ball, picture("01-several-materials", "ball.yaml", "ball_one.obj"))
    assert not caplog.messages


def test_02_uv_outside_0_1() -> None:
    plain = picture("02-uv-outside-0-1", "plain.yaml")
    assert quarters(plain) == QUARTERS
    assert torch.equal(picture("02-uv-outside-0-1", "shift.yaml"), plain)
    tiled = load("02-uv-outside-0-1", "tile.yaml").objects["thing"]
    once = load("02-uv-outside-0-1", "plain.yaml").objects["thing"]
    assert tiled.material.texture is not None
    assert once.material.texture is not None
    assert torch.equal(tiled.material.texture, once.material.texture.repeat(3, 3, 1))
    shown = picture("02-uv-outside-0-1", "tile.yaml")
    low, high = 25, 135  # where the square is
    size = (high - low) / 6
    for row in range(6):
        for column in range(6):
            place = round(low + (row + 0.5) * size), round(low + (column + 0.5) * size)
            assert tuple(shown[place].tolist()) == QUARTERS[row % 2 * 2 + column % 2], (row, column)


NAMES = {
    "absolute.obj": "is not there, and 'Wood.PNG' is taken",
    "capital.obj": None,
    "case.obj": "is not there, and 'Wood.PNG' is taken",
    "crlf.obj": None,
    "lib_spaces.obj": None,
    "matspace.obj": None,
    "options.obj": None,
    "quoted.obj": None,
    "spaces.obj": None,
    "windows.obj": None,
}


@pytest.mark.parametrize(("name", "told"), NAMES.items(), ids=list(NAMES))
def test_03_mtl_texture_names(name: str, told: str | None, caplog: pytest.LogCaptureFixture) -> None:
    assert quarters(picture("03-mtl-texture-names", "s.yaml", name)) == QUARTERS
    assert len(caplog.messages) == (told is not None)
    assert told is None or told in caplog.text


def test_03_a_scaled_texture() -> None:
    shown = picture("03-mtl-texture-names", "s.yaml", "scaled.obj")
    assert tuple(tuple(shown[y, x].tolist()) for y in (38, 66) for x in (38, 66)) == QUARTERS
    assert tuple(tuple(shown[y, x].tolist()) for y in (94, 122) for x in (94, 122)) == QUARTERS


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("missing.obj", "the texture 'gone.png' is not there"),
        ("lib_missing.obj", "the material file 'not_there.mtl' is not there"),
        ("wrongname.obj", "the material file 'nousemtl.mtl' is not there"),
    ],
)
def test_03_what_is_gone(name: str, gone: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UserError) as caught:
        load("03-mtl-texture-names", "s.yaml", name)
    message = str(caught.value)
    assert gone in message
    assert "scene.objects.thing.albedo=" in message
    assert "scene.objects.thing.texture=" in message
    assert "\n" not in message
    shown = picture("03-mtl-texture-names", "s.yaml", name, texture="textures/wood.png")
    assert quarters(shown) == QUARTERS
    shown = picture("03-mtl-texture-names", "s.yaml", name, albedo=[1.0, 0.0, 0.0])
    assert quarters(shown) == (RED,) * 4
    assert gone in caplog.text


def test_03_a_texture_of_ambient_light_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert quarters(picture("03-mtl-texture-names", "s.yaml", "only_ka.obj")) == ((255,) * 3,) * 4
    assert "not drawn: textures of ambient light (map_Ka)" in caplog.text


def test_03_the_scene_s_word_counts() -> None:
    for name in [*NAMES, "scaled.obj"]:
        assert quarters(picture("03-mtl-texture-names", "s.yaml", name, albedo=[0.0, 1.0, 0.0]))[1] == GREEN, name
        if name != "scaled.obj":
            shown = picture("03-mtl-texture-names", "s.yaml", name, texture="textures/wood.png", albedo=[1.0, 0.0, 0.0])
            assert quarters(shown) == (RED, (0, 0, 0), RED, (0, 0, 0)), name


COLORS = {
    "kd0.obj": (QUARTERS, "is black (Kd 0 0 0) and has a texture"),
    "nokd.obj": (QUARTERS, None),
    "kd08.obj": (((231, 0, 0), (0, 231, 0), (231, 231, 0), (0, 0, 231)), None),
    "halfkd.obj": ((GREY,) * 4, None),
    "alpha.obj": ((RED,) * 4, "not drawn: transparency (d, Tr)"),
    "tr.obj": ((RED,) * 4, "not drawn: transparency (d, Tr)"),
    "ks.obj": ((GREY,) * 4, "not drawn: highlights (Ks, Ns; specular= and shininess= of the object set one)"),
}


@pytest.mark.parametrize(("name", "shown", "told"), [(name, *each) for name, each in COLORS.items()], ids=list(COLORS))
def test_04_kd_black_with_map(
    name: str, shown: tuple[tuple[int, ...], ...], told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert quarters(picture("04-kd-black-with-map", "s.yaml", name)) == shown
    assert len(caplog.messages) == (told is not None)
    assert told is None or told in caplog.text


def test_06_obj_indices_ngons(caplog: pytest.LogCaptureFixture) -> None:
    relative = picture("06-obj-indices-ngons", "s.yaml", "relative.obj")
    assert tuple(relative[80, 40].tolist()) == RED
    assert tuple(relative[80, 120].tolist()) == GREEN
    concave = picture("06-obj-indices-ngons", "s.yaml", "concave.obj")
    for place, color in {
        (60, 80): BACKGROUND,
        (40, 80): BACKGROUND,
        (60, 35): RED,
        (60, 125): RED,
        (130, 80): RED,
    }.items():
        assert tuple(concave[place].tolist()) == color, place
    assert quarters(picture("06-obj-indices-ngons", "s.yaml", "continued.obj")) == ((255,) * 3,) * 4
    assert not caplog.messages
    assert quarters(picture("06-obj-indices-ngons", "s.yaml", "free.obj")) == (RED,) * 4
    assert caplog.messages == [f"{CASES}/06-obj-indices-ngons/free.obj: not drawn: lines, points"]


@pytest.mark.parametrize("name", ["float", "float3", "ubyte", "ushort", "factor"])
def test_07_glb_vertex_colours(name: str) -> None:
    assert quarters(picture("07-glb-vertex-colours", "s.yaml", f"{name}.glb")) == (GREY,) * 4


def test_07_vertex_colours_times_the_factor() -> None:
    assert quarters(picture("07-glb-vertex-colours", "s.yaml", "both.glb")) == ((188, 0, 0),) * 4


DIM = ((188, 0, 0), (0, 188, 0), (188, 188, 0), (0, 0, 188))
GLOWING = ((255, 29, 29), (29, 255, 29), (255, 255, 29), (29, 29, 255))
GLB = {
    "plain": (QUARTERS, None),
    "repeat": (QUARTERS, None),
    "uv1": (QUARTERS, "metal"),
    "webp": (QUARTERS, None),
    "vc_tex": (DIM, None),
    "specgloss": (QUARTERS, "highlights (KHR_materials_pbrSpecularGlossiness)"),
    "mirror": ((GREEN, RED, BLUE, YELLOW), None),
    "strip": (((255,) * 3,) * 4, None),
    "transform": ((RED,) * 4, "metal"),
    "mask": ((RED, GREEN, RED, GREEN), "transparency (alphaMode MASK)"),
    # What glows is drawn, with what a black surface reflects.
    "unlit_emissive": (GLOWING, "state neither metal nor roughness"),
}


@pytest.mark.parametrize(("name", "shown", "told"), [(name, *each) for name, each in GLB.items()], ids=list(GLB))
def test_08_glb_textures_transforms(
    name: str, shown: tuple[tuple[int, ...], ...], told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert quarters(picture("08-glb-textures-transforms", "s.yaml", f"{name}.glb")) == shown
    assert len(caplog.messages) == (told is not None)
    assert told is None or told in caplog.text


def test_08_nodes_are_placed() -> None:
    shown = picture("08-glb-textures-transforms", "s.yaml", "nodes.glb")  # turned by 180°, half as large, at −0.5
    assert tuple(tuple(shown[y, x].tolist()) for y in (66, 94) for x in (38, 66)) == (BLUE, YELLOW, GREEN, RED)


def test_08_a_picture_that_cannot_be_read_is_told() -> None:
    with pytest.raises(UserError, match="has KHR_texture_basisu, which can't be read; to go on without it"):
        load("08-glb-textures-transforms", "s.yaml", "basisu.glb")
    shown = picture("08-glb-textures-transforms", "s.yaml", "basisu.glb", albedo=[0.0, 1.0, 0.0])
    assert quarters(shown) == (GREEN,) * 4


def test_13_units_and_big_coordinates(caplog: pytest.LogCaptureFixture) -> None:
    origin = picture("13-units-and-big-coordinates", "s.yaml", "origin.obj")
    assert not caplog.messages
    utm = picture("13-units-and-big-coordinates", "s.yaml", "utm.obj")
    assert "are too far from the origin for their size; that point becomes the object's origin" in caplog.text
    assert int((utm - origin).abs().max()) <= 1
    small = read_mesh(CASES / "13-units-and-big-coordinates" / "utm_cm.obj").mesh
    round_one = read_mesh(CASES / "13-units-and-big-coordinates" / "origin.obj").mesh
    assert torch.equal(small.faces, round_one.faces)
    torch.testing.assert_close(small.vertices, round_one.vertices * 0.05, atol=1e-4, rtol=0)


MENDED = {
    "degenerate.obj": "3 faces have a vertex twice, and are left out",
    "double_flipped.obj": "320 faces are the backs of others, and left out",
    "double_same.obj": "320 faces are there twice, and drawn once",
    "flipped.obj": "320 of 320 faces are turned over, and turned back",
    "mixed.obj": "143 of 320 faces are turned over, and turned back",
    "sliver.obj": "1 faces are lines that touch no others, and are left out",
    "unused_nan.obj": None,
}


@pytest.mark.parametrize(("name", "told"), MENDED.items(), ids=list(MENDED))
def test_16_degenerate_duplicate_faces(name: str, told: str | None, caplog: pytest.LogCaptureFixture) -> None:
    clean = picture("16-degenerate-duplicate-faces", "s.yaml", "clean.obj")
    shown = picture("16-degenerate-duplicate-faces", "s.yaml", name)
    assert int((shown - clean).abs().max()) <= 1
    assert caplog.messages == ([] if told is None else [f"{CASES}/16-degenerate-duplicate-faces/{name}: {told}"])


def test_16_a_position_that_is_no_number_is_told() -> None:
    with pytest.raises(UserError, match=r"nan\.obj: a vertex position is not a finite number"):
        load("16-degenerate-duplicate-faces", "s.yaml", "nan.obj")


def test_18_normals_of_the_file() -> None:
    folder = CASES / "18-normals-of-the-file"
    flat = read_mesh(folder / "flat.obj").mesh
    corners = flat.vertices[flat.faces].double()
    across = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    truth = torch.from_numpy(np.load(folder / "truth.npz")["fn"])
    torch.testing.assert_close(torch.nn.functional.normalize(across, dim=1), truth, atol=1e-4, rtol=0)
    assert torch.equal(picture("18-normals-of-the-file", "s.yaml", "flat.obj"), flat_picture("flat.obj"))
    smooth = picture("18-normals-of-the-file", "s.yaml", "flat.obj", crease=180.0)
    assert float((smooth - flat_picture("flat.obj")).abs().float().mean()) > 1

    box = picture("18-normals-of-the-file", "s.yaml", "smooth_box.obj")
    assert len(box[60:140, 100].unique(dim=0)) > 20  # the light fades along its side
    faceted = picture("18-normals-of-the-file", "s.yaml", "smooth_box.obj", crease=60.0)
    assert len(faceted[60:140, 100].unique(dim=0)) == 1
    # The normals are those of the file, not the means of the faces', which two triangles a side would tilt.
    mesh = read_mesh(folder / "smooth_box.obj").mesh
    assert mesh.normals is not None
    torch.testing.assert_close(mesh.normals[mesh.normal_faces], (mesh.vertices / 0.7 * 0.57735)[mesh.faces])


def flat_picture(name: str) -> Tensor:
    """The picture with each face its own normal."""
    return picture("18-normals-of-the-file", "s.yaml", name, crease=0.0)
