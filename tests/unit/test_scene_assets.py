"""The shipped scenes' files: made anew they are the same, and their meshes and charts are what renderers expect."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
import yaml
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[2]
SCENES = ROOT / "scenes"
OBJECTS = [
    "cube/cube",
    "panel/panel",
    "still_life/block",
    "still_life/doughnut",
    "still_life/globe",
    "still_life/table",
]
OBJECTS += ["teapot/teapot", "vase/vase"]
SCENE_NAMES = sorted({name.partition("/")[0] for name in OBJECTS})
CLOSED = [name for name in OBJECTS if name not in ("panel/panel", "teapot/teapot")]
# Of which no file has the mesh.
STARTS = ("mesh", "sphere", "hull", "terrain")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Obj:
    """An OBJ file's positions [V, 3], texture coordinates [T, 2], and faces [F, 3] into either."""

    vertices: Array
    uv: Array
    faces: Array
    uv_faces: Array

    @property
    def mesh(self) -> trimesh.Trimesh:
        return trimesh.Trimesh(self.vertices, self.faces, process=False)


def read_obj(name: str) -> Obj:
    rows: dict[str, list[list[str]]] = {"v": [], "vt": [], "f": []}
    for line in (SCENES / f"{name}.obj").read_text(encoding="utf-8").splitlines():
        key, *words = line.split()
        if key not in ("mtllib", "usemtl"):
            rows[key].append(words)
    corners = np.array([[corner.split("/") for corner in face] for face in rows["f"]], dtype=int) - 1
    return Obj(np.array(rows["v"], dtype=float), np.array(rows["vt"], dtype=float), corners[..., 0], corners[..., 1])


def pixels(path: Path) -> Array:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_made_anew_the_files_are_the_same(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCENES / "make_scenes.py", tmp_path], check=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    objects = [f"{name}.{ending}" for name in OBJECTS for ending in ("obj", "mtl", "png")]
    answers = [f"{name}/{file}" for name in SCENE_NAMES for file in ("target.png", "truth.yaml")]
    snapshot = [f"snapshot/{file}" for file in ("mask.png", "photo.jpg", "scene.yaml", "truth.json")]
    assert made == sorted(map(Path, [*objects, *answers, *snapshot, "shapes/duck.obj", "terrain/jacksboro.png"]))
    for path in made:
        if path.suffix in (".png", ".jpg"):
            # Another CPU may differ in the last bit: a sine turns a rounding over, a sample of 64 falls off an edge.
            most = {"target.png": 16, "photo.jpg": 40, "mask.png": 255}.get(path.name, 1)
            difference = np.abs(pixels(tmp_path / path) - pixels(SCENES / path))
            assert difference.max() <= most, path
            assert difference.mean() < 0.1, path
        else:
            assert (tmp_path / path).read_bytes() == (SCENES / path).read_bytes(), path


@pytest.mark.parametrize("name", OBJECTS)
def test_faces_have_area_and_agree_on_their_outside(name: str) -> None:
    obj = read_obj(name)
    assert len(np.unique(obj.vertices, axis=0)) == len(obj.vertices), "positions are welded"
    assert obj.mesh.is_winding_consistent
    assert obj.mesh.area_faces.min() > 1e-5
    assert set(obj.faces.ravel()) == set(range(len(obj.vertices)))


@pytest.mark.parametrize("name", CLOSED)
def test_closed_meshes_are_watertight_with_their_normals_outwards(name: str) -> None:
    mesh = read_obj(name).mesh
    assert mesh.is_watertight
    assert mesh.volume > 0
    holes = 1 if name == "still_life/doughnut" else 0
    assert mesh.euler_number == 2 - 2 * holes


def test_the_duck_is_one_closed_surface_without_holes() -> None:
    mesh = trimesh.load_mesh(SCENES / "shapes/duck.obj", process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.euler_number == 2
    assert mesh.body_count == 1
    assert mesh.volume > 0
    assert mesh.area_faces.min() > 1e-5
    assert 3000 < len(mesh.faces) < 5000


@pytest.mark.parametrize("name", OBJECTS)
def test_charts_share_no_texel(name: str) -> None:
    obj = read_obj(name)
    assert obj.uv.min() >= 0
    assert obj.uv.max() <= 1
    corners = obj.uv[obj.uv_faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    assert areas.min() > 0, "no face is mirrored in the texture"
    # Faces that lay on one another would cover less than the sum of their areas. Drawing fills the edges' pixels too.
    size = 2048
    image = Image.new("1", (size, size))
    draw = ImageDraw.Draw(image)
    for corner in corners:
        draw.polygon([(u * size - 0.5, v * size - 0.5) for u, v in corner], fill=1)
    assert np.asarray(image).mean() > 0.998 * areas.sum()


def test_the_teapot_is_the_one_from_utah() -> None:
    teapot = read_obj("teapot/teapot")
    assert 2000 <= len(teapot.faces) <= 4500
    low, high = teapot.vertices.min(axis=0), teapot.vertices.max(axis=0)
    np.testing.assert_allclose(low, -high, atol=2e-6)
    # The original reaches from -3 to 3.434 along the spout, from -2 to 2 across and from 0 to 3.15 in height.
    np.testing.assert_allclose((high - low) / (high - low)[0] * 6.434, [6.434, 3.15, 4], atol=0.01)
    # It is open where the original is: inside the rim, below the lid, and at both ends of the handle and the spout.
    _, uses = np.unique(teapot.mesh.edges_sorted, axis=0, return_counts=True)
    assert (uses == 1).sum() == 32 + 32 + 2 * 12 + 2 * 12


def test_the_teapots_body_faces_outwards() -> None:
    mesh = read_obj("teapot/teapot").mesh
    middles, normals = mesh.triangles_center, mesh.face_normals
    radii = np.hypot(middles[:, 0], middles[:, 2])
    belly = (radii > 0.55) & (radii < 0.63) & (np.abs(middles[:, 1] + 0.2) < 0.1) & (np.abs(middles[:, 2]) > 0.3)
    assert belly.sum() > 50
    assert (np.einsum("fc,fc->f", middles, normals)[belly] > 0).all()
    assert normals[middles[:, 1] < -0.485].T[1].max() < 0
    knob = (middles[:, 1] > 0.46) & (radii < 0.1)
    assert knob.any()
    assert normals[knob].T[1].min() > 0


@pytest.mark.parametrize("name", ["teapot/teapot", "vase/vase"])
def test_a_quarter_turn_never_shows_the_same_colours(name: str) -> None:
    obj = read_obj(name)
    texture = pixels(SCENES / f"{name}.png")
    uv = obj.uv[obj.uv_faces].mean(axis=1)
    rows, columns = ((1 - uv[:, 1]) * len(texture)).astype(int), (uv[:, 0] * len(texture)).astype(int)
    middles = obj.mesh.triangles_center
    quarter = np.floor(np.arctan2(middles[:, 0], middles[:, 2]) / (np.pi / 2) + 0.5).astype(int) % 4
    means = np.stack([texture[rows, columns][quarter == side].mean(axis=0) for side in range(4)])
    apart = [np.linalg.norm(means[a] - means[b]) for a in range(4) for b in range(a)]
    assert min(apart) > 10  # of 255


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "configs/scene").glob("*.yaml")) if path.stem not in STARTS],
    ids=lambda path: path.stem,
)
def test_the_scenes_files_are_where_their_config_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# @package _global_\n")
    scene = yaml.safe_load(text)["scene"]
    folder = (path.parent / scene["folder"]).resolve()
    assert folder == SCENES / path.stem
    assert sum(len(read_obj(f"{path.stem}/{name}").faces) for name in scene["objects"]) < 4500
    for item in scene["objects"].values():
        mesh = folder / item["mesh"]
        assert (folder / item["texture"]).is_file()
        assert f"mtllib {mesh.stem}.mtl\n" in mesh.read_text(encoding="utf-8")
        assert f"map_Kd {item['texture']}\n" in mesh.with_suffix(".mtl").read_text(encoding="utf-8")
