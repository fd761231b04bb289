"""Each format read as it says, beside another reader of it; what is cut off or wrong is refused."""

from __future__ import annotations

import base64
import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from invrender.errors import UserError
from invrender.io.meshes import read_mesh
from invrender.io.meshes.triangles import triangulate

REPOSITORY = Path(__file__).parents[3]
SHARED = REPOSITORY.parent / "shared"
CORPUS = [
    *sorted((REPOSITORY / "scenes").rglob("*.obj")),
    *(SHARED / "meshes" / name for name in ("teapot.obj", "cow/cow.obj")),
    SHARED / "monkey_pbr" / "monkey.obj",
]
FORMATS = ["obj", "ply", "stl", "glb", "off"]
Array = np.ndarray[Any, Any]


def triangles(vertices: Array, faces: Array, digits: int = 20) -> Array:
    """The triangles [F, 3, 3], each from its least corner on, sorted: the surface without its numbering."""
    corners = np.round(np.asarray(vertices, np.float32)[np.asarray(faces)], digits)
    first = np.array([min(range(3), key=lambda k: tuple(face[k])) for face in corners])
    turned = np.stack([corners[np.arange(len(corners)), (first + k) % 3] for k in range(3)], axis=1).reshape(-1, 9)
    sorted_rows: Array = turned[np.lexsort(turned.T[::-1])]
    return sorted_rows


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_obj_files_are_read_as_by_trimesh(path: Path) -> None:
    if not path.is_file():
        pytest.skip(f"needs {path}")
    ours = read_mesh(path).mesh
    theirs = trimesh.load(path, process=False, force="mesh")
    assert np.array_equal(
        triangles(ours.vertices.numpy(), ours.faces.numpy()), triangles(theirs.vertices, theirs.faces)
    )
    if ours.uv is not None and ours.uv_faces is not None:
        uv = ours.uv[ours.uv_faces].numpy()
        assert theirs.visual.uv is not None
        np.testing.assert_allclose(
            np.sort(uv.reshape(-1)), np.sort(theirs.visual.uv[theirs.faces].reshape(-1)), atol=1e-6
        )


def shapes() -> dict[str, trimesh.Trimesh]:
    """Closed shapes, with vertices that several faces share."""
    return {
        "ball": trimesh.creation.icosphere(subdivisions=2),
        "box": trimesh.creation.box((1, 2, 3)),
        "ring": trimesh.creation.torus(1.0, 0.3, 12, 8),
        "tube": trimesh.creation.annulus(0.5, 1.0, 2.0),
    }


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", list(shapes()))
def test_what_trimesh_writes_is_read(tmp_path: Path, name: str, suffix: str) -> None:
    shape = shapes()[name]
    shape.export(tmp_path / f"shape.{suffix}")
    mesh = read_mesh(tmp_path / f"shape.{suffix}").mesh
    found = triangles(mesh.vertices.numpy(), mesh.faces.numpy(), digits=5)
    true = triangles(shape.vertices, shape.faces, digits=5)
    np.testing.assert_allclose(found, true, atol=2e-5)


@pytest.mark.parametrize("suffix", [each for each in FORMATS if each != "obj"])  # which says nowhere how long it is
@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_what_is_cut_off_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    trimesh.creation.icosphere(subdivisions=2).export(tmp_path / f"ball.{suffix}")
    data = (tmp_path / f"ball.{suffix}").read_bytes()
    cut = data[: int(len(data) * share)]
    (tmp_path / f"cut.{suffix}").write_bytes(cut)
    with pytest.raises(UserError) as caught:
        read_mesh(tmp_path / f"cut.{suffix}")
    assert str(caught.value).startswith(f"{tmp_path / f'cut.{suffix}'}: ")
    assert "\n" not in str(caught.value)


PLY = "ply\nformat ascii 1.0\n{comments}element vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
GLTF = '{"asset": {"version": "2.0"}, '
SQUARE = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n"


def write_ply(path: Path, faces: str, rows: str, comments: str = "", vertices: str = SQUARE) -> Path:
    """A PLY file of a square's corners with these faces."""
    count = len(rows.splitlines())
    text = PLY.format(comments=comments) + f"element face {count}\n{faces}end_header\n{vertices}{rows}"
    path.write_text(text)
    return path


INDICES = "property list uchar int vertex_indices\n"


def test_a_ply_of_mixed_polygons(tmp_path: Path) -> None:
    mesh = read_mesh(write_ply(tmp_path / "p.ply", INDICES, "3 0 1 2\n2 0 1\n4 0 1 2 3\n")).mesh
    assert mesh.faces.tolist() == [[0, 1, 2], [2, 3, 0]]  # the first half of the square is there twice


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_binary_ply(tmp_path: Path, order: str) -> None:
    name = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    head = PLY.format(comments="").replace("ascii", name) + "property uchar red\nproperty uchar green\n"
    head += f"property uchar blue\nelement face 2\n{INDICES}property float quality\nend_header\n"
    body = b"".join(
        struct.pack(f"{order}3f3B", *row, 255, 0, 0) for row in [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
    )
    body += struct.pack(f"{order}B3if", 3, 0, 1, 2, 0.5) + struct.pack(f"{order}B4if", 4, 0, 2, 3, 1, 0.5)
    (tmp_path / "b.ply").write_bytes(head.encode() + body)
    file = read_mesh(tmp_path / "b.ply")
    assert len(file.mesh.faces) == 3
    assert file.vertex_colors is not None
    assert file.vertex_colors[0].tolist() == [1, 0, 0]
    quad = struct.pack(f"{order}Bi", 4, 0)
    for wrong in (body[:-3], body.replace(quad, b"\xff" + quad[1:])):
        (tmp_path / "w.ply").write_bytes(head.encode() + wrong)
        with pytest.raises(UserError, match="is cut off or damaged; its header promises 2 of 'face'"):
            read_mesh(tmp_path / "w.ply")


def test_a_ply_whose_count_is_255_with_three_indices(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is cut off or damaged; its header promises 1 of 'face'"):
        read_mesh(write_ply(tmp_path / "p.ply", INDICES, "255 0 1 2\n"))


def test_a_ply_of_several_textures(tmp_path: Path) -> None:
    for name, color in (("a b.png", (255, 0, 0)), ("c.png", (0, 255, 0))):
        Image.new("RGB", (2, 2), color).save(tmp_path / name)
    faces = INDICES + "property list uchar float texcoord\nproperty int texnumber\n"
    rows = "3 0 1 2 6 0 0 1 0 1 1 0\n3 0 2 3 6 0 0 1 1 0 1 1\n"
    comments = "comment TextureFile a b.png\ncomment TextureFile c.png\n"
    file = read_mesh(write_ply(tmp_path / "p.ply", faces, rows, comments))
    assert [part.name for part in file.parts] == ["a b.png", "c.png"]
    assert file.part.tolist() == [0, 1]
    assert all(part.texture is not None for part in file.parts)
    assert file.mesh.uv is not None
    assert file.mesh.uv_faces is not None
    assert file.mesh.uv[file.mesh.uv_faces[1]].tolist() == [[0, 0], [1, 1], [0, 1]]
    wrong = write_ply(tmp_path / "w.ply", faces, rows.replace("1 1\n", "1 7\n").replace("0 1 1\n", "0 1 7\n"), comments)
    with pytest.raises(UserError, match="has texture 7, but there are 2"):
        read_mesh(wrong)


def test_colours_of_faces_are_parts(tmp_path: Path) -> None:
    faces = INDICES + "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    file = read_mesh(write_ply(tmp_path / "p.ply", faces, "3 0 1 2 255 0 0\n3 0 2 3 0 0 255\n"))
    assert [file.parts[number].color for number in file.part.tolist()] == [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)]
    (tmp_path / "o.off").write_text(f"OFF\n4 2 0\n{SQUARE}3 0 1 2 255 0 0\n3 0 2 3 0 0 255\n")
    file = read_mesh(tmp_path / "o.off")
    assert [file.parts[number].color for number in file.part.tolist()] == [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.ply", "ply\nformat ascii 1.0\nelement vertex x\nend_header\n", "its header has the line"),
        ("p.ply", "ply\nelement vertex 1\n", "it has no PLY header"),
        ("p.ply", "ply\nformat ascii 1.0\nelement face 1\nend_header\n", "has no vertices x, y, z"),
        ("o.off", "OFF\n4 3 0\n" + SQUARE + "3 0 1 2\n", "it promises 4 vertices and 3 faces, and has 5 lines"),
        ("o.off", "OFF\n4 1 0\n" + SQUARE + "3 0 1\n", "a face has fewer vertices than it promises"),
        ("o.off", "OFF\n4 1 0\n" + SQUARE + "3 0 1 4\n", "names vertex 4, but there are 4, of which the first is 0"),
        ("o.off", "4OFF\n1 0 0\n", "expected a file that begins with OFF, in ASCII, of 3 dimensions"),
        ("s.stl", "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\n", "is cut off or damaged"),
        ("s.stl", "not a mesh", "is cut off or no STL file"),
        ("g.gltf", "{}", "it has no asset"),
        ("g.gltf", '{"asset": {"version": "1.0"}}', "is glTF 1.0, expected version 2"),
        ("g.gltf", '{"asset": {"version": "2.0"}}', "the mesh is empty"),
        ("g.gltf", GLTF + '"nodes": [{"children": [0]}], "scenes": [{"nodes": [0]}]}', "among its own descendants"),
        ("g.gltf", GLTF + '"extensionsRequired": ["KHR_draco_mesh_compression"]}', "it needs KHR_draco"),
        ("g.gltf", '{"asset": {"version": "2.0"}, "nodes": [{"mesh": 3}]}', "names 3 of its meshes, of which it has 0"),
        ("g.glb", "glTF", "is cut off"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as caught:
        read_mesh(tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def gltf(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A triangle as glTF, whose document is changed before it is written."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32).tobytes()
    uv = np.array([[0, 65535], [65535, 65535], [0, 0]], np.uint16).tobytes()
    indices = np.array([0, 1, 2], np.uint8).tobytes()
    data = points + uv + indices
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2}]}],
        "buffers": [{"uri": uri, "byteLength": len(data)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": 12},
            {"buffer": 0, "byteOffset": 48, "byteLength": 3},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 3, "type": "VEC2", "normalized": True},
            {"bufferView": 2, "componentType": 5121, "count": 3, "type": "SCALAR"},
        ],
    }
    change(document)
    path.write_text(json.dumps(document))
    return path


def test_a_gltf_of_whole_numbers(tmp_path: Path) -> None:
    mesh = read_mesh(gltf(tmp_path / "t.gltf", lambda document: None)).mesh
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    assert mesh.uv[mesh.uv_faces[0]].tolist() == [[0, 0], [1, 0], [0, 1]]


def test_a_sparse_accessor(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        data = np.array([2], np.uint8).tobytes() + b"\0" * 3 + np.array([5, 6, 7], np.float32).tobytes()
        document["buffers"].append({"uri": "data:;base64," + base64.b64encode(data).decode(), "byteLength": len(data)})
        document["bufferViews"] += [
            {"buffer": 1, "byteOffset": 0, "byteLength": 1},
            {"buffer": 1, "byteOffset": 4, "byteLength": 12},
        ]
        document["accessors"][0]["sparse"] = {
            "count": 1,
            "indices": {"bufferView": 3, "componentType": 5121},
            "values": {"bufferView": 4},
        }

    mesh = read_mesh(gltf(tmp_path / "t.gltf", change)).mesh
    assert mesh.vertices[mesh.faces[0]].tolist() == [[0, 0, 0], [1, 0, 0], [5, 6, 7]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document["bufferViews"][0].update(byteLength=99), "a buffer view reaches beyond its buffer"),
        (lambda document: document["accessors"][0].update(count=9), "an accessor reaches beyond its buffer view"),
        (lambda document: document["accessors"][0].update(componentType=1), "accessor 0 has no known type"),
        (lambda document: document["buffers"][0].update(byteLength=999), "a buffer has fewer bytes than it promises"),
        (lambda document: document["buffers"][0].update(uri="gone.bin"), "the file 'gone.bin' is not there"),
        (lambda document: document["buffers"][0].update(uri="https://x.example/y"), "which is not fetched"),
        (lambda document: document["accessors"][2].update(bufferView=1, count=12), "names vertex"),
        (lambda document: document["meshes"][0].pop("primitives"), "primitives"),
        (lambda document: document["nodes"][0].update(matrix=[1, 2]), "not a readable mesh"),
    ],
)
def test_a_gltf_that_is_wrong(tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_mesh(gltf(tmp_path / "t.gltf", change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["v", "v/t", "v//n", "v/t/n", "mixed"])
def test_the_forms_of_an_obj_s_corners(tmp_path: Path, form: str) -> None:
    forms = {
        "v": ["1 2 3", "-3 3 4"],
        "v/t": ["1/1 2/2 3/3", "1/1 -2/-2 4/4"],
        "v//n": ["1//1 2//1 3//1", "1//1 3//1 4//-1"],
        "v/t/n": ["1/1/1 2/2/1 3/3/1", "1/1/1 3/3/1 4/4/1"],
        "mixed": ["1/1/1 2/2 3//1", "1 3/3/1 4/"],
    }[form]
    lines = ["v 0 0 0", "v 1 0 0", "v 1 1 0", "v 0 1 0", "vt 0 0", "vt 1 0 0", "vt 1 1", "vt 0 1", "vn 0 0 1"]
    if form == "v":
        lines.insert(3, "f 1 2 3")
        lines += ["\tf -4 -2 -1 # the rest"]
    else:
        lines += [f"f  {corners} " for corners in forms]
    (tmp_path / "f.obj").write_bytes("\r\n".join(lines).encode())
    mesh = read_mesh(tmp_path / "f.obj").mesh
    assert mesh.vertices[mesh.faces].tolist() == [
        [[0, 0, 0], [1, 0, 0], [1, 1, 0]],
        [[0, 0, 0], [1, 1, 0], [0, 1, 0]],
    ]
    if "t" in form:
        assert mesh.uv is not None
        assert mesh.uv_faces is not None
        assert mesh.uv[mesh.uv_faces].tolist() == [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]]


def star(corners: int, generator: np.random.Generator) -> Array:
    """A polygon about the origin, on a plane that is tilted at random [N, 3]."""
    angle = np.sort(generator.uniform(0, 2 * np.pi, corners))
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False) + 0.5 * (angle - angle.mean()) / corners
    radius = generator.uniform(0.2, 1.0, corners)
    flat = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(corners)], axis=1)
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    tilted: Array = flat @ turn.T
    return tilted


@pytest.mark.parametrize("corners", [4, 5, 8, 20])
def test_triangles_cover_a_polygon_once(corners: int) -> None:
    generator = np.random.default_rng(corners)
    for _ in range(20):
        points = star(corners, generator)
        (places, _) = triangulate(points, np.arange(corners), np.array([corners]))
        assert len(places) == corners - 2
        pieces = np.cross(points[places][:, 1] - points[places][:, 0], points[places][:, 2] - points[places][:, 0])
        whole = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
        assert (pieces @ whole > -1e-12).all()
        np.testing.assert_allclose(np.linalg.norm(pieces, axis=1).sum(), np.linalg.norm(whole), rtol=1e-9)


def test_a_concave_face_of_very_many_corners_is_refused_and_of_many_is_quick(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for corners in (500, 3000):
        lines = [f"v {x} {y} {z}" for x, y, z in star(corners, generator)]
        lines.append("f " + " ".join(str(number + 1) for number in range(corners)))
        (tmp_path / f"star{corners}.obj").write_text("\n".join(lines))
    before = time.process_time()
    assert len(read_mesh(tmp_path / "star500.obj").mesh.faces) == 498
    assert time.process_time() - before < 2
    with pytest.raises(UserError, match=r"star3000\.obj: a face has 3000 corners and is not convex"):
        read_mesh(tmp_path / "star3000.obj")


def test_triangles_stay_in_the_order_of_their_polygons() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0]], dtype=np.float64)
    places, polygon = triangulate(points, np.array([0, 1, 2, 3, 1, 4, 2, 0, 1, 2, 3]), np.array([4, 3, 4]))
    assert polygon.tolist() == [0, 0, 1, 2, 2]
    assert places.tolist() == [[0, 1, 2], [2, 3, 0], [4, 5, 6], [7, 8, 9], [9, 10, 7]]


def test_what_a_material_file_has_wrong_does_no_harm_where_the_scene_says_what_to_draw(tmp_path: Path) -> None:
    (tmp_path / "m.mtl").write_text("newmtl a\nKd spectral file.rfl 1\n")
    (tmp_path / "m.obj").write_text("mtllib m.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (part,) = read_mesh(tmp_path / "m.obj").parts
    assert part.lost == f"{tmp_path / 'm.mtl'}: kd of 'a' is given as spectral, expected RGB"


@pytest.mark.parametrize(
    ("options", "uv", "color", "wrap"),
    [
        ("", (0.5, 0.25), 1.0, "repeat"),
        ("-s 2 4 1 ", (1.0, 1.0), 1.0, "repeat"),
        ("-s 2 -o 0.25 -0.5 0 ", (1.25, -0.25), 1.0, "repeat"),
        ("-blendu on -bm 0.3 -clamp on -texres 512 ", (0.5, 0.25), 1.0, "clamp"),
        ("-mm 0.25 0.5 ", (0.5, 0.25), 0.75, "repeat"),
    ],
)
@pytest.mark.parametrize("name", ["a b.png", "2.png"])
def test_options_of_textures(
    tmp_path: Path, options: str, uv: tuple[float, float], color: float, wrap: str, name: str
) -> None:
    Image.new("RGB", (2, 2), (255, 255, 255)).save(tmp_path / name)
    (tmp_path / "m.mtl").write_text(f"newmtl a\nmap_Kd {options}{name}\n")
    (tmp_path / "m.obj").write_text("mtllib m.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0.5 0.25\nf 1/1 2/1 3/1\n")
    file = read_mesh(tmp_path / "m.obj")
    texture = file.parts[0].texture
    assert texture is not None
    assert texture.name == name
    assert texture.wrap == (wrap, wrap)
    assert float(texture.read()[0, 0, 0]) == color
    assert file.mesh.uv is not None
    assert file.mesh.uv.tolist() == [list(uv)]


def test_the_sampler_and_the_transform_of_a_gltf_texture(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (255, 255, 255)).save(tmp_path / "a b.png")

    def change(document: dict[str, Any]) -> None:
        document["meshes"][0]["primitives"][0]["material"] = 0
        transform = {"offset": [0, 1], "rotation": np.pi / 2, "scale": [0.5, 0.5]}
        texture = {"index": 0, "extensions": {"KHR_texture_transform": transform}}
        document["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": texture, "metallicFactor": 0}}]
        document["textures"] = [{"source": 0, "sampler": 0}]
        document["samplers"] = [{"wrapS": 33071, "wrapT": 33648}]
        document["images"] = [{"uri": "a%20b.png"}]

    file = read_mesh(gltf(tmp_path / "t.gltf", change))
    texture = file.parts[0].texture
    assert texture is not None
    assert texture.wrap == ("clamp", "mirror")
    assert texture.read().shape == (2, 2, 3)
    mesh = file.mesh
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    # The extension's own example: the lower left quarter of the picture, turned. v runs down: (0, 1), (1, 1), (0, 0).
    moved = np.array([[0.5, 1.0], [0.5, 0.5], [0.0, 1.0]])
    np.testing.assert_allclose(
        mesh.uv[mesh.uv_faces[0]].numpy(), np.stack([moved[:, 0], 1 - moved[:, 1]], axis=1), atol=1e-6
    )


def test_vertices_in_one_place_with_two_colours_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "c.obj").write_text(
        "v 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 0 1 0 1 0 0\nv 0 1 0 0 1 0\nv 1 1 0 0 1 0\nf 1 2 3\nf 2 5 4\n"
    )
    read_mesh(tmp_path / "c.obj")
    assert "vertices in the same place have different colours, of which the first is drawn" in caplog.text


def test_many_faces_are_read_without_a_loop(tmp_path: Path) -> None:
    size = 201
    rows, columns = np.mgrid[:size, :size]
    height = np.sin(rows / 9) * np.cos(columns / 7)
    points = np.stack([columns, rows, height], axis=-1).reshape(-1, 3)
    number = (rows * size + columns)[:-1, :-1].reshape(-1) + 1
    faces = np.concatenate(
        [[number, number + 1, number + size + 1], [number, number + size + 1, number + size]], axis=1
    )
    with (tmp_path / "grid.obj").open("w") as file:
        np.savetxt(file, points, "v %.6f %.6f %.6f")
        np.savetxt(file, faces.T, "f %d %d %d")
    before = time.process_time()
    mesh = read_mesh(tmp_path / "grid.obj").mesh
    assert time.process_time() - before < 2
    assert len(mesh.faces) == 80_000
    torch.testing.assert_close(mesh.vertices[mesh.faces[0]][:, :2], torch.tensor([[0.0, 0], [1, 0], [1, 1]]))


@pytest.mark.parametrize("damaged", ["inf 0 1 2", "3 0 nan 2"])
def test_an_ascii_ply_without_a_number_where_it_says_whole_ones_is_refused(tmp_path: Path, damaged: str) -> None:
    header = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    faces = f"element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n{damaged}\n"
    (tmp_path / "a.ply").write_text(header + faces)
    with pytest.raises(UserError, match=r"a\.ply: is damaged \(it has nan or inf where its header says"):
        read_mesh(tmp_path / "a.ply")
