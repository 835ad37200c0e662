"""Lanes of what A and B differ in: B - A as a band, and intervals of A above those of B."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, answering, boxes, hatch, line, text_in_lane, zero_line
from seq2exp.figures.mask import forced_boxes
from seq2exp.figures.style import LABEL_PX, plain, with_alpha
from seq2exp.genome import Interval
from seq2exp.results import BoolArray, FloatArray

MASK_PX, DIFFERENCE_PX, CALLS_PX = 72, 76, 46
"""Heights beside which genes and signals still fit a 720-pixel screen."""

LEAST_LIMIT = 0.1
"""The axis of B - A reaches at least this far to either side, so that a small difference looks small."""

REACH = 1.28
"""Ends of its lane in units of the largest difference; the bars of the listed changes lie between the two."""

NAME_PX = 30
"""Room of a name such as D12."""

UPPER, LOWER = (1.0, 1.45), (0.1, 0.1)
"""Lower edges of A's boxes in their row, of B's in theirs: those found in both, those of one side alone."""


def difference_lane(frame: Frame, difference: FloatArray, settled: BoolArray, changes: Sequence[Interval]) -> Lane:
    """B - A: what B's mask has more of rises in orange, what it has less of falls in blue, from a zero line.

    Parameters
    ----------
    difference, settled
        (L,) of the window; the axis is that of the whole window's bases that no rule decides.
    changes
        Listed stretches in the table's order: each a bar at the edge it points to, named D1, D2 ...
    """
    theme = frame.theme
    free = np.abs(difference[~settled])
    limit = max(LEAST_LIMIT, float(np.ceil(20 * free.max(initial=0.0)) / 20))
    bins = frame.bins(difference)
    template = "B - A mean %{y:+.3f}" + (
        "" if bins.per_base else ", from %{customdata[0]:+.3f} to %{customdata[1]:+.3f}"
    )
    told = None if bins.per_base else np.column_stack((bins.low, bins.high)).astype(np.float32)
    traces = [
        *forced_boxes(frame, settled, "/", "B - A: a rule decides here", base=-REACH * limit, height=2 * REACH * limit),
        *_bars(frame, difference, changes, limit),
        line(frame, bins, np.fmax(bins.high, 0), fill="tozeroy", fillcolor=with_alpha(theme.mask_only, 0.85)),
        line(frame, bins, np.fmin(bins.low, 0), fill="tozeroy", fillcolor=with_alpha(theme.peak_only, 0.85)),
        line(
            frame,
            bins,
            bins.mean,
            line={"color": theme.ink, "width": 0.9},
            hoverinfo="all",
            customdata=told,
            hovertemplate=template + "<extra></extra>",
        ),
    ]
    notes = []
    if not free.max(initial=0.0):
        notes.append(text_in_lane(frame, "the two masks are the same", 0.5 * limit))
    shown = f"{limit:.2f}"
    return Lane(
        name="difference",
        height_px=DIFFERENCE_PX,
        y_range=(-REACH * limit, REACH * limit),
        labels=(
            Label("B - A", 0.86, theme.ink, bold=True),
            Label("▲ more in B", 0.61, theme.ink),
            Label("▼ less in B", 0.37, theme.ink),
        ),
        traces=tuple(traces),
        shapes=(zero_line(frame),),
        notes=tuple(notes),
        ticks=((-limit, f"-{shown}"), (0.0, "0"), (limit, f"+{shown}")),
    )


def _bars(frame: Frame, difference: FloatArray, changes: Sequence[Interval], limit: float) -> list[PlotlyDict]:
    """A bar over each listed change on show at the lane's upper (more in B) or lower edge, and its name if it fits."""
    rises = [float(difference[c.start - frame.window.start : c.end - frame.window.start].mean()) > 0 for c in changes]
    shown = [(f"D{n}", place, up) for n, (place, up) in enumerate(zip(changes, rises, strict=True), start=1)]
    shown = [(name, place, up) for name, place, up in shown if place.overlaps(frame.visible)]
    colour, thick = frame.theme.ink, 0.08 * limit
    traces = []
    for up, base in ((True, 1.15 * limit), (False, -1.23 * limit)):
        chosen = [(name, place) for name, place, rising in shown if rising == up]
        box = boxes([place for _, place in chosen], base=base, height=thick, colour=colour)
        traces.append(
            answering(box, "Change %{customdata[0]}, %{customdata[1]} bp", [[n, f"{p.width:,}"] for n, p in chosen])
        )
    named = _placed(frame, shown)
    traces.append(
        {
            "type": "scatter",
            "mode": "text",
            "x": np.array([x for _, x, _ in named], dtype=np.float64),
            # On the empty side of zero, where no band hides the name.
            "y": np.array([-0.3 * limit if up else 0.3 * limit for _, _, up in named], dtype=np.float32),
            "text": [f"<b>{name}</b>" for name, _, _ in named],
            "textfont": {"size": LABEL_PX, "color": colour},
            "hoverinfo": "skip",
            "showlegend": False,
            "name": "change names",
        }
    )
    return traces


def _placed(frame: Frame, shown: Sequence[tuple[str, Interval, bool]]) -> list[tuple[str, float, bool]]:
    """Names with their middle in bp, the biggest changes' first, left out where one of the same row stands."""
    room = NAME_PX * frame.visible.width / frame.width_px
    named: list[tuple[str, float, bool]] = []
    for name, place, up in shown:
        part = frame.clip(place)
        if part is None:
            continue
        middle = (part.start + part.end + 1) / 2
        if all(rising != up or abs(middle - x) >= room for _, x, rising in named):
            named.append((name, middle, up))
    return named


@dataclass(frozen=True, slots=True)
class Found:
    """An interval of one side, whether the other side has it too, and what the pointer is told beyond its length."""

    place: Interval
    both: bool
    told: str = ""


def found_lane(
    frame: Frame,
    name: str,
    what: str,
    a: Sequence[Found],
    b: Sequence[Found],
    *,
    empty: tuple[str, str],
    promoters: tuple[Interval, Interval] | None = None,
) -> Lane:
    """Intervals of A in the upper row and of B in the lower one; those in both meet in the middle.

    Colour and shape say the same thing: boxes of both fill their row up to the other one, those of one side are half
    as high and keep to the outer edge.

    Parameters
    ----------
    what
        Their name in the singular, for the pointer, and as a plural with an s in the margin.
    empty
        Plain text for a row without any, A's and B's.
    promoters
        Forced promoter centres of A and B, hatched where given.
    """
    theme = frame.theme
    alone = {"A": theme.peak_only, "B": theme.mask_only}
    traces: list[PlotlyDict] = []
    notes: list[PlotlyDict] = []
    rows = (("A", a, UPPER, empty[0], 1.5), ("B", b, LOWER, empty[1], 0.5))
    for side, found, (full_base, half_base), words, middle in rows:
        shown = [one for one in found if one.place.overlaps(frame.visible)]
        other = "B" if side == "A" else "A"
        for both, base, height in ((True, full_base, 0.9), (False, half_base, 0.45)):
            chosen = [one for one in shown if one.both == both]
            colour = theme.shared if both else alone[side]
            box = boxes([one.place for one in chosen], base=base, height=height, colour=colour)
            where = f"{what} {side}, {'also' if both else 'not'} in {other}"
            template = where + ": %{customdata[0]} bp%{customdata[1]}"
            traces.append(answering(box, template, [[f"{one.place.width:,}", plain(one.told)] for one in chosen]))
        if not found:
            at_left = {"x": frame.x_range[0], "xanchor": "left", "xshift": 6, "bgcolor": with_alpha(theme.lane, 0.85)}
            notes.append(text_in_lane(frame, plain(words), middle, **at_left))
    for promoter, base in zip(promoters or (), (1.1, 0.1), strict=False):
        clipped = frame.clip(promoter)
        if clipped is not None:
            traces.append(boxes([clipped], base=base, height=0.8, colour=theme.forced, marker=hatch(theme.forced)))
    left, right = frame.x_range
    divider = {"type": "line", "x0": left, "x1": right, "y0": 1, "y1": 1, "layer": "below"}
    return Lane(
        name=name,
        height_px=CALLS_PX,
        y_range=(0.0, 2.0),
        labels=(Label(f"{what}s A", 0.74, theme.ink, bold=True), Label(f"{what}s B", 0.26, theme.ink, bold=True)),
        traces=tuple(traces),
        shapes=({**divider, "line": {"color": theme.grid, "width": 1}},),
        notes=tuple(notes),
    )
