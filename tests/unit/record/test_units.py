"""Numbers for people."""

from __future__ import annotations

import math

import pytest

from invrender.record.units import error_text, errors_text, value_text, values_text


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        ("rotation_deg", 1.3249, "1.32°"),
        ("angle_deg", 0.00123, "0.0012°"),
        ("relative", 0.031, "3.1%"),
        ("position_relative", 0.5, "50%"),
        ("relative", 12.0, "1200%"),
        ("psnr_db", 31.23, "31.2 dB"),
        ("position", 0.012345, "0.0123"),
        ("psnr_db", math.nan, "n/a"),
        ("relative", math.inf, "n/a"),
    ],
)
def test_error_text(key: str, error: float, text: str) -> None:
    assert error_text(key, error) == text


def test_absolute_errors_give_way_to_relative_ones() -> None:
    assert errors_text({"rotation_deg": 1.32, "position": 0.04, "position_relative": 0.008}) == "1.32° 0.8%"
    assert errors_text({"absolute": 0.02, "relative": 0.1}) == "10%"
    assert errors_text({"absolute": 0.02}) == "0.02"


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("position", [2.34912, 1.71, -4.069], "2.349 1.710 -4.069"),
        ("rotation_deg", [-155.123, -7.326, -1e-9], "-155.1 -7.3 0.0°"),
        ("focal_px", [352.0, 352.0], "352.0 352.0 px"),
        ("key", 0.0, "0"),
        ("key", 1234567.0, "1.235e+06"),
        ("cup", None, ""),
    ],
)
def test_value_text(key: str, value: float | list[float] | None, text: str) -> None:
    assert value_text(key, value) == text


def test_values_text_leaves_out_what_is_too_large_to_print() -> None:
    assert values_text({"azimuth_deg": 30.0, "cup": None, "distance": 2.5}) == "azimuth 30.0° distance 2.50"
