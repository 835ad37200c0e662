"""A figure of ours, given as Plotly's JSON, drawn by matplotlib: the same lanes, so nothing on screen is lost on paper.

Only what our figures use is known: lines with fills, texts, triangles, bars, rectangles, straight lines, annotations.
Anything else is an error, so that a new kind of trace cannot silently be missing from an export.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from seq2exp.errors import SettingsError
from seq2exp.figures.export_text import FAMILY, MONO, PX_PER_PT, Run, runs_of, width_px
from seq2exp.figures.lane import PlotlyDict

Colour = tuple[float, float, float, float]
Array = NDArray[np.float64]

_DASHES: dict[str, Any] = {"solid": "solid", "dash": (0, (5, 3)), "dot": (0, (1, 2))}
_HATCHES = {"/": "////", "\\": "\\\\\\\\"}
_MARKERS = {"triangle-right": ">", "triangle-left": "<"}
_LINE_HEIGHT, _ASCENT = 1.3, 0.36
"""Of the type size: from line to line, and from a line's middle to its baseline."""


def colour_of(text: str) -> Colour:
    """``#rrggbb`` or ``rgba(r,g,b,a)`` as matplotlib takes it, 0..1."""
    if text.startswith("rgba("):
        red, green, blue, alpha = (float(part) for part in text[5:-1].split(","))
        return red / 255, green / 255, blue / 255, alpha
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, 1.0


def _x_of(trace: PlotlyDict) -> Any:
    """Positions of a trace, listed or as a regular grid."""
    return trace["x"] if "x" in trace else trace["x0"] + trace["dx"] * np.arange(len(trace["y"]))


@dataclass(frozen=True, slots=True)
class Panel:
    """One lane's place on the page and what its axes span; px from the page's lower left corner."""

    left: float
    bottom: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, values: Any) -> Array:
        """Pixels of genome positions."""
        low, high = self.x_range
        return self.left + (np.asarray(values, dtype=np.float64) - low) / (high - low) * self.width

    def y(self, values: Any) -> Array:
        """Pixels of the lane's own scale."""
        low, high = self.y_range
        return self.bottom + (np.asarray(values, dtype=np.float64) - low) / (high - low) * self.height


def draw_scene(axes: Axes, data: list[PlotlyDict], layout: PlotlyDict, *, bottom: float, width: float) -> None:
    """The whole figure on ``axes``, whose data units are px, its lower edge at ``bottom`` and ``width`` px wide.

    Raises
    ------
    SettingsError
        It holds a kind of trace or shape that this file does not know.
    """
    Scene(axes, layout, bottom=bottom, width=width).draw(data)


class Scene:
    """The panels of one figure and the axes they are drawn on."""

    def __init__(self, axes: Axes, layout: PlotlyDict, *, bottom: float, width: float) -> None:
        self.axes, self.layout = axes, layout
        margin = layout["margin"]
        inner = layout["height"] - margin["t"] - margin["b"]
        left, base = float(margin["l"]), bottom + margin["b"]
        x_range = tuple(layout["xaxis"]["range"])
        self.paper = Panel(left, base, width - margin["l"] - margin["r"], inner, (0, 1), (0, 1))
        self.panels = {
            "y" + name.removeprefix("yaxis"): Panel(
                left,
                base + axis["domain"][0] * inner,
                self.paper.width,
                (axis["domain"][1] - axis["domain"][0]) * inner,
                x_range,
                tuple(axis["range"]),
            )
            for name, axis in layout.items()
            if name.startswith("yaxis")
        }
        self.font = layout["font"]

    def draw(self, data: list[PlotlyDict]) -> None:
        """Shapes below, traces, shapes above, axes, annotations."""
        for shape in self.layout["shapes"]:
            self._shape(shape)
        before: dict[str, tuple[Array, Array]] = {}
        for order, trace in enumerate(data):
            panel = self.panels[trace["yaxis"]]
            if trace["type"] == "bar":
                self._bars(panel, trace, order)
            elif trace["type"] == "scatter" and trace["mode"] == "lines":
                before[trace["yaxis"]] = self._line(panel, trace, before.get(trace["yaxis"]), order)
            elif trace["type"] == "scatter" and trace["mode"] == "text":
                self._letters(panel, trace)
            elif trace["type"] == "scatter" and trace["mode"] == "markers":
                self._markers(panel, trace, order)
            else:
                raise SettingsError(f"a PDF knows no trace of type {trace['type']}, mode {trace.get('mode')}")
        self._x_axis()
        for name, panel in self.panels.items():
            self._y_axis(panel, self.layout["yaxis" + name[1:]])
        for note in self.layout["annotations"]:
            self._annotation(note)

    def _place(self, item: PlotlyDict) -> tuple[Panel, Panel]:
        """The panels that give an item's x and its y."""
        y_panel = self.paper if item["yref"] == "paper" else self.panels[item["yref"]]
        x_panel = self.paper if item["xref"] == "paper" else next(iter(self.panels.values()))
        return x_panel, y_panel

    def _shape(self, shape: PlotlyDict) -> None:
        if shape.get("visible") is False:
            return
        across, upright = self._place(shape)
        x0, x1 = across.x([shape["x0"], shape["x1"]])
        y0, y1 = upright.y([shape["y0"], shape["y1"]])
        order = 0.5 if shape.get("layer") == "below" else 300
        line = shape.get("line", {})
        clip = None if shape["xref"] == "paper" else self.paper
        if shape["type"] == "rect":
            fill = colour_of(shape["fillcolor"]) if "fillcolor" in shape else (0, 0, 0, 0)
            self._add(Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor=fill, linewidth=0, zorder=order), clip)
        elif shape["type"] == "line":
            look: dict[str, Any] = {"color": colour_of(line["color"]), "linewidth": line["width"] / PX_PER_PT}
            dash = _DASHES[line.get("dash", "solid")]
            self._add(Line2D([x0, x1], [y0, y1], linestyle=dash, zorder=order, **look), clip)
        else:
            raise SettingsError(f"a PDF knows no shape of type {shape['type']}")

    def _line(
        self, panel: Panel, trace: PlotlyDict, before: tuple[Array, Array] | None, order: int
    ) -> tuple[Array, Array]:
        """The line with its fill; its pixels, for the next trace to fill down to."""
        values = np.asarray(trace["y"], dtype=np.float64)
        x, y = panel.x(_x_of(trace)), panel.y(values)
        line, fill = trace["line"], trace.get("fill")
        if fill == "toself":
            self._polygons(panel, trace, x, y, order)
            return x, y
        step: Any = "mid" if line.get("shape") == "hvh" else None
        if fill in ("tozeroy", "tonexty"):
            floor = np.full(len(y), float(panel.y(0))) if fill == "tozeroy" or before is None else before[1]
            filled = self.axes.fill_between(
                x, y, floor, step=step, facecolor=colour_of(trace["fillcolor"]), linewidth=0, zorder=2 + order / 1000
            )
            filled.set_clip_path(self._clip(panel))
        elif fill is not None:
            raise SettingsError(f"a PDF knows no fill {fill}")
        colour = colour_of(line["color"]) if "color" in line else colour_of(self.font["color"])
        if line.get("width", 2) > 0 and colour[3] > 0:
            drawn = "steps-mid" if step else "default"
            width = line.get("width", 2) / PX_PER_PT
            self._add(
                Line2D(x, y, drawstyle=drawn, color=colour, linewidth=width, zorder=2 + order / 1000),  # type: ignore[arg-type]
                panel,
            )
        return x, y

    def _polygons(self, panel: Panel, trace: PlotlyDict, x: Array, y: Array, order: int) -> None:
        """Closed paths parted by NaN, filled, without borders."""
        breaks = np.flatnonzero(np.isnan(y))
        paths = [part for part in np.split(np.column_stack((x, y)), breaks) if len(part) > 2]
        closed = [part[~np.isnan(part[:, 1])] for part in paths]
        fill = PolyCollection(closed, facecolors=[colour_of(trace["fillcolor"])], linewidths=0, zorder=2 + order / 1000)
        self._add(fill, panel)

    def _bars(self, panel: Panel, trace: PlotlyDict, order: int) -> None:
        n_bars = len(trace["x"])
        marker = trace["marker"]
        fills = marker["color"] if not isinstance(marker["color"], str) else [marker["color"]] * n_bars
        pattern, edge = marker.get("pattern"), marker["line"]
        centres, widths = np.asarray(trace["x"], dtype=np.float64), np.asarray(trace["width"], dtype=np.float64)
        base = np.full(n_bars, trace["base"], dtype=np.float64)
        top = base + np.asarray(trace["y"], dtype=np.float64)
        x0, x1 = panel.x(centres - widths / 2), panel.x(centres + widths / 2)
        y0, y1 = panel.y(base), panel.y(top)
        for bar in range(n_bars):
            if widths[bar] <= 0:  # the unseen bar that tames Plotly's pointer
                continue
            red, green, blue, alpha = colour_of(fills[bar])
            look: dict[str, Any] = {"facecolor": (red, green, blue, alpha * marker.get("opacity", 1))}
            look["edgecolor"] = colour_of(pattern["fgcolor"] if pattern else edge.get("color", fills[bar]))
            look["linewidth"] = edge["width"] / PX_PER_PT
            hatch = _HATCHES[pattern["shape"]] if pattern else None
            box = Rectangle(
                (x0[bar], min(y0[bar], y1[bar])), x1[bar] - x0[bar], abs(y1[bar] - y0[bar]),
                hatch=hatch, zorder=2 + order / 1000, **look,
            )  # fmt: skip
            self._add(box, panel)

    def _markers(self, panel: Panel, trace: PlotlyDict, order: int) -> None:
        x, y, marker = panel.x(trace["x"]), panel.y(trace["y"]), trace["marker"]
        for i, (symbol, colour) in enumerate(zip(marker["symbol"], marker["color"], strict=True)):
            look: dict[str, Any] = {"marker": _MARKERS[symbol], "color": colour_of(colour), "markeredgewidth": 0}
            size = marker["size"] / PX_PER_PT
            self._add(Line2D([x[i]], [y[i]], markersize=size, linestyle="", zorder=2 + order / 1000, **look), panel)

    def _letters(self, panel: Panel, trace: PlotlyDict) -> None:
        font = trace["textfont"]
        x, y = panel.x(_x_of(trace)), panel.y(trace["y"])
        mono = "Code" in font.get("family", "")
        for i, text in enumerate(trace["text"]):
            colour = font["color"] if isinstance(font["color"], str) else font["color"][i]
            inside = panel.left <= x[i] <= panel.left + panel.width
            if inside:
                self.write(text, x[i], y[i], colour=colour, size_px=font["size"], family=MONO if mono else FAMILY)

    def _x_axis(self) -> None:
        axis, panel = self.layout["xaxis"], next(iter(self.panels.values()))
        base = self.paper.bottom
        low, high = axis["range"]
        colour, line = axis["tickfont"]["color"], colour_of(axis["linecolor"])
        for tick in MaxNLocator(nbins=axis["nticks"], integer=True).tick_values(low, high):
            if low <= tick <= high:
                x = float(panel.x(tick))
                self._add(Line2D([x, x], [base, base - axis["ticklen"]], color=line, linewidth=0.75))
                self.write(f"{tick:,.0f}", x, base - 14, colour=colour)
        title = axis["title"]
        self.write(title["text"], self.paper.left + self.paper.width / 2, base - 36, colour=title["font"]["color"])

    def _y_axis(self, panel: Panel, axis: PlotlyDict) -> None:
        for value, text in zip(axis["tickvals"], axis["ticktext"], strict=True):
            y = float(panel.y(value))
            tick = Line2D([panel.left, panel.left - 4], [y, y], color=colour_of(axis["tickcolor"]), linewidth=0.75)
            self._add(tick)
            half = 0.6 * float(self.font["size"])
            inside = min(max(y, panel.bottom + half), panel.bottom + panel.height - half)  # clear of the next lane's
            self.write(text, panel.left - 6, inside, colour=axis["tickfont"]["color"], across="right")

    def _annotation(self, note: PlotlyDict) -> None:
        across, upright = self._place(note)
        x = float(across.x(note["x"])) + note.get("xshift", 0)
        y = float(upright.y(note["y"])) + note.get("yshift", 0)
        font = {**self.font, **note.get("font", {})}
        self.write(
            note["text"], x, y, colour=font["color"], size_px=font["size"],
            across=note.get("xanchor", "center"), upright=note.get("yanchor", "middle"), behind=note.get("bgcolor"),
        )  # fmt: skip

    def write(
        self,
        marked: str,
        x: float,
        y: float,
        *,
        colour: str,
        size_px: float | None = None,
        across: str = "center",
        upright: str = "middle",
        behind: str | None = None,
        family: str = FAMILY,
    ) -> None:
        """Marked text at a point in px; ``across`` and ``upright`` say which part of it lies there."""
        size = float(self.font["size"] if size_px is None else size_px)
        lines = runs_of(str(marked))
        height = size * _LINE_HEIGHT * len(lines)
        top = y + {"top": 0.0, "middle": height / 2, "bottom": height}[upright]
        for number, runs in enumerate(lines):
            width = width_px(runs, size, family=family)
            at = x - {"left": 0.0, "center": width / 2, "right": width}[across]
            middle = top - size * _LINE_HEIGHT * (number + 0.5)
            if behind is not None:
                box = Rectangle((at, middle - size * 0.62), width, size * 1.24, facecolor=colour_of(behind), zorder=399)
                box.set_linewidth(0)
                self._add(box)
            for run in runs:
                self._write_run(run, at, middle - _ASCENT * size, colour=colour, size=size, family=family)
                at += width_px((run,), size, family=family)

    def _write_run(self, run: Run, x: float, baseline: float, *, colour: str, size: float, family: str) -> None:
        self.axes.text(
            x, baseline, run.text, color=colour_of(run.colour or colour), fontsize=size / PX_PER_PT, family=family,
            weight="bold" if run.bold else "normal", ha="left", va="baseline", parse_math=False, zorder=400,
        )  # fmt: skip

    def _clip(self, panel: Panel) -> Rectangle:
        box = Rectangle((panel.left, panel.bottom), panel.width, panel.height)
        box.set_transform(self.axes.transData)
        return box

    def _add(self, artist: Any, clip: Panel | None = None) -> None:
        self.axes.add_artist(artist)
        if clip is not None:
            artist.set_clip_path(self._clip(clip))
