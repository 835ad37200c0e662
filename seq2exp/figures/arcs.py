"""Arcs from called elements to the TSS over the lane of contacts, as wide as their contact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seq2exp.figures.lane import Frame, PlotlyDict
from seq2exp.figures.style import with_alpha
from seq2exp.genome import Interval
from seq2exp.results import Track

_STEPS = 24


def contact_arcs(frame: Frame, elements: Sequence[Interval], track: Track, *, ceiling: float) -> list[PlotlyDict]:
    """One line per element that meets the stretch on show, or whose TSS does; none without contacts.

    Its height grows with the root of the distance up to ``ceiling``, the lane's upper end; its width with the
    logarithm of the element's strongest contact.
    """
    measured = track.values[~np.isnan(track.values)]
    top = float(measured.max()) if track.available and measured.size else 0.0
    if top <= 0:
        return []
    return [_arc(frame, element, track, top=top, ceiling=ceiling) for element in elements if _seen(frame, element)]


def _seen(frame: Frame, element: Interval) -> bool:
    """Whether any of the arc lies over the stretch on show."""
    middle = (element.start + element.end) / 2
    low, high = sorted((middle, frame.gene.tss))
    return low < frame.visible.end and high >= frame.visible.start


def _arc(frame: Frame, element: Interval, track: Track, *, top: float, ceiling: float) -> PlotlyDict:
    middle, tss = (element.start + element.end) / 2, frame.gene.tss
    inside = track.values[element.start - frame.window.start : element.end - frame.window.start]
    known = inside[~np.isnan(inside)]
    strongest = float(known.max()) if known.size else 0.0
    tall = ceiling * min(1.0, 0.35 + 0.65 * float(np.sqrt(2 * abs(middle - tss) / frame.window.width)))
    share = np.linspace(0, 1, _STEPS + 1)
    width = 0.8 + 3.2 * float(np.log10(1 + max(strongest, 0)) / np.log10(1 + top))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": middle + (tss - middle) * share + 1,
        "y": (tall * 4 * share * (1 - share)).astype(np.float32),
        "line": {"color": with_alpha(frame.theme.ink, 0.55), "width": width, "shape": "linear"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
