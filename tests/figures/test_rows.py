"""Rows of boxes and arcs of a locus figure, and that PDF and HTML hold them, with the words for axes and marks."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import numpy as np
import pytest

from seq2exp.figures.beside import Beside, Box, BoxRow, ContactTriangle
from seq2exp.figures.export_html import locus_html
from seq2exp.figures.export_pdf import locus_pdf
from seq2exp.figures.export_words import ExportFacts
from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.locus import locus_figure
from seq2exp.figures.scale import TrackScale
from seq2exp.figures.style import LIGHT
from seq2exp.genome import Interval
from seq2exp.results import LocusView
from tests.figures.conftest import make_view
from tests.figures.test_export import pdf_text

HOSTILE = "<img src=x onerror=alert(1)> %{y}"


@pytest.fixture(scope="module")
def small() -> LocusView:
    return make_view(8_000)


def _beside(view: LocusView) -> Beside:
    start, chrom = view.interval.start, view.interval.chrom

    def box(first: int, last: int, label: str, **more: object) -> Box:
        return Box(Interval(chrom, start + first, start + last), label, **more)  # type: ignore[arg-type]

    rows = (
        BoxRow("ccre", "cCRE", "other", [box(500, 900, "PLS", colour="threshold"), box(6_000, 6_500, "dELS")]),
        BoxRow("crispri", "CRISPRi", "contact", [box(2_000, 2_400, "-38 %"), box(4_500, 4_700, "", strong=False)]),
        BoxRow("own", "Own intervals", "no such colour", [box(100, 300, HOSTILE, told=HOSTILE)]),
    )
    scales = {"dnase": TrackScale("sqrt", 5.0, "group scale, clipped at 99.5 %")}
    values = np.array([[9.0, 4.0, 0.5], [4.0, np.nan, 2.0], [0.5, 2.0, 9.0]])
    return Beside(scales=scales, rows=rows, arcs=True, contacts=ContactTriangle(start, 2_500, values))


def _lane(view: LocusView, beside: Beside, label: str) -> list[PlotlyDict]:
    """The traces of the lane that bears ``label``."""
    figure = locus_figure(view, beside=beside)
    data, layout = [trace.to_plotly_json() for trace in figure.data], figure.layout.to_plotly_json()
    note = next(a for a in layout["annotations"] if label in a["text"])
    axes = [name for name in layout if name.startswith("yaxis")]
    axis = next(name for name in axes if layout[name]["domain"][0] <= note["y"] <= layout[name]["domain"][1])
    return [trace for trace in data if trace["yaxis"] == "y" + axis.removeprefix("yaxis")]


def test_boxes_stand_where_they_are_in_their_own_colours(small: LocusView) -> None:
    traces = [trace for trace in _lane(small, _beside(small), "cCRE") if trace["type"] == "bar"]
    assert [trace["marker"]["color"] for trace in traces] == [LIGHT.threshold, LIGHT.other]
    for trace, (first, last) in zip(traces, ((500, 900), (6_000, 6_500)), strict=True):
        assert trace["x"][0] - trace["width"][0] / 2 == small.interval.start + first + 0.5
        assert trace["x"][0] + trace["width"][0] / 2 == small.interval.start + last + 0.5
    hollow, solid = (trace for trace in _lane(small, _beside(small), "CRISPRi") if trace["type"] == "bar")
    assert hollow["marker"]["color"] == "rgba(0,0,0,0)"
    assert hollow["y"][0] < solid["y"][0]


def test_every_element_has_its_arc_to_the_tss_below_the_lanes_end(small: LocusView) -> None:
    with_arcs = _lane(small, _beside(small), "Contacts")
    arcs = with_arcs[len(_lane(small, replace(_beside(small), arcs=False), "Contacts")) :]
    assert len(arcs) == len(small.mask.elements) > 2
    contact = next(track.values for track in small.tracks if track.name == "contact")
    for arc, element in zip(arcs, small.mask.elements, strict=True):
        assert arc["x"][0] == (element.interval.start + element.interval.end) / 2 + 1
        assert arc["x"][-1] == small.gene.tss + 1
        assert 0 < max(arc["y"]) <= np.log10(1 + contact.max()) + 1e-6
        assert 0.8 <= arc["line"]["width"] <= 4


def test_the_map_has_a_square_for_every_pair_of_bins_that_meets(small: LocusView) -> None:
    traces = _lane(small, _beside(small), "Contact map")
    corners = np.concatenate([np.column_stack((trace["x"], trace["y"])) for trace in traces]).reshape(-1, 6, 2)
    start = small.interval.start
    found = {(x[1] - start - 0.5, y[0]) for x, y in zip(corners[:, :, 0], corners[:, :, 1], strict=True)}
    # A masked bin has no square with itself; bins next to each other stand one bin up.
    assert found == {(1_250, 0), (6_250, 0), (2_500, 2_500), (5_000, 2_500), (3_750, 5_000)}
    assert len({trace["fillcolor"] for trace in traces}) == 3


def test_pdf_and_html_hold_rows_arcs_axes_and_the_names_of_marks(small: LocusView) -> None:
    beside = _beside(small)
    mark = (Interval("chr11", small.interval.start + 3_000, small.interval.start + 3_500), "R7")
    facts = ExportFacts(small.interval, "21 November 2026", marks=(mark,))
    text = pdf_text(locus_pdf(small, facts, beside=beside, compress=False))
    page = locus_html(small, facts, beside=beside)
    body = page[page.rindex("</script>") :]
    for words in ("sqrt to 5 (group scale, clipped at 99.5 %)", "Arcs: from elements", "Hollow: tested, not"):
        assert words in body
    for words in (
        "cCRE",
        "PLS",
        "dELS",
        "CRISPRi",
        "-38 %",
        "Own intervals",
        "Marked",
        "R7",
        "Contact map",
        "sqrt, coverage",
        "5",
    ):
        assert words in text.split("\n"), words
        assert words in page
    assert "group scale, clipped at 99.5 %" in text
    assert HOSTILE.split(" ")[0] in text
    assert "<img" not in page[: page.index("<script")] + body
    assert escape("<img") not in page[: page.index("<script")]
