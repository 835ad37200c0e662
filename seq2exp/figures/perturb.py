"""The figure of one locus under edits: mask, what was switched, and what switching off each part does, on one axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from seq2exp.figures.gene_lane import gene_lane
from seq2exp.figures.genes import NAME_CHAR_PX
from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, answering, boxes, line, text_in_lane, zero_line
from seq2exp.figures.locus import PER_BASE_BELOW_BP, visible_within
from seq2exp.figures.mask import mask_lane
from seq2exp.figures.pyramid import MAX_BINS, bin_width
from seq2exp.figures.stack import stacked_figure
from seq2exp.figures.style import LABEL_PX, THEMES, Theme, ThemeName, plain, with_alpha
from seq2exp.figures.truth import causal_bands, truth_lane
from seq2exp.genome import Interval
from seq2exp.results import FloatArray, LocusView, MaskResult, TrueElement

Switch = Literal["as called", "off", "half", "on"]
"""What was done to one element; "as called" leaves the mask as the model made it."""

LEVELS: dict[Switch, float] = {"off": 0.0, "half": 0.5, "on": 1.0}
"""The mask of a switched element."""

EFFECT_PX = 112
LEAST_LIMIT = 0.02
"""The axis of effects reaches at least this far in log10, about 5 %, so that a small effect looks small."""
REACH = 1.3
"""Ends of the lane in units of the largest effect: room for the names."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A known effect, drawn beside a predicted one."""

    effect_log10: float
    significant: bool
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One called element and what switching it off alone does."""

    name: str
    interval: Interval
    tss_distance_bp: int
    delta_log10: float | None
    """None without a prediction."""
    switch: Switch = "as called"
    truth: Marker | None = None
    crispri: Marker | None = None


def effect_colour(theme: Theme, delta_log10: float) -> str:
    """Blue where the prediction falls, orange where it rises; the sign of the bar says the same."""
    return theme.peak_only if delta_log10 < 0 else theme.mask_only


def signed(delta_log10: float) -> str:
    """A difference of logarithms with its sign, to three decimals; smaller ones to four, and 0 below that."""
    if abs(delta_log10) < 0.00005:
        return "0"
    return f"{delta_log10:+.4f}" if abs(delta_log10) < 0.005 else f"{delta_log10:+.3f}"


def change_in_words(delta_log10: float) -> str:
    """A difference of logarithms and the factor it is: ``-0.12 log10, x 0.76``."""
    return f"{signed(delta_log10)} log10, x {10**delta_log10:.3g}"


def perturb_figure(
    view: LocusView,
    mask: MaskResult,
    visible: Interval | None = None,
    *,
    bars: Sequence[Bar],
    scan: FloatArray | None = None,
    base_edits: Sequence[tuple[int, str]] = (),
    truth: Sequence[TrueElement] | None = None,
    theme: ThemeName = "light",
    width_px: float = 1_000.0,
) -> go.Figure:
    """Genes, mask with its switched elements, the effect of each element and of each scanned window, and the truth.

    Parameters
    ----------
    view
        The locus before any edit.
    mask
        The mask with the edits.
    visible
        The stretch to draw; None is the whole window.
    bars
        The called elements.
    scan
        (L,) effect of switching off windows, by base, in log10; NaN where none was tried. None: no scan.
    base_edits
        0-based position and words of each edited base.
    truth
        True elements, drawn below; None: no such lane.

    Raises
    ------
    SettingsError
        ``visible`` is not within the window.
    """
    shown = visible_within(view.interval, visible)
    max_bins = PER_BASE_BELOW_BP if shown.width <= PER_BASE_BELOW_BP else MAX_BINS
    frame = Frame(view.gene, view.interval, shown, THEMES[theme], width_px, max_bins)
    bin_bp = bin_width(shown.width, max_bins)
    return stacked_figure(
        frame,
        (
            gene_lane(frame, view),
            _mask(frame, mask, bars, base_edits),
            effect_lane(frame, bars, scan),
            *(() if truth is None else (truth_lane(frame, truth),)),
        ),
        legend=_legend(frame),
        drawn="every base drawn" if bin_bp == 1 else f"each point {bin_bp} bp: light = highest, dark = mean",
        revision=f"{view.gene.gene_id} {view.cell_type}",
        shapes=causal_bands(frame, truth or ()),
    )


def effect_lane(frame: Frame, bars: Sequence[Bar], scan: FloatArray | None) -> Lane:
    """A bar over each element, up or down from zero, and the scan as a line behind them."""
    theme = frame.theme
    deltas = [abs(bar.delta_log10) for bar in bars if bar.delta_log10 is not None]
    scanned = np.zeros(0) if scan is None else np.abs(scan[~np.isnan(scan)])
    limit = max(LEAST_LIMIT, *deltas, float(scanned.max(initial=0.0)))
    traces = [] if scan is None else _scan_lines(frame, scan)
    for cls in (-1, 1):
        chosen = [bar for bar in bars if bar.delta_log10 is not None and (bar.delta_log10 < 0) == (cls < 0)]
        traces.append(_effect_boxes(frame, chosen, effect_colour(theme, cls)))
    traces.append(_element_boxes(frame, bars, 0.035 * limit))
    traces.append(_names(frame, bars, limit))
    notes = []
    if not bars:
        notes.append(text_in_lane(frame, "no element is called at these settings", 0.5 * limit))
    elif not deltas:
        notes.append(text_in_lane(frame, "no prediction, so no effects", 0.6 * limit))
    return Lane(
        name="effects",
        height_px=EFFECT_PX,
        y_range=(-REACH * limit, REACH * limit),
        labels=(
            Label("Switched off", 0.9, theme.ink, bold=True),
            Label("Δ log10 CAGE", 0.72, theme.muted),
            Label("▮ element alone", 0.5, theme.muted),
            *(() if scan is None else (Label("─ deletion scan", 0.32, theme.muted),)),
        ),
        traces=tuple(traces),
        shapes=(zero_line(frame),),
        notes=tuple(notes),
        ticks=((-limit, f"-{limit:.2g}"), (0.0, "0"), (limit, f"+{limit:.2g}")),
    )


def _scan_lines(frame: Frame, scan: FloatArray) -> list[PlotlyDict]:
    """Filled below and above zero, and the line that answers; gaps where nothing was tried."""
    bins = frame.bins(scan)
    filled = np.nan_to_num(bins.mean)
    theme = frame.theme
    return [
        line(frame, bins, np.fmin(filled, 0), fill="tozeroy", fillcolor=with_alpha(theme.peak_only, 0.35)),
        line(frame, bins, np.fmax(filled, 0), fill="tozeroy", fillcolor=with_alpha(theme.mask_only, 0.35)),
        line(
            frame,
            bins,
            bins.mean,
            line={"color": theme.ink, "width": 1.1},
            hoverinfo="all",
            hovertemplate="Scan: %{y:+.4f} log10 without this stretch<extra></extra>",
        ),
    ]


def _effect_boxes(frame: Frame, bars: Sequence[Bar], colour: str) -> PlotlyDict:
    box = boxes([bar.interval for bar in bars], base=0, height=0, colour=colour, opacity=0.85)
    box["y"] = np.array([bar.delta_log10 for bar in bars], dtype=np.float32)
    told = [[bar.name, change_in_words(bar.delta_log10 or 0.0), f"{bar.interval.width:,}"] for bar in bars]
    return answering(box, "%{customdata[0]} off alone: %{customdata[1]}; %{customdata[2]} bp", told)


def _element_boxes(frame: Frame, bars: Sequence[Bar], half_height: float) -> PlotlyDict:
    """Where each element lies, on the zero line: seen even where its effect is none."""
    box = boxes([bar.interval for bar in bars], base=-half_height, height=2 * half_height, colour=frame.theme.ink)
    return answering(box, "%{customdata[0]} is %{customdata[1]}", [[bar.name, bar.switch] for bar in bars])


def _names(frame: Frame, bars: Sequence[Bar], limit: float) -> PlotlyDict:
    """E1, E2 ... across the zero line from their bars; the strongest first, others where no name stands yet."""
    bp_per_px = frame.visible.width / frame.width_px
    taken: list[tuple[float, float, bool]] = []
    placed: list[tuple[float, float, Bar]] = []
    for bar in sorted(bars, key=lambda one: -abs(one.delta_log10 or 0.0)):
        place = frame.clip(bar.interval)
        if place is None:
            continue
        above = bar.delta_log10 is None or bar.delta_log10 < 0
        half = (len(bar.name) * NAME_CHAR_PX / 2 + 3) * bp_per_px
        middle = (place.start + place.end + 1) / 2
        if all(middle + half <= a or middle - half >= b for a, b, side in taken if side == above):
            taken.append((middle - half, middle + half, above))
            placed.append((middle, (0.2 if above else -0.2) * limit, bar))
    return {
        "type": "scatter",
        "mode": "text",
        "x": np.array([x for x, _, _ in placed], dtype=np.float64),
        "y": np.array([y for _, y, _ in placed], dtype=np.float32),
        "text": [f"<b>{plain(bar.name)}</b>" for _, _, bar in placed],
        "textfont": {"size": LABEL_PX, "color": frame.theme.ink},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "element names",
    }


def _mask(frame: Frame, mask: MaskResult, bars: Sequence[Bar], base_edits: Sequence[tuple[int, str]]) -> Lane:
    """The mask lane with a thick line where an element was switched, at the mask it was given, and edited bases."""
    lane = mask_lane(frame, mask, top=max(LEVELS.values()))
    theme = frame.theme
    shapes, notes = list(lane.shapes), list(lane.notes)
    for bar in bars:
        place = frame.clip(bar.interval)
        if place is None or bar.switch == "as called":
            continue
        at, ends = LEVELS[bar.switch], {"x0": place.start + 0.5, "x1": place.end + 0.5}
        shade = {"type": "rect", **ends, "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
        shapes.append({**shade, "fillcolor": with_alpha(theme.reverse, 0.16)})
        shapes.append({"type": "line", **ends, "y0": at, "y1": at, "line": {"color": theme.reverse, "width": 4}})
        words = f"<b>{plain(bar.name)} {bar.switch}</b>"
        notes.append(_flag(frame, (place.start + place.end + 1) / 2, words, top=bar.switch != "on"))
    for position, words in base_edits:
        if frame.visible.contains(position):
            ends = {"x0": position + 1, "x1": position + 1}
            look = {"color": theme.reverse, "width": 1.5, "dash": "dot"}
            shapes.append({"type": "line", **ends, "y0": 0, "y1": 1, "line": look})
            notes.append(_flag(frame, position + 1, f"<b>{plain(words)}</b>", top=True))
    return dataclasses.replace(lane, shapes=tuple(shapes), notes=tuple(notes))


def _flag(frame: Frame, x: float, words: str, *, top: bool) -> PlotlyDict:
    """Words over a place of the mask lane, away from the line they belong to."""
    return {
        "x": x,
        "y": 1.03 if top else 0.02,
        "yanchor": "top" if top else "bottom",
        "text": words,
        "showarrow": False,
        "borderpad": 1,
        "bgcolor": with_alpha(frame.theme.lane, 0.85),
        "font": {"color": frame.theme.reverse},
    }


def _legend(frame: Frame) -> str:
    """One line that keeps every colour's meaning on screen."""
    theme = frame.theme
    entries = (
        ("▼", theme.peak_only, "prediction falls without it"),
        ("▲", theme.mask_only, "prediction rises without it"),
        ("▬", theme.reverse, "switched by you"),
        ("▨", theme.forced, "Forced on by rule, not found"),
    )
    return (8 * "&nbsp;").join(f'<span style="color:{colour}">{sign}</span> {words}' for sign, colour, words in entries)
