from __future__ import annotations

from dataclasses import replace

import pytest

from seq2exp.figures.leaderboard_bars import Bar, Better, Panel, bars_figure, ranked
from seq2exp.figures.leaderboard_curves import PrecisionRecall, looks_of, precision_recall_figure


def _bar(name: str, value: float, **more: object) -> Bar:
    return replace(Bar(name, value, f"{value:.2f}", f"{value:.2f} told"), **more)  # type: ignore[arg-type]


def _letters(text: str) -> str:
    return text.replace("<b>", "").replace("</b>", "")


PANELS = (
    Panel("K", (_bar("a", 0.3, whisker=(0.2, 0.4), singles=(0.2, 0.4), paper=0.35), _bar("b", 0.1)), line=0.05),
    Panel("G", (_bar("b", 0.2, ours=True), _bar("c", -0.6, whisker=(-0.7, -0.5)))),
)


@pytest.mark.parametrize(("better", "names"), [("lower", ["c", "b", "a"]), ("higher", ["a", "b", "c"])])
def test_the_best_is_on_top_of_every_panel_over_one_axis(better: Better, names: list[str]) -> None:
    assert ranked(PANELS, better=better) == names
    layout = (figure := bars_figure(PANELS, axis="MSE", better=better)).layout
    assert list(layout.yaxis.tickvals) == list(layout.yaxis2.tickvals) == [2, 1, 0]
    assert [_letters(text) for text in layout.yaxis.ticktext] == names
    assert layout.xaxis.range == layout.xaxis2.range
    low, high = layout.xaxis.range
    drawn = [value for trace in figure.data for value in trace.x if value is not None]
    assert low < min(drawn) <= -0.7
    assert max(drawn) == 0.4 < high
    assert f"{better} is better" in layout.xaxis.title.text
    rows = {_letters(text): row for text, row in zip(layout.yaxis.ticktext, layout.yaxis.tickvals, strict=True)}
    first, *_ = [trace for trace in figure.data if trace.type == "bar"]
    assert dict(zip(first.y, first.x, strict=True)) == {rows["a"]: 0.3, rows["b"]: 0.1}
    assert [shape.x0 for shape in layout.shapes] == [0.05]


def test_whiskers_runs_and_the_papers_figure_are_where_they_are_known() -> None:
    traces = [trace for trace in bars_figure(PANELS, axis="MSE", better="lower").data if trace.xaxis == "x"]
    by_name = {trace.name: list(trace.x) for trace in traces}
    assert by_name == {
        "systems": [0.3, 0.1], "whiskers": [0.2, 0.4, None], "single runs": [0.2, 0.4], "paper": [0.35],
    }  # fmt: skip
    ours, rival = (
        bars_figure([Panel("", (_bar("o", 1, ours=True), _bar("r", 2)))], axis="", better="lower").data[0].marker.color
    )
    assert ours != rival
    assert bars_figure([], axis="", better="lower").layout.height > 0


def test_names_are_letters() -> None:
    hostile = "<img src=x onerror=alert(1)>%{y}"
    bars = (replace(_bar(hostile, 1.0), words=hostile, told=hostile),)
    text = bars_figure([Panel(hostile, bars)], axis="MSE", better="lower").to_json()
    text += precision_recall_figure([PrecisionRecall(hostile, ((0.1, 0.9),))]).to_json()
    assert "<img" not in text
    assert "\\u003cimg" not in text
    assert "%{y}" not in text.replace("precision %{y:.2f}", "")


def test_every_curve_has_its_own_colour_dash_and_mark_at_the_recall() -> None:
    names = ["distance", "abc", "abc-nasser-2021", "abc-fulco-2019", "tracks", "mask", "deletion", "new", "newer"]
    looks = looks_of(names)
    assert len(set(looks.values())) == len({role for role, *_ in looks.values()}) == len(names)
    assert looks_of(["mask"])["mask"] == looks["mask"]
    curves = [PrecisionRecall("mask", ((0.2, 1.0), (1.0, 0.4)), 0.55), PrecisionRecall("tracks", ((1.0, 0.4),))]
    figure = precision_recall_figure(curves, chance=0.4, recall=0.7)
    lines, marks = figure.data[::2], figure.data[1::2]
    assert [(list(line.x), list(line.y)) for line in lines] == [([0.2, 1.0], [1.0, 0.4]), ([1.0], [0.4])]
    assert [(mark.x[0], mark.y[0]) for mark in marks] == [(0.7, 0.55), (None, None)]
    assert {(shape.x0, shape.y0) for shape in figure.layout.shapes} == {(0, 0.4), (0.7, 0)}
