"""Predictors on one axis, each with its interval: who finds the true elements best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, THEMES, ThemeName, plain

ROW_PX, MARGINS_PX = 26, 48
OURS = "mask"
"""The predictor drawn in ink; the others are its rivals."""


@dataclass(frozen=True, slots=True)
class Score:
    """A share 0..1 of one predictor."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    """95 %, where it was computed."""


def ranking_figure(scores: Sequence[Score], *, chance: float | None = None, theme: ThemeName = "light") -> go.Figure:
    """The best on top; ``chance`` is the share that guessing reaches."""
    colours = THEMES[theme]
    ranked = sorted(scores, key=lambda score: score.value)
    tints = [colours.dnase if score.name == OURS else colours.muted for score in ranked]
    spans = [score.interval or (score.value, score.value) for score in ranked]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [score.value for score in ranked],
        "y": list(range(len(ranked))),
        "marker": {
            "color": tints,
            "size": 11,
            "symbol": ["diamond" if score.name == OURS else "circle" for score in ranked],
        },
        "customdata": [list(span) for span in spans],
        "hovertemplate": "%{x:.1%} [%{customdata[0]:.1%}, %{customdata[1]:.1%}]<extra></extra>",
        "showlegend": False,
    }
    whiskers = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(span),
            "y": [row, row],
            "line": {"color": tint, "width": 2},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for row, (span, tint) in enumerate(zip(spans, tints, strict=True))
    ]
    names = [f"<b>{plain(score.name)}</b>" if score.name == OURS else plain(score.name) for score in ranked]
    axis = {"zeroline": False, "fixedrange": True, "gridcolor": colours.grid, "tickfont": {"color": colours.muted}}
    layout = {
        "template": "none",
        "height": ROW_PX * len(ranked) + MARGINS_PX,
        "margin": {"l": 200, "r": 16, "t": 4, "b": MARGINS_PX - 4, "pad": 4},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": colours.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.lane,
        "hoverlabel": {"bgcolor": colours.hover, "font": {"color": colours.ink, "size": LABEL_PX}},
        "xaxis": {
            **axis,
            "range": [0, 1.0],
            "tickformat": ".0%",
            "title": {
                "text": "element AUPRC" + (", dashed: chance" if chance is not None else ""),
                "standoff": 4,
                "font": {"color": colours.muted, "size": LABEL_PX},
            },
        },
        "yaxis": {
            **axis,
            "showgrid": False,
            "range": [-0.7, len(ranked) - 0.3],
            "tickvals": list(range(len(ranked))),
            "ticktext": names,
            "tickfont": {"color": colours.ink},
        },
        "shapes": []
        if chance is None
        else [
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": chance,
                "x1": chance,
                "y0": 0,
                "y1": 1,
                "line": {"color": colours.muted, "width": 1.2, "dash": "dash"},
            }
        ],
    }
    return go.Figure(data=[*whiskers, dots], layout=layout)
