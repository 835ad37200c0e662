"""The contact map around a gene turned by 45 degrees: context beside the one row of it that the model reads."""

from __future__ import annotations

import numpy as np

from seq2exp.figures.beside import ContactTriangle
from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict
from seq2exp.figures.style import SIZES, with_alpha
from seq2exp.figures.tracks import for_margin

_LEVELS = 10
"""Steps of colour, on a logarithmic scale."""


def triangle_lane(frame: Frame, contacts: ContactTriangle, *, unit: str) -> Lane:
    """Squares of bin pairs over the middle of both, darker where they meet more; blank where bins are masked."""
    n = len(contacts.values)
    first, second = np.triu_indices(n)
    near = second - first <= -(-n // 2)
    first, second = first[near], second[near]
    values = contacts.values[first, second]
    # The diagonal would drown everything else, so the colours end at its neighbours.
    beside = np.nan_to_num(np.diagonal(contacts.values, 1))
    top = float(beside.max()) if beside.size and beside.max() > 0 else 1.0
    level = np.minimum(np.log1p(np.maximum(values, 0)) / np.log1p(top) * _LEVELS, _LEVELS - 1)
    known = values > 0  # False for NaN
    bin_bp = contacts.bin_bp
    middle = contacts.start + (first + second + 1) / 2 * bin_bp + 0.5
    far = (second - first) * bin_bp
    traces = []
    for step in range(_LEVELS):
        chosen = known & (np.floor(np.nan_to_num(level)) == step)
        if chosen.any():
            colour = with_alpha(frame.theme.contact, ((step + 1) / _LEVELS) ** 1.5)
            traces.append(_squares(middle[chosen], far[chosen], bin_bp, colour))
    theme = frame.theme
    return Lane(
        name="triangle",
        height_px=SIZES.triangle,
        y_range=(0.0, float(-(-n // 2) * bin_bp)),
        labels=(
            Label("Contact map", 0.72, theme.contact, bold=True),
            Label(for_margin(f"{unit}, log"), 0.5, theme.muted),
            Label(f"{bin_bp:,} bp bins", 0.28, theme.muted),
        ),
        traces=tuple(traces),
    )


def _squares(middle: np.ndarray, far: np.ndarray, bin_bp: int, colour: str) -> PlotlyDict:
    """Squares on their corners as one closed path each, parted by NaN."""
    half, gap = bin_bp / 2, np.full(len(middle), np.nan)
    x = np.column_stack((middle - half, middle, middle + half, middle, middle - half, gap))
    y = np.column_stack((far, far + bin_bp, far, far - bin_bp, far, gap))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x.ravel(),
        "y": y.ravel().astype(np.float32),
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0, "color": colour},
        "hoverinfo": "skip",
        "showlegend": False,
    }
