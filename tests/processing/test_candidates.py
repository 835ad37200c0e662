"""Candidate elements: steps worked out by hand, tables from reads and from signal, and the published K562 elements."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Gene, Interval
from seq2exp.processing.candidates import CandidateChoices, Peak, candidate_elements, meets, read_peaks
from seq2exp.processing.element_files import elements_from_bams, elements_from_bigwigs
from seq2exp.processing.element_tables import count_elements, signal_sums, sum_elements, write_elements
from seq2exp.processing.peak_files import peaks_from_bam
from seq2exp.sources.alignment import bam_sizes, count_reads
from seq2exp.sources.annotation import read_regions
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.element_counts import read_elements
from seq2exp.sources.tables import read_gene_table
from seq2exp.synthetic.generate import synthesize

SIZES = {"chr2": 10_000, "chr10": 5_000}


def peak(chrom: str, start: int, end: int, summit: int) -> Peak:
    return Peak(Interval(chrom, start, end), summit)


PEAKS = [
    peak("chr10", 4_800, 4_950, 4_900),  # clipped at the chromosome's end
    peak("chr2", 1_000, 1_300, 1_100),  # touches the next: one merged peak, both summits
    peak("chr2", 1_300, 1_700, 1_500),
    peak("chr2", 5_000, 5_200, 5_100),  # meets the blacklist by one base: goes whole
    peak("chr2", 100, 300, 200),  # clipped at the start
    peak("chr2", 8_000, 8_100, 8_050),  # weakest
    peak("chrUn", 1, 90, 40),  # not a chromosome in use
]
READS = np.array([50.0, 1.0, 90.0, 70.0, 60.0, 5.0, 900.0])
BLACKLIST = [Interval("2", 5_349, 5_400)]
GENES = [
    Gene("ENSG1", "A", "2", 9_000, "+"),
    Gene("ENSG2", "B", "chr2", 5_380, "-"),  # a promoter in the blacklist stays
    Gene("ENSG3", "C", "chr10", 4_600, "+"),  # joins the element at 4,650
    Gene("ENSG4", "D", "chrY", 4_600, "+"),
]


def test_elements_worked_out_by_hand() -> None:
    def made(strongest: int) -> list[tuple[str, int, int]]:
        choices = CandidateChoices(strongest=strongest)
        found = candidate_elements(PEAKS, READS, SIZES, blacklist=BLACKLIST, genes=GENES, choices=choices)
        return [(place.chrom, place.start, place.end) for place in found]

    promoters = [("chr2", 5_130, 5_630), ("chr2", 8_750, 9_250)]
    everything = [
        ("chr2", 0, 450),
        ("chr2", 850, 1_750),  # 850 to 1,350 and 1,250 to 1,750
        promoters[0],
        ("chr2", 7_800, 8_300),
        promoters[1],
        ("chr10", 4_350, 5_000),  # the promoter to 4,850, the element from 4,650
    ]
    assert made(150_000) == everything
    # By reads: the merged peak (90), the blacklisted (70), 200 (60), chr10 (50), 8,050 (5).
    assert made(1) == [("chr2", 850, 1_750), *promoters, ("chr10", 4_350, 4_850)]
    assert made(2) == made(1)
    assert made(3) == [("chr2", 0, 450), *made(1)]
    assert made(4) == [place for place in everything if place[1] != 7_800]
    # Order of the peaks is of no matter, and equal reads rank by place.
    turned = candidate_elements(PEAKS[::-1], READS[::-1], SIZES, blacklist=BLACKLIST, genes=GENES)
    assert [(place.chrom, place.start, place.end) for place in turned] == everything
    (first,) = candidate_elements(
        PEAKS, np.ones(len(PEAKS)), SIZES, blacklist=[], genes=[], choices=CandidateChoices(strongest=1)
    )
    assert first == Interval("chr2", 0, 450)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SourceError, match=r"peak chr10:4,801-4,950 passes the end of chr10, 4,900 bp"):
        candidate_elements(PEAKS, READS, {"chr2": 10_000, "chr10": 4_900}, blacklist=[], genes=[])
    with pytest.raises(SettingsError, match="7 peaks but reads of 6"):
        candidate_elements(PEAKS, READS[1:], SIZES, blacklist=[], genes=[])
    with pytest.raises(SettingsError, match="half_bp must be at least 1"):
        CandidateChoices(half_bp=0)


def test_what_meets_what() -> None:
    places = [Interval("chr1", 10, 20), Interval("chr1", 20, 30), Interval("chr2", 10, 20), Interval("chr1", 0, 100)]
    others = [Interval("chr1", 19, 20), Interval("chr1", 30, 40), Interval("chr1", 5, 9)]
    assert meets(places, others).tolist() == [True, False, False, True]
    assert meets(places, []).tolist() == [False] * 4


def test_summits_of_a_narrowpeak(tmp_path: Path) -> None:
    path = tmp_path / "a.narrowPeak"
    path.write_text("chr1\t100\t200\tp\t10\t.\t1\t2\t3\t40\n")
    assert read_peaks(path) == (peak("chr1", 100, 200, 140),)
    for line, complaint in (
        ("chr1\t100\t200\tp\t10\t.\t1\t2\t3\t100", "line 1: start 100, end 200, summit at 100"),
        ("chr1\t100\t200\tp\t10\t.\t1\t2\t3\t-1", "line 1: not a narrowPeak line with a summit"),
        ("chr1\t100\t200", "line 1: not a narrowPeak line with a summit"),
        ("# nothing", "no peaks in it"),
    ):
        path.write_text(line + "\n")
        with pytest.raises(SourceError, match=complaint):
            read_peaks(path)


def test_from_reads_to_the_table_of_a_synthetic_cell(tmp_path: Path) -> None:
    folder = synthesize("tiny", tmp_path / "tiny", bam=True).parent
    genes = read_gene_table(folder / "genes.tsv")
    bam, other = folder / "SynK.dnase.bam", folder / "SynG.dnase.bam"
    sizes = bam_sizes(bam)
    windows = [gene.window(4_000) for gene in genes]
    called = peaks_from_bam(bam, windows, tmp_path / "abc.narrowPeak", options="abc", genome_size="130000")
    peaks = read_peaks(called.path)
    reads = count_reads(bam, [found.interval for found in peaks], duplicates="keep")
    blacklist = [region.interval for region in read_regions(folder / "blacklist.bed")]
    elements = candidate_elements(peaks, reads.counts.astype(float), sizes, blacklist=blacklist, genes=genes)
    promoter = [Interval(gene.chrom, max(gene.tss - 250, 0), min(gene.tss + 250, sizes[gene.chrom])) for gene in genes]
    assert all(any(own.contains(at) for own in elements if own.chrom == place.chrom)
               for place in promoter for at in (place.start, place.end - 1))  # fmt: skip
    assert not meets([place for place in elements if not meets([place], promoter)[0]], blacklist).any()
    counted = count_elements(elements, genes, dnase=[bam], h3k27ac=[bam, other])
    for name in ("a.tsv.gz", "b.tsv.gz"):
        write_elements(tmp_path / name, counted)
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()
    read = read_elements(tmp_path / "a.tsv.gz")
    assert sum(len(found.start) for found in read.values()) == len(elements)
    one, two = (count_reads(path, elements, duplicates="keep") for path in (bam, other))
    assert counted.table["dhs_count_SynK"].tolist() == one.counts.tolist()
    np.testing.assert_allclose(np.concatenate([found.dnase for found in read.values()]), one.rpm)
    np.testing.assert_allclose(np.concatenate([found.h3k27ac for found in read.values()]), (one.rpm + two.rpm) / 2)
    near = [Interval(gene.chrom, max(gene.tss - 500, 0), gene.tss + 500) for gene in genes]
    assert counted.table["promoter"].tolist() == meets(elements, near).astype(int).tolist()
    # All steps in one call give the same file, without a trace of what it worked with.
    beside = {"dnase": [bam], "h3k27ac": [bam, other], "blacklist": blacklist, "genome_size": "130000"}
    whole = elements_from_bams(tmp_path / "whole.tsv.gz", genes, sizes, **beside)
    assert whole.path.read_bytes() == (tmp_path / "a.tsv.gz").read_bytes()
    assert (whole.n_peaks, whole.n_elements, whole.unit) == (len(peaks), len(elements), "rpm")
    assert not list(tmp_path.glob(".whole*"))
    # Signal sums stand in columns of their own, and are never read as reads.
    tracks = [folder / f"SynK.{mark}.bw" for mark in ("dnase", "h3k27ac")]
    write_elements(tmp_path / "signal.tsv", sum_elements(elements, genes, dnase=tracks[0], h3k27ac=tracks[1]))
    with pytest.raises(SourceError, match="no column dhs_rpm, h3k27ac_rpm"):
        read_elements(tmp_path / "signal.tsv")
    summed = np.concatenate([found.dnase for found in read_elements(tmp_path / "signal.tsv", unit="signal").values()])
    plain = [np.nansum(read_signal(tracks[0], place).astype(float)) for place in elements]
    np.testing.assert_allclose(summed, plain, rtol=1e-6)
    assert np.corrcoef(summed, one.counts)[0, 1] > 0.95  # the reads were drawn from this track
    only = {"chr1": sizes["chr1"]}
    made = elements_from_bigwigs(
        tmp_path / "tracks.tsv", genes, only, dnase=tracks[0], h3k27ac=tracks[1], blacklist=blacklist
    )
    (found,) = read_elements(made.path, unit=made.unit).values()
    cut = [Interval("chr1", *place) for place in zip(found.start.tolist(), found.end.tolist(), strict=True)]
    assert made.n_elements == len(cut) > 10
    # Sites called in the track and in the reads are the same ones.
    assert meets(cut, [place for place in elements if place.chrom == "chr1"]).mean() > 0.8


@pytest.mark.real
def test_the_published_k562_elements(real_file: Callable[[str], Path], real_dir: Path) -> None:
    folder = real_file("k562_elements")
    with gzip.open(folder / "elements.tsv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    elements = [Interval(row["chrom"], int(row["start"]), int(row["end"])) for row in rows]
    widths = np.array([place.width for place in elements])
    assert widths.min() == 500  # a summit +-250, or a promoter +-250; wider ones are merged
    order = list(dict.fromkeys(place.chrom for place in elements))
    assert order == [*(f"chr{number}" for number in range(1, 23)), "chrX", "chrY"]
    # Cutting them anew from their own middles changes none of those that are one summit wide.
    single = [place for place in elements if place.width == 500]
    peaks = [Peak(place, place.start + 250) for place in single]
    sizes = dict.fromkeys(order, 300_000_000)
    again = candidate_elements(peaks, np.ones(len(peaks)), sizes, blacklist=[], genes=[])
    assert list(again) == single
    # Their promoter column is the rule of the table here.
    genes = read_gene_table(folder / "genes_tss1kb.tsv.gz")
    near = [Interval(gene.chrom, max(gene.tss - 500, 0), gene.tss + 500) for gene in genes]
    assert meets(elements, near).astype(int).tolist() == [int(row["promoter"]) for row in rows]
    # The track made of these elements holds their RPM: 1000 x RPM / width on every base.
    windows = read_regions(real_dir / "windows.bed")
    inside = [
        at
        for at, place in enumerate(elements)
        if any(w.interval.start <= place.start and place.end <= w.interval.end for w in windows
               if w.interval.chrom == place.chrom)
    ]  # fmt: skip
    sums = signal_sums(real_dir / "dnase_K562_elements.bw", [elements[at] for at in inside])
    assert len(inside) > 100
    np.testing.assert_allclose(sums / 1000, [float(rows[at]["dhs_rpm"]) for at in inside], rtol=1e-5)
