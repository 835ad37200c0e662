"""Candidate elements, made from DNase peaks as ABC makes them (data-sources.md 7.2)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Gene, Interval, match_chromosome
from seq2exp.processing.activity import promoters
from seq2exp.sources.bedgraph import union
from seq2exp.sources.text import malformed, read_lines


@dataclass(frozen=True, slots=True)
class CandidateChoices:
    """How candidates are cut out; the values of ABC and of the published elements (data-sources.md 7.2)."""

    strongest: int = 150_000
    """Merged peaks kept, by reads."""
    half_bp: int = 250
    """Bases on each side of a summit."""
    promoter_half_bp: int = 250
    """Bases on each side of a TSS."""

    def __post_init__(self) -> None:
        low = [name for name in ("strongest", "half_bp", "promoter_half_bp") if getattr(self, name) < 1]
        if low:
            raise SettingsError(f"candidate elements: {', '.join(low)} must be at least 1")


@dataclass(frozen=True, slots=True)
class Peak:
    """A peak and its highest base, 0-based."""

    interval: Interval
    summit: int


def read_peaks(path: Path) -> tuple[Peak, ...]:
    """Peaks of a narrowPeak file in file order, with the summits that its tenth column gives.

    Raises
    ------
    SourceError
        Absent or malformed file (with the line number), a peak without a summit inside it, no peaks.
    """
    peaks = []
    for number, line in read_lines(path):
        if not line or line.startswith(("#", "track", "browser")):
            continue
        fields = line.split("\t")
        numbers = [fields[at] for at in (1, 2, 9)] if len(fields) >= 10 else []
        if not all(text.isdigit() for text in numbers) or not numbers:
            raise malformed(
                path, number, "not a narrowPeak line with a summit in column 10; MACS3 callpeak writes them"
            )
        start, end, offset = map(int, numbers)
        if not start <= start + offset < end:
            raise malformed(path, number, f"start {start}, end {end}, summit at {offset}; it must lie inside")
        peaks.append(Peak(Interval(fields[0], start, end), start + offset))
    if not peaks:
        raise SourceError(f"{path}: no peaks in it")
    return tuple(peaks)


def candidate_elements(
    peaks: Sequence[Peak],
    reads: NDArray[np.float64],
    sizes: Mapping[str, int],
    *,
    blacklist: Iterable[Interval],
    genes: Sequence[Gene],
    choices: CandidateChoices | None = None,
) -> tuple[Interval, ...]:
    """The elements, in ABC's order of steps.

    Peaks that touch are merged and ranked by the most reads of any of them; the summits of all peaks in the strongest
    are widened and merged; what meets the blacklist goes whole; promoters are added, blacklisted or not, and merged in.

    Parameters
    ----------
    peaks
        Called leniently (ABC: p 0.1), with summits. Those on chromosomes not in ``sizes`` are left out.
    reads
        (n_peaks,) DNase reads or signal of each; equal ones rank by place.
    sizes
        Chromosomes to keep and their lengths, in the order of the result; elements are clipped to them.
    blacklist, genes
        With or without ``chr``.
    choices
        None: ABC's.

    Returns
    -------
    tuple of Interval
        In the order of ``sizes``, then by start; no two overlap or touch.

    Raises
    ------
    SettingsError
        As many reads as peaks are needed.
    SourceError
        A peak past its chromosome's end.
    """
    chosen = choices or CandidateChoices()
    if len(reads) != len(peaks):
        raise SettingsError(f"{len(peaks)} peaks but reads of {len(reads)}")
    order = {chrom: at for at, chrom in enumerate(sizes)}
    own = named_among(sizes, (peak.interval for peak in peaks))
    placed = sorted(
        ((place, peak.summit, float(count)) for place, peak, count in zip(own, peaks, reads, strict=True) if place),
        key=lambda found: (found[0].chrom, found[0].start, found[0].end, found[1]),
    )
    past = next((place for place, _, _ in placed if place.end > sizes[place.chrom]), None)
    if past is not None:
        raise SourceError(
            f"peak {past} passes the end of {past.chrom}, {sizes[past.chrom]:,} bp; it is of another assembly"
        )
    regions: list[tuple[float, Interval, list[int]]] = []  # reads of the strongest peak, the merged place, summits
    for place, summit, count in placed:
        last = regions[-1] if regions else None
        if last is not None and last[1].chrom == place.chrom and place.start <= last[1].end:
            merged = Interval(place.chrom, last[1].start, max(last[1].end, place.end))
            last[2].append(summit)
            regions[-1] = (max(last[0], count), merged, last[2])
        else:
            regions.append((count, place, [summit]))
    regions.sort(key=lambda region: (-region[0], order[region[1].chrom], region[1].start))
    around = _merged(
        _clipped(sizes, Interval(place.chrom, summit - chosen.half_bp, summit + chosen.half_bp))
        for _, place, summits in regions[: chosen.strongest]
        for summit in summits
    )
    kept = [element for element, met in zip(around, meets(around, _inside(sizes, blacklist)), strict=True) if not met]
    kept += [_clipped(sizes, place) for place in _inside(sizes, promoters(genes, chosen.promoter_half_bp))]
    return tuple(sorted(_merged(kept), key=lambda element: (order[element.chrom], element.start)))


def meets(places: Sequence[Interval], others: Sequence[Interval]) -> NDArray[np.bool_]:
    """(n,) which of ``places`` share a base with any of ``others``; chromosomes are compared as written."""
    by_chrom: dict[str, tuple[list[int], list[int]]] = {}
    for other in _merged(others):
        starts, ends = by_chrom.setdefault(other.chrom, ([], []))
        starts.append(other.start)
        ends.append(other.end)
    met = np.zeros(len(places), dtype=bool)
    for at, place in enumerate(places):
        starts, ends = by_chrom.get(place.chrom, ([], []))
        before = bisect_left(starts, place.end)
        met[at] = before > 0 and ends[before - 1] > place.start
    return met


def named_among(chroms: Collection[str], places: Iterable[Interval]) -> list[Interval | None]:
    """Each place under the name its chromosome has among ``chroms``; None where it has none."""
    own: dict[str, str | None] = {}
    named: list[Interval | None] = []
    for place in places:
        if place.chrom not in own:
            own[place.chrom] = match_chromosome(place.chrom, chroms)
        name = own[place.chrom]
        named.append(place if name == place.chrom else None if name is None else Interval(name, place.start, place.end))
    return named


def _merged(places: Iterable[Interval]) -> tuple[Interval, ...]:
    """`union`, of places put in order by a key: intervals compare slowly one with another."""
    return union(sorted(places, key=lambda place: (place.chrom, place.start, place.end)))


def _inside(sizes: Mapping[str, int], places: Iterable[Interval]) -> list[Interval]:
    """Those that begin on one of the chromosomes."""
    return [place for place in named_among(sizes, places) if place is not None and place.start < sizes[place.chrom]]


def _clipped(sizes: Mapping[str, int], place: Interval) -> Interval:
    return Interval(place.chrom, max(place.start, 0), min(place.end, sizes[place.chrom]))
