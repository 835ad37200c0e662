"""Expression of one gene on one axis: what was predicted, what was measured, what the promoter alone would give."""

from __future__ import annotations

import plotly.graph_objects as go

from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, THEMES, Theme, ThemeName

HEIGHT_PX = 92
LEAST_RANGE = 3.0
"""The axis reaches at least this log10(1 + tags), so that a silent gene looks silent."""

PREDICTED_AT, MEASURED_AT = 1.0, 0.0


def expression_figure(
    predicted: float | None, observed: float | None, promoter_only: float | None, *, theme: ThemeName = "light"
) -> go.Figure:
    """Two rows over one axis of log10(1 + CAGE tags); a number that does not exist is left out.

    The upper row leads from the promoter alone (hollow) to the prediction (full), the lower one holds the measurement.
    """
    colours = THEMES[theme]
    traces: list[PlotlyDict] = []
    if predicted is not None and promoter_only is not None:
        traces.append(_step(promoter_only, predicted, colours))
    # The ring last and larger: it stays in sight where the elements add nothing.
    marks = (
        ("predicted", predicted, PREDICTED_AT, "circle", 13, colours.dnase),
        ("observed", observed, MEASURED_AT, "diamond", 13, colours.ink),
        ("promoter only", promoter_only, PREDICTED_AT, "circle-open", 18, colours.muted),
    )
    known = [value for _, value, *_ in marks if value is not None]
    traces += [
        _mark(name, value, at, symbol, size, colour)
        for name, value, at, symbol, size, colour in marks
        if value is not None
    ]
    high = max([LEAST_RANGE, *known]) * 1.06
    low = min([0.0, *known]) - 0.05 * high
    return go.Figure(data=traces, layout=_layout(colours, (low, high)))


def _step(start: float, end: float, colours: Theme) -> PlotlyDict:
    """What the elements add to the promoter."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [start, end],
        "y": [PREDICTED_AT, PREDICTED_AT],
        "line": {"color": colours.dnase, "width": 5},
        "opacity": 0.45,
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "elements add",
    }


def _mark(name: str, value: float, row: float, symbol: str, size: int, colour: str) -> PlotlyDict:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [value],
        "y": [row],
        "marker": {"symbol": symbol, "color": colour, "size": size, "line": {"color": colour, "width": 2.5}},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": name,
    }


def _layout(colours: Theme, x_range: tuple[float, float]) -> PlotlyDict:
    axis = {"zeroline": False, "fixedrange": True, "tickfont": {"color": colours.muted}}
    return {
        "template": "none",
        "height": HEIGHT_PX,
        "margin": {"l": 76, "r": 8, "t": 4, "b": 26, "pad": 0},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": colours.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.lane,
        "showlegend": False,
        "xaxis": {**axis, "range": x_range, "dtick": 1, "showgrid": True, "gridcolor": colours.grid, "ticks": ""},
        "yaxis": {
            **axis,
            "range": (-0.6, 1.6),
            "showgrid": False,
            "tickvals": [PREDICTED_AT, MEASURED_AT],
            "ticktext": ["Predicted", "Observed"],
        },
    }
