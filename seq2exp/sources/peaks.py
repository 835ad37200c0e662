"""DNase peaks: called by MACS3 itself from a bigWig or a BAM, cached by content, laid on bases, compared."""

from __future__ import annotations

import bisect
import functools
import gzip
import hashlib
import math
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyranges
from numpy.typing import NDArray

from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Interval, IntervalOverlap, Region
from seq2exp.sources.bedgraph import Steps, read_steps, union
from seq2exp.sources.bgzf import has_end_block
from seq2exp.sources.macs3 import PeakCall, cache_key, load, peaks_in, run_macs3, store
from seq2exp.sources.remote import Place

__all__ = [
    "DEFAULT_CUTOFF",
    "SHARE_TOLERANCE",
    "PeakCall",
    "call_peaks_bam",
    "call_peaks_bigwig",
    "overlap",
    "rasterise",
]

DEFAULT_CUTOFF = 0.5
"""For read-depth normalised DNase, in cuts per million reads per 150 bp: ten times the genome's mean of 0.05, in
the middle of the useful range 0.2-1.0. MACS3's own default, 5, is meant for -log10 p (data-sources.md 9.3)."""

SHARE_TOLERANCE = 0.001
"""A share further from its target than this is told in the note."""

_GENOMES = ("hs", "mm", "ce", "dm")


def call_peaks_bigwig(
    path: Place,
    intervals: Sequence[Interval],
    *,
    cutoff: float | None = None,
    target_share: float | None = None,
    min_length_bp: int = 150,
    max_gap_bp: int = 75,
    cache_dir: Path,
) -> PeakCall:
    """Peaks of a signal by ``macs3 bdgpeakcall``.

    Parameters
    ----------
    path
        bigWig, on disk or at an address.
    intervals
        Where to call; may overlap and may pass chromosome ends. Silent bases are never in a peak, but a
        silent gap of at most `max_gap_bp` between two peaks is bridged like any other.
    cutoff
        Signal at or above which a base is in a peak; `DEFAULT_CUTOFF` when `target_share` is not given either.
    target_share
        Share of the union of `intervals` that peaks should cover, in 0..1 exclusive: the cut-off is the
        value of the signal whose peaks come nearest to it. `PeakCall.share` says what MACS3 reached.
    min_length_bp, max_gap_bp
        Options ``-l`` and ``-g``.
    cache_dir
        Results are kept here by content; made when absent.

    Returns
    -------
    PeakCall
        Without peaks it is valid and its note says why.

    Raises
    ------
    SettingsError
        No intervals, both or impossible `cutoff` and `target_share`, or lengths out of range.
    SourceError
        The bigWig cannot be read, or lacks a chromosome; RemoteError where a server fails.
    PeakCallError
        MACS3 is not there or failed; carries its last words.
    """
    _check_options(intervals, cutoff, target_share, min_length_bp, max_gap_bp)
    level = DEFAULT_CUTOFF if cutoff is None and target_share is None else cutoff
    steps = read_steps(path, intervals)
    if not (steps.values > 0).any():
        return PeakCall((), level, "", f"{path.name} has no signal above 0 here, so MACS3 had nothing to call", 0.0)
    key = cache_key("bdgpeakcall", steps.digest(), level, target_share, min_length_bp, max_gap_bp)
    cached = load(cache_dir, key)
    if cached is not None:
        return cached
    if level is None:
        level = _cutoff_for(steps, target_share or 0.0, min_length_bp, max_gap_bp)
    arguments = ["bdgpeakcall", "-i", "signal.bdg", "-c", f"{level:.9g}", "-l", str(min_length_bp)]
    arguments += ["-g", str(max_gap_bp), "--no-trackline", "-o", "dnase"]
    with tempfile.TemporaryDirectory(prefix="seq2exp-peaks-") as name:
        (Path(name) / "signal.bdg").write_text(steps.bedgraph(), encoding="ascii")
        run_macs3(arguments, Path(name))
        regions, narrowpeak = peaks_in(Path(name) / "dnase")
    share = _share((region.interval for region in regions), steps)
    notes = [] if regions else [f"no stretch of {min_length_bp} bp or more reaches {level:.4g}"]
    if target_share is not None and abs(share - target_share) > SHARE_TOLERANCE:
        notes.append(f"no cut-off covers {target_share:.2%}; {share:.2%} is nearest")
    made = PeakCall(regions, level, " ".join(["macs3", *arguments]), "; ".join(notes), share)
    store(cache_dir, key, made, narrowpeak)
    return made


def call_peaks_bam(
    path: Path,
    *,
    genome_size: int | str,
    q_value: float = 0.01,
    shift_bp: int = -75,
    extsize_bp: int = 150,
    keep_dup: str = "1",
    cache_dir: Path,
) -> PeakCall:
    """Peaks of DNase alignments by ``macs3 callpeak --nomodel`` (data-sources.md 9.2).

    Parameters
    ----------
    path
        BAM; needs no index.
    genome_size
        Effective genome size in bp, or MACS3's name of one: hs, mm, ce, dm.
    q_value
        False discovery rate, in 0..1 exclusive.
    shift_bp, extsize_bp
        Each read's cut is moved by `shift_bp` and widened to `extsize_bp`: -75 and 150 centre it.
    keep_dup
        Reads kept per place: a whole number, ``auto`` or ``all``.
    cache_dir
        Results are kept here by the file's digest and the options; made when absent.

    Returns
    -------
    PeakCall
        ``share`` is the share of the reference named in the BAM's header.

    Raises
    ------
    SettingsError
        An option out of range.
    SourceError
        Not a BAM, or a truncated one.
    PeakCallError
        MACS3 is not there or failed; carries its last words.
    """
    size = _genome_size(genome_size)
    problems = []
    if not 0 < q_value < 1:
        problems.append(f"q_value must lie between 0 and 1, found {q_value}")
    if extsize_bp < 1:
        problems.append(f"extsize_bp must be at least 1, found {extsize_bp}")
    if keep_dup not in ("auto", "all") and not (keep_dup.isdigit() and int(keep_dup) > 0):
        problems.append(f"keep_dup must be auto, all or a positive whole number, found {keep_dup!r}")
    if problems:
        raise SettingsError(f"peaks from {path.name}: {'; '.join(problems)}")
    reference_bp = _reference_bp(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    key = cache_key("callpeak", digest, size, q_value, shift_bp, extsize_bp, keep_dup)
    cached = load(cache_dir, key)
    if cached is not None:
        return cached
    arguments = ["callpeak", "-f", "BAM", "-g", size, "--nomodel", "--shift", str(shift_bp)]
    arguments += ["--extsize", str(extsize_bp), "--keep-dup", keep_dup, "-q", f"{q_value:g}", "-n", "dnase"]
    with tempfile.TemporaryDirectory(prefix="seq2exp-peaks-") as name:
        run_macs3([*arguments, "-t", str(path.resolve()), "--tempdir", name], Path(name))
        regions, narrowpeak = peaks_in(Path(name) / "dnase_peaks.narrowPeak")
    covered = sum(interval.width for interval in union(region.interval for region in regions))
    note = "" if regions else f"MACS3 found no peak in {path.name} at q {q_value:g}"
    command = " ".join(["macs3", *arguments, "-t", path.name])
    made = PeakCall(regions, None, command, note, covered / reference_bp)
    store(cache_dir, key, made, narrowpeak)
    return made


def rasterise(regions: Iterable[Region], interval: Interval) -> NDArray[np.bool_]:
    """(interval.width,) True where a base of ``interval`` lies in a region; index 0 is ``interval.start``."""
    covered = np.zeros(interval.width, dtype=bool)
    for region in regions:
        shared = region.interval.intersect(interval)
        if shared is not None:
            covered[shared.start - interval.start : shared.end - interval.start] = True
    return covered


def overlap(elements: Sequence[Interval], peaks: Sequence[Interval], window: Interval) -> IntervalOverlap:
    """How two sets of intervals share a window.

    Both are clipped to ``window`` and each is merged (touching ones too) before anything is counted, so that
    no base and no element counts twice. A ratio whose base is empty is NaN.
    """
    ours, theirs = _ranges(_within(elements, window)), _ranges(_within(peaks, window))
    elements_bp, peaks_bp = _bases(ours), _bases(theirs)
    shared_bp = _bases(ours.intersect(theirs))
    return IntervalOverlap(
        n_elements=len(ours),
        n_peaks=len(theirs),
        elements_bp=elements_bp,
        peaks_bp=peaks_bp,
        shared_bp=shared_bp,
        window_bp=window.width,
        jaccard=_ratio(shared_bp, elements_bp + peaks_bp - shared_bp),
        precision=_ratio(shared_bp, elements_bp),
        recall=_ratio(shared_bp, peaks_bp),
        element_precision=_ratio(len(ours.overlap(theirs)), len(ours)),
        element_recall=_ratio(len(theirs.overlap(ours)), len(theirs)),
    )


def _within(intervals: Iterable[Interval], window: Interval) -> Iterator[Interval]:
    """The parts of ``intervals`` inside ``window``, counted from its start: pyranges takes no negative places."""
    parts = (interval.intersect(window) for interval in intervals)
    return (part.shift(-window.start) for part in parts if part is not None)


def _ranges(intervals: Iterable[Interval]) -> pyranges.PyRanges:
    """``intervals`` merged."""
    parts = list(intervals)
    table = pd.DataFrame(
        {
            "Chromosome": [part.chrom for part in parts],
            "Start": np.array([part.start for part in parts], dtype=np.int64),
            "End": np.array([part.end for part in parts], dtype=np.int64),
        }
    )
    return pyranges.PyRanges(table).merge()


def _bases(ranges: pyranges.PyRanges) -> int:
    return int(ranges.lengths().sum()) if len(ranges) else 0


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _check_options(
    intervals: Sequence[Interval],
    cutoff: float | None,
    target_share: float | None,
    min_length_bp: int,
    max_gap_bp: int,
) -> None:
    """SettingsError naming everything that is wrong with the options of `call_peaks_bigwig`."""
    problems = []
    if not intervals:
        problems.append("no intervals given")
    if cutoff is not None and target_share is not None:
        problems.append("give cutoff or target_share, not both")
    if cutoff is not None and not (math.isfinite(cutoff) and cutoff > 0):
        problems.append(f"cutoff must be finite and positive, found {cutoff}")
    if target_share is not None and not 0 < target_share < 1:
        problems.append(f"target_share must lie between 0 and 1, found {target_share}")
    if min_length_bp < 1:
        problems.append(f"min_length_bp must be at least 1, found {min_length_bp}")
    if max_gap_bp < 0:
        problems.append(f"max_gap_bp must not be negative, found {max_gap_bp}")
    if problems:
        raise SettingsError(f"peak settings: {'; '.join(problems)}")


def _genome_size(value: int | str) -> str:
    """MACS3's ``-g`` argument, checked."""
    text = str(value)
    if text in _GENOMES:
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 1):
        raise SettingsError(f"genome_size must be a number of bp or one of {', '.join(_GENOMES)}, found {value!r}")
    return text


def _share(peaks: Iterable[Interval], steps: Steps) -> float:
    """Share of the union's bases under ``peaks``."""
    # pyranges takes no negative places; no base before the chromosome's first is in a peak.
    inside = (Interval(i.chrom, max(i.start, 0), i.end) for i in steps.union if i.end > 0)
    return _bases(_ranges(peaks).intersect(_ranges(inside))) / steps.total_bp


def _expected_peaks(steps: Steps, cutoff: float, min_length_bp: int, max_gap_bp: int) -> list[Interval]:
    """The peaks MACS3 will call: runs at or above ``cutoff``, joined over small gaps, short ones dropped."""
    kept = steps.values >= np.float32(cutoff)
    starts, ends, chroms = steps.starts[kept], steps.ends[kept], np.repeat(steps.chroms, steps.lengths)[kept]
    if not len(starts):
        return []
    first = np.concatenate([[True], (starts[1:] - ends[:-1] > max_gap_bp) | (chroms[1:] != chroms[:-1])])
    last = np.append(first[1:], True)
    joined = zip(chroms[first].tolist(), starts[first].tolist(), ends[last].tolist(), strict=True)
    return [Interval(*place) for place in joined if place[2] - place[1] >= min_length_bp]


def _cutoff_for(steps: Steps, target_share: float, min_length_bp: int, max_gap_bp: int) -> float:
    """The value of the signal whose peaks come nearest to ``target_share``.

    The search follows MACS3's rule in NumPy, because each run of MACS3 costs 0.3 s; MACS3 calls at what it finds.
    """
    levels = np.unique(steps.values[steps.values > 0]).tolist()

    @functools.cache
    def share(index: int) -> float:
        return _share(_expected_peaks(steps, levels[index], min_length_bp, max_gap_bp), steps)

    # The higher the cut-off, the less is covered, merging and dropping included: what stays lies within what was.
    above = bisect.bisect_left(range(len(levels)), -target_share, key=lambda index: -share(index))
    candidates = [index for index in (above - 1, above) if 0 <= index < len(levels)]
    return float(levels[min(candidates, key=lambda index: abs(share(index) - target_share))])


def _reference_bp(path: Path) -> int:
    """Length of the reference in a BAM's header (SAM specification 4.2); SourceError unless the file is whole."""
    try:
        with path.open("rb") as packed:
            whole = has_end_block(packed)
        with gzip.open(path, "rb") as bam:

            def take(count: int) -> bytes:
                found = bam.read(max(count, 0))
                if len(found) != count:
                    raise EOFError("its header is cut short")
                return found

            def number() -> int:
                return int.from_bytes(take(4), "little", signed=True)

            if bam.read(4) != b"BAM\1":
                raise SourceError(f"{path}: not a BAM: its unpacked content does not start with BAM\\1")
            take(number())  # the header's text
            lengths = []
            for _ in range(number()):
                take(number())  # a reference sequence's name
                lengths.append(number())
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such BAM") from error
    except (EOFError, OSError, zlib.error) as error:
        raise SourceError(f"{path}: not a BAM, or a truncated one ({error})") from error
    if not whole:
        raise SourceError(f"{path}: a truncated BAM: the block that marks its end is missing; fetch it again")
    if sum(lengths) <= 0:
        raise SourceError(f"{path}: the BAM's header names no reference sequence")
    return sum(lengths)
