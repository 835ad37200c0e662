"""Curves of a training run: one quantity per figure over the updates, the kept update marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, THEMES, Theme, ThemeName, plain, with_alpha

HEIGHT_PX, LEFT_PX, TOP_PX = 250, 54, 54
TITLE_UP_PX = 29
"""Of the title's row above the plot; the legend's row lies between."""
MOST_POINTS = 600
"""Per line; a figure is some 400 px wide."""
SMOOTH_OVER = 40
"""A noisy line is averaged over its length divided by this."""

Scale = Literal["linear", "log"]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One line: (n,) updates and values, NaN where nothing was logged."""

    name: str
    steps: Numbers
    values: Numbers
    noisy: bool = False
    """One batch per point: drawn faint, with its running mean in front."""
    dash: str = "solid"
    """A second cue beside the colour."""


class Stage(NamedTuple):
    """Updates in which a part of the network learned alone."""

    part: str
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Moments:
    """Updates that every figure of a run marks; None: not there."""

    kept: float | None = None
    """Of the checkpoint."""
    stages: tuple[Stage, ...] = ()
    """Parts of the run in which a part of the network learned alone."""
    last: float | None = None
    """End of the axis: all updates of the run."""


def curve_figure(
    title: str,
    curves: Sequence[Curve],
    moments: Moments,
    *,
    theme: ThemeName = "light",
    scale: Scale = "linear",
    tick_format: str = "~g",
) -> go.Figure:
    """``curves`` over the updates under ``title``; those without a value are left out.

    Parameters
    ----------
    scale
        log is taken only where every value is above 0.
    tick_format
        Of the values, as d3 writes it: ``.0%`` for shares.
    """
    colours = THEMES[theme]
    palette = (colours.ink, colours.dnase, colours.h3k27ac, colours.contact)
    shown = [_measured(curve) for curve in curves if np.isfinite(curve.values).any()]
    traces: list[PlotlyDict] = []
    for curve, colour in zip(shown, palette, strict=False):
        traces += _lines(curve, colour, tick_format)
        traces += _kept_mark(curve, moments.kept, colour, colours)
    log = scale == "log" and all((curve.values > 0).all() for curve in shown)
    layout = _layout(title, colours, log=log, tick_format=tick_format)
    layout["shapes"], layout["annotations"] = _marks(moments, colours, begins_low=_begins_low(shown))
    layout["annotations"] += _legend(shown, palette)
    if not shown:
        layout["annotations"].append(_nothing(colours))
    if moments.last:
        layout["xaxis"]["range"] = [0, 1.02 * moments.last]
    return go.Figure(data=traces, layout=layout)


def running_mean(values: Numbers, width: int) -> Numbers:
    """(n,) mean of up to ``width`` values around each, fewer at the ends."""
    if width <= 1 or len(values) < 3:
        return values
    half = width // 2
    sums = np.concatenate(([0.0], np.cumsum(values)))
    at = np.arange(len(values))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    mean: Numbers = (sums[last] - sums[first]) / (last - first)
    return mean


def _measured(curve: Curve) -> Curve:
    there = np.isfinite(curve.values)
    return Curve(curve.name, curve.steps[there], curve.values[there], curve.noisy, curve.dash)


def _lines(curve: Curve, colour: str, tick_format: str) -> list[PlotlyDict]:
    stride = -(-len(curve.steps) // MOST_POINTS)
    common = {"type": "scatter", "showlegend": False, "x": curve.steps[::stride]}
    few = len(curve.steps) <= 60 and not curve.noisy
    smooth = running_mean(curve.values, len(curve.values) // SMOOTH_OVER) if curve.noisy else curve.values
    number = ".2%" if "%" in tick_format else ".4~g"
    front = {
        **common,
        "mode": "lines+markers" if few else "lines",
        "y": smooth[::stride],
        "line": {"color": colour, "width": 2, "dash": curve.dash},
        "marker": {"size": 5, "color": colour},
        "name": plain(curve.name),
        "hovertemplate": f"{plain(curve.name)} %{{y:{number}}}<extra></extra>",
    }
    if not curve.noisy:
        return [front]
    faint = {"color": with_alpha(colour, 0.25), "width": 1}
    back = {**common, "mode": "lines", "y": curve.values[::stride], "line": faint, "hoverinfo": "skip"}
    return [back, front]


def _kept_mark(curve: Curve, kept: float | None, colour: str, colours: Theme) -> list[PlotlyDict]:
    """A ring on the value of the checkpoint that was kept."""
    at = np.flatnonzero(curve.steps == kept) if kept is not None and not curve.noisy else np.array([], dtype=np.intp)
    if len(at) == 0:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [kept],
            "y": [curve.values[at[0]]],
            "marker": {"symbol": "circle", "size": 12, "color": colours.paper, "line": {"color": colour, "width": 2.5}},
            "hoverinfo": "skip",
            "showlegend": False,
            "cliponaxis": False,
            "name": "kept",
        }
    ]


def _begins_low(shown: Sequence[Curve]) -> bool:
    """Whether the first curve begins in the lower half of the picture, so that words belong into the upper one."""
    if not shown:
        return False
    values = shown[0].values
    return bool(values[0] < (min(values.min(), 0.0) + values.max()) / 2)


def _marks(moments: Moments, colours: Theme, *, begins_low: bool) -> tuple[list[PlotlyDict], list[PlotlyDict]]:
    """Shapes and notes of the stages and of the kept update."""
    shapes: list[PlotlyDict] = []
    notes: list[PlotlyDict] = []
    across = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1}
    for stage in moments.stages:
        band = {"type": "rect", "x0": stage.first, "x1": stage.stop, "fillcolor": with_alpha(colours.muted, 0.12)}
        shapes.append({**across, **band, "line": {"width": 0}, "layer": "below"})
        side: PlotlyDict = {"y": 1, "yanchor": "top"} if begins_low else {"y": 0, "yanchor": "bottom"}
        words: PlotlyDict = {"text": f"{stage.part}<br>alone", "align": "left", "font": {"color": colours.muted}}
        notes.append(
            {**side, **words, "x": stage.first, "xanchor": "left", "xshift": 3, "yref": "paper", "showarrow": False}
        )
    if moments.kept:
        line = {"color": colours.threshold, "width": 1.5, "dash": "dash"}
        shapes.append({**across, "type": "line", "x0": moments.kept, "x1": moments.kept, "line": line})
        # In the title's row, clear of every curve.
        place = {"xref": "paper", "x": 1, "xanchor": "right", "yref": "paper", "y": 1, "yanchor": "bottom"}
        words = {"text": f"┆ kept {moments.kept:,.0f}", "font": {"color": colours.threshold}, "yshift": TITLE_UP_PX}
        notes.append({**place, **words, "showarrow": False})
    return shapes, notes


def _legend(shown: Sequence[Curve], palette: Sequence[str]) -> list[PlotlyDict]:
    """Names below the title, where there is more than one line."""
    if len(shown) < 2:
        return []
    words = [
        f'<span style="color:{colour}">{"━" if curve.dash == "solid" else "╍"}</span> {plain(curve.name)}'
        for curve, colour in zip(shown, palette, strict=False)
    ]
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 2}
    place["xshift"] = -LEFT_PX
    return [{**place, "text": "&nbsp;&nbsp;&nbsp;".join(words), "showarrow": False}]


def _nothing(colours: Theme) -> PlotlyDict:
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    return {**place, "text": "nothing logged yet", "showarrow": False, "font": {"color": colours.muted}}


def _layout(title: str, colours: Theme, *, log: bool, tick_format: str) -> PlotlyDict:
    axis = {
        "zeroline": False,
        "fixedrange": True,
        "gridcolor": colours.grid,
        "tickfont": {"color": colours.muted},
        "linecolor": colours.grid,
    }
    values = {"type": "log", "dtick": 1} if log else {"rangemode": "tozero"}
    return {
        "template": "none",
        "height": HEIGHT_PX,
        "margin": {"l": LEFT_PX, "r": 10, "t": TOP_PX, "b": 42, "pad": 0},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": colours.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.lane,
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": colours.hover,
            "bordercolor": colours.grid,
            "font": {"color": colours.ink, "size": LABEL_PX},
        },
        "title": {
            "text": f"<b>{plain(title)}</b>",
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 6},
            "font": {"size": LABEL_PX + 1},
        },
        "xaxis": {
            **axis,
            "showgrid": False,
            "tickformat": ",d",
            "nticks": 6,
            "title": {"text": "update", "standoff": 4, "font": {"color": colours.muted, "size": LABEL_PX}},
        },
        "yaxis": {**axis, "tickformat": tick_format, "nticks": 6, **values},
    }
