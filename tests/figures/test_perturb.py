from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from seq2exp.figures.perturb import Bar, Marker, change_in_words, perturb_figure, signed
from seq2exp.figures.style import THEMES, ThemeName
from seq2exp.figures.tornado import MOST_ROWS, tornado_figure
from seq2exp.genome import Interval
from seq2exp.results import LocusView

HOSTILE = "<img src=x onerror=alert(1)>%{x}"


def _bars(view: LocusView) -> list[Bar]:
    """One per element: falling, rising and no effect in turn."""
    deltas = (-0.3, 0.1, 0.0)
    return [
        Bar(f"E{rank}", element.interval, element.tss_distance_bp, deltas[rank % 3] / rank)
        for rank, element in enumerate(view.mask.elements, start=1)
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_effects_are_drawn_over_their_elements_in_the_colour_of_their_sign(view: LocusView, theme: ThemeName) -> None:
    bars = _bars(view)
    figure = perturb_figure(view, view.mask, bars=bars, theme=theme)
    colours = THEMES[theme]
    for falls, colour in ((True, colours.peak_only), (False, colours.mask_only)):
        chosen = [bar for bar in bars if bar.delta_log10 is not None and (bar.delta_log10 < 0) == falls]
        (drawn,) = [trace for trace in figure.data if trace.type == "bar" and trace.marker.color == colour]
        n = len(chosen)  # an unseen bar follows, which keeps the pointer's reach short
        np.testing.assert_allclose(drawn.y[:n], [bar.delta_log10 for bar in chosen], rtol=1e-6)
        middles = [(bar.interval.start + bar.interval.end + 1) / 2 for bar in chosen]
        np.testing.assert_allclose(drawn.x[:n], middles)


def test_the_scan_shares_the_axis_and_has_gaps_where_nothing_was_tried(view: LocusView) -> None:
    scan = np.full(view.interval.width, np.nan, dtype=np.float32)
    scan[1_000:3_000] = -0.4
    stretch = Interval(view.interval.chrom, view.interval.start, view.interval.start + 4_000)
    figure = perturb_figure(view, view.mask, stretch, bars=_bars(view), scan=scan)
    (line,) = [trace for trace in figure.data if "Scan:" in (trace.hovertemplate or "")]
    np.testing.assert_array_equal(np.isnan(line.y), np.isnan(scan[:4_000]))
    assert {trace.xaxis for trace in figure.data} == {"x"}
    without = perturb_figure(view, view.mask, stretch, bars=_bars(view))
    assert not [trace for trace in without.data if "Scan:" in (trace.hovertemplate or "")]


def test_switched_elements_and_edited_bases_are_marked_at_their_mask(view: LocusView) -> None:
    first, second, third, *rest = _bars(view)
    bars = [replace(first, switch="off"), replace(second, switch="half"), replace(third, switch="on"), *rest]
    at = view.interval.start + 500
    figure = perturb_figure(view, view.mask, bars=bars, base_edits=[(at, "A>G")])
    lines = {(shape.x0, shape.y0) for shape in figure.layout.shapes if shape.type == "line" and shape.line.width == 4}
    wanted = {(bar.interval.start + 0.5, level) for bar, level in zip(bars, (0.0, 0.5, 1.0), strict=False)}
    assert lines == wanted
    texts = [note.text for note in figure.layout.annotations]
    assert {"<b>E1 off</b>", "<b>E2 half</b>", "<b>E3 on</b>", "<b>A&gt;G</b>"} <= set(texts)


def test_the_tornado_has_the_strongest_on_top_and_known_effects_beside(view: LocusView) -> None:
    place = view.mask.elements[0].interval
    bars = [Bar(f"E{i}", place.shift(500 * i), 500 * i, (-1) ** i * 0.01 * i) for i in range(1, MOST_ROWS + 6)]
    known = Marker(-0.9, significant=True, words=HOSTILE)
    bars[-1] = replace(bars[-1], truth=known, crispri=Marker(float("-inf"), significant=False, words="screen"))
    figure = tornado_figure(bars)
    pressed, drawn = figure.data[0], figure.data[1]
    sizes = np.abs(np.array(drawn.x))
    assert len(sizes) == MOST_ROWS
    assert (np.diff(sizes) > 0).all()
    assert pressed.customdata[-1][0] == bars[-1].name
    markers = {trace.name: trace for trace in figure.data if trace.type == "scatter"}
    assert markers["truth"].y == markers["CRISPRi"].y == (MOST_ROWS - 1,)
    assert markers["truth"].x == (-0.9,)
    assert markers["CRISPRi"].marker.symbol == ("triangle-up-open",)
    low, _ = figure.layout.xaxis.range
    assert low < markers["CRISPRi"].x[0] < -0.9
    assert "<img" not in json.dumps(figure.to_plotly_json(), default=str)


def test_states_without_effects(view_of: Callable[..., LocusView]) -> None:
    view = view_of(20_000)
    bare = replace(view, mask=replace(view.mask, elements=()))
    notes = [note.text for note in perturb_figure(bare, bare.mask, bars=[]).layout.annotations]
    assert "no element is called at these settings" in notes
    silent = [replace(bar, delta_log10=None) for bar in _bars(view)]
    notes = [note.text for note in perturb_figure(view, view.mask, bars=silent).layout.annotations]
    assert "no prediction, so no effects" in notes
    assert len(tornado_figure(silent).data) == 0


def test_small_changes_are_told_as_they_are() -> None:
    assert [signed(value) for value in (-0.1234, 0.00321, 0.00001, 0.0)] == ["-0.123", "+0.0032", "0", "0"]
    assert change_in_words(-0.30103) == "-0.301 log10, x 0.5"
