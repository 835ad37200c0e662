"""Writes a folder of the authors' layout from a synthetic data set: every format real, every value known."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seq2exp.genome import Gene, Interval
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.fasta import read_sequence
from seq2exp.sources.tables import MRNA_FEATURES
from seq2exp.window.contacts import ContactSource, vc_counts

CELLS = {"K562": "SynK", "GM12878": "SynG"}
WIDTH, BIN = 4_096, 256
GATED = 3
"""Number of the gene whose contacts failed the gate."""

TRACKS = {
    ("K562", "dnase"): "DNase-seq/K562/ENCFF414OGC.bigWig",
    ("GM12878", "dnase"): "DNase-seq/GM12878/ENCFF960FMM.bigWig",
    ("K562", "h3k27ac"): "H3K27ac/K562/ENCFF465GBD.bigWig",
    ("GM12878", "h3k27ac"): "H3K27ac/GM12878/ENCFF798KYP.bigWig",
}
ABC = {
    "K562": ("K562_DNase_ENCFF257HEE_hic_4DNFITUOMFUQ_1MB_ABC_nominated", "DNase_ENCFF257HEE_Neighborhoods"),
    "GM12878": ("GM12878_DNase_ENCFF020WZB_hic_4DNFI1UEG1HD_1MB_ABC_nominated", "DNase_ENCFF020WZB_Neighborhoods"),
}
LINKS = {"K562": "Gene-enhancer links", "GM12878": "Gene_enhancer_links"}


def gene_list(cell: str) -> str:
    """Where the ABC gene list of ``cell`` lies."""
    return "promo_enhan_inter/" + "/".join((*ABC[cell], "GeneList.txt"))


def official_genes(tiny: Dataset) -> list[Gene]:
    """The data set's genes under ids of Ensembl's form, and one near either end of chr1."""
    length = tiny.assembly.chrom_sizes["chr1"]
    own = [replace(gene, gene_id=f"ENSG{at:011d}") for at, gene in enumerate(tiny.genes)]
    ends = [("LEFT", 701), ("RIGHT", length - 600)]
    return own + [Gene(f"ENSG{90 + at:011d}", name, "chr1", tss, "+") for at, (name, tss) in enumerate(ends)]


def write_official(root: Path, tiny: Dataset) -> list[Gene]:
    """The folder, with everything of the layout that stands in data-sources.md 8; gives the genes it is of."""
    genes, tables = official_genes(tiny), root / "promo_enhan_inter"
    sizes = dict(tiny.assembly.chrom_sizes)
    for folder in (root / "hg38", tables / "HiC" / "K562", tables / "HiC" / "GM12878", tables / "HiC" / "H1"):
        folder.mkdir(parents=True)
    reference = tiny.path("reference")
    assert reference is not None
    with (root / "hg38" / "hg38.ml.fa").open("w") as fasta:
        for chrom, length in sizes.items():
            bases = read_sequence(reference, Interval(chrom, 0, length))
            fasta.write(f">{chrom}\n" + "".join(f"{bases[at : at + 60]}\n" for at in range(0, length, 60)))
    (root / "chr_length.json").write_text(json.dumps(sizes))
    _write_pickles(root, tiny, sizes)
    _write_tables(tables, tiny, genes)
    for (cell, role), path in TRACKS.items():
        source = tiny.path("dnase" if role == "dnase" else "h3k27ac", CELLS[cell])
        assert source is not None
        (tables / path).parent.mkdir(parents=True)
        shutil.copy(source, tables / path)
    for cell in CELLS:
        _write_gene_list(root / gene_list(cell), cell, genes, tiny)
        (tables / ABC[cell][0] / LINKS[cell]).mkdir()
        _write_vectors(tables / "HiC" / cell, CELLS[cell], genes, tiny)
    (tables / "K562_DNase_ENCFF257HEE_2kb_4DNFITUOMFUQ_enhancer_promoter_encoding.h5").write_bytes(b"not looked at")
    return genes


def _write_pickles(root: Path, tiny: Dataset, sizes: dict[str, int]) -> None:
    marked = {chrom: np.zeros(length, bool) for chrom, length in sizes.items()}
    for chrom, length in sizes.items():
        for run in tiny.blacklist(Interval(chrom, 0, length)):
            marked[chrom][run.start : run.end] = True
    (root / "hg38_blacklist_dict_v1.pkl").write_bytes(pickle.dumps(marked))
    whole = {chrom: np.ones(length, bool) for chrom, length in sizes.items()}
    (root / "hg38_blacklist_dict_v2.pkl").write_bytes(pickle.dumps(whole))
    (root / "hg38_includelist_dict.pkl").write_bytes(b"not looked at")


def _origin(tiny: Dataset, gene: Gene) -> Gene | None:
    """The synthetic gene behind an official one."""
    return next((own for own in tiny.genes if own.symbol == gene.symbol), None)


def _write_csv(path: Path, rows: list[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def _write_tables(tables: Path, tiny: Dataset, genes: list[Gene]) -> None:
    labels: list[list[Any]] = [["ENSID", "Gene name", "Actual_K562", *(f"{cell}_CAGE_128*3_sum" for cell in CELLS)]]
    features: list[list[Any]] = [["chrom", "TSS", "gene_id", "Gene name", "Gene description", *MRNA_FEATURES]]
    split: list[list[Any]] = [["ENSID", "chrom", "fold_1", "fold_11", "Gene name"]]
    for gene in genes:
        bare, origin = gene.chrom.removeprefix("chr"), _origin(tiny, gene)
        own: list[Any] = [0.5] * len(MRNA_FEATURES)
        label: list[Any] = [7, 9]
        if origin is not None:
            own = ["" if np.isnan(v) else repr(float(v)) for v in tiny.rna_features(origin, "SynK")[:8]]
            label = [tiny.observed(origin, cell) for cell in CELLS.values()]
        labels.append([gene.gene_id, gene.symbol, 1.5, *label])
        features.append([bare, gene.tss, gene.gene_id, gene.symbol, "made, not measured [Source:none]", *own])
        part = "train" if origin is None else tiny.fold(origin) or "train"
        split.append([gene.gene_id, bare, "train", part, gene.symbol])
    _write_csv(tables / "GM12878_K562_18377_gene_expr_fromXpresso.csv", labels)
    _write_csv(tables / "mRNA_halflife_features.csv", features)
    _write_csv(tables / "leave_chrom_out_crossvalidation_split_18377genes.csv", split)


def _write_gene_list(path: Path, cell: str, genes: list[Gene], tiny: Dataset) -> None:
    """As ABC writes it, the Ensembl id in the column ``symbol``."""
    path.parent.mkdir(parents=True)
    columns = ("chr", "start", "end", "name", "score", "strand", "symbol", "tss")
    lines = ["\t".join((*columns, "H3K27ac.RPM.TSS1Kb", "DHS.RPM.TSS1Kb"))]
    for gene in genes:
        origin = _origin(tiny, gene)
        activity = 2.25 if origin is None else float(tiny.rna_features(origin, CELLS[cell])[8])
        values = (gene.chrom, gene.tss, gene.tss + 900, gene.symbol, 0, gene.strand, gene.gene_id, gene.tss)
        lines.append("\t".join(map(str, (*values, activity * 4, activity / 4))))
    path.write_text("\n".join(lines) + "\n")


def _write_vectors(folder: Path, cell: str, genes: list[Gene], tiny: Dataset) -> None:
    source = tiny.path("contact", cell)
    assert source is not None
    for chrom, length in tiny.assembly.chrom_sizes.items():
        with h5py.File(folder / f"hic_feat_{chrom}.h5", "w") as file:
            for at, gene in enumerate(genes):
                if gene.chrom == chrom:
                    found = vc_counts(
                        ContactSource(source, BIN, "NONE"), gene.window(WIDTH), tss=gene.tss, chrom_length=length
                    )
                    values = np.full(WIDTH, np.nan) if at == GATED else found.filled
                    file.create_dataset(f"{chrom}_{gene.tss}", data=values)
