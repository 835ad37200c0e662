"""How far the measured tracks of a window reach in every cell type, so that one scale can serve them all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seq2exp.errors import Seq2ExpError
from seq2exp.genome import Gene
from seq2exp.results import FloatArray
from seq2exp.settings import SIGNALS, SignalName
from seq2exp.sources.dataset import Dataset
from seq2exp.window.assemble import measured_track, window_settings

MOST_CELL_TYPES = 8
"""Cell types read for one scale: each costs a read of three files, about 25 ms in a window of 200,000 bp."""


@dataclass(frozen=True, slots=True)
class TrackRange:
    """The largest value and a high percentile of one track over the measured bases of a window."""

    top: float
    clip: float


def track_range(values: FloatArray, *, percent: float) -> TrackRange | None:
    """Range of (L,) values whose NaN are not measured; None where nothing was."""
    measured = values[~np.isnan(values)]
    if not measured.size:
        return None
    return TrackRange(float(measured.max()), float(np.percentile(measured, percent)))


def other_ranges(
    dataset: Dataset, gene: Gene, cell_type: str, *, width_bp: int, percent: float
) -> Mapping[SignalName, Mapping[str, TrackRange]]:
    """By track and cell type, the range in every other cell type of the data set; a few if there are many.

    What cannot be read, or was measured nowhere in the window, is not there: the page says so where that cell type is
    shown.
    """
    settings = dataclasses.replace(window_settings(dataset), width_bp=width_bp)
    others = [cell for cell in dataset.cell_types if cell != cell_type][: MOST_CELL_TYPES - 1]
    found: dict[SignalName, dict[str, TrackRange]] = {name: {} for name in SIGNALS}
    for name in SIGNALS:
        for cell in others:
            if dataset.source(name, cell) is None:
                continue
            try:
                values = measured_track(dataset, name, gene, cell, settings)
            except Seq2ExpError:
                continue
            reach = track_range(values, percent=percent)
            if reach is not None:
                found[name][cell] = reach
    return found
