"""Signal lanes: DNase, H3K27ac, contacts and any other per-base track, and what a lane says when it has none."""

from __future__ import annotations

import numpy as np

from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, answering, boxes, hatch, line, text_in_lane
from seq2exp.figures.pyramid import runs
from seq2exp.figures.scale import TrackScale, own_scale
from seq2exp.figures.style import SIZES, plain, with_alpha
from seq2exp.genome import Interval
from seq2exp.results import Track

TITLES = {"dnase": "DNase", "h3k27ac": "H3K27ac", "contact": "Contacts"}


CUT_FROM, CUT_TO = 1.03, 1.1
"""Where the bars stand that mark values beyond the axis, in shares of its height."""

MARGIN_CHARS = 17
"""Letters of 14 px that fit the left margin."""


def track_title(track: Track) -> str:
    """The track's name as read on the figure."""
    return plain(TITLES.get(track.name) or track.title or track.name)


def for_margin(text: str) -> str:
    """``text``, cut where the left margin ends; hovering tells the whole of it."""
    return plain(text if len(text) <= MARGIN_CHARS else text[: MARGIN_CHARS - 1] + "…")


def short_number(value: float) -> str:
    """``value`` in at most five characters or so, for an axis."""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def signal_lane(frame: Frame, track: Track, scale: TrackScale | None = None) -> Lane:
    """The lane of one track: bin maximum behind, bin mean in front; hatched where nothing was measured.

    Three states are told apart in words: no data (`Track.available` is False), measured but zero throughout,
    and data. ``scale`` is that of the whole window, so that it stays put while zooming; None: the track's own.
    """
    title = Label(for_margin(track_title(track)), 0.78, frame.theme.track(track.name), bold=True)
    if not track.available:
        return absent_lane(frame, track, title)
    measured = track.values[~np.isnan(track.values)]
    axis = own_scale(track.name, track.values) if scale is None else scale
    ceiling = axis.ceiling
    unit = Label(for_margin(", ".join(filter(None, (axis.kind, track.unit)))), 0.36, frame.theme.muted)
    traces = [*not_measured(frame, track, ceiling), *_signal(frame, track, axis), *_cut(frame, track, axis)]
    notes: list[PlotlyDict] = []
    if not measured.size:
        notes.append(text_in_lane(frame, "no base of this window was measured", ceiling / 2))
    elif measured.max() <= 0:
        notes.append(text_in_lane(frame, "measured: zero throughout this window", ceiling / 2))
    if axis.words:
        place = {"x": frame.x_range[0], "xanchor": "left", "yanchor": "top", "xshift": 4}
        behind = with_alpha(frame.theme.lane, 0.7)
        notes.append(text_in_lane(frame, plain(axis.words), ceiling, **place, bgcolor=behind, borderpad=0))
    return Lane(
        name=track.name,
        height_px=SIZES.signal,
        y_range=(-0.04 * ceiling, ceiling * 1.12),
        labels=(title, unit),
        traces=tuple(traces),
        notes=tuple(notes),
        ticks=((0.0, "0"), (ceiling, short_number(axis.top))) if axis.top else ((0.0, "0"),),
    )


def absent_lane(frame: Frame, track: Track, title: Label) -> Lane:
    """A narrow hatched lane that says why it is empty."""
    stand_in = plain(track.note) or "zero stood in"
    reason = f"{track_title(track)} not available for this cell type - {stand_in}"
    lane_box = boxes([frame.visible], base=0, height=1, colour=frame.theme.grid, marker=hatch(frame.theme.grid))
    note = text_in_lane(frame, reason, 0.5, bgcolor=with_alpha(frame.theme.paper, 0.9), borderpad=1)
    return Lane(
        name=track.name,
        height_px=SIZES.absent,
        y_range=(0.0, 1.0),
        labels=(Label(title.text, 0.5, title.colour, bold=True),),
        traces=(lane_box,),
        notes=(note,),
    )


def not_measured(frame: Frame, track: Track, ceiling: float, *, name: str = "", shape: str = "/") -> list[PlotlyDict]:
    """Hatching over the stretches without a value, told under ``name`` (default: the track's); missing is not zero."""
    gaps = [
        Interval(frame.visible.chrom, frame.visible.start + start, frame.visible.start + end)
        for start, end in runs(np.isnan(frame.cut(track.values)))
    ]
    # Single silent bases of a sparse file are below a pixel and would be thousands of boxes.
    least_bp = max(1.0, frame.visible.width / frame.width_px)
    gaps = sorted((g for g in gaps if g.width >= least_bp), key=lambda g: -g.width)[:200]
    if not gaps:
        return []
    look = hatch(frame.theme.grid, shape=shape, solidity=0.3)
    box = boxes(gaps, base=0, height=ceiling, colour=frame.theme.grid, marker=look)
    return [answering(box, f"{name or track_title(track)} not measured here")]


def _signal(frame: Frame, track: Track, axis: TrackScale) -> list[PlotlyDict]:
    """The filled maximum, the filled mean, and the mean's line, which answers to the pointer."""
    bins = frame.bins(track.values)
    colour = frame.theme.track(track.name)
    # A fill bridges NaN gaps with a straight edge, so gaps are drawn as zero; their hatching says they are not.
    mean = line(
        frame,
        bins,
        np.nan_to_num(axis.height(bins.mean)),
        fill="tozeroy",
        fillcolor=with_alpha(colour, 0.75 if bins.bin_bp > 1 else 0.35),
    )
    value = "%{customdata:.4~g}" if bins.per_base else "mean %{customdata[0]:.3~g}, max %{customdata[1]:.3~g}"
    answers = line(
        frame,
        bins,
        axis.height(bins.mean),
        hoverinfo="all",
        customdata=bins.mean if bins.per_base else np.column_stack((bins.mean, bins.high)).astype(np.float32),
        hovertemplate=f"{track_title(track)} {value} {plain(track.unit)}<extra></extra>",
        line={"color": colour, "width": 1.2},
    )
    if bins.per_base:
        return [mean, answers]
    high = line(
        frame,
        bins,
        np.nan_to_num(axis.height(bins.high)),
        fill="tozeroy",
        fillcolor=with_alpha(colour, 0.3),
    )
    return [high, mean, answers]


def _cut(frame: Frame, track: Track, axis: TrackScale) -> list[PlotlyDict]:
    """Bars on top of the bins that reach beyond the axis."""
    bins = frame.bins(track.values)
    beyond = [
        Interval(
            frame.visible.chrom,
            frame.visible.start + start * bins.bin_bp,
            min(frame.visible.start + end * bins.bin_bp, frame.visible.end),
        )
        for start, end in runs(np.nan_to_num(bins.high) > axis.top * (1 + 1e-6))
    ]
    if not beyond or not axis.top:
        return []
    bar = boxes(beyond, base=axis.ceiling * CUT_FROM, height=axis.ceiling * (CUT_TO - CUT_FROM), colour=frame.theme.ink)
    return [answering(bar, f"{track_title(track)} reaches beyond {short_number(axis.top)} here")]
