"""Lanes set below each other over one genome axis: frame, pointer, TSS line and legend of such a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from seq2exp.figures.lane import Frame, Lane, PlotlyDict, distance_to_tss
from seq2exp.figures.pyramid import bin_width
from seq2exp.figures.style import FONT_FAMILY, LABEL_PX, SIZES, plain, with_alpha

WIDEST_PX = 2_000
"""Widest plotting area the pointer is tuned for."""


def stacked_figure(
    frame: Frame,
    lanes: Sequence[Lane],
    *,
    legend: str,
    drawn: str,
    revision: str,
    shapes: Sequence[PlotlyDict] = (),
) -> go.Figure:
    """``lanes`` from top to bottom on the one x axis, so that the crosshair crosses them all.

    Parameters
    ----------
    frame
        The stretch they share.
    legend
        The line above them, as Plotly's markup.
    drawn
        What one point of a line stands for, said beside the axis.
    revision
        Names what is shown; nothing a visitor did to the picture survives a change of it.
    shapes
        Drawn across all lanes.
    """
    stacked = _stack(frame, lanes)
    # The pointer's box lists traces from the last to the first: position on top, then the lanes downwards.
    traces = [*reversed(stacked.pop("lanes")), [_position(frame)]]
    layout: PlotlyDict = {**_layout(frame, lanes, drawn, revision), **stacked}
    layout["shapes"] = [*layout["shapes"], *shapes, _tss_line(frame)]
    layout["annotations"] = [*layout["annotations"], *_tss_flag(frame), _legend(frame, legend)]
    return go.Figure(data=[trace for lane in traces for trace in lane], layout=layout)


def _stack(frame: Frame, lanes: Sequence[Lane]) -> PlotlyDict:
    """Layout parts of lanes set below each other, each on its own y axis over the one x axis; "lanes": their traces."""
    inner = _inner_height(lanes)
    traces: list[list[PlotlyDict]] = []
    parts: PlotlyDict = {"shapes": [], "annotations": []}
    top = inner
    for number, lane in enumerate(lanes, start=1):
        suffix = "" if number == 1 else str(number)
        bottom = top - lane.height_px
        low, high = max(bottom / inner, 0.0), min(top / inner, 1.0)
        parts[f"yaxis{suffix}"] = _y_axis(frame, lane, (low, high))
        parts["shapes"].append(_background(frame, low, high))
        parts["shapes"] += [{**shape, "xref": "x", "yref": f"y{suffix}"} for shape in lane.shapes]
        parts["annotations"] += [{**note, "xref": "x", "yref": f"y{suffix}"} for note in lane.notes]
        parts["annotations"] += _margin_labels(lane, low, high)
        traces.append([{**trace, "xaxis": "x", "yaxis": f"y{suffix}"} for trace in lane.traces])
        top = bottom - SIZES.gap
    return {"lanes": traces, **parts}


def _inner_height(lanes: Sequence[Lane]) -> int:
    return sum(lane.height_px for lane in lanes) + SIZES.gap * (len(lanes) - 1)


def _y_axis(frame: Frame, lane: Lane, domain: tuple[float, float]) -> PlotlyDict:
    return {
        "domain": domain,
        "range": lane.y_range,
        "fixedrange": True,
        "anchor": "x",
        "showgrid": False,
        "zeroline": False,
        "tickvals": [value for value, _ in lane.ticks],
        "ticktext": [text for _, text in lane.ticks],
        "ticks": "outside" if lane.ticks else "",
        "ticklen": 4,
        "tickcolor": frame.theme.grid,
        "tickfont": {"color": frame.theme.muted},
    }


def _background(frame: Frame, low: float, high: float) -> PlotlyDict:
    return {
        "type": "rect",
        "xref": "paper",
        "yref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": low,
        "y1": high,
        "layer": "below",
        "fillcolor": frame.theme.lane,
        "line": {"width": 0},
    }


def _margin_labels(lane: Lane, low: float, high: float) -> list[PlotlyDict]:
    return [
        {
            "xref": "paper",
            "yref": "paper",
            "x": 0,
            "xshift": -SIZES.left + 4,
            "y": low + label.y * (high - low),
            "xanchor": "left",
            "yanchor": "middle",
            "align": "left",
            "text": f"<b>{label.text}</b>" if label.bold else label.text,
            "showarrow": False,
            "font": {"color": label.colour},
        }
        for label in lane.labels
    ]


def _layout(frame: Frame, lanes: Sequence[Lane], drawn: str, revision: str) -> PlotlyDict:
    theme = frame.theme
    chrom = plain(frame.visible.chrom)
    bin_bp = bin_width(frame.visible.width, frame.max_bins)
    return {
        "template": "none",
        "height": _inner_height(lanes) + SIZES.top + SIZES.bottom,
        "margin": {"l": SIZES.left, "r": SIZES.right, "t": SIZES.top, "b": SIZES.bottom, "pad": 0},
        "font": {"family": FONT_FAMILY, "size": LABEL_PX, "color": theme.ink},
        "paper_bgcolor": theme.paper,
        "plot_bgcolor": "rgba(0,0,0,0)",
        "barmode": "overlay",
        "dragmode": "select",
        "selectdirection": "h",
        "newselection": {"line": {"color": theme.ink, "width": 1}},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        # Half a grid step: every base is reached, and none speaks for an unmeasured one beside it.
        "hoverdistance": math.ceil(WIDEST_PX / (2 * math.ceil(frame.visible.width / bin_bp))) + 1,
        "hoverlabel": {
            "bgcolor": theme.hover,
            "bordercolor": theme.grid,
            "font": {"color": theme.ink, "size": LABEL_PX},
        },
        "uirevision": f"{revision} {frame.visible}",
        "showlegend": False,
        "legend": {"traceorder": "normal"},
        "xaxis": {
            "range": frame.x_range,
            "anchor": "free",
            "position": 0,
            "showgrid": False,
            "zeroline": False,
            "ticks": "outside",
            "ticklen": 5,
            "tickcolor": theme.grid,
            "tickfont": {"color": theme.muted},
            "linecolor": theme.grid,
            "tickformat": ",d",
            "nticks": 8,
            "minallowed": frame.x_range[0],
            "maxallowed": frame.x_range[1],
            "title": {
                "text": f"{chrom} position in bp, 1-based · {drawn}",
                "standoff": 6,
                "font": {"color": theme.muted, "size": LABEL_PX},
            },
            "unifiedhovertitle": {"text": f"<b>{chrom}:%{{x:,d}}</b>"},
            "showspikes": True,
            "spikemode": "across",
            "spikesnap": "cursor",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": theme.muted,
        },
    }


def _position(frame: Frame) -> PlotlyDict:
    """An unseen line that tells the pointer how far it is from the TSS, on any lane."""
    bin_bp = bin_width(frame.visible.width, frame.max_bins)
    n_bins = math.ceil(frame.visible.width / bin_bp)
    grid = frame.x_of_bins(bin_bp)
    return {
        "type": "scatter",
        "mode": "lines",
        **grid,
        "y": np.full(n_bins, 0.5, dtype=np.float32),
        "line": {"color": "rgba(0,0,0,0)", "width": 0},
        "customdata": distance_to_tss(frame.gene, grid["x0"] + grid["dx"] * np.arange(n_bins)),
        "hovertemplate": "TSS %{customdata:+,d} bp<extra></extra>",
        "showlegend": False,
        "xaxis": "x",
        "yaxis": "y",
    }


def _legend(frame: Frame, text: str) -> PlotlyDict:
    """The legend as one line of text: Plotly's own wraps into columns and wastes two rows."""
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xshift": -SIZES.left + 4,
        "yshift": SIZES.top - 22,
        "xanchor": "left",
        "yanchor": "bottom",
        "text": text,
        "showarrow": False,
        "font": {"color": frame.theme.ink},
    }


def _tss_line(frame: Frame) -> PlotlyDict:
    x = frame.gene.tss + 1
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "visible": frame.visible.contains(frame.gene.tss),
        "line": {"color": with_alpha(frame.theme.ink, 0.6), "width": 1.2, "dash": "dot"},
    }


def _tss_flag(frame: Frame) -> list[PlotlyDict]:
    """The flag on top of the TSS line, or, when the TSS is out of sight, which way it lies and how far."""
    tss, visible = frame.gene.tss, frame.visible
    name = plain(frame.gene.symbol or frame.gene.gene_id)
    common = {"yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": {"color": frame.theme.ink}}
    if visible.contains(tss):
        arrow = f"{name} TSS →" if frame.gene.strand == "+" else f"← {name} TSS"
        side = "left" if frame.gene.strand == "+" else "right"
        edge = (tss - visible.start) / visible.width
        side = "left" if edge < 0.15 else "right" if edge > 0.85 else side
        return [{**common, "xref": "x", "x": tss + 1, "xanchor": side, "text": f"<b>{arrow}</b>"}]
    if tss < visible.start:
        text, x, side = f"← {name} TSS {visible.start - tss:,} bp", 0, "left"
    else:
        text, x, side = f"{name} TSS {tss - visible.end + 1:,} bp →", 1, "right"
    return [{**common, "xref": "paper", "x": x, "xanchor": side, "text": f"<b>{text}</b>"}]
