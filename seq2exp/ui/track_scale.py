"""Whether the tracks on show are on the scale of those the checkpoint learned from; measured once per data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.processing.scale import scale_warnings
from seq2exp.processing.statistics import TrackStatistics, track_statistics
from seq2exp.sources.dataset import Dataset
from seq2exp.window.assemble import TRACKS, window_settings

_WINDOWS = 32
"""Windows looked at where the manifest states no statistics: under half a second for two tracks of a whole genome."""
_NAMES = {"h3k27ac": "H3K27ac", "dnase": "DNase"}


@dataclass(frozen=True)
class Said:
    """What is to be said about the tracks of one cell type."""

    kind: Literal["alike", "differs", "unknown"]
    words: tuple[str, ...] = ()
    """Whole sentences."""


def compared(opened: Dataset, cell_type: str, loaded: LoadedCheckpoint | None) -> Said | None:
    """The open tracks against those the checkpoint learned from; None where there is nothing to compare.

    A track passes if it is alike to that of any cell type the checkpoint was trained on.
    """
    if loaded is None or not loaded.trained:
        return None
    present = [role for role in TRACKS if opened.source(role, cell_type) is not None]
    if not present or loaded.provenance.get("dataset_hash") == opened.hash:
        return None
    if loaded.trained_tracks is None:
        words = "This checkpoint does not say what the tracks it learned from looked like; compare the output types."
        return Said("unknown", (words,))
    warnings: list[str] = []
    unknown: list[str] = []
    for role in present:
        name = f"{_NAMES[role]} of {cell_type}"
        own = statistics(opened, role, cell_type)
        learned = {cell: roles[role] for cell, roles in loaded.trained_tracks.items() if role in roles}
        if own is None or not learned:
            unknown.append(f"{name}: {'not measured here' if own is None else 'not known of the training data'}.")
            continue
        found = {cell: scale_warnings(own, reference, name) for cell, reference in learned.items()}
        if all(found.values()):
            looked = f" Seen in {own.n_windows:,} of {len(opened.genes):,} windows."
            warnings += [words + looked for words in found.get(cell_type) or next(iter(found.values()))]
    if warnings:
        return Said("differs", (*warnings, *unknown))
    return Said("unknown", tuple(unknown)) if unknown else Said("alike")


def statistics(opened: Dataset, role: Literal["dnase", "h3k27ac"], cell_type: str) -> TrackStatistics | None:
    """What the manifest states of a track, else what a few of its windows hold; None where neither can be had."""
    source = opened.source(role, cell_type)
    if source is None:
        return None
    stated = TrackStatistics.from_summary(source.content.summary)
    if stated is not None:
        return stated
    return None if source.id in opened.streamed else _measured(opened.hash, role, cell_type, opened)


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(
    dataset_hash: str, role: Literal["dnase", "h3k27ac"], cell_type: str, _opened: Dataset
) -> TrackStatistics | None:
    width = window_settings(_opened).width_bp
    try:
        path = _opened.path(role, cell_type)
        windows = [gene.window(width) for gene in _opened.genes]
        return None if path is None else track_statistics(path, windows, most_windows=_WINDOWS)
    except Seq2ExpError:  # told where the window itself is read
        return None
