"""Peaks of a whole data set: the same as called in memory, at the cut-off for the share, and from reads."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from seq2exp.errors import PeakCallError, SettingsError, SourceError
from seq2exp.genome import Gene, Interval
from seq2exp.processing import peak_cutoff, peak_files
from seq2exp.processing.peak_cutoff import Covered, SignalRuns, cutoff_for
from seq2exp.processing.peak_files import CALLPEAK, peaks_from_bam, peaks_from_bigwig
from seq2exp.sources.annotation import read_regions
from seq2exp.sources.bigwig import bigwig_sizes
from seq2exp.sources.peaks import call_peaks_bam, call_peaks_bigwig
from seq2exp.sources.tables import read_gene_table
from seq2exp.synthetic.generate import synthesize


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Interval]]:
    """A synthetic folder with reads, and the windows of its genes, which overlap and pass chromosome ends."""
    folder = synthesize("tiny", tmp_path_factory.mktemp("peaks") / "tiny", bam=True).parent
    genes = read_gene_table(folder / "genes.tsv")
    return folder, [gene.window(6_000) for gene in genes if gene.chrom in ("chr1", "chrX")]


def test_covered_bases_equal_a_count_base_by_base() -> None:
    windows = [Interval("chr1", 50, 60), Interval("chr1", 10, 20), Interval("chr1", 15, 30), Interval("chr1", 60, 61)]
    covered = Covered.of(windows)
    inside = np.zeros(100, dtype=bool)
    for window in windows:
        inside[window.start : window.end] = True
    assert covered.total_bp == inside.sum() == 31
    for start, end in itertools.combinations(range(100), 2):
        assert covered.bases(np.array([start]), np.array([end])) == inside[start:end].sum()
    assert covered.bases(np.array([0, 55]), np.array([12, 100])) == inside[0:12].sum() + inside[55:].sum()


@pytest.mark.parametrize("choice", [{"target_share": 0.12}, {"cutoff": 0.8}])
def test_whole_files_hold_what_is_called_in_memory(
    cell: tuple[Path, list[Interval]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: dict[str, float]
) -> None:
    folder, windows = cell
    track = folder / "SynK.dnase.bw"
    monkeypatch.setattr(peak_cutoff, "_PIECE_BP", 777)  # runs are cut at every edge, as on a chromosome of 250 Mb
    steps: list[str] = []
    made = peaks_from_bigwig(
        track, windows, tmp_path / "a.narrowPeak", progress=lambda *step: steps.append(step[2]), **choice
    )
    sizes = bigwig_sizes(track)
    clipped = [
        place for window in windows if (place := window.intersect(Interval(window.chrom, 0, sizes[window.chrom])))
    ]
    whole = call_peaks_bigwig(track, clipped, cache_dir=tmp_path / "cache", **choice)
    written = read_regions(made.path)
    assert sorted((r.interval, r.score) for r in written) == sorted((r.interval, r.score) for r in whole.regions)
    assert (made.cutoff, made.n_peaks) == (whole.cutoff, len(whole.regions))
    assert made.share == pytest.approx(whole.share, abs=1e-12)
    assert made.windows_bp == sum(place.width for place in peak_files.union(clipped))
    assert [region.name for region in written] == [f"peak_{number}" for number in range(1, len(written) + 1)]
    assert {word.split()[0] for word in steps} >= {"reading", "calling"}
    if "target_share" in choice:
        return
    again = peaks_from_bigwig(track, windows, tmp_path / "b.narrowPeak", **choice)
    assert again.path.read_bytes() == made.path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.narrowPeak", "b.narrowPeak", "cache"]


def test_the_cutoff_is_the_value_nearest_to_the_share(tmp_path: Path) -> None:
    """Against every value of a small signal, one after the other."""
    rng = np.random.default_rng(5)
    track = tmp_path / "a.bw"
    values = {
        chrom: np.round(rng.gamma(1, 1, size), 1).astype(np.float32) for chrom, size in (("c1", 300), ("c2", 200))
    }
    with pyBigWig.open(str(track), "w") as out:
        out.addHeader([(chrom, 20 * len(found)) for chrom, found in values.items()])
        for chrom, found in values.items():
            out.addEntries(chrom, 0, values=found, span=20, step=20)
    windows = {"c1": [Interval("c1", 100, 3_000), Interval("c1", 3_050, 5_500)], "c2": [Interval("c2", 0, 4_000)]}

    def runs() -> SignalRuns:
        scratch = tmp_path / f"runs{len(list(tmp_path.iterdir()))}"
        scratch.mkdir()
        found = SignalRuns(scratch)
        for chrom, places in windows.items():
            found.add(track, chrom, places)
        return found

    whole = runs()
    levels = np.unique(np.concatenate(list(whole.values())))
    shares = {float(level): whole.share(float(level), 40, 20) for level in levels}
    for target in (0.02, 0.136, 0.3, 0.5, 0.9):
        found = cutoff_for(runs(), target, 40, 20)
        nearest = min(abs(share - target) for share in shares.values())
        assert abs(shares[found] - target) == nearest
    assert cutoff_for(runs(), 0.9999, 40, 20) == levels[0]


def test_from_reads_with_named_options(cell: tuple[Path, list[Interval]], tmp_path: Path) -> None:
    folder, windows = cell
    bam = folder / "SynK.dnase.bam"
    made = {name: peaks_from_bam(bam, windows, tmp_path / f"{name}.narrowPeak", options=name, genome_size="130000")
            for name in CALLPEAK}  # fmt: skip
    own = call_peaks_bam(bam, genome_size="130000", cache_dir=tmp_path / "cache")
    assert sorted(r.interval for r in read_regions(made["mask"].path)) == sorted(
        r.interval for r in own.regions if r.interval.chrom in {window.chrom for window in windows}
    )
    assert "-p 0.1 --call-summits -n dnase -t SynK.dnase.bam" in made["abc"].command
    assert "--shift -100 --extsize 200" in made["cut_sites"].command
    assert made["abc"].share > made["mask"].share > 0.05
    assert made["mask"].cutoff is None
    some = peaks_from_bam(bam, windows, tmp_path / "some.narrowPeak", genome_size="130000", target_share=0.05)
    assert some.cutoff is not None
    kept, called = (
        [line.split("\t") for line in path.read_text().splitlines()] for path in (some.path, made["mask"].path)
    )
    places = [(row[0], row[1], row[2], row[7]) for row in called if float(row[7]) >= some.cutoff]
    assert [(row[0], row[1], row[2], row[7]) for row in kept] == places
    # One peak more or less is further from the share.
    covered = some.share * some.windows_bp
    levels = sorted({float(row[7]) for row in called})
    at = levels.index(some.cutoff)
    for level in levels[at - 1 : at] + levels[at + 1 : at + 2]:
        other = sum(int(row[2]) - int(row[1]) for row in called if float(row[7]) >= level)
        assert abs(other - 0.05 * some.windows_bp) >= abs(covered - 0.05 * some.windows_bp) - 1


def test_what_cannot_be_called(
    cell: tuple[Path, list[Interval]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, windows = cell
    track, bam, out = folder / "SynK.dnase.bw", folder / "SynK.dnase.bam", tmp_path / "p.narrowPeak"
    elsewhere = [Gene("G", "G", "chr9", 5_000, "+").window(2_000)]
    with pytest.raises(SettingsError, match="give cutoff or target_share, not both"):
        peaks_from_bigwig(track, windows, out, cutoff=1.0, target_share=0.1)
    with pytest.raises(SettingsError, match=r"no windows given; target_share must lie between 0 and 1, found 1\.5"):
        peaks_from_bam(bam, [], out, target_share=1.5)
    with pytest.raises(SourceError, match=r"SynK\.dnase\.bw: has none of the windows' chromosomes \(chr9\)"):
        peaks_from_bigwig(track, elsewhere, out)
    with pytest.raises(SourceError, match=r"SynK\.dnase\.bam: has none of the windows' chromosomes \(chr9\)"):
        peaks_from_bam(bam, elsewhere, out)
    some = peaks_from_bigwig(track, [*windows[:3], *elsewhere], out, cutoff=1e6)
    assert some.notes == ("no chr9 in SynK.dnase.bw: no peaks there", "no stretch of 150 bp or more reaches 1e+06")
    assert (some.n_peaks, some.share, out.read_text()) == (0, 0, "")
    out.write_text("kept\n")

    def fails(arguments: list[str], folder: Path) -> None:
        raise PeakCallError(f"macs3 {arguments[0]} ended with 1 in {folder.name}")

    monkeypatch.setattr(peak_files, "run_macs3", fails)
    with pytest.raises(PeakCallError, match="macs3 bdgpeakcall ended with 1"):
        peaks_from_bigwig(track, windows, out)
    assert out.read_text() == "kept\n"  # what stood there stays, and nothing else is left
    assert [path.name for path in tmp_path.iterdir()] == ["p.narrowPeak"]
