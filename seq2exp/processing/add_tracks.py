"""Checks of a cell type's own bigWig: assembly, values, what is measured around the genes, and its scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyBigWig

from seq2exp.errors import SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.processing.add_assembly import check_chromosomes
from seq2exp.processing.scale import scale_warnings
from seq2exp.processing.statistics import TrackStatistics, track_statistics
from seq2exp.sources.bigwig import bigwig_sizes
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.manifest import Role

SAMPLED = 200
"""Windows measured, evenly spread over the genome: 40 Mb at 200 kb each, some seconds per track."""
_MOSTLY = 0.2
"""A share of bases without a value from which it is worth telling."""


@dataclass(frozen=True, slots=True)
class TrackCheck:
    """What was found out about a bigWig that passed."""

    statistics: TrackStatistics
    warnings: tuple[str, ...]
    absent_chromosomes: tuple[str, ...]
    """Chromosomes of the data set that the file lacks."""


def sample_windows(base: Dataset) -> list[Interval]:
    """The windows that models of this data set read, one per gene."""
    return [gene.window(base.manifest.window.width_bp) for gene in base.genes]


def check_track(
    path: Path, base: Dataset, windows: Sequence[Interval], *, what: str, model_reads: bool = True
) -> TrackCheck:
    """Figures and warnings of a bigWig; what a model could not read is refused.

    Parameters
    ----------
    path
        A bigWig.
    base
        Its reference is the one to fit.
    windows
        Where to measure.
    what
        How to call the track: ``DNase of MyCells``.
    model_reads
        Warn of what the track costs as an input; CAGE is none.

    Raises
    ------
    SourceError
        Unreadable, another assembly, negative or infinite values, no value or nothing but zeros.
    """
    sizes = bigwig_sizes(path)
    absent = check_chromosomes(path, sizes, base.assembly, base.name)
    _check_values(path, {name: n for name, n in sizes.items() if base.assembly.match(name)}, what)
    statistics = track_statistics(path, windows, most_windows=SAMPLED)
    if statistics.share_missing >= 1:
        raise SourceError(f"{path}: {what} has no value in any of {statistics.n_windows:,} windows around genes")
    if statistics.max <= 0:
        raise SourceError(f"{path}: {what} is 0 in all of {statistics.n_windows:,} windows around genes")
    warnings = []
    if model_reads and statistics.share_missing >= _MOSTLY:
        warnings.append(
            f"{what} has no value at {100 * statistics.share_missing:.3g} % of the bases of "
            f"{statistics.n_windows:,} windows around genes; the model reads 0 there."
        )
    if model_reads and absent:
        unread = sum(match_chromosome(gene.chrom, absent) is not None for gene in base.genes)
        if unread:
            warnings.append(f"{what} lacks {_some(absent)}: {unread:,} genes there cannot be opened with it.")
    return TrackCheck(statistics, tuple(warnings), absent)


def compare_scale(
    own: TrackStatistics, base: Dataset, role: Role, windows: Sequence[Interval], *, what: str
) -> tuple[str, ...]:
    """The 3-fold rule against the track of the same role of every cell type the data set has.

    Statistics that a manifest keeps are taken; else a track on disk is measured over ``windows``, and one that is
    streamed is not compared.

    Returns
    -------
    tuple of str
        One sentence for the first cell type with another scale, naming the others; empty where there is none.
    """
    off: dict[str, tuple[str, ...]] = {}
    for cell in base.cell_types:
        source = base.source(role, cell)
        if source is None or source.file.format != "bigWig":
            continue
        reference = TrackStatistics.from_summary(source.content.summary)
        if reference is None and source.id in base.streamed:
            continue  # measuring it would fetch every window
        if reference is None:
            reference = track_statistics(base.path_of(source), windows, most_windows=SAMPLED)
        said = scale_warnings(own, reference, what)
        if said:
            off[cell] = said
    if not off:
        return ()
    first, *others = off
    told = f"For a model trained on {first} of {base.name}: {' '.join(off[first])}"
    return (f"{told} The same goes for {' and '.join(others)}." if others else told,)


def _check_values(path: Path, sizes: Mapping[str, int], what: str) -> None:
    """Refuse what no model can read, from the extremes that a bigWig keeps of every chromosome."""
    lows, highs = {}, {}
    with pyBigWig.open(str(path)) as bigwig:
        for name, length in sizes.items():
            try:
                low, high = (bigwig.stats(name, 0, length, type=kind)[0] for kind in ("min", "max"))
            except RuntimeError as error:
                raise SourceError(f"{path}: {name} cannot be read; the file is damaged") from error
            if low is not None and high is not None:
                lows[name], highs[name] = float(low), float(high)
    if not lows:
        raise SourceError(f"{path}: holds no value on {_some(tuple(sizes))}")
    for name in lows:
        if not (math.isfinite(lows[name]) and math.isfinite(highs[name])):
            raise SourceError(f"{path}: {what} holds an infinite value on {name}; the model takes finite values")
        if lows[name] < 0:
            raise SourceError(
                f"{path}: {what} goes down to {lows[name]:.3g} on {name}; the model takes values of 0 or more: "
                "is it a logarithm, a difference, or the minus strand?"
            )
    if not any(highs.values()):
        raise SourceError(f"{path}: {what} is 0 everywhere; it holds no signal")


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
