"""The mask lane (mean, sd ribbon, threshold, forced stretches) and the lane of called elements and MACS3 peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, answering, boxes, hatch, line, text_in_lane
from seq2exp.figures.pyramid import runs
from seq2exp.figures.style import LABEL_PX, SIZES, plain, with_alpha
from seq2exp.genome import Interval, Region
from seq2exp.results import BoolArray, Element, LocusView, MaskResult

ELEMENT_NAME_PX = 34
"""Narrowest box in px that holds a name such as E12."""

_LEAST_FLOOR = 0.02
"""A lower floor is the axis itself."""

CallClass = Literal["shared", "mask-only", "peak-only", "forced"]
LEGEND: dict[CallClass, str] = {
    "shared": "Mask and MACS3",
    "mask-only": "Mask only",
    "peak-only": "MACS3 only",
    "forced": "Forced on by rule, not found",
}


def classify_elements(elements: Sequence[Element], peaks: Sequence[Region]) -> tuple[CallClass, ...]:
    """For each element: shared when it meets a peak by at least one base, else mask-only."""
    return tuple(
        "shared" if any(element.interval.overlaps(peak.interval) for peak in peaks) else "mask-only"
        for element in elements
    )


def classify_peaks(peaks: Sequence[Region], elements: Sequence[Element], centre: Interval) -> tuple[CallClass, ...]:
    """For each peak: shared when it meets an element; forced when only the forced promoter covers it; else peak-only.

    No element is ever called in the promoter centre, so a peak there is neither found nor missed.
    """
    classes: list[CallClass] = []
    for peak in peaks:
        if any(peak.interval.overlaps(element.interval) for element in elements):
            classes.append("shared")
        else:
            classes.append("forced" if peak.interval.overlaps(centre) else "peak-only")
    return tuple(classes)


def mask_top(mask: MaskResult) -> float:
    """Where the lane's axis ends: 0.5 where mean + sd and all levels stay below it in the whole window, else 1."""
    return top_over(float(np.nanmax(mask.mean + mask.sd, initial=max(mask.threshold, mask.floor))))


def top_over(highest: float) -> float:
    """Where the axis of a mask ends, of which nothing is drawn above ``highest``."""
    return 0.5 if highest <= 0.5 else 1.0


def mask_lane(
    frame: Frame, mask: MaskResult, *, title: str = "Mask", height_px: int = SIZES.mask, top: float | None = None
) -> Lane:
    """Mean with its sd ribbon, the range of each bin, the threshold, and hatching where a rule decides.

    ``top`` is where the axis ends; none given: as `mask_top` has it.
    """
    theme = frame.theme
    top = mask_top(mask) if top is None else top
    mean = frame.bins(mask.mean)
    sd = frame.bins(mask.sd).mean
    ribbon = {"fill": "tonexty", "fillcolor": with_alpha(theme.muted, 0.22)}
    traces = [
        line(frame, mean, np.clip(mean.mean - sd, 0, 1), line={"color": theme.muted}),
        line(frame, mean, np.clip(mean.mean + sd, 0, 1), line={"color": theme.muted}, **ribbon),
    ]
    if not mean.per_base:
        edge = {"color": with_alpha(theme.ink, 0.55), "width": 0.8}
        traces += [
            line(frame, mean, mean.low, line={"color": theme.ink}),
            line(frame, mean, mean.high, line=edge, fill="tonexty", fillcolor=with_alpha(theme.ink, 0.25)),
        ]
    label = f"{title} mean %{{y:.2f}} ± %{{customdata[0]:.2f}} sd"
    if not mean.per_base:
        label += ", max %{customdata[1]:.2f}"
    traces.append(
        line(
            frame,
            mean,
            mean.mean,
            line={"color": theme.ink, "width": 1.4},
            customdata=np.column_stack((sd, mean.high)).astype(np.float32),
            hoverinfo="all",
            hovertemplate=label + "<extra></extra>",
        )
    )
    on = forced_boxes(frame, mask.forced_on, "/", "Promoter centre: forced on by rule", height=top)
    off = forced_boxes(frame, mask.forced_off, "\\", "Blacklist: forced off by rule", height=top)
    levels = _levels(frame, mask, top)
    shrunk = SIZES.mask / height_px  # labels keep their distance in px
    return Lane(
        name="mask",
        height_px=height_px,
        y_range=(-0.03 * top, 1.07 * top),
        labels=(
            Label(title, 1 - 0.12 * shrunk, theme.ink, bold=True),
            Label("mean ± sd", 1 - 0.31 * shrunk, theme.muted),
            Label("signals only" if mask.source == "signals" else f"{mask.mode} mode", 1 - 0.5 * shrunk, theme.muted),
        ),
        traces=(*on, *off, *traces),
        shapes=tuple(_level_line(frame, level) for level in levels),
        notes=tuple(_level_note(frame, level) for level in levels),
        ticks=tuple((at, f"{at:g}") for at in (0.0, top / 2, top)),
    )


def forced_boxes(
    frame: Frame, flags: BoolArray, shape: str, words: str, *, base: float = 0.0, height: float = 1.0
) -> list[PlotlyDict]:
    """Hatched boxes over the stretches a rule decides: (L,) ``flags`` of the window."""
    offset = frame.visible.start
    start = offset - frame.window.start
    places = [
        Interval(frame.visible.chrom, offset + a, offset + b)
        for a, b in runs(flags[start : start + frame.visible.width])
    ]
    if not places:
        return []
    look = hatch(frame.theme.forced, shape=shape)
    box = boxes(places, base=base, height=height, colour=frame.theme.forced, marker=look)
    return [answering(box, words)]


@dataclass(frozen=True, slots=True)
class _Level:
    """A line across the mask lane and the words beside it."""

    at: float
    words: str
    colour: str
    dash: str
    width: float
    side: Literal["left", "right"]
    below: bool


def _levels(frame: Frame, mask: MaskResult, top: float) -> tuple[_Level, ...]:
    """The threshold, above the floor (a base without evidence) where there is one; the hard recipe's is 0."""
    words = "lowest kept" if mask.mode == "top-k" else "threshold"
    called = _Level(
        mask.threshold,
        f"{words} {mask.threshold:.2f}",
        frame.theme.threshold,
        "dash",
        1.5,
        "right",
        mask.threshold > 0.75 * top,
    )
    if mask.floor < _LEAST_FLOOR:
        return (called,)
    return (_Level(mask.floor, f"no signal {mask.floor:.2f}", frame.theme.muted, "dot", 1, "left", below=True), called)


def _level_line(frame: Frame, level: _Level) -> PlotlyDict:
    left, right = frame.x_range
    line = {"color": level.colour, "width": level.width, "dash": level.dash}
    return {"type": "line", "x0": left, "x1": right, "y0": level.at, "y1": level.at, "line": line}


def _level_note(frame: Frame, level: _Level) -> PlotlyDict:
    return {
        "x": frame.x_range[0 if level.side == "left" else 1],
        "y": level.at,
        "xanchor": level.side,
        "yanchor": "top" if level.below else "bottom",
        "text": level.words,
        "showarrow": False,
        "borderpad": 0,
        "bgcolor": with_alpha(frame.theme.lane, 0.75),
        "font": {"color": level.colour},
    }


def calls_lane(frame: Frame, view: LocusView) -> Lane:
    """Elements in the upper row, MACS3 peaks in the lower; a shared pair meets in the middle.

    Colour and shape say the same thing: shared boxes fill their row up to the other one, those of one side only
    are half as high and keep to the outer edge.
    """
    theme = frame.theme
    element_class = classify_elements(view.mask.elements, view.peaks)
    peak_class = classify_peaks(view.peaks, view.mask.elements, view.centre)
    numbered = [(i + 1, e, c) for i, (e, c) in enumerate(zip(view.mask.elements, element_class, strict=True))]
    shown_elements = [(n, e, c) for n, e, c in numbered if e.interval.overlaps(frame.visible)]
    shown_peaks = [(p, c) for p, c in zip(view.peaks, peak_class, strict=True) if p.interval.overlaps(frame.visible)]
    colours = {
        "shared": theme.shared,
        "mask-only": theme.mask_only,
        "peak-only": theme.peak_only,
        "forced": theme.forced,
    }
    traces: list[PlotlyDict] = []
    for cls, base, height in (("shared", 1.0, 0.9), ("mask-only", 1.45, 0.45)):
        chosen = [(n, e) for n, e, c in shown_elements if c == cls]
        box = boxes([e.interval for _, e in chosen], base=base, height=height, colour=colours[cls])
        template = "Element %{customdata[0]}: mean %{customdata[1]} ± %{customdata[2]}, %{customdata[3]} bp"
        told = [[f"E{n}", f"{e.mean:.2f}", f"{e.sd:.2f}", f"{e.interval.width:,}"] for n, e in chosen]
        traces.append(answering(box, template, told))
    for cls, base, height in (("shared", 0.1, 0.9), ("peak-only", 0.1, 0.45), ("forced", 0.1, 0.45)):
        found = [p.interval for p, c in shown_peaks if c == cls]
        where = " inside the forced promoter" if cls == "forced" else ""
        box = boxes(found, base=base, height=height, colour=colours[cls])
        traces.append(answering(box, f"MACS3 peak{where}, %{{customdata[0]}} bp", [[f"{p.width:,}"] for p in found]))
    traces.append(_element_names(frame, shown_elements))
    centre = frame.clip(view.centre)
    promoter = [centre] if centre is not None else []
    traces.append(boxes(promoter, base=1.1, height=0.8, colour=theme.forced, marker=hatch(theme.forced)))
    notes = []
    at_left = {"x": frame.x_range[0], "xanchor": "left", "xshift": 6}
    if not view.mask.elements:
        words = f"0 elements at threshold {view.mask.threshold:.2f}"
        notes.append(text_in_lane(frame, words, 1.5, **at_left))
    if not view.peaks:
        words = plain(view.peak_note) or "no MACS3 peaks in this window"
        notes.append(text_in_lane(frame, words, 0.5, **at_left))
    backdrop = with_alpha(theme.lane, 0.85)
    return Lane(
        name="calls",
        height_px=SIZES.calls,
        y_range=(0.0, 2.0),
        labels=(Label("Elements", 0.74, theme.ink, bold=True), Label("MACS3 peaks", 0.26, theme.ink, bold=True)),
        traces=tuple(traces),
        shapes=(_divider(frame),),
        notes=tuple({**note, "bgcolor": backdrop} for note in notes),
    )


def _element_names(frame: Frame, shown: list[tuple[int, Element, CallClass]]) -> PlotlyDict:
    """E1, E2 ... inside the boxes that are wide enough: the names of the element table."""
    least_bp = ELEMENT_NAME_PX * frame.visible.width / frame.width_px
    places = [(n, frame.clip(e.interval), c) for n, e, c in shown]
    fitting = [(n, place, c) for n, place, c in places if place is not None and place.width >= least_bp]
    on_box = {"shared": frame.theme.paper, "mask-only": frame.theme.on_mask_only}
    return {
        "type": "scatter",
        "mode": "text",
        "x": np.array([(place.start + place.end + 1) / 2 for _, place, _ in fitting], dtype=np.float64),
        "y": np.array([1.45 if c == "shared" else 1.66 for _, _, c in fitting], dtype=np.float32),
        "text": [f"<b>E{n}</b>" for n, _, _ in fitting],
        "textfont": {"size": LABEL_PX, "color": [on_box[c] for _, _, c in fitting]},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "element names",
    }


def _divider(frame: Frame) -> PlotlyDict:
    left, right = frame.x_range
    return {
        "type": "line",
        "x0": left,
        "x1": right,
        "y0": 1,
        "y1": 1,
        "layer": "below",
        "line": {"color": frame.theme.grid, "width": 1},
    }


def legend_text(frame: Frame, *, with_blacklist: bool) -> str:
    """One line that keeps every colour's meaning on screen, whatever the window holds.

    The signs are the shapes drawn: a full box for shared, its upper half for the mask's own, its lower half for
    MACS3's own, hatching for what a rule decides.
    """
    theme = frame.theme
    entries = [
        ("█", theme.shared, LEGEND["shared"]),
        ("▀", theme.mask_only, LEGEND["mask-only"]),
        ("▄", theme.peak_only, LEGEND["peak-only"]),
        ("▨", theme.forced, LEGEND["forced"]),
    ]
    if with_blacklist:
        entries.append(("▧", theme.forced, "Forced off: blacklist"))
    # Plain spaces would collapse into one.
    return (8 * "&nbsp;").join(f'<span style="color:{colour}">{sign}</span> {words}' for sign, colour, words in entries)
