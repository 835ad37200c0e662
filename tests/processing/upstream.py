"""The tiny synthetic data as if downloaded: files with the layout and columns of the real ones, and a catalogue."""

from __future__ import annotations

import csv
import gzip
import shutil
import struct
from pathlib import Path
from typing import Any

import hictkpy
import numpy as np
import pandas as pd
import yaml

from seq2exp.genome import Gene, Interval
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.sequence import read_sequence
from seq2exp.sources.tables import MRNA_FEATURES

CELLS = {"SynK": "K562", "SynG": "GM12878"}
"""The simulated lines stand for the paper's."""

WINDOW_BP, CENTRE_BP, BIN_BP = 4_096, 256, 256


def write_2bit(path: Path, bases: dict[str, str]) -> None:
    """UCSC's 2bit (FAQformat): header, index, then length, stretches of N, no masked ones, four bases a byte."""
    records, offsets = [], []
    at = 16 + sum(1 + len(name) + 4 for name in bases)
    for letters in bases.values():
        codes = np.array(["TCAG".find(letter) for letter in letters])
        unknown = np.flatnonzero(np.diff(np.concatenate([[0], (codes < 0).astype(int), [0]])))
        starts, ends = unknown[::2], unknown[1::2]
        packed = np.zeros(-(-len(codes) // 4) * 4, dtype=np.uint8)
        packed[: len(codes)] = np.maximum(codes, 0)
        four = packed.reshape(-1, 4)
        body = (four[:, 0] << 6 | four[:, 1] << 4 | four[:, 2] << 2 | four[:, 3]).astype(np.uint8).tobytes()
        record = struct.pack("<II", len(codes), len(starts))
        record += starts.astype("<u4").tobytes() + (ends - starts).astype("<u4").tobytes()
        record += struct.pack("<II", 0, 0) + body
        offsets.append(at)
        at += len(record)
        records.append(record)
    index = b"".join(
        bytes([len(name)]) + name.encode() + struct.pack("<I", offset)
        for name, offset in zip(bases, offsets, strict=True)
    )
    path.write_bytes(struct.pack("<IIII", 0x1A412743, 0, len(bases), 0) + index + b"".join(records))


def write_hic(path: Path, mcool: Path, sizes: dict[str, int]) -> None:
    """The contacts of an .mcool as a .hic."""
    pixels = hictkpy.File(mcool, BIN_BP).fetch(join=False).to_df()
    writer = hictkpy.hic.FileWriter(path, sizes, BIN_BP, tmpdir=path.parent)
    writer.add_pixels(pd.DataFrame({name: pixels[name] for name in ("bin1_id", "bin2_id", "count")}))
    writer.finalize()


def write_upstream(tiny: Dataset, folder: Path) -> Path:
    """Files below ``folder``/files and a catalogue that describes them; the path of the catalogue."""
    files = folder / "files"
    for name in ("hg38", "tables", "annotation", "H1", *CELLS.values()):
        (files / name).mkdir(parents=True)
    sizes = dict(tiny.assembly.chrom_sizes)
    reference = tiny.path("reference")
    assert reference is not None
    bases = {chrom: read_sequence(reference, Interval(chrom, 0, size)) for chrom, size in sizes.items()}
    write_2bit(files / "hg38/hg38.2bit", bases)
    (files / "hg38/hg38.chrom.sizes").write_text("".join(f"{chrom}\t{size}\n" for chrom, size in sizes.items()))
    _write_tables(tiny, files)
    (files / "annotation/blacklist.bed.gz").write_bytes(gzip.compress((tiny.root / "blacklist.bed").read_bytes()))
    shutil.copy(tiny.root / "genes.gtf.gz", files / "annotation/ensembl.gtf.gz")
    for simulated, cell in CELLS.items():
        for role in ("dnase", "h3k27ac"):
            shutil.copy(tiny.root / f"{simulated}.{role}.bw", files / cell / f"{role}.bigWig")
        write_hic(files / cell / "map.hic", tiny.root / f"{simulated}.mcool", sizes)
    catalogue = folder / "catalogue.yaml"
    catalogue.write_text(yaml.safe_dump(_catalogue(list(sizes)), sort_keys=False))
    return catalogue


def published(tiny: Dataset) -> list[Gene]:
    """Genes with mRNA features: those the published tables list."""
    return [gene for gene in tiny.genes if np.isfinite(tiny.rna_features(gene, "SynK")[:8]).all()]


def _write_tables(tiny: Dataset, files: Path) -> None:
    """The published tables' columns: ids under their several names, chromosomes without chr, counts per promoter."""
    features = tiny.path("rna_features")
    assert features is not None
    table = pd.read_csv(features, sep="\t", index_col="gene_id", float_precision="round_trip")
    genes = published(tiny)
    with (files / "tables/mrna.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["chrom", "TSS", "gene_id", "Gene name", "Gene description", *MRNA_FEATURES])
        for gene in genes:
            row = [gene.chrom.removeprefix("chr"), gene.tss, gene.gene_id, gene.symbol, "made, not measured"]
            writer.writerow([*row, *(repr(float(table.at[gene.gene_id, name])) for name in MRNA_FEATURES)])
    with (files / "tables/split.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["ENSID", "chrom", "fold_11"])
        writer.writerows([gene.gene_id, gene.chrom, tiny.fold(gene)] for gene in genes)
    with (files / "tables/labels.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["ENSID", *(f"{cell}_CAGE_128*3_sum" for cell in CELLS.values()), "Actual_K562"])
        for gene in genes:
            tags = [tiny.observed(gene, cell) for cell in CELLS]
            writer.writerow([gene.gene_id, *("NA" if one is None else one for one in tags), 0.5])
    for simulated, cell in CELLS.items():
        rows = ["chr\tsymbol\ttss\tH3K27ac.RPM.TSS1Kb\tDHS.RPM.TSS1Kb"]
        for gene in genes:
            activity = float(table.at[gene.gene_id, f"promoter_activity_{simulated}"])
            rows.append(f"{gene.chrom}\t{gene.symbol}\t{gene.tss}\t{activity!r}\t{activity!r}")
        (files / f"tables/GeneList_{cell}.txt").write_text("\n".join(rows) + "\n")


def _catalogue(chromosomes: list[str]) -> dict[str, Any]:
    def entry(
        id: str, category: str, path: str, file_format: str, role: str | None = None, **more: Any
    ) -> dict[str, Any]:
        known: dict[str, Any] = {"id": id, "title": id, "category": category, "local_path": path, "licence": "mit"}
        known |= {
            "file": {"format": file_format},
            "confidence": dict.fromkeys(("identity", "url", "licence"), "unknown"),
        }
        known["confidence"]["evidence"] = "made for tests"
        return known | ({} if role is None else {"role": role}) | more

    sources = [
        entry("reference.hg38.2bit", "reference", "hg38/hg38.2bit", "2bit", "reference"),
        entry("reference.chrom_sizes", "reference", "hg38/hg38.chrom.sizes", "tsv"),
        entry("blacklist.v1", "mask", "annotation/blacklist.bed.gz", "bed", "blacklist"),
        entry("annotation.ensembl90", "annotation", "annotation/ensembl.gtf.gz", "gtf", "transcripts"),
        entry("genes.split", "split", "tables/split.csv", "csv", "split"),
        entry("features.mrna", "feature", "tables/mrna.csv", "csv", "rna_features"),
        entry("labels.cage", "label", "tables/labels.csv", "csv", "expression"),
        entry("ccre.k562", "track", "K562/ccre.bed", "bed", "ccre", cell_type="K562", content={"counts": {"rows": 2}}),
        entry("reference.hg38.fasta", "reference", "hg38/hg38.fa.gz", "fasta", "reference"),
        entry("crispri.training", "benchmark", "crispri/training.tsv", "tsv"),
        entry("crispri.heldout", "benchmark", "crispri/heldout.tsv", "tsv"),
        entry("h1.dnase.alignment", "alignment", "H1/dnase.bam", "bam", "dnase_alignment", cell_type="H1"),
        entry("h1.h3k27ac.alignment.a", "alignment", "H1/h3k27ac.bam", "bam", cell_type="H1"),
        entry("labels.cage.h1", "label", "H1/cage.bw", "bigWig", "cage", cell_type="H1"),
    ]
    for cell in CELLS.values():
        low = cell.lower()
        output = {"dnase": "read-depth normalized signal", "h3k27ac": "signal p-value"}
        sources.append(
            entry(f"features.gene_list.{low}", "feature", f"tables/GeneList_{cell}.txt", "tsv", cell_type=cell)
        )
        sources += [
            entry(
                f"{low}.{role}.signal",
                "signal",
                f"{cell}/{role}.bigWig",
                "bigWig",
                role,
                cell_type=cell,
                content={"output_type": kind},
                warnings=[f"{kind} of {cell}"],
            )
            for role, kind in output.items()
        ]
        sources.append(entry(f"{low}.contact", "contact", f"{cell}/map.hic", "hic", "contact", cell_type=cell))
    return {
        "catalogue_version": 1,
        "genome_build": "GRCh38",
        "chromosomes": chromosomes,
        "cell_types": [*CELLS.values(), "H1"],
        "files_dir": "files",
        "licences": [{"key": "mit", "name": "MIT"}],
        "citations": [],
        "servers": [],
        "tasks": [],
        "sources": sources,
    }
