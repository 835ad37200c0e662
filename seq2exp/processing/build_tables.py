"""The tables of a built data set: mRNA features with promoter activities, and expression labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from seq2exp.genome import Gene, Interval
from seq2exp.processing.activity import activity_from_bams, activity_from_gene_list
from seq2exp.processing.labels import cage_from_bigwig, cage_from_ctss, write_expression
from seq2exp.processing.mrna import compare_with_released, mrna_features, write_features
from seq2exp.processing.output import Progress
from seq2exp.sources.tables import read_expression, read_rna_features

FeatureOrigin = Literal["released", "gtf"]
"""released: the published table; gtf: recomputed from the GTF and the reference."""


@dataclass(frozen=True)
class FeatureFiles:
    """What a features table is made from."""

    released: Path
    """mRNA_halflife_features.csv."""
    gene_lists: Mapping[str, Path]
    """ABC's GeneList.txt by cell type."""
    reads: Mapping[str, tuple[Sequence[Path], Sequence[Path]]] = field(default_factory=dict)
    """BAMs of DNase and of H3K27ac by cell type, where no gene list tells the activities."""
    gtf: Path | None = None
    """Given: features are recomputed from it."""
    sequence_of: Callable[[Interval], str] | None = None
    """Bases of an interval, for the GC of recomputed features."""


def make_features(out: Path, files: FeatureFiles, genes: Sequence[Gene], progress: Progress) -> dict[str, Any]:
    """Write the features table; how recomputed features compare and what gene lists had, as JSON types.

    Raises
    ------
    SourceError
        A file cannot be read.
    """
    ids = [gene.gene_id for gene in genes]
    features = released = read_rna_features(files.released).reindex(ids)
    notes: list[str] = []
    told: dict[str, Any] = {"notes": notes}
    if files.gtf is not None and files.sequence_of is not None:
        chromosomes = tuple(dict.fromkeys(gene.chrom for gene in genes))
        computed = mrna_features(files.gtf, files.sequence_of, genes=ids, chromosomes=chromosomes, progress=progress)
        compared = compare_with_released(computed, released)
        told["equal"] = {
            str(name): {"genes": int(row["genes"]), "equal": int(row["equal"])} for name, row in compared.iterrows()
        }
        features = computed.reindex(ids)
        lost = int(features["CDSLEN_log10zscore"].isna().sum())
        notes.append(
            f"Features are recomputed from {files.gtf.name}, not the released ones the checkpoints were trained on."
        )
        if lost:
            notes.append(f"{lost:,} genes have no coding transcript in {files.gtf.name}: their features are missing.")
    activities = {}
    for cell, path in files.gene_lists.items():
        progress(0, 1, f"promoter activity of {cell}")
        found = activity_from_gene_list(path, genes)
        activities[cell] = found.activity
        notes += [f"Promoter activity of {cell}: {note}." for note in found.notes]
    for cell, (dnase, h3k27ac) in files.reads.items():
        counted = activity_from_bams(genes, dnase=dnase, h3k27ac=h3k27ac, progress=progress)
        activities[cell] = counted.activity
        notes.append(f"Promoter activity of {cell} was counted from its reads, as the gene list is not there.")
        notes += [f"Promoter activity of {cell}: {note}." for note in counted.notes]
    write_features(out, features, activities)
    return told


@dataclass(frozen=True)
class LabelFile:
    """Where the labels of one cell type come from."""

    kind: Literal["released", "bigwig", "ctss"]
    path: Path


def make_labels(out: Path, files: Mapping[str, LabelFile], genes: Sequence[Gene], progress: Progress) -> dict[str, Any]:
    """Write the expression table of the cell types in ``files``; what there is to say of it, as JSON types.

    Raises
    ------
    SourceError
        A file cannot be read.
    """
    ids = [gene.gene_id for gene in genes]
    columns: dict[str, pd.Series[float]] = {}
    notes: list[str] = []
    for cell, file in files.items():
        progress(0, 1, f"expression of {cell}")
        if file.kind == "released":
            columns[cell] = read_expression(file.path)[cell].reindex(ids)
            continue
        labels = (
            cage_from_bigwig([file.path], genes, progress=progress)
            if file.kind == "bigwig"
            else cage_from_ctss(file.path, genes)
        )
        columns[cell] = labels.tags
        notes.append(f"Labels of {cell} are tags of both strands in TSS +-192 bp of {file.path.name}.")
        notes += [f"Labels of {cell}: {note}." for note in labels.notes]
    write_expression(out, columns)
    return {"notes": notes}
