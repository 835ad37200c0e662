"""mRNA features: genes worked out by hand, the synthetic genome, and what the published table allows to check."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.processing.mrna import compare_with_released, mrna_features, raw_lengths, write_features
from seq2exp.settings import LENGTH_ZSCORE
from seq2exp.sources.fasta import read_sequence
from seq2exp.sources.tables import MRNA_FEATURES, read_rna_features
from seq2exp.synthetic.generate import synthesize

Block = tuple[int, int]
STYLES = ["ensembl", "ensembl 75", "gencode", "gencode without stop codons"]


class Gtf:
    """A GTF as Ensembl or GENCODE would write it; blocks are 1-based and closed, as in the file."""

    def __init__(self, style: str) -> None:
        self.style, self.lines = style, ["#!genome-build made for a test"]

    def add(
        self,
        gene: str,
        transcript: str,
        strand: str,
        exons: list[Block],
        *,
        utr5: list[Block] | None = None,
        cds: list[Block] | None = None,
        stop: list[Block] | None = None,
        utr3: list[Block] | None = None,
        kind: str = "protein_coding",
        chrom: str = "1",
    ) -> None:
        ensembl = self.style == "ensembl"
        own = f'gene_id "{gene}"; gene_version "3"; transcript_id "{transcript}"; transcript_version "1"; '
        own += f'gene_biotype "protein_coding"; transcript_biotype "{kind}";'
        if not ensembl:
            own = f'gene_id "{gene}.3"; transcript_id "{transcript}.1"; gene_type "protein_coding"; '
            own += "" if self.style == "ensembl 75" else f'transcript_type "{kind}";'
        rows = [("exon", block) for block in exons] + [("CDS", block) for block in cds or []]
        if self.style != "gencode without stop codons":
            rows += [("stop_codon", block) for block in stop or []]
        if ensembl:
            rows += [("five_prime_utr", block) for block in utr5 or []]
            rows += [("three_prime_utr", block) for block in utr3 or []]
        else:
            # GENCODE's stop codon is part of the UTR: its blocks touch the 3' UTR's unless an intron lies between.
            inside = [] if self.style == "ensembl 75" else stop or []
            rows += [("UTR", block) for block in utr5 or []]
            rows += [("UTR", block) for block in _joined([*inside, *(utr3 or [])])]
        name = chrom if self.style.startswith("ensembl") else f"chr{chrom}"
        source = kind if self.style == "ensembl 75" else "hand"
        for feature, (start, end) in rows:
            self.lines.append(f"{name}\t{source}\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{own}")

    def write(self, path: Path) -> Path:
        with gzip.open(path, "wt") as file:
            file.write("\n".join(self.lines) + "\n")
        return path


def _joined(blocks: list[Block]) -> list[Block]:
    joined: list[Block] = []
    for start, end in sorted(blocks):
        if joined and joined[-1][1] + 1 == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def bases(*parts: tuple[int, str]) -> Callable[[Interval], str]:
    """A chromosome of A with ``parts`` written in at 1-based places."""
    chrom = ["A"] * 10_000
    for start, text in parts:
        chrom[start - 1 : start - 1 + len(text)] = text
    whole = "".join(chrom)
    return lambda place: whole[place.start : place.end]


@pytest.mark.parametrize("style", STYLES)
def test_genes_worked_out_by_hand(tmp_path: Path, style: str) -> None:
    gtf = Gtf(style)
    gtf.add(
        "ENSG1", "ENST1", "+", [(101, 200), (301, 400), (501, 700)],
        utr5=[(101, 200), (301, 310)], cds=[(311, 400), (501, 560)], stop=[(561, 563)], utr3=[(564, 700)],
    )  # fmt: skip
    # Behind the strand: an intron splits the stop codon, two bases in one exon and one in the next.
    gtf.add(
        "ENSG2", "ENST2", "-", [(2001, 2100), (2201, 2300)],
        utr5=[(2251, 2300)], cds=[(2203, 2250)], stop=[(2201, 2202), (2100, 2100)], utr3=[(2001, 2099)],
    )  # fmt: skip
    # Single exons: with both UTRs, without the 3' one, with none.
    gtf.add("ENSG3", "ENST3", "+", [(3001, 3300)],
            utr5=[(3001, 3050)], cds=[(3051, 3200)], stop=[(3201, 3203)], utr3=[(3204, 3300)])  # fmt: skip
    gtf.add("ENSG5", "ENST5", "-", [(4001, 4153)], cds=[(4004, 4153)], stop=[(4001, 4003)])
    gtf.add("ENSG4", "ENST4", "+", [(3501, 3653)], utr5=[(3501, 3550)], cds=[(3551, 3650)], stop=[(3651, 3653)])
    gtf.add("ENSG6", "ENST6", "+", [(5001, 5300)], kind="lncRNA")
    gtf.add("ENSG7", "ENST7", "+", [(6001, 6300)], cds=[(6001, 6300)], chrom="Y")
    sequence = bases(
        (101, "G" * 25), (301, "C" * 10), (501, "G" * 30), (561, "GGG"), (564, "C" * 37),
        (2100, "G"), (2201, "CC"), (2203, "G" * 24), (2001, "G" * 9), (2251, "N" * 25 + "C" * 5),
    )  # fmt: skip
    table = mrna_features(gtf.write(tmp_path / "a.gtf.gz"), sequence)
    expected = {  # 5' UTR, CDS, intron, 3' UTR, coding blocks: (end - start) of each block as the GTF writes it
        "ENSG1": (99 + 9, 89 + 59, 599 - 108 - 148 - 136, 136, 2),
        "ENSG2": (49, 47, 299 - 49 - 47 - 98, 98, 1),
        "ENSG3": (49, 149, 5, 96, 1),
        "ENSG4": (49, 99, 4, 0, 1),
        "ENSG5": (0, 149, 3, 0, 1),
    }
    assert set(table.index) == set(expected)
    raw = table[["UTR5LEN", "CDSLEN", "INTRONLEN", "UTR3LEN", "coding_blocks"]]
    assert {gene: tuple(row) for gene, row in zip(raw.index, raw.to_numpy().tolist(), strict=True)} == expected
    first = table.loc["ENSG1"]
    assert first["UTR5GC"] == 0.318  # 35 of 110
    assert first["CDSGC"] == 0.2  # 30 of 150
    assert first["UTR3GC"] == 0.27  # 37 of 137, the stop codon not among them
    assert first["ORFEXONDENSITY"] == 13.51  # 2 x 1000 / 148
    assert first["CDSLEN_log10zscore"] == pytest.approx((2.170555059 - 3.1221738161453) / 0.3202298842622, abs=1e-8)
    second = table.loc["ENSG2"]
    assert (second["UTR5GC"], second["CDSGC"], second["UTR3GC"]) == (0.1, 0.5, 0.091)  # 5/50 with N, 24/48, 9/99
    assert table.loc["ENSG5", "UTR5LEN_log10zscore"] == pytest.approx((-1 - 2.1164725476886) / 0.7023122386258)
    assert table.loc["ENSG5", ["UTR5GC", "UTR3GC"]].tolist() == [0, 0]
    assert list(table.columns[:8]) == list(MRNA_FEATURES)


def _several(style: str, *rows: tuple[str, str, int, int, int]) -> Gtf:
    """Transcripts of one gene on one exon each: id, kind, 5' UTR, CDS and 3' UTR in true bases."""
    gtf = Gtf(style)
    for name, kind, utr5, cds, utr3 in rows:
        ends = np.cumsum([1000, utr5, cds, 3, utr3]).tolist()
        five, code, stop, three = ([(a + 1, b)] if b > a else [] for a, b in itertools.pairwise(ends))
        gtf.add("ENSG1", name, "+", [(1001, ends[-1])], utr5=five, cds=code, stop=stop, utr3=three, kind=kind)
    return gtf


@pytest.mark.parametrize("style", ["ensembl", "ensembl 75", "gencode"])
@pytest.mark.parametrize(
    ("rows", "longest", "xpresso"),
    [
        ([("A", "protein_coding", 50, 90, 60), ("B", "protein_coding", 10, 93, 10)], "B", "B"),
        ([("A", "protein_coding", 50, 90, 60), ("B", "protein_coding", 51, 90, 10)], "B", "B"),
        ([("A", "protein_coding", 50, 90, 60), ("B", "protein_coding", 50, 90, 61)], "B", "B"),
        ([("B", "protein_coding", 50, 90, 60), ("A", "protein_coding", 50, 90, 60)], "A", "B"),
        # Xpresso's script never leaves a transcript for a longer one without 5' UTR, and takes any that has a CDS.
        ([("A", "protein_coding", 50, 90, 60), ("B", "protein_coding", 0, 120, 60)], "B", "A"),
        ([("A", "protein_coding", 50, 90, 60), ("B", "nonsense_mediated_decay", 50, 120, 60)], "A", "B"),
    ],
)
def test_one_transcript_stands_for_a_gene(
    tmp_path: Path, style: str, rows: list[tuple[str, str, int, int, int]], longest: str, xpresso: str
) -> None:
    path = _several(style, *rows).write(tmp_path / "a.gtf.gz")
    assert mrna_features(path, bases())["transcript_id"].tolist() == [longest]
    assert mrna_features(path, bases(), rule="xpresso")["transcript_id"].tolist() == [xpresso]


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    gtf = Gtf("ensembl")
    gtf.add("ENSG1", "ENST1", "+", [(101, 400)], cds=[(101, 400)], stop=[(398, 400)])
    with pytest.raises(SourceError, match="the CDS of ENST1 holds its stop codon"):
        mrna_features(gtf.write(tmp_path / "gff.gtf.gz"), bases())
    gtf = Gtf("ensembl")
    gtf.add("ENSG1", "ENST1", "+", [(101, 400)], cds=[(101, 397)], stop=[(398, 400)])
    with pytest.raises(SourceError, match="no UTR lines, neither five_prime_utr"):
        mrna_features(gtf.write(tmp_path / "bare.gtf.gz"), bases())
    gtf = _several("ensembl", ("A", "protein_coding", 50, 90, 60))
    path = gtf.write(tmp_path / "a.gtf.gz")
    with pytest.raises(SourceError, match="1:1,001-1,203: asked for 203 bases, got 5"):
        mrna_features(path, lambda _place: "ACGTA")
    with pytest.raises(SourceError, match="no protein-coding gene"):
        mrna_features(path, bases(), genes=["ENSG9"])
    with pytest.raises(SourceError, match="no CDS on the chromosomes asked for"):
        mrna_features(path, bases(), chromosomes=["chr2"])
    gtf.lines.append(gtf.lines[1].replace("\t+\t", "\t-\t"))
    with pytest.raises(SourceError, match=r"line 7: A lies on both strands"):
        mrna_features(gtf.write(tmp_path / "b.gtf.gz"), bases())


def test_a_synthetic_genome_and_its_own_features(tmp_path: Path) -> None:
    folder = synthesize("tiny", tmp_path / "tiny").parent
    seen: list[tuple[int, int, str]] = []
    made = mrna_features(
        folder / "genes.gtf.gz",
        lambda place: read_sequence(folder / "genome.fa.gz", place),
        progress=lambda *step: seen.append(step),
    )
    released = read_rna_features(folder / "features.tsv")
    assert set(made.index) == set(released.index)
    assert (compare_with_released(made, released)["share_equal"] == 1).all()
    assert seen[-1][0] == seen[-1][1]
    assert ((made["CDSLEN"] + made["coding_blocks"]) % 3 == 0).all()  # whole codons, one base lost per block
    activity = {"SynK": released["promoter_activity_SynK"].iloc[1:]}
    for name in ("a.tsv.gz", "b.tsv.gz"):
        write_features(tmp_path / name, made, activity)
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()
    again = read_rna_features(tmp_path / "a.tsv.gz")
    pd.testing.assert_frame_equal(again[list(MRNA_FEATURES)], made[list(MRNA_FEATURES)])
    assert again["promoter_activity_SynK"].isna().sum() == 1


def test_the_share_equal_counts_what_both_tables_hold() -> None:
    columns = list(MRNA_FEATURES)
    mine = pd.DataFrame(1.0, index=["a", "b", "c"], columns=columns)
    released = pd.DataFrame(1.0, index=["b", "c", "d"], columns=columns)
    released.loc["b", "CDSGC"], released.loc["c", "UTR3GC"] = 1.001, np.nan
    told = compare_with_released(mine, released)
    assert told.loc["CDSGC", ["genes", "equal", "share_equal"]].tolist() == [2, 1, 0.5]
    assert told.loc["CDSGC", "largest_difference"] == pytest.approx(0.001)
    assert told.loc["UTR3GC", ["genes", "equal"]].tolist() == [1, 1]
    assert told.loc["UTR5GC", "share_equal"] == 1


@pytest.mark.real
def test_the_published_table(real_file: Callable[[str], Path], tmp_path: Path) -> None:
    path = real_file("k562_elements") / "gene_features.csv.gz"
    features = read_rna_features(path)
    lengths = raw_lengths(features)
    whole = lengths.round()
    for name, (mean, sd) in LENGTH_ZSCORE.items():
        back = (np.log10(whole[name] + 0.1) - mean) / sd
        assert (back - features[f"{name}_log10zscore"]).abs().max() < 1e-8
    # Coding blocks x 1000 / CDSLEN, rounded to two decimals: the number of blocks comes back whole.
    blocks = (features["ORFEXONDENSITY"] * whole["CDSLEN"] / 1000).round()
    assert (blocks * 1000 / whole["CDSLEN"] - features["ORFEXONDENSITY"]).abs().max() < 0.005 + 1e-9
    assert blocks.min() == 1
    assert ((whole["CDSLEN"] + blocks) % 3 == 0).mean() == pytest.approx(0.994, abs=0.002)
    if len(features) == 18_377:  # the published table, not an excerpt of it
        counts = whole["INTRONLEN"].value_counts()
        assert (blocks == 1).sum() == 1_807
        assert counts[[3.0, 4.0, 5.0]].tolist() == [138, 42, 771]
        assert features["ORFEXONDENSITY"].mean() == pytest.approx(6.27, abs=0.005)
        assert features["ORFEXONDENSITY"].std(ddof=0) == pytest.approx(3.31, abs=0.005)
        assert features["ORFEXONDENSITY"].median() == 6.5

    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    density = np.array([float(row["ORFEXONDENSITY"]) for row in rows])
    z = (density - density.mean()) / density.std()
    for row, value in zip(rows, z.tolist(), strict=True):
        row["ORFEXONDENSITY"] = repr(value)
    swapped = tmp_path / "swapped.csv"
    with swapped.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(SourceError, match=r"ORFEXONDENSITY is -.*a raw density is never negative; is it a z-score\?"):
        read_rna_features(swapped)
    swapped.write_text(swapped.read_text().replace("ORFEXONDENSITY", "ORFEXONDENSITY_log10zscore", 1))
    with pytest.raises(SourceError, match="given as log10 z-score only; the model takes the raw density"):
        read_rna_features(swapped)


@pytest.mark.real
def test_real_transcripts_give_published_lengths(real_file: Callable[[str], Path]) -> None:
    """Ensembl 75 on hg19: lengths do not depend on the assembly, and most transcripts were those of release 90."""
    gtf = real_file("k562_chr9_hg19") / "genes_chr9_4000000_6000000.gtf"
    made = mrna_features(gtf, lambda place: "N" * place.width)
    released = read_rna_features(real_file("k562_elements") / "gene_features.csv.gz")
    shared = made.index.intersection(released.index)
    told = raw_lengths(released).loc[shared].round()
    equal = (made.loc[shared, told.columns] == told).all(axis=1)
    assert (equal.sum(), len(shared)) == (14, 19)
    share = compare_with_released(made, released)["share_equal"]
    assert share[["UTR5LEN_log10zscore", "CDSLEN_log10zscore", "ORFEXONDENSITY"]].tolist() == [17 / 19] * 3
