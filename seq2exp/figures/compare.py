"""The figure of one gene under A and B: every lane of both on one genome axis, and B - A between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from seq2exp.figures.compare_lanes import MASK_PX, Found, difference_lane, found_lane
from seq2exp.figures.compare_signals import shades, signal_pair_lane
from seq2exp.figures.gene_lane import gene_lane
from seq2exp.figures.lane import Frame, Lane
from seq2exp.figures.locus import visible_within
from seq2exp.figures.mask import classify_elements, mask_lane, mask_top
from seq2exp.figures.pyramid import bin_width
from seq2exp.figures.stack import stacked_figure
from seq2exp.figures.style import THEMES, ThemeName, plain
from seq2exp.figures.truth import causal_bands, truth_lane
from seq2exp.genome import Interval, Region
from seq2exp.results import BoolArray, FloatArray, LocusView, Track, TrueElement

MAX_BINS = 1_300
"""Fewer than a figure of one locus has: there are twice the lines, and as many bytes to stay within."""
PER_BASE_BELOW_BP = 2_048
GENE_ROWS = 2
NAME_CHARS = 22
"""Letters of a side's name in the legend."""


def compare_figure(
    a: LocusView,
    b: LocusView,
    difference: FloatArray,
    settled: BoolArray,
    *,
    changes: Sequence[Interval] = (),
    visible: Interval | None = None,
    names: tuple[str, str] = ("", ""),
    truth: tuple[Sequence[TrueElement] | None, Sequence[TrueElement] | None] = (None, None),
    lock_y: bool = True,
    theme: ThemeName = "light",
    width_px: float = 1_000.0,
) -> go.Figure:
    """Genes, signals, both masks, B - A, elements, MACS3 peaks and, where known, the truth.

    Parameters
    ----------
    a, b
        Two views of one gene and window.
    difference
        (L,) mask mean of B minus that of A.
    settled
        (L,) bases a rule decides on either side.
    changes
        The stretches listed as biggest changes, in the table's order.
    visible
        The stretch to draw; None is the whole window. Above 2,048 bp each point is a bin.
    names
        What A and B are, for the legend; empty: their cell types.
    truth
        True elements of A and of B; None: no such lane. Where both are the same, one lane.
    lock_y
        Whether A and B share the scale of each assay.
    width_px
        Width of the plotting area the names are packed for; the figure itself stretches.

    Returns
    -------
    go.Figure
        Its JSON stays below 0.5 MB whatever the window; its height does not depend on the zoom.

    Raises
    ------
    SettingsError
        ``visible`` is not within the window.
    """
    shown = visible_within(a.interval, visible)
    max_bins = PER_BASE_BELOW_BP if shown.width <= PER_BASE_BELOW_BP else MAX_BINS
    frame = Frame(a.gene, a.interval, shown, THEMES[theme], width_px, max_bins)
    bin_bp = bin_width(shown.width, max_bins)
    top = max(mask_top(a.mask), mask_top(b.mask))
    return stacked_figure(
        frame,
        (
            gene_lane(frame, a, max_rows=GENE_ROWS),
            *(signal_pair_lane(frame, one, other, lock_y=lock_y) for one, other in paired(a.tracks, b.tracks)),
            _mask(frame, a, "Mask A", truth[0], top=top),
            _mask(frame, b, "Mask B", truth[1], top=top),
            difference_lane(frame, difference, settled, changes),
            _elements(frame, a, b),
            _peaks(frame, a, b),
            *_truth(frame, a, b, truth),
        ),
        legend=_legend(frame, (names[0] or a.cell_type, names[1] or b.cell_type)),
        drawn="every base drawn" if bin_bp == 1 else f"each point {bin_bp} bp; signals: its highest value",
        revision=f"{a.gene.gene_id} {a.cell_type} {b.cell_type}",
    )


def paired(a: Sequence[Track], b: Sequence[Track]) -> list[tuple[Track, Track]]:
    """A's and B's tracks by name, in A's order; one that a side lacks is not available there."""
    of_a, of_b = {track.name: track for track in a}, {track.name: track for track in b}
    return [(of_a.get(name) or _absent(of_b[name]), of_b.get(name) or _absent(of_a[name])) for name in {**of_a, **of_b}]


def _absent(like: Track) -> Track:
    return Track(like.name, np.full_like(like.values, np.nan), "", like.title, available=False)


def _mask(frame: Frame, view: LocusView, title: str, truth: Sequence[TrueElement] | None, *, top: float) -> Lane:
    """One side's mask, with faint bands where that side's expression truly depends on an element."""
    lane = mask_lane(frame, view.mask, title=title, height_px=MASK_PX, top=top)
    return dataclasses.replace(lane, shapes=(*lane.shapes, *causal_bands(frame, truth or ())))


def _elements(frame: Frame, a: LocusView, b: LocusView) -> Lane:
    rows = []
    for one, other in ((a, b), (b, a)):
        regions = [Region(element.interval) for element in other.mask.elements]
        classes = classify_elements(one.mask.elements, regions)
        rows.append(
            [
                Found(element.interval, cls == "shared", f", mean {element.mean:.2f} ± {element.sd:.2f}")
                for element, cls in zip(one.mask.elements, classes, strict=True)
            ]
        )
    empty = tuple(f"0 elements at threshold {view.mask.threshold:.2f}" for view in (a, b))
    return found_lane(
        frame, "elements", "Element", rows[0], rows[1], empty=(empty[0], empty[1]), promoters=(a.centre, b.centre)
    )


def _peaks(frame: Frame, a: LocusView, b: LocusView) -> Lane:
    rows = [
        [Found(peak.interval, any(peak.interval.overlaps(p.interval) for p in other.peaks)) for peak in one.peaks]
        for one, other in ((a, b), (b, a))
    ]
    empty = tuple(view.peak_note or "no MACS3 peaks in this window" for view in (a, b))
    return found_lane(frame, "peaks", "MACS3 peak", rows[0], rows[1], empty=(empty[0], empty[1]))


def _truth(
    frame: Frame,
    a: LocusView,
    b: LocusView,
    truth: tuple[Sequence[TrueElement] | None, Sequence[TrueElement] | None],
) -> list[Lane]:
    of_a, of_b = truth
    if a.cell_type == b.cell_type and of_a is not None:
        return [truth_lane(frame, of_a, title="Truth A = B")]
    sides = (("Truth A", of_a), ("Truth B", of_b))
    return [truth_lane(frame, elements, title=title) for title, elements in sides if elements is not None]


def _legend(frame: Frame, names: tuple[str, str]) -> str:
    """One line that keeps every colour's meaning on screen: signals by line and shade, calls by shape and colour."""
    theme = frame.theme
    light, dark = shades(theme, "dnase")
    cut = [plain(name if len(name) <= NAME_CHARS else name[: NAME_CHARS - 1] + "…") for name in names]
    entries = (
        ("┅", light, f"A {cut[0]}"),
        ("━", dark, f"B {cut[1]}"),
        ("█", theme.shared, "in both"),
        ("▀", theme.peak_only, "A only"),
        ("▄", theme.mask_only, "B only"),
        ("▨", theme.forced, "set by rule"),
    )
    # Plain spaces would collapse into one.
    return (8 * "&nbsp;").join(f'<span style="color:{colour}">{sign}</span> {words}' for sign, colour, words in entries)
