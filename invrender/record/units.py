"""Numbers as people read them: degrees, per cent, decibels, pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invrender.parameters.base import Value

UNITS = {"deg": "°", "px": " px"}
PER_CENT, DEGREES, DECIBELS, PLAIN = "error in %", "error in °", "PSNR in dB", "error"
ERROR_AXES = (PER_CENT, DEGREES, DECIBELS, PLAIN)


def error_text(key: str, error: float) -> str:
    """One error with its unit, as its key tells: ``rotation_deg``, ``relative``, ``psnr_db``; others are plain."""
    if not math.isfinite(error):
        return "n/a"
    if is_relative(key):
        return f"{100 * error:.2g}%" if error < 0.1 else f"{100 * error:.0f}%"
    if key.endswith("_deg"):
        return f"{error:.2f}°" if error >= 0.1 else f"{error:.2g}°"
    if key.endswith("_db"):
        return f"{error:.1f} dB"
    return f"{error:.3g}"


def errors_text(errors: Mapping[str, float]) -> str:
    """The errors of one unknown in a few words; an absolute error is left out where the relative one is there."""
    shown = {key: error for key, error in errors.items() if not has_relative(key, errors)}
    return " ".join(error_text(key, error) for key, error in shown.items())


def find_error(errors: Mapping[str, Mapping[str, float | None]], measure: str) -> float | None:
    """The error that UNKNOWN.ERROR names, None where it is not there; an unknown of a family has a dot in its name."""
    unknown, _, name = measure.rpartition(".")
    return errors.get(unknown, {}).get(name)


def is_relative(key: str) -> bool:
    """Whether the error of this key is a share, shown in per cent."""
    return key == "relative" or key.endswith("_relative")


def has_relative(key: str, errors: Mapping[str, float]) -> bool:
    """Whether the same error is there as a share, too."""
    return f"{key}_relative" in errors or (key == "absolute" and "relative" in errors)


def name_and_unit(key: str) -> tuple[str, str]:
    """The key of an error or a value split up: ``rotation_deg`` is rotation in degrees."""
    name, _, suffix = key.rpartition("_")
    return (name, UNITS[suffix]) if suffix in UNITS else (key, "")


def axis_and_label(key: str) -> tuple[str, str]:
    """On which of ``ERROR_AXES`` an error belongs, and what it is called there."""
    if is_relative(key):
        return PER_CENT, key.removesuffix("relative").rstrip("_")
    if key.endswith("_deg"):
        return DEGREES, name_and_unit(key)[0]
    if key.endswith("_db"):
        return DECIBELS, ""
    return PLAIN, key


def value_text(key: str, value: Value, digits: int = 4) -> str:
    """A value with its unit; several numbers side by side, so many significant digits of the largest; "" for None."""
    if value is None:
        return ""
    numbers = value if isinstance(value, list) else [value]
    return " ".join(numbers_text(numbers, digits)) + name_and_unit(key)[1]


def deviation_text(key: str, deviation: Value) -> str:
    """A standard deviation with its unit, "" for None; each number has two digits, which is all that they mean."""
    if deviation is None:
        return ""
    numbers = deviation if isinstance(deviation, list) else [deviation]
    return " ".join(numbers_text([number], 2)[0] for number in numbers) + name_and_unit(key)[1]


def numbers_text(numbers: Sequence[float], digits: int) -> list[str]:
    """Numbers with as many decimals as give the largest so many significant digits."""
    largest = max((abs(number) for number in numbers), default=0.0)
    if not 1e-3 <= largest < 1e6:
        return [f"{number:.{digits}g}" for number in numbers]
    decimals = max(0, digits - 1 - math.floor(math.log10(largest)))
    # Adding zero turns a negative zero into a plain one.
    return [f"{round(number, decimals) + 0.0:.{decimals}f}" for number in numbers]


def values_text(values: Mapping[str, Value]) -> str:
    """The values of one unknown in a few words."""
    parts = [(name_and_unit(key)[0], value_text(key, value, digits=3)) for key, value in values.items()]
    return " ".join(f"{name} {text}" for name, text in parts if text)
