"""Places on a genome and what stands there: values without files, 0-based and half-open throughout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from seq2exp.errors import SettingsError

Strand = Literal["+", "-"]

_LOCUS = re.compile(r"^\s*(?P<chrom>[\w.]+)\s*[:\s]\s*(?P<start>[\d,]+)\s*(?:-|\.\.|\s)\s*(?P<end>[\d,]+)\s*$")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Bases ``start`` to ``end - 1`` (0-based) of one chromosome; may run past its ends.

    ``str()`` gives the 1-based closed form with thousands separators that browsers show.
    """

    chrom: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise SettingsError(f"{self.chrom}:{self.start}-{self.end}: an interval needs end > start")

    def __str__(self) -> str:
        return f"{self.chrom}:{self.start + 1:,}-{self.end:,}"

    @classmethod
    def parse(cls, text: str) -> Interval:
        """The interval of a 1-based closed locus such as ``chr11:5,225,000-5,325,000``.

        Commas, ``..`` and white space are accepted. Raises SettingsError on anything else.
        """
        match = _LOCUS.match(text)
        if match is None:
            raise SettingsError(f"{text!r} is not a locus; write it like chr11:5,225,000-5,325,000")
        start, end = (int(match[name].replace(",", "")) for name in ("start", "end"))
        if start < 1 or end < start:
            raise SettingsError(f"{text!r}: a locus is 1-based and its end is not before its start")
        return cls(match["chrom"], start - 1, end)

    @property
    def width(self) -> int:
        """Number of bases."""
        return self.end - self.start

    def contains(self, position: int) -> bool:
        """Whether the 0-based ``position`` lies inside."""
        return self.start <= position < self.end

    def overlaps(self, other: Interval) -> bool:
        """Whether at least one base is shared."""
        return self.chrom == other.chrom and self.start < other.end and other.start < self.end

    def intersect(self, other: Interval) -> Interval | None:
        """The shared bases, or None."""
        if not self.overlaps(other):
            return None
        return Interval(self.chrom, max(self.start, other.start), min(self.end, other.end))

    def shift(self, offset_bp: int) -> Interval:
        """The interval moved by ``offset_bp`` (positive: to higher coordinates)."""
        return Interval(self.chrom, self.start + offset_bp, self.end + offset_bp)


@dataclass(frozen=True, slots=True)
class Region:
    """A named stretch with a score: a peak, an element, a blacklisted place. NaN score = none given."""

    interval: Interval
    name: str = ""
    score: float = float("nan")
    strand: Literal["+", "-", "."] = "."


@dataclass(frozen=True, slots=True)
class Gene:
    """A gene and the base its window is centred on.

    ``tss`` is 0-based. ``gene_id`` carries no version. ``start``/``end`` are the gene bounds where known.
    """

    gene_id: str
    symbol: str
    chrom: str
    tss: int
    strand: Strand
    aliases: tuple[str, ...] = ()
    gene_type: str = ""
    start: int | None = None
    end: int | None = None

    def window(self, width_bp: int) -> Interval:
        """[tss - width/2, tss + width/2): index width/2 of it is the TSS base. May pass the chromosome's ends."""
        half = width_bp // 2
        return Interval(self.chrom, self.tss - half, self.tss + width_bp - half)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One transcript: exons in genome order, and the bounds of its coding part (None if non-coding)."""

    transcript_id: str
    gene_id: str
    symbol: str
    strand: Strand
    exons: tuple[Interval, ...]
    cds: tuple[Interval, ...] = ()

    @property
    def interval(self) -> Interval:
        """From the first exon's start to the last exon's end."""
        return Interval(self.exons[0].chrom, self.exons[0].start, self.exons[-1].end)


@dataclass(frozen=True, slots=True)
class IntervalOverlap:
    """How a set of elements and a set of peaks share a window; ratios are NaN where their base is empty.

    By base: ``jaccard`` = shared / union, ``precision`` = shared / elements, ``recall`` = shared / peaks.
    By element: the share of elements (peaks) that meet at least one peak (element).
    """

    n_elements: int
    n_peaks: int
    elements_bp: int
    peaks_bp: int
    shared_bp: int
    window_bp: int
    jaccard: float
    precision: float
    recall: float
    element_precision: float
    element_recall: float

    @property
    def peaks_covered_share(self) -> float:
        """Share of the window under peaks."""
        return self.peaks_bp / self.window_bp


@dataclass(frozen=True)
class Assembly:
    """A genome build: its name and the length of every chromosome in bp."""

    name: str
    chrom_sizes: Mapping[str, int]

    def match(self, chrom: str) -> str | None:
        """This assembly's own name for ``chrom``, or None."""
        return match_chromosome(chrom, self.chrom_sizes)


def match_chromosome(chrom: str, available: Iterable[str]) -> str | None:
    """The name in ``available`` that means ``chrom``: as it stands, or with/without ``chr`` (chrM = MT)."""
    names = set(available)
    bare = chrom[3:] if chrom.startswith("chr") else chrom
    candidates = [chrom, bare, f"chr{bare}"]
    if bare in ("M", "MT"):
        candidates += ["chrM", "MT", "M", "chrMT"]
    return next((name for name in candidates if name in names), None)
