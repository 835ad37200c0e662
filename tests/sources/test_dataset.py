from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from seq2exp.errors import GeneError, ManifestError, SourceError
from seq2exp.genome import Interval
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.tables import MRNA_FEATURES

SIZES = {"chr1": 1000, "chr2": 500, "chrX": 300}
GENES = """gene_id\tsymbol\tchrom\ttss\tstrand
ENSG1.4\tABC1\t1\t100\t+
ENSG2\tDEF2\tchr2\t499\t-
ENSG3\tGHI3\tchrX\t10\t+
ENSG4\tJKL4\tchrY\t10\t+
"""


class Folder:
    """A data set on disk that tests change before opening it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: dict[str, Any] = {
            "manifest_version": 1,
            "name": "tiny",
            "title": "made for a test",
            "synthetic": True,
            "genome_build": "GRCh38",
            "cell_types": ["K562", "GM12878"],
            "sources": [],
        }

    def add(
        self, role: str, name: str, kind: str, content: str | None = None, cell: str | None = None
    ) -> dict[str, Any]:
        if content is not None:
            (self.path / name).write_text(content)
        source = {
            "id": f"{role}.{cell or 'any'}",
            "title": role,
            "role": role,
            "cell_type": cell,
            "local_path": name,
            "file": {"format": kind},
        }
        self.manifest["sources"].append(source)
        return source

    def open(self, **options: bool) -> Dataset:
        (self.path / "manifest.yaml").write_text(yaml.safe_dump(self.manifest, sort_keys=False))
        return open_dataset(self.path, **options)


@pytest.fixture
def folder(tmp_path: Path, write_fasta: Callable[..., Path]) -> Folder:
    made = Folder(tmp_path)
    write_fasta({chrom: "ACGT" * (size // 4) for chrom, size in SIZES.items()})
    made.add("reference", "genome.fa", "fasta")
    made.add("genes", "genes.tsv", "tsv", GENES)
    return made


def test_the_least_data_set(folder: Folder) -> None:
    dataset = folder.open()
    assert (dataset.name, dataset.synthetic, dataset.cell_types) == ("tiny", True, ("K562", "GM12878"))
    assert (dataset.assembly.name, dict(dataset.assembly.chrom_sizes)) == ("GRCh38", SIZES)
    gene = dataset.genes.get("abc1")
    assert (gene.chrom, gene.tss) == ("chr1", 100)
    whole = Interval("chr1", 0, 1000)
    assert (dataset.transcripts(whole), dataset.blacklist(whole)) == ((), ())
    assert dataset.observed(gene, "K562") is None
    assert dataset.fold(gene) is None
    assert np.isnan(dataset.rna_features(gene, "K562")).all()
    assert dataset.path("dnase", "K562") is None
    assert dataset.source("dnase", "K562") is None


def test_a_file_of_the_cell_comes_before_one_for_all(folder: Folder, write_bigwig: Callable[..., Path]) -> None:
    for name in ("k.bw", "all.bw"):
        write_bigwig(SIZES, {"chr1": [(0, 10, 1.0)]}, name)
    folder.add("dnase", "k.bw", "bigWig", cell="K562")
    folder.add("dnase", "all.bw", "bigWig")
    dataset = folder.open()
    assert dataset.path("dnase", "K562") == folder.path / "k.bw"
    assert dataset.path("dnase", "GM12878") == folder.path / "all.bw"
    assert dataset.path("dnase") == folder.path / "all.bw"
    assert [source.local_path for source in dataset.sources("dnase", "K562")] == ["k.bw", "all.bw"]
    with pytest.raises(ManifestError, match="tiny: no cell type 'HeLa'; it has K562, GM12878"):
        dataset.path("dnase", "HeLa")


def test_tables_answer_for_a_gene(folder: Folder) -> None:
    folder.add("expression", "expression.tsv", "tsv", "gene_id\tK562_CAGE_128*3_sum\nENSG1\t99\nENSG2\t\n")
    header = "\t".join(["gene_id", *MRNA_FEATURES, "promoter_activity_K562"])
    folder.add("rna_features", "features.tsv", "tsv", header + "\nENSG1.2\t1\t2\t3\t4\t5\t6\t7\t8\t9\n")
    folder.add("split", "split.tsv", "tsv", "gene_id\tfold_11\nENSG1\ttest\n")
    dataset = folder.open()
    first, second, _ = dataset.genes
    assert dataset.observed(first, "K562") == 99.0
    assert (dataset.observed(second, "K562"), dataset.observed(first, "GM12878")) == (None, None)
    features = dataset.rna_features(first, "K562")
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.arange(1, 10))
    np.testing.assert_array_equal(dataset.rna_features(first, "GM12878"), [1, 2, 3, 4, 5, 6, 7, 8, np.nan])
    assert np.isnan(dataset.rna_features(second, "K562")).all()
    assert (dataset.fold(first), dataset.fold(second)) == ("test", None)
    (folder.path / "expression.tsv").unlink()
    assert dataset.observed(first, "K562") == 99.0  # read once, then kept


def test_blacklist_is_clipped_and_named_like_the_genome(folder: Folder) -> None:
    folder.add("blacklist", "blacklist.bed", "bed", "1\t0\t50\nchr1\t90\t110\nchr1\t300\t400\nchrY\t0\t9\n")
    dataset = folder.open()
    assert dataset.blacklist(Interval("chr1", 40, 100)) == (Interval("chr1", 40, 50), Interval("chr1", 90, 100))
    assert dataset.blacklist(Interval("chr2", 0, 100)) == ()
    assert dataset.blacklist(Interval("1", 40, 100)) == dataset.blacklist(Interval("chr1", 40, 100))


def test_genes_from_a_gtf_when_there_is_no_table(folder: Folder) -> None:
    folder.manifest["sources"].pop()
    rows = [("gene", ""), ("exon", ' transcript_id "T1";')]
    text = "".join(f'2\tx\t{kind}\t101\t200\t.\t-\t.\tgene_id "G1"; gene_name "ABC";{more}\n' for kind, more in rows)
    folder.add("transcripts", "genes.gtf", "gtf", text)
    dataset = folder.open()
    assert (dataset.genes.get("ABC").chrom, dataset.genes.get("ABC").tss) == ("chr2", 199)
    (transcript,) = dataset.transcripts(Interval("chr2", 150, 160))
    assert transcript.exons == (Interval("chr2", 100, 200),)


def test_only_the_chromosomes_in_use(folder: Folder) -> None:
    folder.manifest["chromosomes"] = ["1", "chr2"]
    dataset = folder.open()
    assert list(dataset.assembly.chrom_sizes) == ["chr1", "chr2"]
    with pytest.raises(GeneError):
        dataset.genes.get("GHI3")
    folder.manifest["chromosomes"].append("chr7")
    with pytest.raises(ManifestError, match="chromosomes: chr7 not in the reference, which has chr1, chr2, chrX"):
        folder.open()


def test_all_absent_files_in_one_error(folder: Folder) -> None:
    folder.add("dnase", "k.bw", "bigWig", cell="K562")
    folder.add("contact", "/nowhere/k.hic", "hic", cell="K562")
    with pytest.raises(
        ManifestError, match=r"2 of 4 files are absent: dnase\.K562 \(.*k\.bw\); contact\.K562 \(/nowhere"
    ):
        folder.open()


def test_a_folder_does_not_pass_for_a_file(folder: Folder) -> None:
    (folder.path / "k.bw").mkdir()
    folder.add("dnase", "k.bw", "bigWig", cell="K562")
    with pytest.raises(ManifestError, match="1 of 3 files are absent"):
        folder.open()


def test_size_and_checksum(folder: Folder) -> None:
    facts = folder.manifest["sources"][1]["file"]
    facts["size_bytes"] = len(GENES)
    facts["checksum"] = {"md5": hashlib.md5(GENES.encode()).hexdigest(), "sha256": "0" * 64}
    folder.open()
    with pytest.raises(SourceError, match=r"genes\.tsv: sha256 is [0-9a-f]{64}, the manifest says 0{64}"):
        folder.open(verify=True)
    facts["checksum"]["sha256"] = hashlib.sha256(GENES.encode()).hexdigest()
    folder.open(verify=True)
    facts["size_bytes"] = 7
    with pytest.raises(SourceError, match=rf"genes\.tsv: has {len(GENES)} bytes, the manifest says 7"):
        folder.open()


def test_track_of_another_assembly(folder: Folder, write_bigwig: Callable[..., Path]) -> None:
    write_bigwig({"chr1": 1000, "2": 555}, {"chr1": [(0, 10, 1.0)]}, "k.bw")
    folder.add("dnase", "k.bw", "bigWig", cell="K562")
    with pytest.raises(SourceError, match=r"k\.bw: 2 has 555 bp here and 500 bp in genome\.fa; .*another assembly"):
        folder.open()


def test_track_without_a_chromosome_of_ours(folder: Folder, write_bigwig: Callable[..., Path]) -> None:
    write_bigwig({"chrZ": 10}, {"chrZ": [(0, 10, 1.0)]}, "k.bw")
    folder.add("dnase", "k.bw", "bigWig", cell="K562")
    with pytest.raises(SourceError, match=r"none of its chromosomes \(chrZ\) is in genome\.fa"):
        folder.open()


def test_contacts_of_another_assembly(folder: Folder, write_cool: Callable[..., Path]) -> None:
    write_cool({"1": 1000, "X": 301}, [(0, 1, 2)], name="k.cool")
    folder.add("contact", "k.cool", "cool", cell="K562")
    with pytest.raises(SourceError, match=r"k\.cool: X has 301 bp here and 300 bp"):
        folder.open()


def test_tss_past_the_end_of_its_chromosome(folder: Folder) -> None:
    (folder.path / "genes.tsv").write_text(GENES.replace("499", "500"))
    with pytest.raises(SourceError, match=r"the TSS of DEF2 \(ENSG2\), chr2:501, lies outside chr2 \(500 bp\)"):
        folder.open()


@pytest.mark.parametrize(("keep", "complaint"), [([0], "role genes"), ([1], "exactly one source of role reference")])
def test_what_every_data_set_needs(folder: Folder, keep: list[int], complaint: str) -> None:
    folder.manifest["sources"] = [folder.manifest["sources"][index] for index in keep]
    with pytest.raises(ManifestError, match=complaint):
        folder.open()


def test_hash_follows_manifest_and_file_sizes(folder: Folder) -> None:
    first = folder.open().hash
    assert len(first) == 12
    assert int(first, 16) >= 0
    assert folder.open().hash == first
    (folder.path / "genes.tsv").write_text(GENES + "ENSG5\tMNO5\tchr1\t7\t+\n")
    second = folder.open().hash
    folder.manifest["title"] = "another"
    assert len({first, second, folder.open().hash}) == 3


def test_it_travels_to_a_worker(folder: Folder) -> None:
    dataset = folder.open()
    assert pickle.loads(pickle.dumps(dataset)).genes.get("ABC1") == dataset.genes.get("ABC1")


@pytest.mark.real
def test_real_hg19_track_is_refused_beside_hg38(
    folder: Folder, real_dir: Path, real_file: Callable[[str], Path]
) -> None:
    folder.manifest["sources"] = []
    folder.add("reference", str(real_dir / "genome.fa.gz"), "fasta")
    folder.add("genes", str(real_dir / "genes.tsv"), "tsv")
    folder.add("track", str(real_file("k562_chr9_hg19/K562_H3K4me3.bigwig")), "bigWig", cell="K562")
    dataset = folder.open()
    assert len(dataset.genes) == len((real_dir / "genes.tsv").read_text().splitlines()) - 1
    folder.add("h3k27ac", str(real_file("k562_chr9_hg19/K562_H3K27ac.bigwig")), "bigWig", cell="K562")
    with pytest.raises(SourceError, match="chr9 has 141,213,431 bp here and 138,394,717 bp"):
        folder.open()
