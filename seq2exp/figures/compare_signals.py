"""A lane that holds one assay of A and of B: light and dotted against dark and full, on one scale or on two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, line, text_in_lane
from seq2exp.figures.scale import default_kind
from seq2exp.figures.style import Theme, plain, with_alpha
from seq2exp.figures.tracks import absent_lane, for_margin, not_measured, short_number, track_title
from seq2exp.results import FloatArray, Track

SIGNAL_PX = 44
"""Lower than on a figure of one locus: genes, signals, both masks and their difference fit a 720-pixel screen."""

SHADES = {"light": (0.45, 0.35), "dark": (0.55, 0.05)}
"""Share of white in A's shade of an assay's colour, of black in B's, by theme: both must stand out from the lane."""


def blend(colour: str, other: str, share: float) -> str:
    """``colour`` with ``share`` of ``other`` in it, both ``#rrggbb``."""
    mixed = (
        round((1 - share) * int(colour[i : i + 2], 16) + share * int(other[i : i + 2], 16)) for i in range(1, 7, 2)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def shades(theme: Theme, track: str) -> tuple[str, str]:
    """A's light and B's dark shade of an assay's colour."""
    white, black = SHADES[theme.name]
    colour = theme.track(track)
    return blend(colour, "#ffffff", white), blend(colour, "#000000", black)


@dataclass(frozen=True, slots=True)
class _Line:
    """One side's track with its scale."""

    side: str
    track: Track
    top: float
    """Its largest measured value; 0 where nothing was measured."""
    ceiling: float
    """What 1 on the lane's axis stands for, on the drawn (linear or log) scale."""


def signal_pair_lane(frame: Frame, a: Track, b: Track, *, lock_y: bool) -> Lane:
    """One assay of A (light, dotted, filled) and of B (dark, full line); each point is the highest value of its bin.

    Locked, both share the scale of the larger one over the whole window; tracks of different units never do.
    """
    colour = frame.theme.track(a.name)
    title = Label(for_margin(track_title(a)), 0.76, colour, bold=True)
    if not a.available and not b.available:
        said = [f"{side} {track.note}" for side, track in (("A", a), ("B", b)) if track.note]
        note = a.note if a.note == b.note else ", ".join(said)
        return absent_lane(frame, Track(a.name, a.values, "", a.title, available=False, note=note), title)
    there = [(side, track) for side, track in (("A", a), ("B", b)) if track.available]
    shared = lock_y and len({track.unit for _, track in there}) == 1
    log = default_kind(a.name) == "log1p"
    tops = [_top(track) for _, track in there]
    lines = [
        _Line(side, track, top, _drawn(np.float64(max(tops) if shared else top), log=log) or 1.0)
        for (side, track), top in zip(there, tops, strict=True)
    ]
    traces = [
        trace
        for one in lines
        for trace in not_measured(
            frame, one.track, 1.0, name=f"{track_title(one.track)} {one.side}", shape="/" if one.side == "A" else "\\"
        )
    ]
    light, dark = shades(frame.theme, a.name)
    # The pointer's box lists a lane's traces from the last to the first: A above B.
    traces += [_fill(frame, one, light, log=log) for one in lines if one.side == "A"]
    looks = {"A": {"color": light, "width": 1.6, "dash": "2px,2px"}, "B": {"color": dark, "width": 1.7}}
    traces += [_answer(frame, one, looks[one.side], log=log) for one in reversed(lines)]
    if shared:
        second = ", ".join(filter(None, (there[0][1].unit, "log" if log else "")))
        ticks = ((0.0, "0"), (1.0, short_number(max(tops)))) if max(tops) else ((0.0, "0"),)
    else:
        second = ", ".join(f"{one.side} {short_number(one.top)}" for one in lines)
        ticks = ((0.0, "0"),)
    return Lane(
        name=a.name,
        height_px=SIGNAL_PX,
        y_range=(-0.04, 1.12),
        labels=(title, Label(for_margin(second), 0.3, frame.theme.muted)),
        traces=tuple(traces),
        notes=tuple(_remarks(frame, a, b, lines)),
        ticks=ticks,
    )


def _top(track: Track) -> float:
    measured = track.values[~np.isnan(track.values)]
    return float(measured.max()) if measured.size else 0.0


def _drawn(value: np.float64, *, log: bool) -> float:
    return float(np.log10(1 + value) if log else value)


def _height(one: _Line, values: FloatArray, *, log: bool) -> FloatArray:
    height: FloatArray = ((np.log10(1 + values) if log else values) / one.ceiling).astype(np.float32)
    return height


def _fill(frame: Frame, one: _Line, colour: str, *, log: bool) -> PlotlyDict:
    """The area under the highest values; gaps are drawn as zero, as their hatching says they are not."""
    bins = frame.bins(one.track.values)
    heights = np.nan_to_num(_height(one, bins.high, log=log))
    return line(
        frame, bins, heights, fill="tozeroy", fillcolor=with_alpha(colour, 0.4 if frame.theme.name == "light" else 0.22)
    )


def _answer(frame: Frame, one: _Line, look: PlotlyDict, *, log: bool) -> PlotlyDict:
    """The line of highest values, which answers to the pointer in the track's own unit."""
    bins = frame.bins(one.track.values)
    value = "%{customdata:.4~g}" if bins.per_base else "max %{customdata:.3~g}"
    return line(
        frame,
        bins,
        _height(one, bins.high, log=log),
        hoverinfo="all",
        customdata=bins.high,
        hovertemplate=f"{track_title(one.track)} {one.side} {value} {plain(one.track.unit)}<extra></extra>",
        line=look,
    )


def _remarks(frame: Frame, a: Track, b: Track, lines: Sequence[_Line]) -> list[PlotlyDict]:
    """What is not there on one side, in words at the right edge."""
    words = [
        f"{side}: {track_title(track)} not available - {plain(track.note) or 'zero stood in'}"
        for side, track in (("A", a), ("B", b))
        if not track.available
    ]
    for one in lines:
        if np.isnan(one.track.values).all():
            words.append(f"{one.side}: no base of this window was measured")
        elif one.top == 0:
            words.append(f"{one.side}: zero throughout this window")
    units = [one.track.unit for one in lines]
    if len(set(units)) > 1:
        words.append(f"A in {plain(units[0]) or 'no unit'}, B in {plain(units[1]) or 'no unit'}: own scales")
    if not words:
        return []
    place = {"x": frame.x_range[1], "xanchor": "right", "bgcolor": with_alpha(frame.theme.lane, 0.85), "borderpad": 1}
    return [text_in_lane(frame, " · ".join(words), 0.8, **place)]
