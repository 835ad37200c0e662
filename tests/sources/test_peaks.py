"""Peaks equal MACS3's own."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from Bio import bgzf
from numpy.typing import NDArray

from seq2exp.errors import PeakCallError, SettingsError, SourceError
from seq2exp.genome import Interval, Region
from seq2exp.sources import macs3, peaks
from seq2exp.sources.bedgraph import read_steps
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.peaks import call_peaks_bam, call_peaks_bigwig, rasterise

SIZES = {"chr1": 60_000, "chr2": 20_000}
WHOLE = [Interval(chrom, 0, size) for chrom, size in SIZES.items()]


def own_command_line(folder: Path, *arguments: str) -> None:
    script = Path(sysconfig.get_path("scripts")) / "macs3"
    subprocess.run([sys.executable, str(script), *arguments], cwd=folder, check=True, capture_output=True)


def places(path: Path) -> list[tuple[str, int, int, float]]:
    rows = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith(("#", "track"))]
    return [(row[0], int(row[1]), int(row[2]), float(row[4])) for row in rows]


def places_of(regions: tuple[Region, ...]) -> list[tuple[str, int, int, float]]:
    return [(r.interval.chrom, r.interval.start, r.interval.end, r.score) for r in regions]


def signal_of(chrom: str) -> NDArray[np.float32]:
    """DNase-like: a low floor in 20-bp steps, sites of many heights, and one silent stretch."""
    rng = np.random.default_rng(SIZES[chrom])
    centres = np.arange(0, SIZES[chrom], 20) + 10
    values = rng.gamma(4, 0.0125, len(centres))
    for centre, height in zip(rng.integers(500, SIZES[chrom] - 500, 25), rng.lognormal(0, 1, 25), strict=True):
        values += height * np.exp(-0.5 * ((centres - centre) / 60) ** 2)
    signal = np.repeat(values, 20).astype(np.float32)
    signal[9_000:9_700] = np.nan
    return signal


@pytest.fixture(scope="module")
def bigwig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("peaks") / "dnase.bw"
    with pyBigWig.open(str(path), "w") as out:
        out.addHeader(list(SIZES.items()))
        for chrom in SIZES:
            steps = signal_of(chrom)[::20]
            starts = np.flatnonzero(~np.isnan(steps)) * 20
            out.addEntries(
                [chrom] * len(starts), starts.tolist(), ends=(starts + 20).tolist(), values=steps[starts // 20].tolist()
            )
    return path


def write_bedgraph(path: Path, chrom: str, start: int, values: NDArray[np.float32]) -> None:
    """One line per base, silent bases as 0: MACS3 would fill a hole with the value after it."""
    filled = np.nan_to_num(values)
    path.write_text("".join(f"{chrom}\t{start + i}\t{start + i + 1}\t{v:.9g}\n" for i, v in enumerate(filled.tolist())))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments of every MACS3 run."""
    seen: list[list[str]] = []

    def counted(arguments: list[str], folder: Path) -> None:
        seen.append(arguments)
        macs3.run_macs3(arguments, folder)

    monkeypatch.setattr(peaks, "run_macs3", counted)
    return seen


@pytest.mark.parametrize("cutoff", [0.3, 1.0])
def test_peaks_equal_macs3s_own_command_line(bigwig: Path, tmp_path: Path, cutoff: float) -> None:
    made = call_peaks_bigwig(bigwig, [Interval("chr1", 300, 59_000)], cutoff=cutoff, cache_dir=tmp_path / "cache")
    write_bedgraph(tmp_path / "x.bdg", "chr1", 300, signal_of("chr1")[300:59_000])
    own_command_line(
        tmp_path, "bdgpeakcall", "-i", "x.bdg", "-c", str(cutoff), "-l", "150", "-g", "75", "-o", "own.narrowPeak"
    )
    assert len(made.regions) > 5
    assert places_of(made.regions) == places(tmp_path / "own.narrowPeak")
    assert made.cutoff == cutoff
    assert made.note == ""
    assert made.command.startswith(f"macs3 bdgpeakcall -i signal.bdg -c {cutoff:g} -l 150 -g 75")


def test_other_lengths_and_gaps_reach_macs3(bigwig: Path, tmp_path: Path) -> None:
    made = call_peaks_bigwig(
        bigwig, WHOLE[1:], cutoff=0.4, min_length_bp=260, max_gap_bp=300, cache_dir=tmp_path / "cache"
    )
    write_bedgraph(tmp_path / "x.bdg", "chr2", 0, signal_of("chr2"))
    own_command_line(tmp_path, "bdgpeakcall", "-i", "x.bdg", "-c", "0.4", "-l", "260", "-g", "300", "-o", "own")
    assert places_of(made.regions) == places(tmp_path / "own")
    assert made.regions != call_peaks_bigwig(bigwig, WHOLE[1:], cutoff=0.4, cache_dir=tmp_path / "cache").regions


def test_without_options_the_documented_cutoff_is_used(bigwig: Path, tmp_path: Path) -> None:
    made = call_peaks_bigwig(bigwig, WHOLE, cache_dir=tmp_path)
    assert made.cutoff == peaks.DEFAULT_CUTOFF == 0.5
    covered = np.concatenate([rasterise(made.regions, interval) for interval in WHOLE])
    assert made.share == pytest.approx(covered.mean())
    assert [r.interval for r in made.regions] == sorted(r.interval for r in made.regions)


def test_silent_stretches_and_gaps_between_intervals_hold_no_peak(tmp_path: Path) -> None:
    with pyBigWig.open(str(tmp_path / "x.bw"), "w") as out:
        out.addHeader([("chr1", 10_000)])
        out.addEntries(["chr1"] * 2, [1_000, 4_000], ends=[1_400, 4_400], values=[2.0, 3.0])
        out.addEntries(["chr1"], [6_000], ends=[9_000], values=[5.0])
    given_intervals = [Interval("chr1", 8_000, 12_000), Interval("chr1", -500, 5_000), Interval("chr1", 4_100, 6_500)]
    made = call_peaks_bigwig(tmp_path / "x.bw", given_intervals, cutoff=1.0, cache_dir=tmp_path / "cache")
    assert [(r.interval.start, r.interval.end) for r in made.regions] == [
        (1_000, 1_400),
        (4_000, 4_400),
        (6_000, 6_500),
        (8_000, 9_000),
    ]
    assert [r.score for r in made.regions] == [20, 30, 50, 50]
    assert made.share == pytest.approx((400 + 400 + 500 + 1_000) / (7_000 + 4_000))


def test_a_hit_in_the_cache_does_not_run_macs3(bigwig: Path, tmp_path: Path, runs: list[list[str]]) -> None:
    first = call_peaks_bigwig(bigwig, WHOLE, cutoff=0.7, cache_dir=tmp_path)
    assert len(runs) == 1
    start = time.perf_counter()
    again = call_peaks_bigwig(bigwig, list(reversed(WHOLE)), cutoff=0.7, cache_dir=tmp_path)
    assert time.perf_counter() - start < 0.5
    assert len(runs) == 1
    assert again == first
    moved = tmp_path / "moved.bw"
    moved.write_bytes(bigwig.read_bytes())
    assert call_peaks_bigwig(moved, WHOLE, cutoff=0.7, cache_dir=tmp_path) == first
    assert len(runs) == 1  # content counts, not the name
    call_peaks_bigwig(bigwig, WHOLE, cutoff=0.8, cache_dir=tmp_path)
    call_peaks_bigwig(bigwig, WHOLE[:1], cutoff=0.7, min_length_bp=200, cache_dir=tmp_path)
    assert len(runs) == 3
    assert sorted({path.suffix for path in tmp_path.iterdir()}) == [".bw", ".narrowPeak"]


def test_cached_entries_keep_macs3s_own_columns(bigwig: Path, tmp_path: Path) -> None:
    made = call_peaks_bigwig(bigwig, WHOLE, cutoff=0.7, cache_dir=tmp_path)
    (entry,) = tmp_path.iterdir()
    rows = [line.split("\t") for line in entry.read_text().splitlines()[1:]]
    assert len(rows) == len(made.regions)
    assert all(len(row) == 10 and 0 <= int(row[9]) < int(row[2]) - int(row[1]) for row in rows)


def test_a_damaged_cache_entry_is_named(bigwig: Path, tmp_path: Path) -> None:
    call_peaks_bigwig(bigwig, WHOLE, cutoff=0.7, cache_dir=tmp_path)
    (entry,) = tmp_path.iterdir()
    entry.write_text("chr1\t5\n")
    with pytest.raises(PeakCallError, match=rf"{entry.name}: damaged cache entry .* delete it"):
        call_peaks_bigwig(bigwig, WHOLE, cutoff=0.7, cache_dir=tmp_path)


@pytest.mark.parametrize("target", [0.1361, 0.4])
def test_target_share_is_reached_and_recorded(
    bigwig: Path, tmp_path: Path, runs: list[list[str]], target: float
) -> None:
    made = call_peaks_bigwig(bigwig, WHOLE, target_share=target, cache_dir=tmp_path)
    assert made.cutoff is not None
    assert len(runs) == 1
    covered = np.concatenate([rasterise(made.regions, interval) for interval in WHOLE])
    assert made.share == pytest.approx(covered.mean())
    assert abs(made.share - target) <= 0.005
    same = call_peaks_bigwig(bigwig, WHOLE, cutoff=made.cutoff, cache_dir=tmp_path)
    assert same.regions == made.regions
    n_runs = len(runs)
    assert call_peaks_bigwig(bigwig, WHOLE, target_share=target, cache_dir=tmp_path) == made
    assert len(runs) == n_runs


def test_the_search_for_a_cutoff_expects_what_macs3_calls(bigwig: Path, tmp_path: Path) -> None:
    cut = [Interval("chr2", 100, 9_000), Interval("chr1", 200, 30_000), Interval("chr1", 30_050, 50_000)]
    steps = read_steps(bigwig, cut)
    for cutoff in (0.06, 2.0):
        made = call_peaks_bigwig(bigwig, cut, cutoff=cutoff, min_length_bp=120, max_gap_bp=60, cache_dir=tmp_path)
        expected = peaks._expected_peaks(steps, cutoff, 120, 60)
        assert [region.interval for region in made.regions] == sorted(expected)


def test_no_other_cutoff_comes_nearer(tmp_path: Path) -> None:
    heights = [3.0, 2.0, 1.5, 1.2, 1.0]
    with pyBigWig.open(str(tmp_path / "x.bw"), "w") as out:
        out.addHeader([("chr1", 10_000)])
        starts = [1_000 + 1_000 * i for i in range(len(heights))]
        out.addEntries(["chr1"] * 5, starts, ends=[s + 200 + 50 * i for i, s in enumerate(starts)], values=heights)
    place = [Interval("chr1", 0, 10_000)]
    made = call_peaks_bigwig(tmp_path / "x.bw", place, target_share=0.07, cache_dir=tmp_path)
    others = [call_peaks_bigwig(tmp_path / "x.bw", place, cutoff=h, cache_dir=tmp_path).share for h in heights[1:4]]
    assert others == pytest.approx([0.045, 0.075, 0.11])
    assert (made.cutoff, made.share) == (1.5, pytest.approx(0.075))


def test_a_share_that_cannot_be_met_is_told(tmp_path: Path) -> None:
    with pyBigWig.open(str(tmp_path / "x.bw"), "w") as out:
        out.addHeader([("chr1", 10_000)])
        out.addEntries(["chr1"] * 2, [1_000, 4_000], ends=[2_000, 7_000], values=[2.0, 1.0])
    made = call_peaks_bigwig(tmp_path / "x.bw", [Interval("chr1", 0, 10_000)], target_share=0.2, cache_dir=tmp_path)
    assert made.share == pytest.approx(0.1)
    assert made.cutoff == 2.0
    assert made.note == "no cut-off covers 20.00%; 10.00% is nearest"


def test_no_peak_is_a_result(bigwig: Path, tmp_path: Path, runs: list[list[str]]) -> None:
    made = call_peaks_bigwig(bigwig, WHOLE, cutoff=1e6, cache_dir=tmp_path)
    assert (made.regions, made.share, made.note) == ((), 0.0, "no stretch of 150 bp or more reaches 1e+06")
    assert call_peaks_bigwig(bigwig, WHOLE, cutoff=1e6, cache_dir=tmp_path) == made
    silent = call_peaks_bigwig(bigwig, [Interval("chr1", 9_100, 9_600)], cache_dir=tmp_path)
    assert silent.regions == ()
    assert silent.note == "dnase.bw has no signal above 0 here, so MACS3 had nothing to call"
    outside = call_peaks_bigwig(bigwig, [Interval("chr1", -600, -100)], target_share=0.1, cache_dir=tmp_path)
    assert outside.regions == ()
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cutoff": 0.5, "target_share": 0.1}, "give cutoff or target_share, not both"),
        ({"cutoff": math.nan}, "cutoff must be finite and positive, found nan"),
        ({"cutoff": 0.0}, "cutoff must be finite and positive, found 0.0"),
        ({"target_share": 1.0}, "target_share must lie between 0 and 1, found 1.0"),
        ({"min_length_bp": 0}, "min_length_bp must be at least 1, found 0"),
        ({"max_gap_bp": -1}, "max_gap_bp must not be negative, found -1"),
    ],
)
def test_impossible_options_are_refused(bigwig: Path, tmp_path: Path, options: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        call_peaks_bigwig(bigwig, WHOLE, cache_dir=tmp_path, **options)  # type: ignore[arg-type]


def test_sources_that_cannot_serve_are_refused(bigwig: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no intervals given"):
        call_peaks_bigwig(bigwig, [], cache_dir=tmp_path)
    with pytest.raises(SourceError, match="chr9"):
        call_peaks_bigwig(bigwig, [Interval("chr9", 0, 100)], cache_dir=tmp_path)


def test_macs3s_last_words_are_passed_on(tmp_path: Path) -> None:
    with pytest.raises(PeakCallError, match=r"macs3 bdgpeakcall ended with 1: FileNotFoundError.*absent\.bdg"):
        macs3.run_macs3(["bdgpeakcall", "-i", "absent.bdg", "-o", "x"], tmp_path)


def test_macs3_runs_where_python_was_found_by_a_relative_path(
    bigwig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(sys.prefix))
    monkeypatch.setattr(sys, "executable", str(Path(sys.executable).absolute().relative_to(sys.prefix)))
    assert call_peaks_bigwig(bigwig, WHOLE, cutoff=0.7, cache_dir=tmp_path).regions


def test_a_missing_macs3_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(PeakCallError, match="MACS3 is not installed beside"):
        macs3.run_macs3(["bdgpeakcall"], tmp_path)


def write_bam(path: Path, cuts: NDArray[np.int_], reference_bp: int) -> None:
    """A minimal sorted BAM: one chromosome, forward reads of 36 bp starting at ``cuts`` (SAM specification 4.2)."""
    text = f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:{reference_bp}\n".encode()
    name = b"chr1\0"
    with bgzf.BgzfWriter(str(path), "wb") as out:
        out.write(b"BAM\1" + struct.pack("<i", len(text)) + text + struct.pack("<ii", 1, len(name)) + name)
        out.write(struct.pack("<i", reference_bp))
        for number, cut in enumerate(np.sort(cuts).tolist()):
            read = f"r{number}".encode() + b"\0"
            # refID, pos, l_read_name, mapq, bin, n_cigar, flag, l_seq, next_refID, next_pos, tlen
            fixed = struct.pack("<iiBBHHHiiii", 0, cut, len(read), 60, 4681, 1, 0, 36, -1, -1, 0)
            body = fixed + read + struct.pack("<I", 36 << 4) + b"\x11" * 18 + b"\x1e" * 36
            out.write(struct.pack("<i", len(body)) + body)


@pytest.fixture(scope="module")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bam") / "dnase.bam"
    rng = np.random.default_rng(0)
    sites = np.concatenate([rng.normal(centre, 40, 120) for centre in (20_000, 50_000, 71_000)])
    write_bam(path, np.concatenate([sites.astype(int), rng.integers(0, 99_000, 800)]), 100_000)
    return path


def test_bam_peaks_equal_macs3s_own_command_line(bam: Path, tmp_path: Path, runs: list[list[str]]) -> None:
    made = call_peaks_bam(bam, genome_size=100_000, cache_dir=tmp_path / "cache")
    options = [
        "callpeak",
        "-f",
        "BAM",
        "-g",
        "100000",
        "--nomodel",
        "--shift",
        "-75",
        "--extsize",
        "150",
        "--keep-dup",
        "1",
        "-q",
        "0.01",
        "-n",
        "own",
    ]
    own_command_line(tmp_path, *options, "-t", str(bam))
    assert places_of(made.regions) == places(tmp_path / "own_peaks.narrowPeak")
    centres = [(r.interval.start + r.interval.end) / 2 for r in made.regions]
    assert [round(centre, -3) for centre in centres] == [20_000, 50_000, 71_000]
    assert made.share == sum(r.interval.width for r in made.regions) / 100_000
    assert made.cutoff is None
    assert made.command.startswith("macs3 callpeak -f BAM -g 100000 --nomodel --shift -75 --extsize 150 --keep-dup 1")
    assert len(runs) == 1
    copy = tmp_path / "copy.bam"
    copy.write_bytes(bam.read_bytes())
    assert call_peaks_bam(copy, genome_size=100_000, cache_dir=tmp_path / "cache") == made
    assert len(runs) == 1
    call_peaks_bam(bam, genome_size=100_000, keep_dup="all", cache_dir=tmp_path / "cache")
    assert len(runs) == 2


def test_bam_without_peaks_is_a_result(tmp_path: Path) -> None:
    write_bam(tmp_path / "flat.bam", np.arange(0, 90_000, 90), 100_000)
    made = call_peaks_bam(tmp_path / "flat.bam", genome_size=100_000, cache_dir=tmp_path)
    assert (made.regions, made.share) == ((), 0.0)
    assert made.note == "MACS3 found no peak in flat.bam at q 0.01"


def test_bad_bams_and_options_are_refused(bam: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such BAM"):
        call_peaks_bam(tmp_path / "absent.bam", genome_size="hs", cache_dir=tmp_path)
    content = bam.read_bytes()
    (tmp_path / "cut.bam").write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match="truncated"):
        call_peaks_bam(tmp_path / "cut.bam", genome_size="hs", cache_dir=tmp_path)
    (tmp_path / "foreign.bam").write_text("chr1\t1\t2\n")
    with pytest.raises(SourceError, match="not a BAM"):
        call_peaks_bam(tmp_path / "foreign.bam", genome_size="hs", cache_dir=tmp_path)
    with bgzf.BgzfWriter(str(tmp_path / "text.bam"), "wb") as out:
        out.write(b"chr1\t1\t2\n")
    with pytest.raises(SourceError, match=r"does not start with BAM\\1"):
        call_peaks_bam(tmp_path / "text.bam", genome_size="hs", cache_dir=tmp_path)
    with pytest.raises(SettingsError, match="genome_size must be a number of bp or one of hs, mm, ce, dm, found 'xx'"):
        call_peaks_bam(bam, genome_size="xx", cache_dir=tmp_path)
    with pytest.raises(SettingsError, match=r"q_value must lie between 0 and 1, found 2; .*found 'some'"):
        call_peaks_bam(bam, genome_size="hs", q_value=2, keep_dup="some", cache_dir=tmp_path)


@pytest.mark.real
def test_real_dnase_equals_macs3s_own_command_line(real_dir: Path, tmp_path: Path) -> None:
    chrom, _, _, _, _, _, start, end = (real_dir / "windows.bed").read_text().splitlines()[0].split("\t")
    window = Interval(chrom, int(start), int(end))
    track = sorted(real_dir.glob("dnase_*.bw"))[0]
    made = call_peaks_bigwig(track, [window], target_share=0.1361, cache_dir=tmp_path / "cache")
    assert made.cutoff is not None
    write_bedgraph(tmp_path / "x.bdg", window.chrom, window.start, read_signal(track, window))
    own_command_line(
        tmp_path, "bdgpeakcall", "-i", "x.bdg", "-c", f"{made.cutoff:.9g}", "-l", "150", "-g", "75", "-o", "own"
    )
    assert made.regions
    assert places_of(made.regions) == places(tmp_path / "own")
    assert abs(made.share - 0.1361) < 0.01
