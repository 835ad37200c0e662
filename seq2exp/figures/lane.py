"""One lane of a figure: what it draws, and the visible stretch every lane shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seq2exp.figures.pyramid import Bins, summarise
from seq2exp.figures.style import Theme
from seq2exp.genome import Gene, Interval
from seq2exp.results import FloatArray

PlotlyDict = dict[str, Any]
"""A trace, shape, annotation or axis as Plotly's own JSON names it."""


@dataclass(frozen=True, slots=True)
class Label:
    """Text in the left margin of a lane; ``y`` is a fraction of the lane's height from its bottom."""

    text: str
    y: float
    colour: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """What stands in one lane. Traces, shapes and notes name no y axis: the stack gives each lane its own."""

    name: str
    height_px: int
    y_range: tuple[float, float]
    labels: tuple[Label, ...]
    traces: tuple[PlotlyDict, ...] = ()
    shapes: tuple[PlotlyDict, ...] = ()
    notes: tuple[PlotlyDict, ...] = ()
    ticks: tuple[tuple[float, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Frame:
    """The stretch on show, within the window that index 0 of every array starts.

    Screen coordinates are 1-based: base ``p`` (0-based) is drawn at x = p + 1, half a unit to either side.
    """

    gene: Gene
    window: Interval
    visible: Interval
    theme: Theme
    width_px: float
    max_bins: int

    def cut(self, values: FloatArray) -> FloatArray:
        """The visible part of a (L,) array of the window."""
        start = self.visible.start - self.window.start
        return values[start : start + self.visible.width]

    def bins(self, values: FloatArray) -> Bins:
        """The visible part of a (L,) array, binned so that it fits the byte budget."""
        return summarise(self.cut(values), max_bins=self.max_bins)

    def x_of_bins(self, bin_bp: int) -> PlotlyDict:
        """The regular x grid of bins: centre of the first, and step, 1-based."""
        return {"x0": self.visible.start + (bin_bp + 1) / 2, "dx": bin_bp}

    @property
    def x_range(self) -> tuple[float, float]:
        """The axis range: the outer edges of the first and the last base."""
        return self.visible.start + 0.5, self.visible.end + 0.5

    @property
    def middle(self) -> float:
        """Middle of the picture on the x axis."""
        return (self.x_range[0] + self.x_range[1]) / 2

    def clip(self, interval: Interval) -> Interval | None:
        """The part of ``interval`` on show, or None."""
        return interval.intersect(self.visible)


def line(frame: Frame, bins: Bins, values: FloatArray, **style: Any) -> PlotlyDict:
    """A line trace over bins; single bases are drawn as steps, wider bins as a plain line."""
    look = {"shape": "hvh" if bins.per_base else "linear", "width": 0, **style.pop("line", {})}
    return {
        "type": "scatter",
        "mode": "lines",
        **frame.x_of_bins(bins.bin_bp),
        "y": values.astype(np.float32, copy=False),
        "line": look,
        "hoverinfo": "skip",
        "showlegend": False,
        **style,
    }


def boxes(intervals: list[Interval], *, base: float, height: float, colour: str, **style: Any) -> PlotlyDict:
    """Rectangles over ``intervals`` as one bar trace; a hairline border keeps the shortest of them visible."""
    start = np.array([i.start for i in intervals], dtype=np.float64)
    end = np.array([i.end for i in intervals], dtype=np.float64)
    marker = {"color": colour, "line": {"color": colour, "width": 1}, **style.pop("marker", {})}
    return {
        "type": "bar",
        "x": (start + end + 1) / 2,
        "width": end - start,
        "y": np.full(len(intervals), height, dtype=np.float32),
        "base": base,
        "marker": marker,
        "hoverinfo": "skip",
        "showlegend": False,
        **style,
    }


def answering(box: PlotlyDict, template: str, customdata: list[list[str]] | None = None) -> PlotlyDict:
    """``box`` (a trace of `boxes`) with hover text, one row of ``customdata`` per box.

    Plotly lets a bar answer up to half the least distance between two bars beside it, which for a few boxes is most
    of the picture. An unseen bar without width or height close beside the first makes that less than a pixel; not
    closer than 1/2,000 of the whole spread, as Plotly takes bars within 1/10,000 of it for one.
    """
    if len(box["x"]) == 0:
        return box
    beside = max(0.5, float(np.ptp(box["x"])) / 2_000)
    told = None if customdata is None else [*customdata, customdata[0]]
    return {
        **box,
        "x": np.append(box["x"], box["x"][0] + beside),
        "width": np.append(box["width"], 0.0),
        "y": np.append(box["y"], np.float32(0)),
        "customdata": told,
        "hoverinfo": "all",
        "hovertemplate": template + "<extra></extra>",
    }


def hatch(colour: str, *, shape: str = "/", size: int = 7, solidity: float = 0.22) -> PlotlyDict:
    """The bar marker of things set by rule: a hatched fill, no solid colour."""
    return {
        "color": "rgba(0,0,0,0)",
        "line": {"color": colour, "width": 1},
        "pattern": {
            "shape": shape,
            "fgcolor": colour,
            "bgcolor": "rgba(0,0,0,0)",
            "size": size,
            "solidity": solidity,
            "fillmode": "replace",
        },
    }


def text_in_lane(frame: Frame, text: str, y: float, **style: Any) -> PlotlyDict:
    """A note centred in a lane at data height ``y``."""
    return {"x": frame.middle, "y": y, "text": text, "showarrow": False, "font": {"color": frame.theme.muted}, **style}


def zero_line(frame: Frame) -> PlotlyDict:
    """The line across a lane from which values go up and down."""
    left, right = frame.x_range
    line = {"color": frame.theme.ink, "width": 1}
    return {"type": "line", "x0": left, "x1": right, "y0": 0, "y1": 0, "line": line}


def distance_to_tss(gene: Gene, positions: NDArray[np.float64]) -> NDArray[np.int32]:
    """1-based ``positions`` minus the TSS, positive in the direction of transcription."""
    signed = positions - (gene.tss + 1)
    return np.rint(signed if gene.strand == "+" else -signed).astype(np.int32)
