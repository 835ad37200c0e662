"""The lane of true elements of a simulated data set: what a perfect mask would find, and what would mislead it."""

from __future__ import annotations

from collections.abc import Sequence

from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, answering, boxes, text_in_lane
from seq2exp.figures.names import Name, names
from seq2exp.figures.style import SIZES, plain, with_alpha
from seq2exp.results import TrueElement

CAUSAL_BASE, CAUSAL_HEIGHT = 1.0, 0.92
OTHER_BASE, OTHER_HEIGHT = 1.2, 0.5
"""Causal boxes are full and tall, the others hollow and half as high: told apart without colour."""

NAME_AT = 0.45


def truth_lane(frame: Frame, elements: Sequence[TrueElement], *, title: str = "Truth") -> Lane:
    """Boxes over the elements on show, and below them their classes wherever the words fit."""
    theme = frame.theme
    shown = [element for element in elements if element.interval.overlaps(frame.visible)]
    causal = [element for element in shown if element.causal]
    others = [element for element in shown if not element.causal]
    hollow = {"color": "rgba(0,0,0,0)", "line": {"color": theme.muted, "width": 1.5}}
    notes = [] if shown else [text_in_lane(frame, "no true element in this stretch", 1.0)]
    return Lane(
        name="truth",
        height_px=SIZES.truth,
        y_range=(0.0, 2.0),
        labels=(
            Label(title, 0.84, theme.ink, bold=True),
            Label("█ causal", 0.5, theme.truth),
            Label("□ not causal", 0.16, theme.muted),
        ),
        traces=(
            _boxes(others, OTHER_BASE, OTHER_HEIGHT, theme.muted, marker=hollow),
            _boxes(causal, CAUSAL_BASE, CAUSAL_HEIGHT, theme.truth),
            {**names(frame, (_name(frame, element) for element in shown), NAME_AT), "name": "true classes"},
        ),
        notes=tuple(notes),
    )


def causal_bands(frame: Frame, elements: Sequence[TrueElement]) -> list[PlotlyDict]:
    """A faint band through all lanes over each causal element, so that the eye finds what the mask should."""
    places = [frame.clip(element.interval) for element in elements if element.causal]
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": place.start + 0.5,
            "x1": place.end + 0.5,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "fillcolor": with_alpha(frame.theme.truth, 0.1),
            "line": {"width": 0},
        }
        for place in places
        if place is not None
    ]


def effect_in_words(element: TrueElement) -> str:
    """What deleting it does to expression, as a difference of logarithms and as a factor."""
    if element.effect_log10 == 0:
        return "deleting it changes nothing"
    return f"deleting it: {element.effect_log10:+.2f} log10, expression x {10**element.effect_log10:.2g}"


def _name(frame: Frame, element: TrueElement) -> Name:
    """Its class; those of causal elements are placed first."""
    colour = frame.theme.truth if element.causal else frame.theme.muted
    return Name(element.name, element.interval, colour, first=element.causal, bold=element.causal)


def _boxes(elements: list[TrueElement], base: float, height: float, colour: str, **style: PlotlyDict) -> PlotlyDict:
    box = boxes([element.interval for element in elements], base=base, height=height, colour=colour, **style)
    told = [
        [
            plain(element.meaning),
            "causal" if element.causal else "not causal",
            effect_in_words(element),
            f"{element.contact:.2g}",
        ]
        for element in elements
    ]
    words = ("Truth, %{customdata[1]}: %{customdata[0]}", "%{customdata[2]}; contact %{customdata[3]} (TSS = 1)")
    return answering(box, "<br>".join(words), told)
