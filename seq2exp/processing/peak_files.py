"""DNase peaks of a whole data set as one narrowPeak file, called by MACS3 at a cut-off for a wanted share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, TextIO

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import PeakCallError, SettingsError, SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.processing.output import Progress, scratch_beside, whole_text
from seq2exp.processing.peak_cutoff import Covered, SignalRuns, cutoff_for, joined
from seq2exp.sources.alignment import artefacts_of, bam_sizes
from seq2exp.sources.bedgraph import union
from seq2exp.sources.bigwig import bigwig_sizes
from seq2exp.sources.macs3 import run_macs3
from seq2exp.sources.peaks import DEFAULT_CUTOFF, SHARE_TOLERANCE

CallOptions = Literal["mask", "abc", "cut_sites"]
CALLPEAK: Mapping[CallOptions, tuple[str, ...]] = {
    "mask": ("--nomodel", "--shift", "-75", "--extsize", "150", "--keep-dup", "1", "-q", "0.01"),
    "abc": ("--nomodel", "--shift", "-75", "--extsize", "150", "--keep-dup", "all", "-p", "0.1", "--call-summits"),
    "cut_sites": ("--nomodel", "--shift", "-100", "--extsize", "200", "--keep-dup", "1", "-q", "0.05"),
}
"""Options of ``macs3 callpeak`` by what they are for (data-sources.md 9.2): mask, our suggestion for a DNase mask; abc,
the lenient call that candidate elements start from; cut_sites, as MACS3's documentation treats cut sites."""

_P_COLUMN = 7
"""Of a narrowPeak: -log10 p."""


@dataclass(frozen=True)
class PeakFile:
    """A narrowPeak file just written and how it came about."""

    path: Path
    n_peaks: int
    cutoff: float | None
    """bigWig: signal at or above which bases are in a peak. BAM: lowest -log10 p kept; None: as called."""
    share: float
    """Share of the union of the windows under peaks, 0..1."""
    windows_bp: int
    """Bases of that union."""
    command: str
    """MACS3's command line, with bare file names."""
    notes: tuple[str, ...]


def peaks_from_bigwig(
    bigwig: Path,
    windows: Sequence[Interval],
    out: Path,
    *,
    cutoff: float | None = None,
    target_share: float | None = None,
    min_length_bp: int = 150,
    max_gap_bp: int = 75,
    progress: Progress | None = None,
) -> PeakFile:
    """Peaks by ``macs3 bdgpeakcall``, one call per chromosome, one cut-off for all.

    Parameters
    ----------
    bigwig
        DNase signal. Of each chromosome its runs of equal signal are kept in a scratch folder beside ``out`` (20 bytes
        each) and one chromosome's are in memory at a time.
    windows
        Of all genes; may overlap and pass chromosome ends. Peaks are called inside them.
    out
        narrowPeak to write; appears whole or not at all.
    cutoff
        None: `DEFAULT_CUTOFF`, or chosen for ``target_share``.
    target_share
        Share of the union of windows to cover; the value of the signal that comes nearest is the cut-off.
    min_length_bp, max_gap_bp
        MACS3's ``-l`` and ``-g`` (data-sources.md 9.3).
    progress
        Told chromosomes read, shares tried and chromosomes called.

    Raises
    ------
    SettingsError
        No windows, both or an impossible cut-off and share, lengths out of range.
    SourceError
        The bigWig cannot be read, has none of the chromosomes, or no signal above 0 in the windows.
    PeakCallError
        MACS3 is not there or failed.
    """
    _check(windows, cutoff, target_share, min_length_bp, max_gap_bp)
    told = progress or (lambda _done, _total, _what: None)
    sizes = bigwig_sizes(bigwig)
    inside, absent = _inside(windows, sizes)
    if not inside:
        raise SourceError(f"{bigwig}: has none of the windows' chromosomes ({', '.join(absent[:10])})")
    with scratch_beside(out) as scratch, whole_text(out) as file:
        runs = SignalRuns(scratch)
        for done, (chrom, places) in enumerate(inside.items()):
            told(done, len(inside), f"reading {chrom}")
            runs.add(bigwig, chrom, places)
        if not any(len(values) for values in runs.values()):
            raise SourceError(f"{bigwig}: no signal above 0 in the windows, so there is nothing to call")
        level = DEFAULT_CUTOFF if cutoff is None else cutoff
        if target_share is not None:
            level = cutoff_for(
                runs, target_share, min_length_bp, max_gap_bp, lambda step: told(step, 32, "choosing the cut-off")
            )
        options = ["bdgpeakcall", "-i", "signal.bdg", "-c", f"{level:.9g}", "-l", str(min_length_bp)]
        options += ["-g", str(max_gap_bp), "--no-trackline", "-o", "peaks"]
        n_peaks = covered = 0
        for done, chrom in enumerate(inside):
            told(done, len(inside), f"calling {chrom}")
            lines = _call(scratch, chrom, runs.of(chrom), level, options)
            covered += _write(file, lines, runs.windows[chrom], n_peaks)
            n_peaks += len(lines)
    windows_bp = sum(found.total_bp for found in runs.windows.values())
    share = covered / windows_bp
    notes = [f"no {', '.join(absent)} in {bigwig.name}: no peaks there"] if absent else []
    if not n_peaks:
        notes.append(f"no stretch of {min_length_bp} bp or more reaches {level:.4g}")
    notes += _share_note(share, target_share)
    return PeakFile(out, n_peaks, level, share, windows_bp, " ".join(["macs3", *options]), tuple(notes))


def peaks_from_bam(
    bam: Path,
    windows: Sequence[Interval],
    out: Path,
    *,
    options: CallOptions = "mask",
    genome_size: str = "hs",
    target_share: float | None = None,
) -> PeakFile:
    """Peaks by ``macs3 callpeak`` with one of the named options of `CALLPEAK`, on the whole file at once.

    Parameters
    ----------
    bam
        DNase alignments; needs no index. MACS3 holds one place per read kept in memory. Peaks that touch a named
        artefact of the file's accession (`seq2exp.sources.alignment.ARTEFACTS`) are left out.
    windows
        Of all genes: peaks on their chromosomes are written, and the share is of their union.
    out
        narrowPeak to write; appears whole or not at all.
    options
        Which of `CALLPEAK`.
    genome_size
        MACS3's ``-g``: hs, or a number of bp.
    target_share
        Keep the most significant peaks (-log10 p) that come nearest to it; None: all that are called.

    Raises
    ------
    SettingsError
        No windows, an unknown option, an impossible share.
    SourceError
        Not a BAM, a truncated one, none of the windows' chromosomes in it.
    PeakCallError
        MACS3 is not there or failed.
    """
    _check(windows, None, target_share, 1, 0)
    if options not in CALLPEAK:
        raise SettingsError(f"peaks from {bam.name}: options must be one of {', '.join(CALLPEAK)}, found {options!r}")
    inside, absent = _inside(windows, bam_sizes(bam))
    if not inside:
        raise SourceError(f"{bam}: has none of the windows' chromosomes ({', '.join(absent[:10])})")
    covers = {chrom: Covered.of(places) for chrom, places in inside.items()}
    arguments = ["callpeak", "-f", "BAM", "-g", genome_size, *CALLPEAK[options], "-n", "dnase"]
    with scratch_beside(out) as scratch:
        run_macs3([*arguments, "-t", str(bam.resolve()), "--tempdir", str(scratch)], scratch)
        called = _lines(scratch / "dnase_peaks.narrowPeak")
    foreign = artefacts_of(bam)
    lines = [line for line in called if line[0] in covers and not any(_place(line).overlaps(spot) for spot in foreign)]
    windows_bp = sum(cover.total_bp for cover in covers.values())
    lowest = _lowest_kept(lines, covers, target_share * windows_bp) if target_share is not None else None
    kept = [line for line in lines if lowest is None or float(line[_P_COLUMN]) >= lowest]
    covered = n_peaks = 0
    with whole_text(out) as file:
        for chrom in covers:
            own = [line for line in kept if line[0] == chrom]
            covered += _write(file, own, covers[chrom], n_peaks)
            n_peaks += len(own)
    notes = [f"no {', '.join(absent)} in {bam.name}: no peaks there"] if absent else []
    notes += [] if n_peaks else [f"MACS3 found no peak in {bam.name}"]
    notes += _share_note(covered / windows_bp, target_share)
    command = " ".join(["macs3", *arguments, "-t", bam.name])
    return PeakFile(out, n_peaks, lowest, covered / windows_bp, windows_bp, command, tuple(notes))


def _check(
    windows: Sequence[Interval], cutoff: float | None, target_share: float | None, min_length_bp: int, max_gap_bp: int
) -> None:
    problems = [] if windows else ["no windows given"]
    if cutoff is not None and target_share is not None:
        problems.append("give cutoff or target_share, not both")
    if cutoff is not None and not 0 < cutoff < np.inf:
        problems.append(f"cutoff must be finite and positive, found {cutoff}")
    if target_share is not None and not 0 < target_share < 1:
        problems.append(f"target_share must lie between 0 and 1, found {target_share}")
    if min_length_bp < 1 or max_gap_bp < 0:
        problems.append(f"min_length_bp {min_length_bp} must be 1 or more, max_gap_bp {max_gap_bp} not negative")
    if problems:
        raise SettingsError(f"peak settings: {'; '.join(problems)}")


def _inside(windows: Sequence[Interval], sizes: Mapping[str, int]) -> tuple[dict[str, list[Interval]], list[str]]:
    """The windows inside each chromosome under the file's own name, in the order of the windows; and what it lacks."""
    inside: dict[str, list[Interval]] = {}
    absent = []
    for chrom in dict.fromkeys(window.chrom for window in windows):
        name = match_chromosome(chrom, sizes)
        if name is None:
            absent.append(chrom)
            continue
        whole = Interval(name, 0, sizes[name])
        own = [Interval(name, window.start, window.end) for window in windows if window.chrom == chrom]
        inside[name] = [part for part in (window.intersect(whole) for window in own) if part is not None]
    return {chrom: places for chrom, places in inside.items() if places}, absent


def _call(folder: Path, chrom: str, runs: NDArray[np.void], cutoff: float, options: list[str]) -> list[list[str]]:
    """What MACS3 calls on one chromosome; signal below the cut-off is written as 0, which changes no peak."""
    kept = runs[runs["value"] >= np.float32(cutoff)]
    if not len(joined(kept, cutoff, 1, 0)[0]):
        return []
    with (folder / "signal.bdg").open("w", encoding="ascii") as file:
        before = 0
        for start, end, value in kept.tolist():
            if start > before:
                file.write(f"{chrom}\t{before}\t{start}\t0\n")
            file.write(f"{chrom}\t{start}\t{end}\t{value:.9g}\n")
            before = end
    (folder / "peaks").unlink(missing_ok=True)
    run_macs3(options, folder)
    return _lines(folder / "peaks")


def _lines(path: Path) -> list[list[str]]:
    if not path.is_file():
        raise PeakCallError(f"macs3 ended well but wrote no {path.name}")
    rows = [line.split("\t") for line in path.read_text(encoding="ascii").splitlines() if line]
    return [row for row in rows if len(row) >= 10]


def _write(file: TextIO, lines: list[list[str]], windows: Covered, before: int) -> int:
    """Writes a chromosome's peaks, numbered through, and says how many bases of the windows they cover."""
    for number, line in enumerate(lines, start=before + 1):
        file.write("\t".join([*line[:3], f"peak_{number}", *line[4:]]) + "\n")
    return _bases(lines, windows)


def _bases(lines: list[list[str]], windows: Covered) -> int:
    merged = union(map(_place, lines))
    return windows.bases(np.array([p.start for p in merged], int), np.array([p.end for p in merged], int))


def _place(line: list[str]) -> Interval:
    return Interval(line[0], int(line[1]), int(line[2]))


def _lowest_kept(lines: list[list[str]], covers: Mapping[str, Covered], target_bp: float) -> float | None:
    """The -log10 p at which the peaks kept cover the number of bases nearest to the target."""
    levels = sorted({float(line[_P_COLUMN]) for line in lines})
    if not levels:
        return None

    def covered(level: float) -> int:
        kept = sorted((line for line in lines if float(line[_P_COLUMN]) >= level), key=lambda line: line[0])
        return sum(_bases(list(own), covers[chrom]) for chrom, own in groupby(kept, key=lambda line: line[0]))

    low, high = 0, len(levels)  # at low enough is covered, unless all is too little
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if covered(levels[middle]) >= target_bp else (low, middle)
    near = [levels[at] for at in (low, low + 1) if at < len(levels)]
    return min(near, key=lambda level: abs(covered(level) - target_bp))


def _share_note(share: float, target_share: float | None) -> list[str]:
    if target_share is None or abs(share - target_share) <= SHARE_TOLERANCE:
        return []
    return [f"no cut-off covers {target_share:.2%}; {share:.2%} is nearest"]
