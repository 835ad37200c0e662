from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from seq2exp.errors import SettingsError
from seq2exp.figures.compare import compare_figure, paired
from seq2exp.figures.compare_signals import shades
from seq2exp.figures.locus import locus_figure
from seq2exp.figures.style import DARK, LABEL_PX, LIGHT, SIZES, Theme
from seq2exp.genome import Interval, Region
from seq2exp.results import LocusView, TrueElement

BUDGET_BYTES = 500_000
ViewOf = Callable[..., LocusView]


def _figure(a: LocusView, b: LocusView, visible: Interval | None = None, **options: Any) -> go.Figure:
    settled = a.mask.forced_on | a.mask.forced_off | b.mask.forced_on | b.mask.forced_off
    return compare_figure(a, b, b.mask.mean - a.mask.mean, settled, visible=visible, **options)


def _texts(figure: go.Figure) -> str:
    return " | ".join(str(note.text) for note in figure.layout.annotations)


def _answering(figure: go.Figure, words: str) -> Any:
    (trace,) = [trace for trace in figure.data if (trace.hovertemplate or "").startswith(words)]
    return trace


def _axis(figure: go.Figure, trace: Any) -> Any:
    return figure.layout["yaxis" + trace.yaxis[1:]]


@pytest.fixture(scope="module")
def pair(view_of: ViewOf) -> tuple[LocusView, LocusView]:
    a = view_of(seed=7)
    b = view_of(seed=8, cell_type="GM12878", transcripts=a.transcripts)
    return a, b


TRUTH = (
    TrueElement(Interval("chr11", 5_150_000, 5_150_400), "enhancer", "an enhancer", True, -0.4, 0.2),
    TrueElement(Interval("chr11", 5_160_000, 5_160_400), "open decoy", "a decoy", False, 0.0, 0.2),
)


def test_all_lanes_share_one_x_axis_and_one_crosshair(pair: tuple[LocusView, LocusView]) -> None:
    figure = _figure(*pair, truth=(TRUTH, TRUTH[:1]))
    assert {trace.xaxis for trace in figure.data} == {"x"}
    # genes, three assays, two masks, their difference, elements, peaks, two truths
    assert len({trace.yaxis for trace in figure.data}) == 11
    domains = [figure.layout[f"yaxis{n}"].domain for n in ("", *range(2, 12))]
    assert all(upper[0] > lower[1] for upper, lower in itertools.pairwise(domains))
    assert (figure.layout.xaxis.spikemode, figure.layout.hoversubplots) == ("across", "axis")


@pytest.mark.parametrize("width_bp", [8_192, 200_000])
def test_a_redraw_fits_the_byte_budget(view_of: ViewOf, width_bp: int) -> None:
    """As many elements and peaks as can be called, signals and blacklist in crumbs, at every zoom."""
    made = []
    for seed in (7, 8):
        view = view_of(width_bp, seed=seed, n_genes=40)
        holes = view.tracks[0].values.copy()
        holes[::3] = np.nan
        starts = range(view.interval.start, view.interval.end - 400, 400)
        elements = tuple(
            dataclasses.replace(view.mask.elements[0], interval=Interval("chr11", s + 9 * seed, s + 9 * seed + 200))
            for s in starts
        )
        mask = dataclasses.replace(view.mask, elements=elements, forced_off=np.arange(width_bp) % 400 < 150)
        tracks = tuple(dataclasses.replace(track, values=holes) for track in view.tracks)
        peaks = tuple(Region(element.interval.shift(50)) for element in elements)
        made.append(dataclasses.replace(view, tracks=tracks, mask=mask, peaks=peaks))
    tss = made[0].gene.tss
    changes = [element.interval for element in made[0].mask.elements[:20]]
    for visible in (None, Interval("chr11", tss - 1_024, tss + 1_024), Interval("chr11", tss - 70, tss + 70)):
        figure = _figure(made[0], made[1], visible, changes=changes, truth=(TRUTH, TRUTH))
        assert len(figure.to_json().encode()) <= BUDGET_BYTES


def test_masks_and_difference_are_seen_without_scrolling(pair: tuple[LocusView, LocusView]) -> None:
    """On a 1280x720 page the figure begins about 200 px below the top."""
    figure = _figure(*pair, truth=(TRUTH, TRUTH))
    inner = figure.layout.height - SIZES.top - SIZES.bottom
    bottom = _axis(figure, _answering(figure, "B - A mean")).domain[0]
    assert SIZES.top + (1 - bottom) * inner <= 520


def test_a_locked_assay_has_one_scale_and_an_unlocked_one_two(pair: tuple[LocusView, LocusView]) -> None:
    a, _ = pair
    twice = tuple(dataclasses.replace(track, values=2 * track.values) for track in a.tracks)
    double = dataclasses.replace(a, tracks=twice)
    locked = _figure(a, double)
    of_a, of_b = (np.asarray(_answering(locked, f"DNase {side} ").y) for side in "AB")
    np.testing.assert_allclose(of_b, 2 * of_a, rtol=1e-5)
    assert of_b.max() == pytest.approx(1)
    top = float(a.tracks[0].values.max())
    assert f"{2 * top:.3g}" in _axis(locked, _answering(locked, "DNase A ")).ticktext
    own = _figure(a, double, lock_y=False)
    np.testing.assert_allclose(*(np.asarray(_answering(own, f"DNase {side} ").y) for side in "AB"), rtol=1e-5)
    assert f"A {top:.3g}, B {2 * top:.3g}" in _texts(own)


@pytest.mark.parametrize(("highest", "top"), [((0.2, 0.3), 0.5), ((0.2, 0.8), 1.0), ((0.8, 0.2), 1.0)])
def test_both_masks_have_one_axis(pair: tuple[LocusView, LocusView], highest: tuple[float, float], top: float) -> None:
    width = len(pair[0].mask.mean)
    low = [
        dataclasses.replace(
            view,
            mask=dataclasses.replace(
                view.mask, mean=np.full(width, mean), sd=np.zeros(width), threshold=0.18, floor=0.0, elements=()
            ),
        )
        for view, mean in zip(pair, highest, strict=True)
    ]
    figure = _figure(low[0], low[1])
    for words in ("Mask A mean", "Mask B mean"):
        assert _axis(figure, _answering(figure, words)).range == (-0.03 * top, 1.07 * top)


def test_different_units_never_share_a_scale_and_it_is_said(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    other = (dataclasses.replace(b.tracks[0], unit="reads"), *b.tracks[1:])
    figure = _figure(a, dataclasses.replace(b, tracks=other))
    assert "A in coverage, B in reads: own scales" in _texts(figure)
    for side in "AB":
        assert np.nanmax(np.asarray(_answering(figure, f"DNase {side} ").y)) == pytest.approx(1)


def test_the_pointer_reads_the_highest_value_of_a_bin_in_the_tracks_unit(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    trace = _answering(_figure(a, b), "Contacts B max")
    assert trace.customdata.max() == b.tracks[2].values.max()
    visible = Interval("chr11", a.gene.tss + 5_000, a.gene.tss + 7_000)
    close = _answering(_figure(a, b, visible), "Contacts B ")
    offset = visible.start - a.interval.start
    np.testing.assert_array_equal(np.asarray(close.customdata), b.tracks[2].values[offset : offset + 2_000])
    assert (close.x0, close.dx) == (visible.start + 1, 1)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_and_b_differ_in_shade_and_in_line(pair: tuple[LocusView, LocusView], theme: Theme) -> None:
    figure = _figure(*pair, theme=theme.name)
    light, dark = shades(theme, "h3k27ac")
    of_a, of_b = (_answering(figure, f"H3K27ac {side} ") for side in "AB")
    assert (of_a.line.color, of_b.line.color) == (light, dark)
    assert of_a.line.dash is not None
    assert of_b.line.dash is None
    assert sum(int(light[i : i + 2], 16) for i in (1, 3, 5)) > sum(int(dark[i : i + 2], 16) for i in (1, 3, 5))
    assert figure.layout.paper_bgcolor == theme.paper
    sizes = [int(size) for size in re.findall(r'"size":\s*(\d+)', json.dumps(figure.layout.to_plotly_json()))]
    assert min(sizes) >= LABEL_PX


def test_the_band_keeps_the_extremes_of_both_signs(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    flat = np.full(200_000, 0.2, np.float32)
    mean = flat.copy()
    mean[50_020:50_040] += 0.5
    mean[50_060:50_080] -= 0.15
    sides = [
        dataclasses.replace(view, mask=dataclasses.replace(view.mask, mean=values))
        for view, values in ((a, flat), (b, mean))
    ]
    figure = _figure(sides[0], sides[1])
    answering = _answering(figure, "B - A mean")
    band = [t for t in figure.data if t.yaxis == answering.yaxis and t.type == "scatter" and t.fill == "tozeroy"]
    rises, falls = (np.asarray(trace.y) for trace in band)
    assert (rises.min(), rises.max()) == (0, pytest.approx(0.5))
    assert (falls.min(), falls.max()) == (pytest.approx(-0.15), 0)
    assert band[0].fillcolor != band[1].fillcolor
    low, high = _axis(figure, answering).range
    assert low == -high
    assert high > 0.5
    zero = [s for s in figure.layout.shapes if s.type == "line" and s.yref == answering.yaxis and s.y0 == s.y1 == 0]
    assert len(zero) == 1


def test_equal_masks_are_said_to_be_equal(pair: tuple[LocusView, LocusView]) -> None:
    assert "the two masks are the same" in _texts(_figure(pair[0], pair[0]))
    assert "the two masks are the same" not in _texts(_figure(*pair))


def test_listed_changes_are_marked_with_their_names(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    start = a.interval.start
    changes = [Interval("chr11", start + 40_000, start + 44_000), Interval("chr11", start + 150_000, start + 150_300)]
    figure = _figure(a, b, changes=changes)
    (names,) = [trace for trace in figure.data if trace.name == "change names"]
    assert list(names.text) == ["<b>D1</b>", "<b>D2</b>"]
    assert list(names.x) == [(c.start + c.end + 1) / 2 for c in changes]
    marked = [t for t in figure.data if (t.hovertemplate or "").startswith("Change ")]
    assert sum(np.count_nonzero(t.width) for t in marked) == 2


def _boxes(figure: go.Figure, words: str) -> list[tuple[float, float]]:
    """Start and end (0-based) of the boxes that answer with ``words``."""
    found = [t for t in figure.data if t.type == "bar" and (t.hovertemplate or "").startswith(words)]
    return sorted(
        (float(x - w / 2 - 0.5), float(x + w / 2 - 0.5))
        for t in found
        for x, w in zip(t.x, t.width, strict=True)
        if w > 0
    )


def test_every_interval_is_drawn_once_in_its_class(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    moved = tuple(dataclasses.replace(e, interval=e.interval.shift(100)) for e in a.mask.elements[:2])
    b = dataclasses.replace(b, mask=dataclasses.replace(b.mask, elements=moved), peaks=a.peaks[:3])
    figure = _figure(a, b)

    def places(found: Sequence[Any]) -> list[tuple[float, float]]:
        return sorted((float(one.interval.start), float(one.interval.end)) for one in found)

    def meets(one: Any, others: Sequence[Any]) -> bool:
        return any(one.interval.overlaps(other.interval) for other in others)

    for what, of_a, of_b in (("Element", a.mask.elements, moved), ("MACS3 peak", a.peaks, b.peaks)):
        assert _boxes(figure, f"{what} A, also in B") == places([one for one in of_a if meets(one, of_b)])
        assert _boxes(figure, f"{what} A, not in B") == places([one for one in of_a if not meets(one, of_b)])
        assert _boxes(figure, f"{what} B, also in A") == places([one for one in of_b if meets(one, of_a)])
    assert _boxes(figure, "Element A, not in B")
    none = dataclasses.replace(b, mask=dataclasses.replace(b.mask, elements=()), peaks=(), peak_note="")
    words = _texts(_figure(a, none))
    assert "0 elements at threshold 0.50" in words
    assert "no MACS3 peaks in this window" in words


def test_a_side_without_an_assay_says_so_and_the_other_is_drawn(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    silent = np.full(200_000, np.nan, np.float32)
    without = dataclasses.replace(b.tracks[1], available=False, values=silent, note="zero stood in")
    figure = _figure(a, dataclasses.replace(b, tracks=(b.tracks[0], without, b.tracks[2])))
    assert "B: H3K27ac not available - zero stood in" in _texts(figure)
    assert _answering(figure, "H3K27ac A ") is not None
    assert not [t for t in figure.data if (t.hovertemplate or "").startswith("H3K27ac B ")]
    neither = [dataclasses.replace(view, tracks=(view.tracks[0], without, view.tracks[2])) for view in pair]
    assert "H3K27ac not available for this cell type - zero stood in" in _texts(_figure(neither[0], neither[1]))
    zero = dataclasses.replace(b.tracks[0], values=np.zeros(200_000, np.float32))
    assert "B: zero throughout this window" in _texts(_figure(a, dataclasses.replace(b, tracks=(zero,))))


def test_tracks_are_paired_by_name_and_the_odd_one_is_absent(pair: tuple[LocusView, LocusView]) -> None:
    dnase, h3k27ac, contact = pair[0].tracks
    found = paired((dnase, h3k27ac), (contact, dnase))
    assert [(one.name, one.available, other.available) for one, other in found] == [
        ("dnase", True, True),
        ("h3k27ac", True, False),
        ("contact", False, True),
    ]


def test_truth_stands_on_its_own_side(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    figure = _figure(a, b, truth=(TRUTH, None))
    words = _texts(figure)
    assert "<b>Truth A</b>" in words
    assert "<b>Truth B</b>" not in words
    mask_a = _answering(figure, "Mask A mean").yaxis
    bands = [s for s in figure.layout.shapes if s.x0 == TRUTH[0].interval.start + 0.5]
    assert [(s.yref, s.x1) for s in bands] == [(mask_a, TRUTH[0].interval.end + 0.5)]
    same = _texts(_figure(a, dataclasses.replace(b, cell_type=a.cell_type), truth=(TRUTH, TRUTH)))
    assert same.count("Truth") == 1


def test_the_legend_names_both_sides_letter_by_letter(pair: tuple[LocusView, LocusView]) -> None:
    a, b = pair
    hostile = "<img src=x>%{x}"
    figure = _figure(a, b, names=(hostile, "GM12878 · " + "long" * 20))
    assert "<img" not in figure.to_json().replace("\\u003c", "<")
    words = _texts(figure)
    for entry in ("A &lt;img src=x&gt;% {x}", "in both", "A only", "B only", "set by rule", "GM12878 · long"):
        assert entry in words
    assert "long" * 10 not in words
    assert "B GM12878" in _texts(_figure(a, b))


def test_height_stays_and_a_stretch_outside_is_refused(pair: tuple[LocusView, LocusView]) -> None:
    tss = pair[0].gene.tss
    places = [None, Interval("chr11", tss, tss + 50_000), Interval("chr11", tss, tss + 100)]
    assert len({_figure(*pair, visible=place).layout.height for place in places}) == 1
    with pytest.raises(SettingsError, match="window"):
        _figure(*pair, visible=Interval("chr2", 1, 100))


def test_frame_pointer_and_tss_are_those_of_one_locus(pair: tuple[LocusView, LocusView]) -> None:
    """Both figures are built the same way; what they share must look the same."""
    a, b = pair
    visible = Interval("chr11", a.gene.tss - 800, a.gene.tss + 700)
    ours, theirs = (f.to_plotly_json()["layout"] for f in (_figure(a, b, visible), locus_figure(a, visible)))
    for name in ("margin", "font", "hoverlabel", "hoverdistance", "dragmode", "paper_bgcolor", "template"):
        assert ours[name] == theirs[name]
    assert {k: v for k, v in ours["xaxis"].items() if k != "title"} == {
        k: v for k, v in theirs["xaxis"].items() if k != "title"
    }
    assert ours["annotations"][-2] == theirs["annotations"][-2]
    assert ours["shapes"][-1] == theirs["shapes"][-1]
