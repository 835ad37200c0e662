"""What a window's files say whatever the model: its measured tracks and its MACS3 peaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from seq2exp.errors import RemoteError
from seq2exp.genome import Interval, IntervalOverlap, Region
from seq2exp.inference.elements import without
from seq2exp.results import Track
from seq2exp.settings import PeakSettings, SignalName
from seq2exp.sources.annotation import read_regions
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.peaks import call_peaks_bigwig, overlap
from seq2exp.window.assemble import Window

TRACK_TITLES: Mapping[SignalName, str] = {
    "dnase": "DNase",
    "h3k27ac": "H3K27ac",
    "contact": "Hi-C contact with the TSS",
}
"""The measured tracks in drawing order."""


def window_tracks(dataset: Dataset, window: Window) -> tuple[Track, ...]:
    """DNase, H3K27ac and contacts as measured; the stand-in of an absent track is told, not drawn as data."""
    tracks = []
    for name, title in TRACK_TITLES.items():
        source = dataset.source(name, window.cell_type)
        missing = next((m for m in window.missing if m.name == name), None)
        available = source is not None and name not in window.unavailable
        note = f"{missing.stand_in} stood in" if missing is not None and not available else ""
        tracks.append(
            Track(
                name=name,
                values=window.measured[name],
                unit="" if source is None else source.content.unit or "",
                title=title,
                available=available,
                note=note,
            )
        )
    return tuple(tracks)


def window_peaks(
    dataset: Dataset, cell_type: str, inside: Interval, settings: PeakSettings, *, cache_dir: Path
) -> tuple[tuple[Region, ...], str]:
    """DNase peaks of a stretch clipped to it, and a line on how they were called or why there are none.

    A peak file in the manifest wins over calling, unless ``settings`` ask for a cut-off or a target share.
    """
    called_file = dataset.path("peaks", cell_type)
    if called_file is not None and settings.cutoff is None and settings.target_share is None:
        found = read_regions(called_file, inside)
        clipped = tuple(
            dataclasses.replace(region, interval=part)
            for region in found
            if (part := region.interval.intersect(inside)) is not None
        )
        return clipped, f"peaks of {called_file.name}" + ("" if clipped else ": none in this window")
    try:
        path = dataset.place("dnase", cell_type)
        if path is None:
            return (), f"no peaks: no DNase track for {cell_type}"
        called = call_peaks_bigwig(
            path,
            [inside],
            cutoff=settings.cutoff,
            target_share=settings.target_share,
            min_length_bp=settings.min_length_bp,
            max_gap_bp=settings.max_gap_bp,
            cache_dir=cache_dir / "peaks",
        )
    except RemoteError as error:
        return (), f"no peaks: the DNase track is not available: {error}"
    return called.regions, called.note or called.command


def peak_overlap(
    dataset: Dataset, window: Window, elements: Sequence[Interval], regions: Sequence[Region], centre: Interval
) -> IntervalOverlap | None:
    """Elements against peaks outside the forced ``centre``, where no element can be; None: nothing to call peaks on."""
    called_file = dataset.source("peaks", window.cell_type)
    if called_file is None and (dataset.source("dnase", window.cell_type) is None or "dnase" in window.unavailable):
        return None
    peaks = [part for region in regions for part in without(region.interval, centre)]
    return overlap(elements, peaks, window.interval)
