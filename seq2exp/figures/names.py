"""Names below boxes: as many as fit beside each other, the important ones first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seq2exp.figures.genes import NAME_CHAR_PX
from seq2exp.figures.lane import Frame, PlotlyDict
from seq2exp.figures.style import LABEL_PX, plain
from seq2exp.genome import Interval

_GAP_PX = 8


@dataclass(frozen=True, slots=True)
class Name:
    """A text that belongs below a stretch."""

    text: str
    place: Interval
    colour: str
    first: bool
    """Placed before those that are not."""
    bold: bool = False


def names(frame: Frame, wanted: Iterable[Name], y: float) -> PlotlyDict:
    """A text trace at height ``y`` of those names that fit; each in the middle of what is seen of its stretch."""
    bp_per_px = frame.visible.width / frame.width_px
    left, right = frame.x_range
    taken: list[tuple[float, float]] = []
    placed: list[tuple[float, Name]] = []
    for name in sorted(wanted, key=lambda name: (not name.first, name.place)):
        seen = frame.clip(name.place)
        if seen is None:
            continue
        half = len(name.text) * NAME_CHAR_PX / 2 * bp_per_px
        middle = min(max((seen.start + seen.end + 1) / 2, left + half), right - half)
        start, end = middle - half, middle + half
        if all(end <= a or start >= b for a, b in taken):
            taken.append((start - _GAP_PX * bp_per_px, end + _GAP_PX * bp_per_px))
            placed.append((middle, name))
    return {
        "type": "scatter",
        "mode": "text",
        "x": np.array([x for x, _ in placed], dtype=np.float64),
        "y": np.full(len(placed), y, dtype=np.float32),
        "text": [f"<b>{plain(name.text)}</b>" if name.bold else plain(name.text) for _, name in placed],
        "textfont": {"size": LABEL_PX, "color": [name.colour for _, name in placed]},
        "hoverinfo": "skip",
        "showlegend": False,
    }
