"""Reads of a BAM counted over regions in one pass, without an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pysam
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.bgzf import END_BLOCK, has_end_block

Duplicates = Literal["keep", "drop"]
"""keep: reads flagged 1024 count like any other, as in ABC and in the published tables. drop: they do not, neither in
regions nor in the library."""

ReadRule = Literal["overlap", "cut"]
"""overlap: a read counts in every region it shares a base with, as in ABC. cut: in those that hold its 5' end."""

ARTEFACTS: dict[str, tuple[Interval, ...]] = {"ENCFF257HEE": (Interval("chr11", 24_159_499, 24_159_550),)}
"""Places whose reads are not of the genome, by accession: 9.76 million untrimmed adapters (data-sources.md 9.1)."""

_DUPLICATE, _UNMAPPED, _REVERSE = 0x400, 0x4, 0x10  # SAM specification 1.4
_CHUNK = 1_000_000
"""Reads held at a time."""


@dataclass(frozen=True, eq=False)
class ReadCounts:
    """Reads of one library over some regions."""

    counts: NDArray[np.int64]
    """(n_regions,) in the order the regions were given; 0 on chromosomes that the header lacks, see `absent`."""
    library_reads: int
    """Aligned reads of the whole file (samtools idxstats counts the same), duplicates as asked, artefacts included."""
    duplicate_reads: int
    """Aligned reads flagged as duplicates, counted or not."""
    artefact_reads: int
    """Reads left out of `counts` because they touch an artefact; the library size keeps them, as in ABC."""
    absent: tuple[str, ...]
    """Chromosomes of regions that the header does not name."""

    @property
    def rpm(self) -> NDArray[np.float64]:
        """(n_regions,) reads per million aligned reads."""
        return self.counts * 1e6 / self.library_reads


def artefacts_of(path: Path) -> tuple[Interval, ...]:
    """The places of `ARTEFACTS` that belong to a file named after its accession; none for another."""
    return next((places for accession, places in ARTEFACTS.items() if accession in path.name), ())


def bam_sizes(path: Path) -> dict[str, int]:
    """Length in bp of every sequence in the header; SourceError when it is no BAM."""
    with _opened(path) as bam:
        return dict(zip(bam.references, bam.lengths, strict=True))


def count_reads(
    path: Path,
    regions: Sequence[Interval],
    *,
    duplicates: Duplicates,
    rule: ReadRule = "overlap",
    artefacts: Sequence[Interval] = (),
    progress: Callable[[int], None] | None = None,
) -> ReadCounts:
    """Reads of ``path`` in each of ``regions``.

    Parameters
    ----------
    path
        BAM; in any order, needs no index. Read once, a million reads at a time, whatever the number of regions.
    regions
        May overlap; chromosomes with or without ``chr``.
    duplicates
        What becomes of reads flagged 1024: ENCODE's DNase BAMs mark them and keep them (data-sources.md 9.1).
    rule
        When a read counts. Secondary and supplementary alignments count like any other; unaligned reads never do.
    artefacts
        Reads that share a base with one of these count in no region.
    progress
        Told the reads gone through so far.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file, no aligned read, no region on a chromosome of the header.
    """
    with _opened(path) as bam:
        names = list(bam.references)
        placed = _Places(names, regions)
        if regions and len(placed.absent) == len({region.chrom for region in regions}):
            raise SourceError(f"{path}: its header names none of {', '.join(placed.absent[:10])}; found {names[:10]}")
        towers = _Places(names, artefacts)
        library = duplicate = dropped = seen = 0
        for chunk in _chunks(path, bam):  # (n, 4): reference, start, end, flag
            seen += len(chunk)
            flagged = (chunk[:, 3] & _DUPLICATE) > 0
            aligned = (chunk[:, 3] & _UNMAPPED) == 0
            duplicate += int((flagged & aligned).sum())
            chunk = chunk[aligned & ~flagged] if duplicates == "drop" else chunk[aligned]
            library += len(chunk)
            foreign = towers.touch(chunk)
            dropped += int(foreign.sum())
            placed.add(chunk[~foreign], rule)
            if progress is not None:
                progress(seen)
    if not library:
        raise SourceError(f"{path}: no aligned read to count among {seen:,}")
    return ReadCounts(placed.counts, library, duplicate, dropped, placed.absent)


class _Places:
    """Regions by reference number, and how many reads met each."""

    def __init__(self, names: Sequence[str], regions: Sequence[Interval]) -> None:
        own = {chrom: match_chromosome(chrom, names) for chrom in {region.chrom for region in regions}}
        self.absent = tuple(sorted(chrom for chrom, name in own.items() if name is None))
        self.counts = np.zeros(len(regions), dtype=np.int64)
        self._by_reference: dict[int, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = {}
        number = {name: at for at, name in enumerate(names)}
        rows: dict[int, list[tuple[int, int, int]]] = {}
        for at, region in enumerate(regions):
            name = own[region.chrom]
            if name is not None:
                rows.setdefault(number[name], []).append((at, region.start, region.end))
        for reference, found in rows.items():
            table = np.array(found, dtype=np.int64)
            self._by_reference[reference] = (table[:, 0], table[:, 1], table[:, 2])

    def add(self, reads: NDArray[np.int64], rule: ReadRule) -> None:
        """Counts a chunk: reads that meet [a, b) are those that start before b less those that end at or before a."""
        for reference, (at, start, end) in self._by_reference.items():
            own = reads[reads[:, 0] == reference]
            if not len(own):
                continue
            if rule == "cut":
                reverse = (own[:, 3] & _REVERSE) > 0
                first = np.sort(np.where(reverse, own[:, 2] - 1, own[:, 1]))
                last = first + 1
            else:
                first, last = np.sort(own[:, 1]), np.sort(own[:, 2])
            self.counts[at] += np.searchsorted(first, end) - np.searchsorted(last, start, side="right")

    def touch(self, reads: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) which reads share a base with any region."""
        met = np.zeros(len(reads), dtype=bool)
        for reference, (_, starts, ends) in self._by_reference.items():
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                met |= (reads[:, 0] == reference) & (reads[:, 1] < end) & (reads[:, 2] > start)
        return met


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The BAM, open, after a look at its first and last bytes."""
    try:
        with path.open("rb") as packed:
            magic = packed.read(2)
            whole = has_end_block(packed)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such BAM") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    if magic == END_BLOCK[:2] and not whole:
        raise SourceError(f"{path}: truncated: the block that ends a whole BAM is missing; fetch it again")
    said = pysam.set_verbosity(0)  # htslib would print what the errors below say
    try:
        try:
            bam = pysam.AlignmentFile(str(path), "rb", check_sq=True)
        except (ValueError, OSError) as error:
            raise SourceError(f"{path}: not a BAM ({' '.join(str(error).split())})") from error
        try:
            yield bam
        finally:
            with suppress(OSError):  # after a failed read closing fails too, and would hide why
                bam.close()
    finally:
        pysam.set_verbosity(said)


def _chunks(path: Path, bam: Any) -> Iterator[NDArray[np.int64]]:
    """(n, 4) reference, start, end (0-based half-open) and flag of the reads, in file order."""
    rows: list[tuple[int, int, int, int]] = []
    try:
        for read in bam.fetch(until_eof=True):
            start = read.reference_start
            rows.append((read.reference_id, start, read.reference_end or start + 1, read.flag))
            if len(rows) == _CHUNK:
                yield np.array(rows, dtype=np.int64)
                rows = []
    except (ValueError, OSError) as error:
        raise SourceError(f"{path}: damaged BAM ({' '.join(str(error).split())}); fetch it again") from error
    yield np.array(rows, dtype=np.int64).reshape(-1, 4)
