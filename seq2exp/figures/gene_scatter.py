"""Observed against predicted expression, one mark per gene: parts told by colour and shape, the identity line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, THEMES, Theme, ThemeName, plain

MANY = 2_000
"""More marks than this are drawn by the graphics card (scattergl)."""
LEAST_RANGE = 3.0
"""Both axes reach at least this log10(1 + tags)."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GenePoints:
    """The genes of one part of the split, n of them, each with both values."""

    part: str
    """train, valid, test; anything else: in no part."""
    name: str
    """As the legend says it."""
    gene_ids: Sequence[str]
    """Handed back by a click."""
    labels: Sequence[str]
    """As the hover says them."""
    observed: Numbers
    """(n,) log10(1 + CAGE)."""
    predicted: Numbers


def gene_scatter(
    groups: Sequence[GenePoints], *, x_title: str, y_title: str, height: int, theme: ThemeName = "light"
) -> go.Figure:
    """Every gene by its observed (x) and predicted (y) expression, both axes alike; later groups lie in front."""
    colours = THEMES[theme]
    values = np.concatenate([np.zeros(0), *(side for group in groups for side in (group.observed, group.predicted))])
    high = max(LEAST_RANGE, float(values.max(initial=0.0))) * 1.04
    low = min(0.0, float(values.min(initial=0.0))) - 0.03 * high
    many = sum(len(group.gene_ids) for group in groups) > MANY
    traces = [_identity(low, high, colours), *(_marks(group, colours, many=many) for group in groups)]
    return go.Figure(data=traces, layout=_layout(colours, (low, high), (x_title, y_title), height))


def _identity(low: float, high: float, colours: Theme) -> PlotlyDict:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [low, high],
        "y": [low, high],
        "line": {"color": colours.muted, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "identity",
    }


def _marks(group: GenePoints, colours: Theme, *, many: bool) -> PlotlyDict:
    colour, symbol = {
        "train": (colours.mask_only, "square"),
        "valid": (colours.contact, "diamond"),
        "test": (colours.dnase, "circle"),
    }.get(group.part, (colours.muted, "x"))
    return {
        "type": "scattergl" if many else "scatter",
        "mode": "markers",
        "x": group.observed,
        "y": group.predicted,
        "customdata": list(group.gene_ids),
        "text": [plain(label) for label in group.labels],
        "name": plain(group.name),
        "marker": {
            "symbol": symbol,
            "color": colour,
            "size": 4 if many else 9,
            "opacity": 0.55 if many else 0.85,
            "line": {"width": 0 if many else 1, "color": colours.lane},
        },
        "hovertemplate": "%{text}<br>observed %{x:.2f}, predicted %{y:.2f}<extra></extra>",
        "unselected": {"marker": {"opacity": 0.55 if many else 0.85}},
    }


def _layout(colours: Theme, limits: tuple[float, float], titles: tuple[str, str], height: int) -> PlotlyDict:
    axis = {
        "range": limits,
        "zeroline": False,
        "showgrid": True,
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "tickfont": {"color": colours.muted},
        "dtick": 1,
    }
    title = {"standoff": 6, "font": {"color": colours.ink, "size": LABEL_PX}}
    return {
        "template": "none",
        "height": height,
        "margin": {"l": 46, "r": 8, "t": 26, "b": 44, "pad": 0},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": colours.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.lane,
        "dragmode": "pan",
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": colours.hover, "bordercolor": colours.grid, "font": {"color": colours.ink}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
            "itemsizing": "constant",
            "traceorder": "reversed",
        },
        "showlegend": True,
        "xaxis": {**axis, "title": {"text": titles[0], **title}},
        "yaxis": {**axis, "title": {"text": titles[1], **title}},
    }
