"""Candidate elements of every window: peaks of a file or called by MACS3, for the systems that read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seq2exp.errors import TrainingError
from seq2exp.genome import Interval
from seq2exp.settings import PeakSettings
from seq2exp.sources.annotation import read_regions
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.peaks import call_peaks_bigwig
from seq2exp.training.cache import WindowCache

Bounds = NDArray[np.int64]
"""(K, 2) start and end of stretches, half-open."""


class Candidates:
    """The candidate elements of each window of a cache, in window coordinates; some reach past the window's ends."""

    def __init__(self, windows: list[Bounds]) -> None:
        self.windows = windows

    def batch(self, indices: Iterable[int]) -> Tensor:
        """(B, K, 2) of the windows ``indices``; rows of zeros fill up those with fewer than K."""
        chosen = [self.windows[index] for index in indices]
        found = torch.zeros(len(chosen), max((len(bounds) for bounds in chosen), default=0), 2, dtype=torch.int64)
        for row, bounds in zip(found, chosen, strict=True):
            row[: len(bounds)] = torch.from_numpy(bounds)
        return found


def find_candidates(dataset: Dataset, cache: WindowCache, settings: PeakSettings, *, cache_dir: Path) -> Candidates:
    """Peaks of each cell line in its windows.

    A peak file of the data set wins over calling, unless ``settings`` ask for a cut-off or a target share; the share is
    that of all windows together.

    Parameters
    ----------
    cache_dir
        Where MACS3's answers are kept.

    Raises
    ------
    TrainingError
        A cell line has neither peaks nor a DNase track, or no peak in any window.
    SourceError, PeakCallError
        A file cannot be read, or MACS3 failed.
    """
    places = [_place(dataset, cache, window.gene_id) for window in cache.windows]
    found: list[Bounds] = [np.empty((0, 2), dtype=np.int64)] * len(places)
    for cell in cache.facts["cell_types"]:
        own = [index for index, window in enumerate(cache.windows) if window.cell_type == cell]
        by_chrom = _by_chrom(dataset, _peaks(dataset, cell, [places[index] for index in own], settings, cache_dir))
        for index in own:
            found[index] = _within(by_chrom, places[index])
        if own and not any(len(found[index]) for index in own):
            raise TrainingError(f"{dataset.name}: {cell} has no peak in any window; lower peaks.cutoff")
    return Candidates(found)


def peak_mask(elements: Tensor, length: int) -> Tensor:
    """(B, length) float: 1 inside any of the stretches (B, K, 2), which are clipped to the window."""
    first, last = elements.clamp(0, length).unbind(-1)
    change = torch.zeros(len(elements), length + 1, dtype=torch.int32, device=elements.device)
    ones = torch.ones_like(first, dtype=torch.int32)
    change.scatter_add_(1, first, ones).scatter_add_(1, last, -ones)
    return (change.cumsum(1)[:, :length] > 0).float()


def _place(dataset: Dataset, cache: WindowCache, gene_id: str) -> Interval:
    """The window of a gene, its chromosome named as in the reference."""
    gene = dataset.genes.get(gene_id)
    return gene.window(int(cache.facts["window_bp"]))


def _peaks(
    dataset: Dataset, cell: str, windows: list[Interval], settings: PeakSettings, cache_dir: Path
) -> Iterable[Interval]:
    file, track = dataset.path("peaks", cell), dataset.path("dnase", cell)
    if file is not None and settings.cutoff is None and settings.target_share is None:
        return [region.interval for region in read_regions(file)]
    if track is None:
        raise TrainingError(
            f"{dataset.name}: {cell} has {'a peak file, but ' if file else 'neither peaks nor '}"
            f"{'no DNase track to call others from' if file else 'a DNase track'}; this system reads candidate elements"
        )
    called = call_peaks_bigwig(
        track,
        windows,
        cutoff=settings.cutoff,
        target_share=settings.target_share,
        min_length_bp=settings.min_length_bp,
        max_gap_bp=settings.max_gap_bp,
        cache_dir=cache_dir,
    )
    return [region.interval for region in called.regions]


def _by_chrom(dataset: Dataset, peaks: Iterable[Interval]) -> dict[str, Bounds]:
    """Peaks of each chromosome sorted by start, named as in the reference."""
    found: dict[str, list[tuple[int, int]]] = {}
    for peak in peaks:
        chrom = dataset.assembly.match(peak.chrom)
        if chrom is not None:
            found.setdefault(chrom, []).append((peak.start, peak.end))
    return {chrom: np.array(sorted(bounds), dtype=np.int64) for chrom, bounds in found.items()}


def _within(by_chrom: dict[str, Bounds], place: Interval) -> Bounds:
    """The peaks that meet ``place``, counted from its start."""
    bounds = by_chrom.get(place.chrom)
    if bounds is None:
        return np.empty((0, 2), dtype=np.int64)
    near = bounds[: np.searchsorted(bounds[:, 0], place.end)]
    return near[near[:, 1] > place.start] - place.start
