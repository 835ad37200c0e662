"""The parts of a built data set that its cell types share: genes, their features and their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from seq2exp.errors import SettingsError
from seq2exp.genome import Gene
from seq2exp.processing import build_checks as checks
from seq2exp.processing.build_genes import PublishedGene, genes_in_words, write_genes
from seq2exp.processing.build_inputs import Found, Inputs
from seq2exp.processing.build_manifest import derived_source, upstream_source
from seq2exp.processing.build_parts import NO_ACTIVITY, NO_LABELS, Work
from seq2exp.processing.build_tables import FeatureFiles, FeatureOrigin, LabelFile, make_features, make_labels
from seq2exp.processing.report import Absent
from seq2exp.sources.manifest import Content
from seq2exp.sources.sequence import read_sequence
from seq2exp.sources.tables import ACTIVITY_PREFIX, read_expression, read_gene_table, read_rna_features

ACTIVITY_READS: Mapping[str, tuple[str, ...]] = {
    "k562": ("k562.dnase.alignment.duke",),
    "gm12878": ("gm12878.dnase.alignment.rep1",),
    "h1": ("h1.dnase.alignment.epinformer",),
}
"""DNase reads behind the published promoter activities (data-sources.md 7.2), in the catalogue's ids."""

GENES_FILE, FEATURES_FILE, LABELS_FILE = "genes.tsv", "features.tsv", "expression.tsv"


def add_genes(work: Work, published: Sequence[PublishedGene], table: Found, gtf: Found) -> list[Gene]:
    """The gene table and the GTF; the genes as the data set has them."""
    inputs, steps, parts = work.inputs, work.steps, work.parts
    make = partial(write_genes, published=published, gtf=gtf.path)
    work.progress(0, 1, "gene table")
    parameters = {"chromosomes": list(inputs.catalogue.chromosomes)}
    told = steps.run("genes", GENES_FILE, [table.path, gtf.path], parameters, make)
    parts.notes += genes_in_words(told, len(published), gtf.source.id)
    parts.sources.append(
        derived_source(
            [table.source, gtf.source],
            id="genes",
            title="Genes with the published TSS, strand and bounds",
            role="genes",
            path=GENES_FILE,
            file_format="tsv",
            out=steps.out,
            sha256=steps.sha256("genes"),
            processing="TSS of the published table as it stands; strand, bounds and type from the GTF, by id",
            content=Content(output_type="gene table", summary={"genes": float(len(published))}),
        )
    )
    return list(read_gene_table(steps.out / GENES_FILE))


def add_features(
    work: Work, genes: Sequence[Gene], table: Found, gtf: Found, reference: Found, origin: FeatureOrigin
) -> dict[str, dict[str, int]]:
    """The features table; how recomputed features equal the released ones."""
    inputs, steps, parts = work.inputs, work.steps, work.parts
    lists: dict[str, Found] = {}
    reads: dict[str, tuple[list[Found], list[Found]]] = {}
    for cell in work.cells:
        ids = inputs.members(f"promoter_activity.{cell.lower()}", f"features.gene_list.{cell.lower()}")
        found = inputs.find(*ids)
        bams = None if found is not None else _reads(inputs, cell)
        if found is not None:
            lists[cell] = found
        elif bams is not None:
            reads[cell] = bams
        else:
            parts.absent.append(Absent("promoter activity", cell, tuple(ids), NO_ACTIVITY))
    known = [cell for cell in work.cells if cell in lists or cell in reads]
    recomputed = origin == "gtf"
    if recomputed and not reference.here:
        raise SettingsError("features from the GTF need the genome on disk; fetch it or use the released features")
    files = FeatureFiles(
        released=table.path,
        gene_lists={cell: found.path for cell, found in lists.items()},
        reads={cell: ([one.path for one in d], [one.path for one in h]) for cell, (d, h) in reads.items()},
        gtf=gtf.path if recomputed else None,
        sequence_of=partial(read_sequence, reference.path) if recomputed else None,
    )
    bam_files = [one for pair in reads.values() for several in pair for one in several]
    read = [steps.out / GENES_FILE, table.path, *files.gene_lists.values(), *(one.path for one in bam_files)]
    read += [gtf.path, reference.path] if recomputed else []
    parameters = {"features": origin, "cells": known}
    make = partial(make_features, files=files, genes=genes, progress=work.progress)
    told = steps.run("features", FEATURES_FILE, read, parameters, make)
    parts.notes += told["notes"]
    features = read_rna_features(steps.out / FEATURES_FILE)
    parts.checks += checks.feature_checks(features, known, paper=work.paper)
    made_from = [gtf.source, reference.source] if recomputed else [table.source]
    summary = {f"{ACTIVITY_PREFIX}{cell}": float(features[f"{ACTIVITY_PREFIX}{cell}"].median()) for cell in known}
    parts.sources.append(
        derived_source(
            [*made_from, *(found.source for found in lists.values()), *(one.source for one in bam_files)],
            id="rna_features",
            title="mRNA features and promoter activities",
            role="rna_features",
            path=FEATURES_FILE,
            file_format="tsv",
            out=steps.out,
            sha256=steps.sha256("features"),
            processing=f"mRNA features {'recomputed from the GTF' if recomputed else 'as released'}; promoter "
            "activity = sqrt(H3K27ac RPM x DNase RPM) in TSS +-500 bp",
            content=Content(output_type="gene features", summary=_medians(summary)),
        )
    )
    return {str(name): dict(row) for name, row in told.get("equal", {}).items()}


def add_labels(work: Work, genes: Sequence[Gene]) -> None:
    """The expression table of the cell types that have labels; what is not there is noted."""
    inputs, steps, parts = work.inputs, work.steps, work.parts
    table = inputs.find("labels.cage")
    released = [] if table is None else list(read_expression(table.path).columns)
    files: dict[str, LabelFile] = {}
    used: dict[str, Found] = {}
    for cell in work.cells:
        low = cell.lower()
        track, ctss = inputs.find(f"labels.cage.{low}"), inputs.find(f"labels.cage.ctss.{low}")
        if table is not None and cell in released:
            files[cell], used[cell] = LabelFile("released", table.path), table
        elif track is not None:
            files[cell], used[cell] = LabelFile("bigwig", track.path), track
            parts.sources.append(upstream_source(track, "cage", steps.out, cell_type=cell))
        elif ctss is not None:
            files[cell], used[cell] = LabelFile("ctss", ctss.path), ctss
        else:
            ids = ("labels.cage", f"labels.cage.{low}", f"labels.cage.ctss.{low}")
            parts.absent.append(Absent("expression", cell, ids, NO_LABELS))
    if not files:
        return
    made = [*dict.fromkeys(found.path for found in used.values())]
    parameters = {"cells": {cell: file.kind for cell, file in files.items()}}
    make = partial(make_labels, files=files, genes=genes, progress=work.progress)
    told = steps.run("expression", LABELS_FILE, [steps.out / GENES_FILE, *made], parameters, make)
    parts.notes += told["notes"]
    labels = read_expression(steps.out / LABELS_FILE)
    parts.checks += checks.label_checks(labels, len(genes))
    parts.sources.append(
        derived_source(
            list({found.source.id: found.source for found in used.values()}.values()),
            id="expression",
            title="CAGE tags around the TSS of every gene",
            role="expression",
            path=LABELS_FILE,
            file_format="tsv",
            out=steps.out,
            sha256=steps.sha256("expression"),
            processing="the model's label is log10(1 + tags)",
            content=Content(
                output_type="sum of CAGE tags over TSS +/- 192 bp",
                unit="tags",
                summary={f"max_{cell}": float(labels[cell].max()) for cell in labels if labels[cell].notna().any()},
            ),
        )
    )


def _reads(inputs: Inputs, cell: str) -> tuple[list[Found], list[Found]] | None:
    """Alignments of DNase and H3K27ac to count promoter activity from; those behind the published ones first."""
    low = cell.lower()
    dnase = inputs.find(*ACTIVITY_READS.get(low, ()), f"{low}.dnase.alignment")
    marks = [inputs.find(f"{low}.h3k27ac.alignment.{letter}") for letter in "abc"]
    h3k27ac = [found for found in marks if found is not None]
    return None if dnase is None or not h3k27ac else ([dnase], h3k27ac)


def _medians(found: Mapping[str, float]) -> dict[str, float | str | None]:
    """Summary of the activities, without those that have no median."""
    return {f"median_{name}": value for name, value in found.items() if not pd.isna(value)}
