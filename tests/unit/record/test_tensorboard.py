"""Events for TensorBoard."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.util.tensor_util import make_ndarray

from invrender.images.color import srgb_from_linear
from invrender.record.base import follow
from invrender.record.options import RecordOptions
from invrender.record.recorders import recorders


@pytest.fixture
def record():
    def run(fit, picture_every: int = 5) -> EventAccumulator:
        options = RecordOptions(files=False, bar=False, picture_every=picture_every)
        follow(fit.steps(), recorders(fit.run, options, fit.step_count, lambda folder, scene: None))
        folder = fit.run.folder
        assert len(list(folder.iterdir())) == 1, "one file, no folder of a run besides"
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
        return events.Reload()

    return run


def test_scalars(make_fit, record) -> None:
    events = record(make_fit())
    assert sorted(events.Tags()["scalars"]) == [
        "error/camera_pose/position",
        "error/camera_pose/position_relative",
        "error/camera_pose/rotation_deg",
        "error/light_intensity/relative",
        "error/texture/psnr_db",
        "loss/mse",
        "loss/smoothness",
        "loss/total",
        "value/camera_pose/position/0",
        "value/camera_pose/position/1",
        "value/camera_pose/position/2",
        "value/camera_pose/rotation_deg/0",
        "value/camera_pose/rotation_deg/1",
        "value/camera_pose/rotation_deg/2",
        "value/light_intensity/key",
    ]
    errors = events.Scalars("error/light_intensity/relative")
    assert [event.step for event in errors] == [*range(21), 20]
    assert (errors[0].value, errors[-1].value) == pytest.approx((0.75, 0.0125), rel=1e-3)


def test_pictures_now_and_then_and_at_both_ends(make_fit, record) -> None:
    events = record(make_fit(step_count=12))
    pictures = events.Images("progression")
    assert [event.step for event in pictures] == [0, 5, 10, 12]
    decoded = [np.asarray(Image.open(io.BytesIO(event.encoded_image_string))) for event in pictures]
    assert len({picture.shape for picture in decoded}) == 1
    assert not (decoded[0] == decoded[-1]).all()


def test_configuration_and_command(make_fit, record) -> None:
    events = record(make_fit())

    def text(tag: str) -> str:
        (event,) = events.Tensors(f"{tag}/text_summary")
        return event.tensor_proto.string_val[0].decode()

    assert text("command") == "```sh\ninvrender fit scene=cup recover=light_intensity\n```"
    assert "recover:\n  light_intensity:\n    lr: 0.1" in text("config")


def test_the_verdict_where_there_is_one(make_fit, ambiguous, record) -> None:
    (event,) = record(make_fit(verdict=ambiguous)).Tensors("verdict/text_summary")
    assert "ambiguous: 4 other answers explain the picture as well" in event.tensor_proto.string_val[0].decode()


def test_hyperparameters(make_fit, record) -> None:
    events = record(make_fit())

    def content(name: str) -> HParamsPluginData:
        return HParamsPluginData.FromString(events.SummaryMetadata(f"_hparams_/{name}").plugin_data.content)

    settings = content("session_start_info").session_start_info.hparams
    assert {name: getattr(value, value.WhichOneof("kind")) for name, value in settings.items()} == {
        "scene": "cup",
        "recover": "light_intensity",
        "light.key.intensity": 0.2,
    }
    assert content("session_end_info").session_end_info.status != 0


def test_charts_are_grouped_by_unknown(make_fit, record) -> None:
    (event,) = record(make_fit()).Tensors("custom_scalars__config__")
    layout = Layout.FromString(event.tensor_proto.string_val[0])
    charts = {
        group.title: {chart.title: list(chart.multiline.tag) for chart in group.chart} for group in layout.category
    }
    assert list(charts) == ["loss", "camera_pose", "light_intensity", "texture"]
    assert charts["loss"] == {"loss": ["^loss/total$", "^loss/mse$", "^loss/smoothness$"]}
    assert charts["camera_pose"]["value position"] == [f"^value/camera_pose/position/{axis}$" for axis in range(3)]
    assert charts["light_intensity"]["error relative"] == ["^error/light_intensity/relative$"]


def test_the_texture_from_when_it_changes(make_fit, record) -> None:
    pictures = record(make_fit(step_count=12)).Images("texture/cup")
    assert [event.step for event in pictures] == [5, 10, 12]
    last = np.asarray(Image.open(io.BytesIO(pictures[-1].encoded_image_string)))
    assert last.shape == (4, 4, 3)
    assert (last == round(255 * float(srgb_from_linear(torch.tensor(0.79))))).all()


def test_the_mesh_with_the_cameras_in_the_end(make_fit, record) -> None:
    events = record(make_fit())
    (vertices,), (faces,), (colors,) = (events.Tensors(f"geometry_{kind}") for kind in ("VERTEX", "FACE", "COLOR"))
    points = make_ndarray(vertices.tensor_proto)[0]
    assert vertices.step == 20
    assert points[:, 2].max() == pytest.approx(3.6), "the thing, placed in the world"
    assert points[:, 0].min() < 0.2, "the camera at the start"
    assert make_ndarray(faces.tensor_proto).max() < len(points) == make_ndarray(colors.tensor_proto).shape[1]


def test_without_a_truth_there_are_values_and_no_errors(make_fit, record) -> None:
    tags = record(make_fit(known=False)).Tags()["scalars"]
    assert "value/light_intensity/key" in tags
    assert not any(tag.startswith("error/") for tag in tags)
