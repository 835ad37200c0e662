"""The figure of one locus: every lane on one genome axis, so that the crosshair crosses them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go

from seq2exp.errors import SettingsError
from seq2exp.figures.arcs import contact_arcs
from seq2exp.figures.beside import Beside
from seq2exp.figures.gene_lane import gene_lane
from seq2exp.figures.lane import Frame, Lane
from seq2exp.figures.mask import calls_lane, legend_text, mask_lane
from seq2exp.figures.pyramid import MAX_BINS, bin_width
from seq2exp.figures.rows import row_lane
from seq2exp.figures.scale import own_scale
from seq2exp.figures.stack import stacked_figure
from seq2exp.figures.style import THEMES, ThemeName
from seq2exp.figures.tracks import signal_lane
from seq2exp.figures.triangle import triangle_lane
from seq2exp.figures.truth import causal_bands, truth_lane
from seq2exp.genome import Interval
from seq2exp.results import LocusView, Track, TrueElement

PER_BASE_BELOW_BP = 4_096
"""Stretches up to this long are drawn base by base; 4,096 float32 per line still fit the byte budget."""

NARROWEST_BP = 40
"""The closest zoom: letters stop growing here."""


def visible_within(window: Interval, wanted: Interval | None = None) -> Interval:
    """The stretch a figure can show: ``wanted`` inside ``window``, at least `NARROWEST_BP`, from base 1 on.

    Raises SettingsError when ``wanted`` lies on another chromosome or wholly outside the window.
    """
    whole = Interval(window.chrom, max(window.start, 0), window.end)
    if wanted is None:
        return whole
    if wanted.chrom != window.chrom:
        raise SettingsError(f"{wanted} is on another chromosome than this gene's window {window}; search its gene")
    inside = wanted.intersect(whole)
    if inside is None:
        raise SettingsError(f"{wanted} lies outside this gene's window {whole}; search a gene near it")
    if inside.width >= NARROWEST_BP:
        return inside
    middle = (inside.start + inside.end) // 2
    start = max(min(middle - NARROWEST_BP // 2, whole.end - NARROWEST_BP), whole.start)
    return Interval(window.chrom, start, min(start + NARROWEST_BP, whole.end))


def locus_figure(
    view: LocusView,
    visible: Interval | None = None,
    *,
    truth: Sequence[TrueElement] | None = None,
    beside: Beside | None = None,
    theme: ThemeName = "light",
    width_px: float = 760.0,
) -> go.Figure:
    """Genes, signals, mask, elements and peaks of one locus.

    Parameters
    ----------
    view
        What the model said; arrays are per base of ``view.interval``.
    visible
        The stretch to draw; None is the whole window. Above 4,096 bp each point is a bin that keeps its maximum.
    truth
        Elements whose effect is known, drawn below what was found; None: no such lane.
    beside
        What is drawn that no model says.
    theme
        Colours for a light or a dark page.
    width_px
        Width of the plotting area the names are packed for; the figure itself stretches.

    Returns
    -------
    go.Figure
        Its JSON stays below 0.5 MB whatever the window; its height depends on the locus, not on the zoom.

    Raises
    ------
    SettingsError
        ``visible`` is not within the window.
    """
    shown = visible_within(view.interval, visible)
    max_bins = PER_BASE_BELOW_BP if shown.width <= PER_BASE_BELOW_BP else MAX_BINS
    frame = Frame(view.gene, view.interval, shown, THEMES[theme], width_px, max_bins)
    extra = beside or Beside()
    lanes = (
        gene_lane(frame, view),
        *(lane for track in view.tracks for lane in _signal(frame, view, track, extra)),
        mask_lane(frame, view.mask),
        calls_lane(frame, view),
        *(row_lane(frame, row) for row in extra.rows),
        *(() if truth is None else (truth_lane(frame, truth),)),
    )
    bin_bp = bin_width(shown.width, max_bins)
    return stacked_figure(
        frame,
        lanes,
        legend=legend_text(frame, with_blacklist=bool(view.mask.forced_off.any())),
        drawn="every base drawn" if bin_bp == 1 else f"each point {bin_bp} bp: light = highest, dark = mean",
        revision=f"{view.gene.gene_id} {view.cell_type}",
        shapes=causal_bands(frame, truth or ()),
    )


def _signal(frame: Frame, view: LocusView, track: Track, extra: Beside) -> tuple[Lane, ...]:
    """The lane of one track; that of contacts with its arcs, and the map below it."""
    lane = signal_lane(frame, track, extra.scales.get(track.name))
    if track.name != "contact":
        return (lane,)
    if extra.arcs:
        elements = [element.interval for element in view.mask.elements]
        ceiling = (extra.scales.get(track.name) or own_scale(track.name, track.values)).ceiling
        lane = replace(lane, traces=(*lane.traces, *contact_arcs(frame, elements, track, ceiling=ceiling)))
    below = () if extra.contacts is None else (triangle_lane(frame, extra.contacts, unit=track.unit),)
    return (lane, *below)
