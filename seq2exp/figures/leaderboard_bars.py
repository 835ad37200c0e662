"""Systems as bars with whiskers, the best on top, one panel beside the other for cell types or checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, THEMES, Theme, ThemeName, plain, with_alpha

ROW_PX, TALLEST_ROW_PX, TOP_PX, BOTTOM_PX, LEFT_PX = 29, 60, 26, 46, 178
BAR = 0.6
"""Of a row's height, up to `THICKEST_PX`."""
THICKEST_PX = 22
GAP = 0.035
"""Between two panels, as a share of the width."""
ROOM_FOR_WORDS = 0.3
"""The axis goes on this far behind the longest bar, as a share of it, for the figures in words."""

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True, slots=True)
class Bar:
    """One system's figure."""

    name: str
    value: float
    words: str
    """The figure as it is written beside the bar."""
    told: str
    """The same with all that is known of it, for the hover."""
    whisker: tuple[float, float] | None = None
    """Ends of the deviation or of the 95 % interval; None: not known."""
    ours: bool = False
    """Drawn full and in bold; rivals are outlined."""
    singles: tuple[float, ...] = ()
    """The single runs behind a mean."""
    paper: float | None = None
    """The paper's own figure of the same test."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars that share an axis."""

    title: str
    bars: tuple[Bar, ...]
    line: float | None = None
    """What guessing, or knowing everything, reaches."""


def bars_figure(
    panels: Sequence[Panel],
    *,
    axis: str,
    better: Better,
    percent: bool = False,
    least_height: int = 0,
    theme: ThemeName = "light",
) -> go.Figure:
    """Every panel over the same rows and the same axis from 0; systems that lack a figure leave their row empty.

    Parameters
    ----------
    axis
        Title of the axis.
    better
        Which end is on top; ``neither``: the smaller.
    percent
        Figures are shares 0..1, to be written in percent.
    least_height
        In px; few rows are spread over it, as far as they may.
    """
    colours = THEMES[theme]
    names = ranked(panels, better=better)
    rows = {name: len(names) - 1 - place for place, name in enumerate(names)}
    bold = {bar.name for panel in panels for bar in panel.bars if bar.ours}
    low, high = _ends(panels)
    row_px = min(max((least_height - TOP_PX - BOTTOM_PX) / max(len(names), 1), ROW_PX), TALLEST_ROW_PX)
    width = (1 - GAP * (len(panels) - 1)) / max(len(panels), 1)
    traces: list[PlotlyDict] = []
    layout = _layout(colours, height=round(row_px * max(len(names), 1)) + TOP_PX + BOTTOM_PX)
    layout |= {"shapes": [], "annotations": []}
    said = axis + ("" if better == "neither" else f", {better} is better")
    for number, panel in enumerate(panels):
        suffix = "" if number == 0 else str(number + 1)
        begin = number * (width + GAP)
        layout[f"xaxis{suffix}"] = {
            **_axis(colours),
            "domain": [begin, begin + width],
            "anchor": f"y{suffix}",
            "range": [low, high + (high - low) * ROOM_FOR_WORDS],
            "tickformat": ".0%" if percent else "~g",
            "nticks": 6,
            "title": {
                "text": said,
                "standoff": 4,
                "font": {"color": colours.muted, "size": LABEL_PX},
            },
        }
        layout[f"yaxis{suffix}"] = {
            **_axis(colours),
            "anchor": f"x{suffix}",
            "showgrid": False,
            "range": [-0.6, len(names) - 0.4],
            "tickvals": list(rows.values()),
            "ticktext": [f"<b>{plain(name)}</b>" if name in bold else plain(name) for name in names],
            "showticklabels": number == 0,
            "tickfont": {"color": colours.ink},
        }
        at = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        traces += [
            {**trace, **at}
            for trace in _traces(panel.bars, rows, colours, min(BAR, THICKEST_PX / row_px), percent=percent)
        ]
        layout["annotations"].append(_title(panel.title, begin, colours))
        layout["annotations"] += [_words(bar, rows[bar.name], suffix, colours) for bar in panel.bars]
        if panel.line is not None:
            layout["shapes"].append(_line(panel.line, suffix, colours))
    return go.Figure(data=traces, layout=layout)


def ranked(panels: Sequence[Panel], *, better: Better) -> list[str]:
    """Names of all panels, the best mean over the panels first; in the given order where equal."""
    values: dict[str, list[float]] = {}
    for panel in panels:
        for bar in panel.bars:
            values.setdefault(bar.name, []).append(bar.value)
    sign = -1 if better == "higher" else 1
    return sorted(values, key=lambda name: sign * math.fsum(values[name]) / len(values[name]))


def _ends(panels: Sequence[Panel]) -> tuple[float, float]:
    """Both ends of everything drawn, 0 among it; 0 and 1 where nothing is."""
    ends = [0.0]
    for panel in panels:
        ends += [] if panel.line is None else [panel.line]
        for bar in panel.bars:
            ends += [bar.value, *(bar.whisker or ()), *bar.singles, *([] if bar.paper is None else [bar.paper])]
    low, high = min(ends), max(ends)
    return (low - 0.04 * (high - low) if low < 0 else 0.0, high if high > low else low + 1.0)


def _traces(
    bars: Sequence[Bar], rows: dict[str, int], colours: Theme, width: float, *, percent: bool
) -> list[PlotlyDict]:
    form = ".1%" if percent else ".4f"
    common = {"type": "scatter", "showlegend": False, "hoverinfo": "skip"}
    traces: list[PlotlyDict] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": "systems",
            "x": [bar.value for bar in bars],
            "y": [rows[bar.name] for bar in bars],
            "width": width,
            "showlegend": False,
            "customdata": [[plain(bar.name), plain(bar.told)] for bar in bars],
            "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra></extra>",
            "marker": {
                "color": [colours.dnase if bar.ours else with_alpha(colours.muted, 0.22) for bar in bars],
                "line": {"width": 1.5, "color": [colours.dnase if bar.ours else colours.muted for bar in bars]},
            },
        }
    ]
    spans = [(*bar.whisker, rows[bar.name]) for bar in bars if bar.whisker is not None]
    traces.append(
        {
            **common,
            "mode": "lines+markers",
            "name": "whiskers",
            "x": [end for low, high, _ in spans for end in (low, high, None)],
            "y": [place for *_, row in spans for place in (row, row, None)],
            "line": {"color": colours.ink, "width": 2},
            "marker": {"symbol": "line-ns-open", "size": 8, "line": {"width": 2}, "color": colours.ink},
        }
    )
    singles = [(value, rows[bar.name]) for bar in bars if len(bar.singles) > 1 for value in bar.singles]
    traces.append(
        {
            **common,
            "mode": "markers",
            "name": "single runs",
            "x": [value for value, _ in singles],
            "y": [row - width / 2 for _, row in singles],
            "hoverinfo": "x",
            "hovertemplate": f"one run: %{{x:{form}}}<extra></extra>",
            "marker": {
                "symbol": "circle",
                "size": 5,
                "color": colours.paper,
                "line": {"color": colours.ink, "width": 1.2},
            },
        }
    )
    papers = [(bar.paper, rows[bar.name]) for bar in bars if bar.paper is not None]
    traces.append(
        {
            **common,
            "mode": "markers",
            "name": "paper",
            "x": [value for value, _ in papers],
            "y": [row + width / 2 for _, row in papers],
            "hoverinfo": "x",
            "hovertemplate": f"the paper's own: %{{x:{form}}}<extra></extra>",
            "marker": {"symbol": "diamond", "size": 9, "color": colours.h3k27ac},
        }
    )
    return [trace for trace in traces if trace["x"]]


def _words(bar: Bar, row: int, suffix: str, colours: Theme) -> PlotlyDict:
    """A bar's figure behind everything drawn in its row, on a ground of its own, so that no line crosses it."""
    ends = (bar.value, *(bar.whisker or ()), *bar.singles, 0.0 if bar.paper is None else bar.paper, 0.0)
    return {
        "xref": f"x{suffix}",
        "yref": f"y{suffix}",
        "x": max(ends),
        "y": row,
        "xanchor": "left",
        "xshift": 7,
        "text": plain(bar.words),
        "showarrow": False,
        "bgcolor": colours.lane,
        "borderpad": 1,
        "font": {"color": colours.ink, "size": LABEL_PX},
    }


def _title(text: str, begin: float, colours: Theme) -> PlotlyDict:
    place = {"xref": "paper", "yref": "paper", "x": begin, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 3}
    return {**place, "text": f"<b>{plain(text)}</b>", "showarrow": False, "font": {"color": colours.ink}}


def _line(value: float, suffix: str, colours: Theme) -> PlotlyDict:
    return {
        "type": "line",
        "xref": f"x{suffix}",
        "yref": f"y{suffix} domain",
        "x0": value,
        "x1": value,
        "y0": 0,
        "y1": 1,
        "line": {"color": colours.threshold, "width": 1.5, "dash": "dash"},
    }


def _axis(colours: Theme) -> PlotlyDict:
    return {
        "zeroline": False,
        "fixedrange": True,
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "tickfont": {"color": colours.muted},
        "ticks": "",
    }


def _layout(colours: Theme, *, height: int) -> PlotlyDict:
    return {
        "template": "none",
        "height": height,
        "margin": {"l": LEFT_PX, "r": 6, "t": TOP_PX, "b": BOTTOM_PX, "pad": 4},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": colours.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": colours.lane,
        "hovermode": "closest",
        "barmode": "overlay",
        "dragmode": False,
        "hoverlabel": {"bgcolor": colours.hover, "bordercolor": colours.grid, "font": {"color": colours.ink}},
    }
