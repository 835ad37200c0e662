"""The published tables at full size through `data build`: the paper's genes, folds and figures, exactly."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seq2exp.processing.add_assembly import KNOWN_BUILDS
from seq2exp.processing.build import BuildOptions, build
from seq2exp.processing.report import BuildReport
from seq2exp.sources.catalogue import load_catalogue
from seq2exp.sources.dataset import open_dataset

pytestmark = pytest.mark.real

LEFT_OUT = "ENSG00000244734"
"""A gene the made-up GTF lacks: HBB."""


@pytest.fixture(scope="module")
def files(real_file: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small files as `data get` would put them: features and split unchanged, the others from what is at hand."""
    folder, source = tmp_path_factory.mktemp("files"), real_file("k562_elements")
    catalogue = load_catalogue()

    def place(id: str) -> Path:
        path = folder / catalogue.source(id).local_path
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    place("features.mrna").write_bytes(gzip.decompress((source / "gene_features.csv.gz").read_bytes()))
    place("genes.split").write_bytes(gzip.decompress((source / "split.csv.gz").read_bytes()))
    with gzip.open(source / "genes_tss1kb.tsv.gz", "rt") as text:
        genes = list(csv.DictReader(text, delimiter="\t"))
    with place("features.gene_list.k562").open("w") as out:
        out.write("chr\tsymbol\ttss\tstrand\tH3K27ac.RPM.TSS1Kb\tDHS.RPM.TSS1Kb\n")
        out.writelines(
            f"{g['chrom']}\t{g['ensembl_id']}\t{g['tss']}\t{g['strand']}\t{g['h3k27ac_rpm']}\t{g['dhs_rpm']}\n"
            for g in genes
        )
    with gzip.open(place("annotation.ensembl90"), "wt") as out:
        for g in genes:
            if g["ensembl_id"] != LEFT_OUT:
                place_of = f"{int(g['gene_start']) + 1}\t{g['gene_end']}\t.\t{g['strand']}"
                names = f'gene_id "{g["ensembl_id"]}"; gene_name "{g["symbol"]}"; gene_biotype "protein_coding";'
                out.write(f"{g['chrom'].removeprefix('chr')}\tensembl\tgene\t{place_of}\t.\t{names}\n")
    sizes = KNOWN_BUILDS["hg38 (GRCh38)"]
    place("reference.chrom_sizes").write_text("".join(f"{chrom}\t{length}\n" for chrom, length in sizes.items()))
    return folder


@pytest.fixture(scope="module")
def report(files: Path, tmp_path_factory: pytest.TempPathFactory) -> BuildReport:
    out = tmp_path_factory.mktemp("built") / "hg38"
    return build(load_catalogue(), ["K562"], files, out, BuildOptions(remote=True))


def test_the_papers_genes_folds_and_figures_are_found(report: BuildReport) -> None:
    found = {check.name: check for check in report.checks}
    exact = {
        "genes": "18,377", "distinct TSS": "18,299", "fold 11, train": "15,985", "fold 11, valid": "1,225",
        "fold 11, test": "1,167", "windows past an end of a chromosome": "24",
    }  # fmt: skip
    assert {name: (found[name].found, found[name].verdict) for name in exact} == {
        name: (value, "as expected") for name, value in exact.items()
    }
    assert "ORFEXONDENSITY, mean" in found
    assert report.unusual == ()


def test_the_data_set_opens_with_everything_large_on_its_server(report: BuildReport, tmp_path: Path) -> None:
    dataset = open_dataset(Path(report.manifest), remote=True, cache_dir=tmp_path)
    assert set(dataset.streamed) == {
        "reference.hg38.2bit", "k562.dnase.signal", "k562.h3k27ac.signal", "k562.contact",
    }  # fmt: skip
    assert len(dataset.genes) == 18_377
    gene = dataset.genes.get("GATA1")
    assert (gene.chrom, gene.strand, dataset.fold(gene)) == ("chrX", "+", "test")
    features = dataset.rna_features(gene, "K562")
    assert np.isfinite(features).all()
    assert {part.what for part in report.absent} == {"expression", "blacklist"}
    assert dataset.genes.get(LEFT_OUT).start is None
    assert any(LEFT_OUT in note for note in report.notes)
    assert any("adapter tower" in words for words in report.warnings)
