"""From alignments or signal tracks of a cell type to its file of candidate elements, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seq2exp.genome import Gene, Interval, match_chromosome
from seq2exp.processing.candidates import CandidateChoices, Peak, candidate_elements, read_peaks
from seq2exp.processing.element_tables import ElementTable, count_elements, signal_sums, sum_elements, write_elements
from seq2exp.processing.output import Progress, scratch_beside
from seq2exp.processing.peak_files import peaks_from_bam, peaks_from_bigwig
from seq2exp.processing.reads import count_libraries, rpm_of
from seq2exp.sources.alignment import Duplicates
from seq2exp.sources.element_counts import Unit


@dataclass(frozen=True)
class ElementFile:
    """A table of candidate elements just written."""

    path: Path
    unit: Unit
    """rpm from alignments, signal from tracks; `seq2exp.sources.element_counts.read_elements` wants it stated."""
    n_peaks: int
    """Peaks the elements were cut from."""
    n_elements: int
    median_bp: float
    n_promoters: int
    """Elements that meet TSS +-500 bp of a gene."""
    notes: tuple[str, ...]


def elements_from_bams(
    out: Path,
    genes: Sequence[Gene],
    sizes: Mapping[str, int],
    *,
    dnase: Sequence[Path],
    h3k27ac: Sequence[Path],
    blacklist: Iterable[Interval],
    peaks: Path | None = None,
    genome_size: str = "hs",
    duplicates: Duplicates = "keep",
    choices: CandidateChoices | None = None,
    progress: Progress | None = None,
) -> ElementFile:
    """The published way: lenient peaks of the DNase reads, ranked by reads, and reads per million of both marks.

    Parameters
    ----------
    out
        TSV, packed where it ends in .gz; appears whole or not at all.
    genes, sizes, blacklist, choices
        See `candidate_elements`.
    dnase, h3k27ac
        BAMs of each mark; peaks are called on the first of DNase.
    peaks
        narrowPeak with summits; None: MACS3 is run with ABC's options.
    genome_size
        MACS3's ``-g``.
    duplicates
        Kept in the published tables.
    progress
        Told each step.

    Raises
    ------
    SourceError, PeakCallError
        What the steps raise.
    """
    told = progress or (lambda _done, _total, _what: None)
    with scratch_beside(out) as scratch:
        if peaks is None:
            told(0, 3, "calling peaks")
            called = scratch / "abc.narrowPeak"
            peaks_from_bam(dnase[0], _whole(sizes), called, options="abc", genome_size=genome_size)
        found = _in_use(read_peaks(peaks or called), sizes)
    told(1, 3, "ranking peaks")
    places = [peak.interval for peak in found]
    libraries = count_libraries({"DNase": dnase}, places, duplicates=duplicates, rule="overlap", progress=progress)
    reads = np.nan_to_num(rpm_of("DNase", libraries, places))
    elements = candidate_elements(found, reads, sizes, blacklist=blacklist, genes=genes, choices=choices)
    told(2, 3, "counting reads in elements")
    table = count_elements(elements, genes, dnase=dnase, h3k27ac=h3k27ac, duplicates=duplicates, progress=progress)
    return _written(out, table, len(found))


def elements_from_bigwigs(
    out: Path,
    genes: Sequence[Gene],
    sizes: Mapping[str, int],
    *,
    dnase: Path,
    h3k27ac: Path,
    blacklist: Iterable[Interval],
    peaks: Path | None = None,
    cutoff: float | None = None,
    choices: CandidateChoices | None = None,
    progress: Progress | None = None,
) -> ElementFile:
    """Without reads: peaks of the DNase track, ranked by its sum over them, and sums of both tracks over elements.

    Parameters
    ----------
    out, genes, sizes, blacklist, peaks, choices, progress
        As in `elements_from_bams`.
    dnase, h3k27ac
        Tracks; their sums stand in the table in their own units (`sum_elements`), not as reads per million.
    cutoff
        Of the DNase track, where peaks are called; None: `seq2exp.sources.peaks.DEFAULT_CUTOFF`.

    Raises
    ------
    SourceError, PeakCallError
        What the steps raise.
    """
    told = progress or (lambda _done, _total, _what: None)
    with scratch_beside(out) as scratch:
        if peaks is None:
            told(0, 3, "calling peaks")
            called = scratch / "signal.narrowPeak"
            peaks_from_bigwig(dnase, _whole(sizes), called, cutoff=cutoff, progress=progress)
        found = _in_use(read_peaks(peaks or called), sizes)
    told(1, 3, "ranking peaks")
    sums = signal_sums(dnase, [peak.interval for peak in found], progress=progress)
    elements = candidate_elements(found, sums, sizes, blacklist=blacklist, genes=genes, choices=choices)
    told(2, 3, "summing tracks over elements")
    return _written(out, sum_elements(elements, genes, dnase=dnase, h3k27ac=h3k27ac, progress=progress), len(found))


def _in_use(peaks: Sequence[Peak], sizes: Mapping[str, int]) -> list[Peak]:
    """Peaks on the chromosomes to keep: tracks need not know the others."""
    return [peak for peak in peaks if match_chromosome(peak.interval.chrom, sizes) is not None]


def _whole(sizes: Mapping[str, int]) -> list[Interval]:
    return [Interval(chrom, 0, size) for chrom, size in sizes.items()]


def _written(out: Path, elements: ElementTable, n_peaks: int) -> ElementFile:
    write_elements(out, elements)
    table = elements.table
    widths = table["end"] - table["start"]
    return ElementFile(
        path=out,
        unit=elements.unit,
        n_peaks=n_peaks,
        n_elements=len(table),
        median_bp=float(widths.median()),
        n_promoters=int(table["promoter"].sum()),
        notes=elements.notes,
    )
