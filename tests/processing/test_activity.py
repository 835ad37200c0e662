"""Promoter activity: from reads, from published lists, and what bigWigs alone do not tell."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysam
import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Gene
from seq2exp.processing.activity import (
    LIST_COLUMNS,
    activity_from_bams,
    activity_from_gene_list,
    activity_of,
    promoter_signal,
)
from seq2exp.processing.reads import mean_rpm
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.tables import read_gene_table
from seq2exp.synthetic.generate import synthesize

GENES = [
    Gene("ENSG1", "AAA", "chr1", 1_000, "+"),
    Gene("ENSG2", "BBB", "chr1", 300, "-"),  # its promoter begins before the chromosome
    Gene("ENSG3", "CCC", "chr9", 1_000, "+"),  # not in the libraries
]


def library(path: Path, starts: dict[int, int], duplicate: bool = False) -> Path:
    """Reads of 10 bases on chr1: how many begin at each base."""
    with pysam.AlignmentFile(str(path), "wb", reference_names=["chr1"], reference_lengths=[20_000]) as out:
        for start, count in starts.items():
            for number in range(count):
                read = pysam.AlignedSegment(out.header)
                read.query_name, read.flag = f"r{start}.{number}", 0x400 if duplicate and number else 0
                read.reference_id, read.reference_start, read.cigartuples = 0, start, [(0, 10)]
                read.query_sequence = "C" * 10
                out.write(read)
    return path


def test_activity_worked_out_by_hand(tmp_path: Path) -> None:
    # 10 reads each; [500, 1500) holds those at 491 (its last base is 500) to 1499, [0, 800) those up to 799.
    deep = library(tmp_path / "deep.bam", {490: 1, 491: 2, 1499: 3, 1500: 4})
    first = library(tmp_path / "first.bam", {700: 5, 9_000: 5})
    second = library(tmp_path / "second.bam", {0: 1, 1_200: 2, 9_000: 1}, duplicate=True)
    found = activity_from_bams(GENES, dnase=[deep], h3k27ac=[first, second])
    table = found.table
    assert table["dnase_rpm"].tolist()[:2] == [5e5, 3e5]
    # per library 5 of 10 and 2 of 4 reads, then 5 of 10 and 1 of 4: their RPM are averaged, not their reads
    np.testing.assert_allclose(table["h3k27ac_rpm"][:2], [5e5, (5e5 + 2.5e5) / 2])
    np.testing.assert_allclose(found.activity[:2], [5e5, np.sqrt(3e5 * 3.75e5)])
    assert np.isnan(found.activity["ENSG3"])
    assert "second.bam: 4 reads; 1 flagged duplicates kept" in found.notes
    assert "deep.bam: no chr9 in its header; no reads per million there" in found.notes
    single = activity_from_bams(GENES, dnase=[deep], h3k27ac=[second], duplicates="drop")
    np.testing.assert_allclose(single.table["h3k27ac_rpm"][:2], [1e6 / 3, 1e6 / 3])
    (tmp_path / "rep2").mkdir()  # replicates in folders of their own often bear one name
    twin = library(tmp_path / "rep2" / "first.bam", {9_000: 10})
    pair = activity_from_bams(GENES, dnase=[deep], h3k27ac=[first, twin])
    np.testing.assert_allclose(pair.table["h3k27ac_rpm"][:2], [2.5e5, 2.5e5])
    with pytest.raises(SourceError, match="the H3K27ac BAM is missing"):
        activity_from_bams(GENES, dnase=[deep], h3k27ac=[])


def test_the_adapter_tower_counts_at_no_promoter(tmp_path: Path) -> None:
    path = tmp_path / "ENCFF257HEE.bam"
    with pysam.AlignmentFile(str(path), "wb", reference_names=["chr11"], reference_lengths=[135_086_622]) as out:
        for number, start in enumerate([24_159_499] * 30 + [24_159_600] * 10):
            read = pysam.AlignedSegment(out.header)
            read.query_name, read.reference_id, read.reference_start = f"r{number}", 0, start
            read.flag, read.cigartuples, read.query_sequence = 0, [(0, 20)], "C" * 20
            out.write(read)
    gene = Gene("ENSG1", "AAA", "chr11", 24_159_400, "+")
    found = activity_from_bams([gene], dnase=[path], h3k27ac=[path])
    assert found.table["dnase_rpm"].tolist() == [10 / 40 * 1e6]  # the library keeps its 40 reads
    assert "ENCFF257HEE.bam: 30 reads of a known artefact left out of the counts" in found.notes


def gene_list(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_published_lists_are_read_by_id_or_symbol(tmp_path: Path) -> None:
    values = "\t".join(LIST_COLUMNS)
    by_id = gene_list(
        tmp_path / "ids.txt",
        f"chr\tname\tsymbol\ttss\t{values}",
        "chr1\tx\tENSG00000000001.4\t900\t4\t9",
        "chr1\tx\tENSG00000000002\t100\t2\t8",
        "chr1\tx\tENSG00000000002\t290\t1\t25",  # nearer to its TSS
        "chr9\tx\tENSG00000000003\t1000\tNaN\t1",
    )
    genes = [
        Gene(f"ENSG0000000000{n}", gene.symbol, gene.chrom, gene.tss, "+") for n, gene in enumerate(GENES, start=1)
    ]
    found = activity_from_gene_list(by_id, genes)
    np.testing.assert_array_equal(found.activity, [6, 5, np.nan])
    assert found.notes[0] == "ids.txt: 2 of 3 genes found by Ensembl id"
    assert "1 genes have several rows" in found.notes[1]
    by_symbol = gene_list(tmp_path / "symbols.txt", f"name\t{values}", "aaa\t1\t4", "ZZZ\t1\t1")
    found = activity_from_gene_list(by_symbol, genes)
    np.testing.assert_array_equal(found.activity, [2, np.nan, np.nan])
    for rows, complaint in (
        (["AAA\t1\t4", "AAA\t1\t5"], "AAA stands on lines 2 and 3, and no tss tells"),
        (["AAA\t-1\t4"], "line 2: found '-1' reads per million"),
        (["AAA\t1"], "line 2: found 2 columns"),
        (["ZZZ\t1\t1"], "none of the 3 genes is in it by symbol"),
    ):
        with pytest.raises(SourceError, match=complaint):
            activity_from_gene_list(gene_list(tmp_path / "bad.txt", f"name\t{values}", *rows), genes)
    with pytest.raises(SourceError, match=r"no column DHS\.RPM\.TSS1Kb"):
        activity_from_gene_list(gene_list(tmp_path / "bad.txt", f"name\t{LIST_COLUMNS[0]}", "AAA\t1"), genes)


def test_bigwigs_alone_give_another_scale_under_another_name(tmp_path: Path) -> None:
    folder = synthesize("tiny", tmp_path / "tiny", bam=True).parent
    genes = [*read_gene_table(folder / "genes.tsv"), GENES[2]]
    tracks = {mark: folder / f"SynK.{mark}.bw" for mark in ("dnase", "h3k27ac")}
    table = promoter_signal(genes, **tracks)
    assert list(table.columns) == ["dnase_mean", "h3k27ac_mean", "promoter_signal"]
    assert "not reads per million" in table.attrs["scale"]
    assert np.isnan(table.loc["ENSG3"]).all()
    for gene in genes[:5]:
        window = gene.window(1_000)
        means = [np.nanmean(read_signal(path, window).astype(float)) for path in tracks.values()]
        np.testing.assert_allclose(table.loc[gene.gene_id, "promoter_signal"], np.sqrt(np.prod(means)), rtol=1e-6)
    # The reads were drawn from the track: they rank promoters alike, on a scale thousands of times larger.
    reads = activity_from_bams(genes, dnase=[folder / "SynK.dnase.bam"], h3k27ac=[folder / "SynK.dnase.bam"]).table
    inside = table.index != "ENSG3"
    assert np.corrcoef(reads["dnase_rpm"][inside], table["dnase_mean"][inside])[0, 1] > 0.95
    assert (reads["dnase_rpm"][inside] > 100 * table["dnase_mean"][inside]).all()


@pytest.mark.real
def test_the_published_k562_activities(real_file: Callable[[str], Path], tmp_path: Path) -> None:
    path = real_file("k562_elements") / "genes_tss1kb.tsv.gz"
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    # Library sizes in millions, as that folder's README works them out.
    dnase = column("dhs_count") / 328.21
    sizes = {"ENCFF232RQF": 70.70, "ENCFF600THN": 10.668, "ENCFF704LGA": 4.917}
    h3k27ac = mean_rpm([column(f"h3k27ac_count_{name}") / size for name, size in sizes.items()])
    published = column("promoter_activity")
    np.testing.assert_allclose(activity_of(h3k27ac, dnase), published, rtol=1e-4)
    as_abc = gene_list(
        tmp_path / "GeneList.txt",
        "\t".join(["symbol", "name", "tss", *LIST_COLUMNS]),
        *("\t".join([r["ensembl_id"], r["symbol"], r["tss"], r["h3k27ac_rpm"], r["dhs_rpm"]]) for r in rows),
    )
    found = activity_from_gene_list(as_abc, read_gene_table(path))
    np.testing.assert_allclose(found.activity, published, rtol=2e-5)
    assert found.notes == (f"GeneList.txt: {len(rows):,} of {len(rows):,} genes found by Ensembl id",)
    with (real_file("gene_features.tsv")).open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            told = float(row["promoter_activity_K562"])
            assert found.activity[row["ensembl_id"]] == pytest.approx(told, rel=2e-5)
