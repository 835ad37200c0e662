"""Precision over recall of several predictors, each told by colour, dash and mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, THEMES, Theme, ThemeName, plain

LEGEND_ROW_PX = 22
NAMES_A_ROW = 4
"""Entries of the legend in one row of a figure some 500 px wide."""

_LOOKS: Mapping[str, tuple[str, str, str]] = {
    "distance": ("muted", "dash", "x"),
    "abc": ("mask_only", "solid", "square"),
    "abc-nasser-2021": ("shared", "dot", "triangle-up"),
    "abc-fulco-2019": ("contact", "dashdot", "triangle-down"),
    "tracks": ("h3k27ac", "longdash", "cross"),
    "mask": ("dnase", "solid", "diamond"),
    "deletion": ("ink", "longdashdot", "circle"),
}
"""Colour of the theme, dash and mark of each predictor, the same in every figure."""
_SPARE = (("peak_only", "dot", "star"), ("truth", "dash", "pentagon"), ("reverse", "dashdot", "hexagon"))


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """One predictor's curve."""

    name: str
    points: tuple[tuple[float, float], ...]
    """Recall and precision, recall rising."""
    at_recall: float | None = None
    """Precision at the recall that the figure marks."""


def precision_recall_figure(
    curves: Sequence[PrecisionRecall],
    *,
    chance: float | None = None,
    recall: float | None = None,
    height: int = 360,
    theme: ThemeName = "light",
) -> go.Figure:
    """``curves`` over recall 0..1; a mark on each where ``recall`` is reached, a dotted line at ``chance``."""
    colours = THEMES[theme]
    looks = looks_of([curve.name for curve in curves])
    traces: list[PlotlyDict] = []
    for curve in curves:
        role, dash, symbol = looks[curve.name]
        colour = str(getattr(colours, role))
        traces += _curve(curve, colour, dash, symbol, recall)
    rows = -(-max(len(curves), 1) // NAMES_A_ROW)
    shapes = [] if chance is None else [_across(colours, y=chance)]
    shapes += [] if recall is None else [_across(colours, x=recall)]
    return go.Figure(data=traces, layout={**_layout(colours, height, rows, chance), "shapes": shapes})


def looks_of(names: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Colour role, dash and mark of each name; names of no known predictor take what is spare, in their order."""
    spare = iter(_SPARE * len(names))
    return {name: _LOOKS[name] if name in _LOOKS else next(spare) for name in dict.fromkeys(names)}


def _curve(curve: PrecisionRecall, colour: str, dash: str, symbol: str, recall: float | None) -> list[PlotlyDict]:
    marked = curve.at_recall is not None and recall is not None
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [at for at, _ in curve.points],
        "y": [precision for _, precision in curve.points],
        "line": {"color": colour, "width": 2.5, "dash": dash},
        "showlegend": False,
        "name": plain(curve.name),
        "hovertemplate": f"{plain(curve.name)}: precision %{{y:.2f}} at recall %{{x:.2f}}<extra></extra>",
    }
    mark = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [recall if marked else None],
        "y": [curve.at_recall if marked else None],
        "line": {"color": colour, "width": 2.5, "dash": dash},
        "marker": {"symbol": symbol, "size": 11, "color": colour},
        "showlegend": True,
        "name": plain(curve.name),
        "hoverinfo": "skip",
    }
    return [line, mark]


def _across(colours: Theme, *, x: float | None = None, y: float | None = None) -> PlotlyDict:
    """A line through the whole picture at recall ``x`` or precision ``y``."""
    place = (
        {"xref": "x", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1}
        if x is not None
        else {"yref": "y", "y0": y, "y1": y, "xref": "paper", "x0": 0, "x1": 1}
    )
    return {"type": "line", **place, "layer": "below", "line": {"color": colours.muted, "width": 1.2, "dash": "dot"}}


def _layout(colours: Theme, height: int, rows: int, chance: float | None) -> PlotlyDict:
    axis = {
        "zeroline": False,
        "fixedrange": True,
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "tickfont": {"color": colours.muted},
        "range": [0, 1.02],
        "dtick": 0.2,
        "tickformat": ".0%",
    }
    title = {"standoff": 6, "font": {"color": colours.muted, "size": LABEL_PX}}
    said = "precision" + ("" if chance is None else f"; dotted: chance {chance:.1%}")
    return {
        "template": "none",
        "height": height,
        "margin": {"l": 62, "r": 8, "t": 8 + LEGEND_ROW_PX * rows, "b": 46, "pad": 0},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": colours.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.lane,
        "hovermode": "closest",
        "dragmode": False,
        "hoverlabel": {"bgcolor": colours.hover, "bordercolor": colours.grid, "font": {"color": colours.ink}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "xaxis": {**axis, "title": {"text": "recall", **title}},
        "yaxis": {**axis, "title": {"text": said, **title}},
    }
