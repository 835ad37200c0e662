from __future__ import annotations

import numpy as np
import pytest

from seq2exp.figures.curves import MOST_POINTS, Curve, Moments, Stage, curve_figure, running_mean
from seq2exp.figures.ranking import Score, ranking_figure

STEPS = np.arange(10, 20_010, 10, dtype=np.float64)


def test_the_kept_update_is_ringed_on_its_own_value() -> None:
    scored = STEPS[::200]
    curve = Curve("MSE", scored, np.linspace(2, 1, len(scored)))
    stages = (Stage("stem", 0, 500), Stage("signals", 900, 4_000))
    figure = curve_figure("Validation MSE", [curve], Moments(float(scored[4]), stages, last=20_000))
    (ring,) = [trace for trace in figure.data if trace.name == "kept"]
    assert (ring.x[0], ring.y[0]) == (scored[4], curve.values[4])
    assert f"┆ kept {scored[4]:,.0f}" in [note.text for note in figure.layout.annotations]
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0, 500), (900, 4_000), (scored[4], scored[4])]
    told = {note.text: note.x for note in figure.layout.annotations}
    assert (told["stem<br>alone"], told["signals<br>alone"]) == (0, 900)


def test_a_noisy_line_is_thinned_and_keeps_its_mean() -> None:
    values = 1 + np.random.default_rng(1).normal(0, 0.3, len(STEPS))
    faint, front = curve_figure("Loss", [Curve("total", STEPS, values, noisy=True)], Moments()).data
    assert len(faint.y) == len(front.y) <= MOST_POINTS
    assert np.std(front.y) < 0.3 * np.std(faint.y)
    assert np.mean(front.y) == pytest.approx(1, abs=0.02)


def test_the_running_mean_is_that_of_the_neighbours() -> None:
    values = np.random.default_rng(2).normal(size=50)
    expected = [values[max(0, i - 3) : i + 4].mean() for i in range(50)]
    np.testing.assert_allclose(running_mean(values, 7), expected)


def test_what_was_not_logged_is_left_out_and_zero_forbids_logarithms() -> None:
    silent = Curve("KL", STEPS, np.full(len(STEPS), np.nan))
    half = Curve("half", STEPS, np.where(STEPS > 10_000, 1.0, np.nan))
    figure = curve_figure("Loss", [silent, half], Moments(), scale="log")
    assert [trace.name for trace in figure.data] == ["half"]
    assert min(figure.data[0].x) > 10_000
    assert figure.layout.yaxis.type == "log"
    assert curve_figure("Loss", [Curve("z", STEPS, STEPS * 0)], Moments(), scale="log").layout.yaxis.type != "log"
    empty = curve_figure("Loss", [silent], Moments())
    assert [note.text for note in empty.layout.annotations] == ["nothing logged yet"]


def test_rivals_are_ranked_and_ours_has_its_own_sign() -> None:
    given = [Score("mask", 0.8, (0.7, 0.9)), Score("DNase", 0.5), Score("MACS3 <b>", 0.6, (0.5, 0.7))]
    figure = ranking_figure(given, chance=0.2)
    dots = figure.data[-1]
    assert list(dots.x) == [0.5, 0.6, 0.8]
    assert list(dots.marker.symbol) == ["circle", "circle", "diamond"]
    assert figure.layout.yaxis.ticktext[-1] == "<b>mask</b>"
    assert "<b>" not in figure.layout.yaxis.ticktext[1]
    assert [list(line.x) for line in figure.data[:-1]] == [[0.5, 0.5], [0.5, 0.7], [0.7, 0.9]]
    assert figure.layout.shapes[0].x0 == 0.2
