"""What the person at the terminal sees."""

from __future__ import annotations

import io
import logging
import sys
from dataclasses import replace

import pytest

from invrender.parameters import CameraPose, LightIntensity
from invrender.record import console as console_module
from invrender.record.base import follow
from invrender.record.console import Console, Lines
from invrender.record.options import RecordOptions
from invrender.record.recorders import recorders
from invrender.record.verdicts import advice


def test_lines_where_there_is_no_terminal(make_fit, capsys) -> None:
    fit = make_fit(step_count=50)
    follow(fit.steps(), [Console(fit.run, 50, bar=True, folder=None)])
    header, *lines = capsys.readouterr().err.splitlines()
    assert header == "renderer embedded (auto: there is no CUDA) on cpu"
    assert [line.split(",")[0] for line in lines] == [f"step {n}/50" for n in range(0, 51, 5)]
    assert lines[0].endswith("loss 0.36, camera_pose 6.00° 15%, light_intensity 75%, texture n/a")
    assert not any("\r" in line for line in lines)


def test_why_an_optimizer_was_chosen_is_said(make_fit, capsys) -> None:
    fit = make_fit(step_count=2)
    run = replace(fit.run, optimizer_note="auto: few numbers are unknown")
    follow(fit.steps(), [Console(run, 2, bar=True, folder=None)])
    assert capsys.readouterr().err.splitlines()[1] == "optimizer lm (auto: few numbers are unknown)"


def test_a_line_when_there_was_none_for_long(monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(console_module.time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    lines = Lines(1000, stream)
    for iteration in range(10):
        lines.step(iteration, 1000, "loss 1")
        clock[0] += 20.0
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == [f"{n}/1000," for n in (0, 2, 4, 6, 8)]


def test_values_where_the_truth_is_not_known(make_fit, capsys) -> None:
    fit = make_fit(known=False)
    follow(fit.steps(), [Console(fit.run, 20, bar=True, folder=None)])
    out, err = capsys.readouterr()
    first = "camera_pose position 0.20 2.00 3.00 rotation 10.0 0.0 45.5°, light_intensity key 0.200"
    assert err.splitlines()[1].endswith(first)
    heading = out.splitlines()[3].split()
    assert heading == ["unknown", "start", "found"]


def test_bar_on_a_terminal(make_fit, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fit = make_fit(step_count=30)
    follow(fit.steps(), [Console(fit.run, 60, bar=True, folder=None)])
    drawn = capsys.readouterr().err
    assert "/60 " in drawn
    assert "\r" in drawn
    assert drawn.rstrip(" ").endswith("\r"), "the bar is gone in the end"


def test_summary(make_fit, capsys) -> None:
    fit = make_fit()
    options = RecordOptions(tensorboard=False, gif=False, bar=False)
    follow(fit.steps(), recorders(fit.run, options, 200, lambda folder, scene: None))
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "all stages are done: 20 of 200 steps in 10.0 s"
    assert lines[1] == "loss 0.36 at the start, 0.0001 now"
    row = next(line for line in lines if line.startswith("light_intensity"))
    assert row.split() == ["light_intensity", "key", "0.2000", "0.7900", "0.8000", "75%", "1.2%"]
    assert any(line.split()[:1] == ["rotation"] for line in lines), "an unknown's further values stand below it"
    assert lines[-1] == f"results in {fit.run.folder}"


def printed(fit, capsys) -> list[str]:
    """The lines of a fit's summary."""
    follow(fit.steps(), [Console(fit.run, fit.step_count, bar=False, folder=None)])
    return capsys.readouterr().out.splitlines()


def test_the_summary_of_an_ambiguous_answer(make_fit, ambiguous, capsys) -> None:
    lines = printed(make_fit(verdict=ambiguous), capsys)
    assert lines[3].split() == ["unknown", "start", "found", "±", "truth", "error", "at", "start", "error"]
    position = next(line for line in lines if line.startswith("camera_pose"))
    assert "0.012 0.0010 0.10" in position
    assert "ambiguous: 4 other answers explain the picture as well" in lines
    heading = next(index for index, line in enumerate(lines) if "other 1" in line)
    assert lines[heading].split("  ")[-1].strip() == "other 3"
    assert lines[heading + 1].count("9.000 2.000 3.000") == 3
    assert "and 1 more in result.json" in lines


def test_no_error_bars_for_what_is_not_determined(make_fit, unidentifiable, capsys) -> None:
    lines = printed(make_fit(verdict=unidentifiable), capsys)
    assert "unidentifiable: the picture does not fully determine light_intensity together with texture" in lines
    light = next(line for line in lines if line.startswith("light_intensity"))
    assert "texture: 25% of its texels are well seen, 25% hardly, 50% not" in lines
    assert light.split() == ["light_intensity", "key", "0.2000", "0.7900", "0.8000", "75%", "1.2%"]


@pytest.mark.parametrize(
    ("mode", "optimizer", "parameter", "wanted"),
    [
        ("off", "lm", True, True),
        ("auto", "lm", True, False),
        ("auto", "adam", True, True),
        ("on", "adam", True, False),
        ("off", "lm", False, False),
    ],
)
def test_a_search_is_advised_where_it_may_help(
    make_fit, mode: str, optimizer: str, parameter: bool, wanted: bool
) -> None:
    fit = make_fit()
    parameters = {"camera_pose": CameraPose()} if parameter else {"light_intensity": LightIntensity()}
    run = replace(fit.run, config={"search": {"mode": mode}}, parameters=parameters, optimizer=optimizer)
    assert ("search=on" in str(advice(run, "not_converged"))) == wanted
    assert advice(run, "converged") is None
    assert "more steps" in str(advice(run, "not_converged", explained=True))


@pytest.mark.parametrize("terminal", [False, True])
def test_a_search_says_what_it_does(make_fit, monkeypatch, capsys, terminal: bool) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    fit = make_fit(step_count=5)
    console = Console(fit.run, 5, bar=True, folder=None)
    console.step(fit.step(0))
    logging.getLogger("invrender.fitting.search").info("looking everywhere")
    console.close()
    logging.getLogger("invrender.fitting.search").info("nobody listens")
    shown = capsys.readouterr().err
    assert "looking everywhere" in shown
    assert "nobody listens" not in shown


def test_a_second_attempt_takes_as_many_steps_again(make_fit, capsys) -> None:
    fit = make_fit(step_count=15)
    follow(fit.steps(), [Console(fit.run, 10, bar=True, folder=None)])
    out, err = capsys.readouterr()
    assert "step 10/10," in err
    assert "step 11/20," in err
    assert "15 of 20 steps" in out


def test_no_summary_of_a_fit_that_failed(make_fit, capsys) -> None:
    fit = make_fit()
    console = Console(fit.run, 20, bar=False, folder=fit.run.folder)
    console.step(fit.step(0))
    console.close()
    assert capsys.readouterr().out == ""


def test_a_terminal_without_degree_signs(make_fit, monkeypatch) -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    fit = make_fit()
    follow(fit.steps(), [Console(fit.run, 20, bar=False, folder=None)])
    ascii_only.seek(0)
    assert "6.00? 15%" in ascii_only.read()


@pytest.mark.parametrize("option", ["files", "tensorboard"])
def test_the_folder_is_named_if_there_is_something_in_it(make_fit, capsys, option: str) -> None:
    fit = make_fit()
    nothing = RecordOptions(files=False, gif=False, tensorboard=False, bar=False)
    follow(fit.steps(), recorders(fit.run, nothing, 20, lambda folder, scene: None))
    assert "results in" not in capsys.readouterr().out
    something = RecordOptions(**{"files": False, "gif": False, "tensorboard": False, "bar": False, option: True})
    follow(fit.steps(), recorders(fit.run, something, 20, lambda folder, scene: None))
    assert "results in" in capsys.readouterr().out
