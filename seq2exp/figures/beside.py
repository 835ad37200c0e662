"""What a locus figure draws beside what the model said: axes as chosen, rows of boxes, arcs of contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seq2exp.figures.scale import TrackScale
from seq2exp.genome import Interval


@dataclass(frozen=True, slots=True)
class Box:
    """One stretch of a row, with what is written on it."""

    interval: Interval
    label: str = ""
    """Written below it, where there is room."""
    told: str = ""
    """Said when it is pointed at; empty: its label."""
    strong: bool = True
    """Filled; else hollow."""
    colour: str = ""
    """Name of a colour of the theme; empty: the row's."""


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A thin row of boxes."""

    name: str
    """By which it can be switched off."""
    title: str
    colour: str
    """Name of a colour of the theme."""
    boxes: Sequence[Box]


@dataclass(frozen=True, slots=True)
class ContactTriangle:
    """The contact map of a window, as a context; the model reads one row of it."""

    start: int
    """Of its first bin, in bp."""
    bin_bp: int
    values: NDArray[np.float64]
    """(n, n), symmetric; NaN where bins are masked."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Everything of a figure that no model says; empty: nothing more is drawn."""

    scales: Mapping[str, TrackScale] = field(default_factory=dict)
    """The vertical axes of signal lanes by track; one that is not there ends at the track's own largest value."""
    rows: Sequence[BoxRow] = ()
    """Below elements and peaks."""
    arcs: bool = False
    """From each called element to the TSS, over the contacts."""
    contacts: ContactTriangle | None = None
    """The map below the contacts; None: not drawn."""
