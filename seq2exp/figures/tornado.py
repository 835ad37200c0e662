"""Effects of switching off one element at a time, the strongest on top, beside what is known of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.perturb import LEAST_LIMIT, Bar, Marker, change_in_words, effect_colour, signed
from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, THEMES, Theme, ThemeName, plain

ROW_PX, MARGINS_PX = 28, 84
MOST_ROWS = 20
"""Weaker elements are in the table; more bars would not fit a screen."""


def strongest(bars: Sequence[Bar]) -> list[Bar]:
    """Bars with an effect by its size, the strongest first, at most `MOST_ROWS`."""
    known = [bar for bar in bars if bar.delta_log10 is not None]
    return sorted(known, key=lambda bar: (-abs(bar.delta_log10 or 0.0), bar.interval))[:MOST_ROWS]


def tornado_figure(bars: Sequence[Bar], *, theme: ThemeName = "light") -> go.Figure:
    """One row per element: the predicted effect as a bar, the true and the measured one as markers.

    Elements that are switched at the moment are hatched. Known effects beyond the axis stand at its edge.
    """
    colours = THEMES[theme]
    rows = strongest(bars)[::-1]  # Plotly counts from the bottom
    deltas = [bar.delta_log10 or 0.0 for bar in rows]
    known = [
        marker.effect_log10
        for bar in rows
        for marker in (bar.truth, bar.crispri)
        if marker is not None and math.isfinite(marker.effect_log10)
    ]
    limit = max(LEAST_LIMIT, max((abs(value) for value in (*deltas, *known)), default=0.0))
    edge = 1.12 * limit
    traces = [
        _rows(rows, deltas, edge),
        _bars(rows, deltas, colours),
        _markers("truth", "diamond", [(row, bar.truth) for row, bar in enumerate(rows)], edge, colours),
        _markers("CRISPRi", "triangle-up", [(row, bar.crispri) for row, bar in enumerate(rows)], edge, colours),
    ]
    axis = {"zeroline": False, "fixedrange": True, "gridcolor": colours.grid, "tickfont": {"color": colours.muted}}
    layout = {
        "template": "none",
        "height": ROW_PX * max(len(rows), 1) + MARGINS_PX,
        "margin": {"l": 122, "r": 66, "t": 30, "b": MARGINS_PX - 30, "pad": 0},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": colours.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.lane,
        "hoverlabel": {"bgcolor": colours.hover, "font": {"color": colours.ink, "size": LABEL_PX}},
        "bargap": 0.3,
        "barmode": "overlay",
        "dragmode": False,
        "clickmode": "event+select",
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1,
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "xaxis": {
            **axis,
            "range": [-edge, edge],
            "nticks": 6,
            "title": {
                "text": "Δ log10(1 + CAGE) without the element",
                "standoff": 4,
                "font": {"color": colours.muted, "size": LABEL_PX},
            },
        },
        "yaxis": {
            **axis,
            "showgrid": False,
            "range": [-0.6, len(rows) - 0.4],
            "tickvals": list(range(len(rows))),
            "ticktext": [_label(bar) for bar in rows],
            "tickfont": {"color": colours.ink},
            "ticks": "outside",
            "ticklen": 6,
            "tickcolor": "rgba(0,0,0,0)",
        },
        "annotations": [_number(row, delta) for row, delta in enumerate(deltas)],
        "shapes": [
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": 0,
                "x1": 0,
                "y0": 0,
                "y1": 1,
                "line": {"color": colours.ink, "width": 1},
            }
        ],
    }
    return go.Figure(data=[trace for trace in traces if trace["y"]], layout=layout)


def _rows(rows: Sequence[Bar], deltas: Sequence[float], edge: float) -> PlotlyDict:
    """Unseen, over the whole width: what the pointer meets, however short the bar."""
    return {
        "type": "bar",
        "orientation": "h",
        "base": -edge,
        "x": [2 * edge] * len(rows),
        "y": list(range(len(rows))),
        "width": 1,
        "marker": {"color": "rgba(0,0,0,0)"},
        "customdata": [
            [plain(bar.name), str(bar.interval), change_in_words(delta), bar.switch]
            for bar, delta in zip(rows, deltas, strict=True)
        ],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>%{customdata[2]} without it<br>"
        "now %{customdata[3]}<extra></extra>",
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
        "showlegend": False,
    }


def _bars(rows: Sequence[Bar], deltas: Sequence[float], colours: Theme) -> PlotlyDict:
    """The predicted effects; hatched where the element is switched at the moment."""
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(deltas),
        "y": list(range(len(rows))),
        "name": "predicted",
        "marker": {
            "color": [effect_colour(colours, delta) for delta in deltas],
            "line": {"color": [effect_colour(colours, delta) for delta in deltas], "width": 2},
            "pattern": {
                "shape": ["" if bar.switch == "as called" else "/" for bar in rows],
                "fgcolor": colours.ink,
                "size": 6,
                "solidity": 0.25,
            },
        },
        "hoverinfo": "skip",
        "unselected": {"marker": {"opacity": 1}},
        "showlegend": False,
    }


def _number(row: int, delta: float) -> PlotlyDict:
    """The effect in figures, right of the axis, where no marker lies over it."""
    place = {"xref": "paper", "x": 1, "xshift": 6, "xanchor": "left", "yref": "y", "y": row}
    return {**place, "text": signed(delta), "showarrow": False}


def _markers(
    name: str, symbol: str, rows: Sequence[tuple[int, Marker | None]], edge: float, colours: Theme
) -> PlotlyDict:
    """Full where the effect is one, hollow where it is none or not significant."""
    found = [(row, marker) for row, marker in rows if marker is not None]
    colour = colours.truth if name == "truth" else colours.ink
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [max(-edge * 0.985, min(marker.effect_log10, edge * 0.985)) for _, marker in found],
        "y": [row for row, _ in found],
        "name": name,
        "marker": {
            "symbol": [symbol if marker.significant else f"{symbol}-open" for _, marker in found],
            "size": 12,
            "color": colour,
            "line": {"color": colour, "width": 1.5},
        },
        "customdata": [[plain(marker.words), _effect_in_words(marker.effect_log10)] for _, marker in found],
        "hovertemplate": f"{name}: %{{customdata[0]}}<br>%{{customdata[1]}}<extra></extra>",
        "unselected": {"marker": {"opacity": 1}},
        "showlegend": True,
    }


def _effect_in_words(effect_log10: float) -> str:
    return change_in_words(effect_log10) if math.isfinite(effect_log10) else "nothing left"


def _label(bar: Bar) -> str:
    """Name and distance; a switched element says to what."""
    name = f"<b>{plain(bar.name)}</b>"
    return f"{name} is {bar.switch}" if bar.switch != "as called" else f"{name} {_distance(bar.tss_distance_bp)}"


def _distance(distance_bp: int) -> str:
    """Distance from the TSS as the axis has room for."""
    return f"{distance_bp / 1000:+.1f} kb" if abs(distance_bp) >= 1_000 else f"{distance_bp:+d} bp"
