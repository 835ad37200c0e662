"""Exports of a locus: what is on screen is in the file, as text; nothing in it runs or is fetched."""

from __future__ import annotations

import gzip
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seq2exp.errors import SettingsError
from seq2exp.figures import export_draw
from seq2exp.figures.export_figure import export_figure
from seq2exp.figures.export_html import locus_html
from seq2exp.figures.export_pdf import locus_pdf
from seq2exp.figures.export_text import Run, runs_of, wrap
from seq2exp.figures.export_tracks import tracks_file, tracks_table
from seq2exp.figures.export_words import ExportFacts, badge, provenance
from seq2exp.figures.mask import LEGEND
from seq2exp.figures.style import LIGHT
from seq2exp.genome import Gene, Interval
from seq2exp.inference.report import elements_bed
from seq2exp.results import LocusView, Track, TrueElement
from seq2exp.sources.annotation import read_regions
from seq2exp.sources.peaks import overlap

ViewOf = Callable[..., LocusView]
HOSTILE = "</script><img src=http://e.x/a.png onerror=alert(1)>$\\frac{x}{0}$ %{y} &amp;"


@pytest.fixture(scope="module")
def small(view_of: ViewOf) -> LocusView:
    """A trained model's what-if of 8,000 bp."""
    view = view_of(8_000, prediction_log10=1.234, promoter_only_log10=0.5, observed_log10=1.5)
    mask = replace(view.mask, source="model", changes=("signal scale 2 instead of 1",), threshold=0.41)
    own = {"dataset": "made up 0123456789ab", "checkpoint": "demo ba9876543210", "trained": "yes", "seq2exp": "9.9"}
    return replace(view, mask=mask, provenance=own)


@pytest.fixture(scope="module")
def truth(small: LocusView) -> tuple[TrueElement, ...]:
    place = small.mask.elements[0].interval
    return (
        TrueElement(place, "enhancer", "active enhancer", True, -0.3, 0.4),
        TrueElement(place.shift(900), "open decoy", "open decoy", False, 0.0, 0.1),
    )


def _facts(view: LocusView, **moved: str) -> ExportFacts:
    return ExportFacts(view.interval, "21 November 2026", moved)


def pdf_text(content: bytes) -> str:
    """The letters of an uncompressed PDF, one line per text drawn: two-byte codes through their font's ToUnicode."""
    objects = dict(re.findall(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", content, re.DOTALL))
    tables: dict[bytes, dict[int, str]] = {}
    for font, reference in re.findall(rb"/(F\d+) (\d+) 0 R", content):
        found = re.search(rb"/ToUnicode (\d+) 0 R", objects[reference])
        assert found is not None
        tables[font] = {}
        for low, targets in re.findall(rb"<(\w{4})> <\w{4}> \[([^\]]+)\]", objects[found[1]]):
            for step, letters in enumerate(re.findall(rb"<(\w+)>", targets)):
                tables[font][int(low, 16) + step] = bytes.fromhex(letters.decode()).decode("utf-16-be")
    lines = []
    for block in re.findall(rb"BT\n(.*?)\nET", content, re.DOTALL):
        table, line = {}, ""
        for font, shown in re.findall(rb"/(F\d+) [\d.]+ Tf|(\[.*?\]\s*TJ|\((?:\\.|[^\\)])*\) Tj)", block, re.DOTALL):
            table = tables[font] if font else table
            codes = b"".join(re.findall(rb"\(((?:\\.|[^\\)])*)\)", shown, re.DOTALL))
            codes = re.sub(rb"\\([0-7]{3}|.)", _unescaped, codes, flags=re.DOTALL)
            line += "".join(table[code] for code in np.frombuffer(codes, ">u2").tolist())
        lines.append(line)
    return "\n".join(lines)


def _unescaped(found: re.Match[bytes]) -> bytes:
    named = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
    return bytes([int(found[1], 8)]) if found[1].isdigit() else named.get(found[1], found[1])


def test_the_pdf_holds_every_lane_the_legend_the_badge_and_every_parameter_as_text(
    small: LocusView, truth: tuple[TrueElement, ...]
) -> None:
    content = locus_pdf(small, _facts(small, **{"Signal scale": "2.0 (by default 1.0)"}), truth=truth, compress=False)
    text = pdf_text(content)
    assert content.startswith(b"%PDF")
    lanes = ("Genes", "DNase", "H3K27ac", "Contacts", "Mask", "mean ± sd", "Elements", "MACS3 peaks", "Truth")
    for words in (*lanes, *LEGEND.values(), "Forced off: blacklist", "enhancer", "open decoy", "HBB →"):
        assert words in text, words
    assert "WHAT-IF: 1 change" in text
    assert "threshold 0.41" in text
    assert "no signal 0.36" in text
    for name, value in provenance(small, _facts(small, **{"Signal scale": "2.0 (by default 1.0)"})):
        assert name in text
        assert value.split(",")[0] in text, value
    assert "predicted 1.234" in text
    assert b"/Subtype /Type3" not in content
    assert b"/FontFile2" in content


def test_the_pdf_of_letters_and_of_a_binned_window_is_drawn_in_the_figures_colours(view_of: ViewOf) -> None:
    view = view_of(5_000)
    close = Interval(view.interval.chrom, view.gene.tss - 40, view.gene.tss + 40)
    content = locus_pdf(view, replace(_facts(view), visible=close), compress=False)
    assert "every base drawn" in pdf_text(content)
    whole = locus_pdf(view, _facts(view), compress=False)
    red, green, _, _ = export_draw.colour_of(LIGHT.h3k27ac)
    assert re.search(rf"{red:.6f}"[:6].encode() + rb"\d* " + f"{green:.6f}"[:6].encode() + rb"\d* \d", whole)
    assert locus_pdf(view, _facts(view), compress=False) == whole


def test_marks_are_drawn_and_lanes_left_out_are_left_out_and_both_are_told(small: LocusView) -> None:
    place = Interval(small.interval.chrom, small.interval.start + 500, small.interval.start + 900)
    outside = Interval(small.interval.chrom, 1, 10)
    facts = replace(_facts(small), marks=((place, "R1 <b>"), (outside, "far")), left_out=("dnase",))
    drawn = export_figure(small, facts)
    bands = [shape for shape in drawn.layout.shapes if shape.x0 == place.start + 0.5 and shape.x1 == place.end + 0.5]
    assert len(bands) == 1
    text = pdf_text(locus_pdf(small, facts, compress=False))
    assert "\nDNase\n" not in text
    assert "\nH3K27ac\n" in text
    assert text.count("R1 <b>") == 2
    assert f"{place}" in text
    assert "Lanes left out" in locus_html(small, facts)


def test_a_trace_no_pdf_knows_is_an_error_and_not_left_out(small: LocusView, monkeypatch: pytest.MonkeyPatch) -> None:
    from seq2exp.figures import export_pdf

    def with_more(*given: object, **options: object) -> object:
        figure = right(*given, **options)  # type: ignore[arg-type]
        figure.add_heatmap(z=[[1, 2]], xaxis="x", yaxis="y")
        return figure

    right = export_pdf.export_figure
    monkeypatch.setattr(export_pdf, "export_figure", with_more)
    with pytest.raises(SettingsError, match="heatmap"):
        locus_pdf(small, _facts(small))


def test_hostile_names_are_letters_in_every_export(small: LocusView) -> None:
    gene = Gene("ID<b>1</b>", HOSTILE, small.gene.chrom, small.gene.tss, "+")
    view = replace(
        small, gene=gene, cell_type="<svg onload=alert(2)>\u4e00\n\x07", peak_note="<script>alert(3)</script>"
    )
    page = locus_html(view, _facts(view, **{"<i>": "<script>alert(4)</script>"}))
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL | re.IGNORECASE)
    without = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL | re.IGNORECASE)
    assert not re.search(r"<(img|svg|i|b)\b", without)
    assert "&lt;img src=http://e.x/a.png" in without
    assert all("<img src=http" not in script for script in scripts if len(script) < 1_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph, or mathtext that does not parse
        text = pdf_text(locus_pdf(view, _facts(view), compress=False))
    assert "$\\frac{x}{0}$" in text
    assert "<svg onload=alert(2)>\N{REPLACEMENT CHARACTER}" in text
    head = gzip.decompress(tracks_file(view, _facts(view))).decode().split("chrom\t")[0]
    assert all(line.startswith("#") for line in head.splitlines())


def test_the_html_fetches_nothing_and_says_what_the_pdf_says(small: LocusView, truth: tuple[TrueElement, ...]) -> None:
    page = locus_html(small, _facts(small, **{"Signal scale": "2.0"}), truth=truth, theme="dark")
    without = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert re.findall(r"<script[^>]*\bsrc\s*=", page) == []
    assert re.findall(r"<(?:link|iframe|img|object|embed)\b", without) == []
    assert "@import" not in without
    assert "url(" not in without
    assert "default-src 'none'" in without
    assert "Plotly.newPlot" in page
    for words in ("WHAT-IF: 1 change", "signal scale 2 instead of 1", "ba9876543210", "21 November 2026", "1.234"):
        assert words in without
    assert len(page) < 8_000_000


@pytest.mark.parametrize(("table_format", "separator"), [("tsv", "\t"), ("csv", ",")])
def test_values_round_trip_to_the_last_digit_and_missing_stays_missing(
    small: LocusView, table_format: str, separator: str
) -> None:
    values = small.tracks[0].values.copy()
    values[100:140] = np.nan
    absent = Track("h3k27ac", np.zeros(8_000, dtype=np.float32), "", available=False, note="zero stood in")
    view = replace(small, tracks=(replace(small.tracks[0], values=values), absent, small.tracks[2]))
    content = tracks_file(view, _facts(view), table_format=table_format)  # type: ignore[arg-type]
    text = gzip.decompress(content).decode()
    assert "1-based, both included; one row per base" in text
    assert "# Checkpoint and hash: demo ba9876543210" in text
    assert f"{separator}{separator}" in text.splitlines()[-7_950]
    back = pd.read_csv(io.StringIO(text), sep=separator, comment="#")
    assert len(back) == 8_000
    assert back["start"].iloc[0] == view.interval.start + 1
    assert (back["end"] == back["start"]).all()
    np.testing.assert_array_equal(back["dnase"].to_numpy(np.float32), values)
    np.testing.assert_array_equal(back["mask_mean"].to_numpy(np.float32), view.mask.mean)
    np.testing.assert_array_equal(back["mask_sd"].to_numpy(np.float32), view.mask.sd)
    assert back["h3k27ac"].isna().all()
    assert back["in_element"].sum() == sum(element.interval.width for element in view.mask.elements)
    assert content == tracks_file(view, _facts(view), table_format=table_format)  # type: ignore[arg-type]


def test_bins_hold_means_over_what_was_measured(small: LocusView) -> None:
    values = small.tracks[0].values.copy()
    values[1:4] = np.nan
    view = replace(small, tracks=(replace(small.tracks[0], values=values), *small.tracks[1:]))
    table = tracks_table(view, max_rows=2_000)
    assert table["end"].iloc[0] - table["start"].iloc[0] + 1 == 4
    assert table["dnase"].iloc[0] == values[0]
    assert table["dnase"].iloc[1] == pytest.approx(values[4:8].mean())
    with pytest.raises(SettingsError):
        tracks_table(view, Interval("chr1", 0, 10))


def test_the_bed_read_again_covers_its_elements_wholly(small: LocusView, tmp_path: Path) -> None:
    path = tmp_path / "elements.bed"
    path.write_text(elements_bed(small))
    elements = [element.interval for element in small.mask.elements]
    found = overlap([region.interval for region in read_regions(path)], elements, small.interval)
    assert elements
    assert (found.jaccard, found.element_precision, found.element_recall) == (1.0, 1.0, 1.0)


def test_untrained_weights_and_no_checkpoint_never_look_like_results(small: LocusView) -> None:
    untrained = replace(small, provenance={**small.provenance, "trained": "no"})
    assert badge(untrained).startswith("UNTRAINED")
    assert "1.234" not in str(provenance(untrained, _facts(untrained)))
    bare = replace(small, mask=replace(small.mask, source="signals"), prediction_log10=None)
    assert badge(bare).startswith("NO CHECKPOINT")
    faithful = replace(small, mask=replace(small.mask, changes=()))
    assert badge(faithful) == "FAITHFUL: as trained"


def test_marked_text_is_split_and_wrapped_without_loss() -> None:
    ((plain, bold, red),) = runs_of('a &lt;b&gt;<b>c</b><span style="color:#ff0000">d</span>')
    assert (plain, bold, red) == (Run("a <b>"), Run("c", True), Run("d", False, "#ff0000"))
    text = "several words and " + "x" * 400
    lines = wrap(text, 11, 300)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert len(lines) > 5
