from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from seq2exp.errors import SettingsError
from seq2exp.figures.locus import NARROWEST_BP, locus_figure, visible_within
from seq2exp.figures.mask import classify_elements, classify_peaks
from seq2exp.figures.style import DARK, LABEL_PX, LIGHT, THEMES, Theme, plain
from seq2exp.genome import Interval, Region
from seq2exp.results import LocusView

BUDGET_BYTES = 500_000
ViewOf = Callable[..., LocusView]


def _texts(figure: go.Figure) -> str:
    return " | ".join(str(note.text) for note in figure.layout.annotations)


def _hovers(figure: go.Figure) -> list[str]:
    return [trace.hovertemplate for trace in figure.data if trace.hovertemplate]


def _answering(figure: go.Figure, words: str) -> Any:
    (trace,) = [trace for trace in figure.data if words in (trace.hovertemplate or "")]
    return trace


@pytest.mark.parametrize("width_bp", [4_096, 32_768, 131_072, 200_000])
def test_a_redraw_fits_the_byte_budget(view_of: ViewOf, width_bp: int) -> None:
    view = view_of(width_bp, n_genes=40)
    tss = view.gene.tss
    for visible in (None, Interval("chr11", tss - 2_048, tss + 2_048), Interval("chr11", tss - 70, tss + 70)):
        assert len(locus_figure(view, visible).to_json().encode()) <= BUDGET_BYTES


def test_the_worst_window_fits_the_byte_budget(view_of: ViewOf) -> None:
    """Signals full of short gaps, a blacklist of crumbs, and as many elements and peaks as can be called."""
    view = view_of(200_000, n_genes=60)
    holes = view.tracks[0].values.copy()
    holes[::3] = np.nan
    crumbs = np.arange(200_000) % 400 < 150
    starts = range(view.interval.start, view.interval.end - 300, 300)
    elements = tuple(dataclasses.replace(view.mask.elements[0], interval=Interval("chr11", s, s + 200)) for s in starts)
    view = dataclasses.replace(
        view,
        tracks=tuple(dataclasses.replace(track, values=holes) for track in view.tracks),
        mask=dataclasses.replace(view.mask, elements=elements, forced_off=crumbs),
        peaks=tuple(Region(element.interval.shift(50)) for element in elements),
    )
    tss = view.gene.tss
    for visible in (None, Interval("chr11", tss - 2_048, tss + 2_048)):
        assert len(locus_figure(view, visible).to_json().encode()) <= BUDGET_BYTES


def test_every_trace_shares_one_x_axis_and_each_lane_has_its_own_y(view: LocusView) -> None:
    figure = locus_figure(view)
    assert {trace.xaxis for trace in figure.data} == {"x"}
    assert len({trace.yaxis for trace in figure.data}) == 6
    axes = [figure.layout[f"yaxis{n}"] for n in ("", 2, 3, 4, 5, 6)]
    domains = [axis.domain for axis in axes]
    assert all(low < high for low, high in domains)
    assert all(upper[0] > lower[1] for upper, lower in itertools.pairwise(domains))
    assert figure.layout.xaxis.spikemode == "across"
    assert figure.layout.hoversubplots == "axis"


def test_long_arrays_are_float32_on_a_regular_grid(view: LocusView) -> None:
    for trace in locus_figure(view).data:
        if trace.type == "scatter" and trace.y is not None and len(trace.y) > 500:
            assert trace.x is None
            assert np.asarray(trace.y).dtype == np.float32
            assert trace.dx == 100


def test_a_twenty_base_element_is_still_as_high_as_it_is(view: LocusView) -> None:
    mean = np.full(200_000, 0.1, np.float32)
    mean[150_030:150_050] = 0.9
    mask = dataclasses.replace(view.mask, mean=mean, sd=np.zeros_like(mean))
    trace = _answering(locus_figure(dataclasses.replace(view, mask=mask)), "Mask mean")
    assert trace.customdata[:, 1].max() == np.float32(0.9)
    drawn = [t for t in locus_figure(dataclasses.replace(view, mask=mask)).data if t.yaxis == "y5"]
    assert any(np.nanmax(np.asarray(t.y, dtype=float)) == pytest.approx(0.9) for t in drawn if t.type == "scatter")


@pytest.mark.parametrize(
    ("mean", "sd", "threshold", "top"),
    [(0.2, 0.05, 0.18, 0.5), (0.2, 0.05, 0.6, 1.0), (0.49, 0.05, 0.18, 1.0), (0.9, 0.0, 0.18, 1.0)],
)
def test_a_low_mask_fills_its_lane_wherever_one_looks(
    view: LocusView, mean: float, sd: float, threshold: float, top: float
) -> None:
    values, spread = np.full((2, 200_000), 0.1, np.float32)
    values[150_000], spread[150_000] = mean, sd
    mask = dataclasses.replace(view.mask, mean=values, sd=spread, threshold=threshold, floor=0.05)
    shown = dataclasses.replace(view, mask=mask)
    for visible in (None, Interval("chr11", view.gene.tss, view.gene.tss + 8_000)):
        axis = locus_figure(shown, visible).layout.yaxis5
        assert axis.range == (-0.03 * top, 1.07 * top)
        assert axis.tickvals == (0, top / 2, top)


def test_zooming_in_draws_true_values_at_their_own_base(view: LocusView) -> None:
    visible = Interval("chr11", view.gene.tss + 5_000, view.gene.tss + 8_000)
    trace = _answering(locus_figure(view, visible), "DNase ")
    offset = visible.start - view.interval.start
    np.testing.assert_array_equal(np.asarray(trace.y), view.tracks[0].values[offset : offset + 3_000])
    assert (trace.x0, trace.dx) == (visible.start + 1, 1)


def test_boxes_answer_only_where_they_are(view: LocusView) -> None:
    tss = view.gene.tss
    figure = locus_figure(view)
    assert figure.layout.hoverdistance == 2
    answering = [t for t in figure.data if t.type == "bar" and t.hovertemplate]
    assert len(answering) >= 5
    for boxes in answering:
        closest = np.diff(np.sort(boxes.x)).min()
        assert np.ptp(boxes.x) / 10_000 < closest <= max(0.5, view.interval.width / 2_000)
        assert (np.asarray(boxes.width) == 0).sum() == 1
    assert locus_figure(view, Interval("chr11", tss, tss + 100)).layout.hoverdistance >= 1_000 / 100


def test_letters_appear_up_close_and_sit_on_their_bases(view: LocusView) -> None:
    visible = Interval("chr11", view.gene.tss, view.gene.tss + 120)
    (letters,) = [t for t in locus_figure(view, visible).data if t.name == "sequence"]
    offset = visible.start - view.interval.start
    assert "".join(letters.text) == view.sequence[offset : offset + 120]
    assert (letters.x0, letters.dx) == (visible.start + 1, 1)
    wider = Interval("chr11", view.gene.tss, view.gene.tss + 400)
    assert not [t for t in locus_figure(view, wider).data if t.name == "sequence"]


@pytest.mark.parametrize(("strand", "sign"), [("+", 1), ("-", -1)])
def test_the_pointer_tells_the_distance_along_transcription(view_of: ViewOf, strand: str, sign: int) -> None:
    view = view_of(4_096, strand=strand)
    position = _answering(locus_figure(view), "TSS %")
    index = view.gene.tss - view.interval.start
    assert position.customdata[index] == 0
    assert position.customdata[index + 345] == 345 * sign
    assert position.x0 + index * position.dx == view.gene.tss + 1


def test_exons_are_drawn_over_their_bases(view: LocusView) -> None:
    transcript = view.transcripts[0]
    bars = [t for t in locus_figure(view).data if t.type == "bar" and t.yaxis == "y"]
    drawn = {
        (float(x - w / 2 - 0.5), float(x + w / 2 - 0.5)) for bar in bars for x, w in zip(bar.x, bar.width, strict=True)
    }
    for exon in transcript.exons:
        assert (float(exon.start), float(exon.end)) in drawn
    heights = sorted({float(bar.y[0]) for bar in bars})
    assert heights == pytest.approx([0.18, 0.38])


def test_the_target_is_bold_and_strand_has_a_shape(view: LocusView) -> None:
    figure = locus_figure(view)
    (names,) = [t for t in figure.data if t.name == "gene names"]
    assert "<b>HBB →</b>" in names.text
    assert sum("<b>" in text for text in names.text) == 1
    (arrows,) = [t for t in figure.data if t.name == "strand"]
    assert set(arrows.marker.symbol) == {"triangle-right", "triangle-left"}
    assert "<b>HBB TSS →</b>" in _texts(figure)


def test_the_flag_points_to_a_tss_out_of_sight(view: LocusView) -> None:
    tss = view.gene.tss
    right = locus_figure(view, Interval("chr11", tss + 1_000, tss + 9_000))
    assert "← HBB TSS 1,000 bp" in _texts(right)
    left = locus_figure(view, Interval("chr11", tss - 9_000, tss))
    assert "HBB TSS 1 bp →" in _texts(left)


def test_missing_zero_and_data_are_three_different_things(view: LocusView) -> None:
    dnase, h3k27ac, contact = view.tracks
    absent = dataclasses.replace(h3k27ac, available=False, values=np.full(200_000, np.nan, np.float32))
    zero = dataclasses.replace(dnase, values=np.zeros(200_000, np.float32))
    figure = locus_figure(dataclasses.replace(view, tracks=(zero, absent, contact)))
    assert "H3K27ac not available for this cell type - zero stood in" in _texts(figure)
    assert "measured: zero throughout this window" in _texts(figure)
    power = dataclasses.replace(absent, name="contact", note="power law stood in")
    assert "Contacts not available for this cell type - power law stood in" in _texts(
        locus_figure(dataclasses.replace(view, tracks=(power,)))
    )


def test_stretches_without_a_measurement_are_hatched_and_not_zero(view: LocusView) -> None:
    values = view.tracks[0].values.copy()
    values[20_000:60_000] = np.nan
    track = dataclasses.replace(view.tracks[0], values=values)
    figure = locus_figure(dataclasses.replace(view, tracks=(track,)))
    (box,) = [t for t in figure.data if "not measured" in (t.hovertemplate or "")]
    assert float(box.width[0]) == 40_000
    assert box.marker.pattern.shape == "/"
    answering = _answering(figure, "DNase mean")
    assert np.isnan(np.asarray(answering.y)[200:600]).all()


def test_forced_stretches_are_hatched_and_said_to_be_forced(view: LocusView) -> None:
    figure = locus_figure(view)
    for words, flags in (("forced on", view.mask.forced_on), ("forced off", view.mask.forced_off)):
        (box,) = [t for t in figure.data if words in (t.hovertemplate or "")]
        assert float(np.sum(box.width)) == flags.sum()
        assert box.marker.pattern.shape in ("/", "\\")
    assert "Forced on by rule, not found" in _texts(figure)


def test_the_legend_is_there_whatever_the_window_holds(view: LocusView) -> None:
    empty = dataclasses.replace(view, mask=dataclasses.replace(view.mask, elements=()), peaks=(), peak_note="")
    words = _texts(locus_figure(empty))
    for entry in ("Mask and MACS3", "Mask only", "MACS3 only", "Forced on by rule, not found"):
        assert entry in words
    assert "0 elements at threshold 0.50" in words
    assert "no MACS3 peaks in this window" in words


def test_every_element_and_peak_is_drawn_once_in_its_class(view: LocusView) -> None:
    figure = locus_figure(view)
    calls = [t for t in figure.data if t.yaxis == "y6" and t.type == "bar"]
    n_elements = sum(np.count_nonzero(t.width) for t in calls if "Element" in (t.hovertemplate or ""))
    n_peaks = sum(np.count_nonzero(t.width) for t in calls if "MACS3 peak" in (t.hovertemplate or ""))
    assert (n_elements, n_peaks) == (len(view.mask.elements), len(view.peaks))


def test_wide_elements_carry_the_name_of_their_table_row(view: LocusView) -> None:
    second = view.mask.elements[1].interval
    close = Interval("chr11", second.start - 1_000, second.end + 1_000)
    (names,) = [t for t in locus_figure(view, close).data if t.name == "element names"]
    assert list(names.text) == ["<b>E2</b>"]
    assert names.x[0] == (second.start + second.end + 1) / 2
    (none,) = [t for t in locus_figure(view).data if t.name == "element names"]
    assert len(none.text or ()) == 0


def test_classes_by_overlap_and_the_promoter_apart(view: LocusView) -> None:
    element = view.mask.elements[0]
    touching = Region(Interval("chr11", element.interval.end, element.interval.end + 10))
    meeting = Region(Interval("chr11", element.interval.end - 1, element.interval.end + 10))
    promoter = Region(Interval("chr11", view.centre.start + 10, view.centre.start + 20))
    assert classify_elements([element], [touching]) == ("mask-only",)
    assert classify_elements([element], [meeting]) == ("shared",)
    assert classify_peaks([touching, meeting, promoter], [element], view.centre) == ("peak-only", "shared", "forced")


def test_floor_is_drawn_where_there_is_one(view: LocusView) -> None:
    assert "no signal 0.36" in _texts(locus_figure(view))
    none = dataclasses.replace(view, mask=dataclasses.replace(view.mask, floor=0.0))
    assert "no signal" not in _texts(locus_figure(none))


def test_threshold_line_stands_at_the_threshold(view: LocusView) -> None:
    mask = dataclasses.replace(view.mask, threshold=0.37)
    figure = locus_figure(dataclasses.replace(view, mask=mask))
    assert any(shape.type == "line" and shape.y0 == shape.y1 == 0.37 for shape in figure.layout.shapes)
    assert "threshold 0.37" in _texts(figure)


def test_height_does_not_change_with_the_zoom(view: LocusView) -> None:
    tss = view.gene.tss
    places = [None, Interval("chr11", tss, tss + 50_000), Interval("chr11", tss, tss + 100)]
    assert len({locus_figure(view, place).layout.height for place in places}) == 1


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_colours_come_from_the_theme_and_labels_are_large(view: LocusView, theme: Theme) -> None:
    figure = locus_figure(view, theme=theme.name)
    other = THEMES["light" if theme.name == "dark" else "dark"]
    assert figure.layout.paper_bgcolor == theme.paper
    assert figure.layout.font.size >= LABEL_PX >= 14
    sizes = [int(size) for size in re.findall(r'"size":\s*(\d+)', json.dumps(figure.layout.to_plotly_json()))]
    assert min(sizes) >= 14
    assert other.paper not in {figure.layout.paper_bgcolor, figure.layout.hoverlabel.bgcolor}


def test_names_from_files_are_shown_letter_by_letter(view: LocusView) -> None:
    hostile = "<img src=x onerror=alert(1)>%{x}"
    gene = dataclasses.replace(view.gene, symbol=hostile)
    transcripts = tuple(dataclasses.replace(t, symbol=hostile) for t in view.transcripts)
    track = dataclasses.replace(view.tracks[0], name="mine", title=hostile, unit=hostile)
    figure = locus_figure(dataclasses.replace(view, gene=gene, transcripts=transcripts, tracks=(track,)))
    assert "<img" not in figure.to_json().replace("\\u003c", "<")
    assert plain(hostile) == "&lt;img src=x onerror=alert(1)&gt;% {x}"


@pytest.mark.parametrize(
    "wanted",
    [Interval("chr2", 5_200_000, 5_210_000), Interval("chr11", 1, 100)],
    ids=["another chromosome", "outside"],
)
def test_a_stretch_outside_the_window_is_refused(view: LocusView, wanted: Interval) -> None:
    with pytest.raises(SettingsError, match="window"):
        locus_figure(view, wanted)


def test_the_visible_stretch_stays_inside_and_is_never_too_narrow() -> None:
    window = Interval("chr1", -1_000, 9_000)
    assert visible_within(window) == Interval("chr1", 0, 9_000)
    assert visible_within(window, Interval("chr1", 8_999, 20_000)).width == NARROWEST_BP
    assert visible_within(window, Interval("chr1", 8_999, 20_000)).end == 9_000
    assert visible_within(window, Interval("chr1", 100, 5_000)) == Interval("chr1", 100, 5_000)
