from __future__ import annotations

import pytest

from seq2exp.errors import SettingsError
from seq2exp.figures.locus import NARROWEST_BP
from seq2exp.genome import Gene, Interval
from seq2exp.ui import viewport

WINDOW = Interval("chr1", 1_000, 11_000)


def test_panning_stops_at_the_edges_and_keeps_the_width() -> None:
    visible = Interval("chr1", 1_500, 3_500)
    assert viewport.pan(visible, WINDOW, 0.5) == Interval("chr1", 2_500, 4_500)
    assert viewport.pan(visible, WINDOW, -0.5) == Interval("chr1", 1_000, 3_000)
    assert viewport.pan(visible, WINDOW, 100) == Interval("chr1", 9_000, 11_000)


def test_zooming_keeps_the_middle_and_its_bounds() -> None:
    visible = Interval("chr1", 5_000, 7_000)
    assert viewport.zoom(visible, WINDOW, 0.5) == Interval("chr1", 5_500, 6_500)
    assert viewport.zoom(visible, WINDOW, 100) == WINDOW
    assert viewport.zoom(visible, WINDOW, 1e-6).width == NARROWEST_BP
    assert viewport.zoom(Interval("chr1", 1_000, 1_100), WINDOW, 3) == Interval("chr1", 1_000, 1_300)


def test_zooming_in_and_out_again_returns() -> None:
    visible = Interval("chr1", 4_000, 7_000)
    assert viewport.zoom(viewport.zoom(visible, WINDOW, 1 / 3), WINDOW, 3) == visible


@pytest.mark.parametrize("tss", [1_000, 6_000, 10_999])
def test_the_tss_button_shows_the_tss(tss: int) -> None:
    shown = viewport.around_tss(Gene("G", "A", "chr1", tss, "+"), WINDOW)
    assert shown.contains(tss)
    assert shown.intersect(WINDOW) == shown


@pytest.mark.parametrize("text", ["chr1:2,001-3,000", "1:2001-3000", " chr1 2001 3000 ", "chr1:2001..3000"])
def test_typed_stretches_are_one_based_and_closed(text: str) -> None:
    assert viewport.typed(text, WINDOW) == Interval("chr1", 2_000, 3_000)


@pytest.mark.parametrize("text", ["chr2:2,001-3,000", "chr1:1-500", "HBB", "<b>", "chr1:9-3", ""])
def test_bad_stretches_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        viewport.typed(text, WINDOW)


def test_a_box_becomes_a_stretch() -> None:
    assert viewport.selected((3_000.4, 2_000.6), WINDOW) == Interval("chr1", 2_000, 3_000)
    assert viewport.selected((-50.0, 1_500.5), WINDOW) == Interval("chr1", 1_000, 1_500)
    assert viewport.selected((20_000.0, 30_000.0), WINDOW) is None
    assert viewport.selected((2_000.1, 2_000.2), WINDOW) is None
