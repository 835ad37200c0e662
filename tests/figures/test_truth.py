from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go

from seq2exp.figures.expression import expression_figure
from seq2exp.figures.locus import locus_figure
from seq2exp.figures.truth import effect_in_words
from seq2exp.genome import Interval
from seq2exp.results import LocusView, TrueElement


def _truth(view: LocusView) -> tuple[TrueElement, ...]:
    start = view.interval.start
    places = [Interval("chr11", start + at, start + at + 4_000) for at in (20_000, 60_000, 150_000)]
    return (
        TrueElement(places[0], "enhancer", "active enhancer", True, -1.0, 1.2),
        TrueElement(places[1], "open decoy", "open decoy", False, 0.0, 0.3),
        TrueElement(places[2], "enhancer", "active <b>enhancer", True, -0.3, 0.8),
    )


def _boxes(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if (trace.hovertemplate or "").startswith("Truth")]


def test_causal_elements_are_filled_and_taller_and_others_hollow(view: LocusView) -> None:
    others, causal = sorted(_boxes(locus_figure(view, truth=_truth(view))), key=lambda box: np.count_nonzero(box.width))
    assert (np.count_nonzero(others.width), np.count_nonzero(causal.width)) == (1, 2)
    assert others.marker.color == "rgba(0,0,0,0)"
    assert causal.marker.color == causal.marker.line.color
    assert max(causal.y) > max(others.y)
    assert causal.x[0] == view.interval.start + 20_000 + 2_000.5
    told = causal.customdata[0]
    assert list(told) == ["active enhancer", "causal", "deleting it: -1.00 log10, expression x 0.1", "1.2"]
    assert "<b>" not in causal.customdata[1][0]
    assert effect_in_words(_truth(view)[1]) == "deleting it changes nothing"


def test_truth_changes_nothing_else_in_the_figure(view: LocusView) -> None:
    plain, told = locus_figure(view), locus_figure(view, truth=_truth(view))
    assert "Truth" not in plain.to_json()
    kept = [trace for trace in told.data if trace.yaxis != "y7"]
    assert [trace.hovertemplate for trace in kept] == [trace.hovertemplate for trace in plain.data]
    for one, other in zip(kept, plain.data, strict=True):
        assert np.array_equal(one.y, other.y, equal_nan=True) if one.type == "bar" else str(one.y) == str(other.y)
    assert told.layout.height > plain.layout.height


def test_only_what_is_on_show_is_drawn_and_an_empty_stretch_says_so(view: LocusView) -> None:
    start = view.interval.start
    close = locus_figure(view, Interval("chr11", start + 22_000, start + 30_000), truth=_truth(view))
    bands = [shape for shape in close.layout.shapes if shape.type == "rect" and shape.xref == "x"]
    assert [(band.x0, band.x1) for band in bands] == [(start + 22_000.5, start + 24_000.5)]
    empty = locus_figure(view, Interval("chr11", start, start + 8_000), truth=_truth(view))
    assert any("no true element" in note.text for note in empty.layout.annotations)


def test_class_names_never_overlap(view_of: Callable[..., LocusView]) -> None:
    view = view_of(8_192)
    start = view.interval.start
    crowd = tuple(
        TrueElement(Interval("chr11", start + at, start + at + 150), "insulator", "insulator", at == 2_000, 0.0, 1.0)
        for at in range(0, 8_000, 200)
    )
    (names,) = [trace for trace in locus_figure(view, truth=crowd).data if trace.name == "true classes"]
    assert "<b>insulator</b>" in names.text
    assert 5 < len(names.text) < len(crowd)
    assert np.diff(np.sort(names.x)).min() > 9 * 8 * 8_192 / 760


def test_the_expression_axis_holds_the_three_numbers() -> None:
    figure = expression_figure(2.5, 2.2, 1.0)
    drawn = {trace.name: (tuple(trace.x), trace.marker.symbol) for trace in figure.data}
    assert drawn["predicted"] == ((2.5,), "circle")
    assert drawn["observed"] == ((2.2,), "diamond")
    assert drawn["promoter only"] == ((1.0,), "circle-open")
    assert drawn["elements add"][0] == (1.0, 2.5)
    low, high = figure.layout.xaxis.range
    assert low < 0 < 3 < high
    assert {trace.name for trace in expression_figure(None, 4.5, None).data} == {"observed"}
    assert expression_figure(None, 4.5, None).layout.xaxis.range[1] > 4.5


def test_truth_is_no_part_of_what_a_model_is_asked() -> None:
    assert not [field.name for field in dataclasses.fields(LocusView) if "tru" in field.name]
