"""The authors' published folder -> a data set that opens it where it lies; only small derived tables are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from seq2exp.errors import SourceError
from seq2exp.files import whole_file, writable
from seq2exp.genome import Gene, match_chromosome
from seq2exp.processing.activity import activity_from_gene_list
from seq2exp.processing.build_checks import N_GENES
from seq2exp.processing.mrna import write_features
from seq2exp.processing.official_layout import (
    CELLS,
    CellFiles,
    OfficialFolder,
    OfficialPart,
    look_at,
    problems,
)
from seq2exp.processing.official_tables import genes_of, read_places, read_symbols, write_blacklist, write_genes
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.fasta import fasta_sizes, index_fasta
from seq2exp.sources.hic_feat import INDEX_SUFFIX, FeatFile, FeatIndex, write_feat_index
from seq2exp.sources.manifest import MANIFEST_NAMES, MANIFEST_VERSION, load_manifest
from seq2exp.sources.tables import read_rna_features

DATASET_NAME = "seq2exp-authors"

PUBLISHED_WIDTH = 200_000
PUBLISHED_BIN = 5_000
"""bp of the published windows and contact bins (models.md section 1)."""

_LICENCE = {
    "key": "authors",
    "name": "MIT for the authors' packaging; the terms of ENCODE, 4DN and FANTOM5 hold for the content",
    "spdx": "MIT",
    "redistribution": "link_only",
    "confidence": "memory",
}


@dataclass(frozen=True)
class OfficialReport:
    """What became of the folder."""

    manifest: Path
    cell_types: tuple[str, ...]
    n_genes: int
    parts: tuple[OfficialPart, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "manifest": str(self.manifest)}


def official_dataset(root: Path, out: Path) -> OfficialReport:
    """A data set in ``out`` whose files are those of the authors' folder ``root``; nothing is written into ``root``.

    Parameters
    ----------
    root
        What the authors call ``$DATA_ROOT`` (layout: data-sources.md section 8). Parts may be missing as long as
        reference, features, split and one cell type with its gene list are there.
    out
        Folder for the manifest, the index of the reference where it has none, and the derived tables: genes, features
        with promoter activities, blacklist, index of the contact vectors. Made if absent; an earlier run's data set
        there is replaced.

    Returns
    -------
    OfficialReport
        Every part with what became of it.

    Raises
    ------
    SourceError
        Required parts missing or any part damaged: all of them in one message; nothing is written then. Lengths of
        chromosomes that disagree; another data set in ``out``.
    """
    root, out = root.absolute(), out.absolute()
    _require_own(out)
    folder = look_at(root)
    wrong = list(problems(folder.parts))
    if wrong:
        raise SourceError(f"{root}: {len(wrong)} parts are missing or damaged: {'; '.join(wrong)}")
    if not any(files.gene_list for files in folder.cells):
        raise SourceError(
            f"{root}: no ABC gene list of {' or '.join(c.name for c in CELLS)}; it says where genes begin"
        )
    out.mkdir(parents=True, exist_ok=True)
    fasta, sizes = _reference(folder.fasta, out)
    _check_lengths(folder, sizes)
    symbols = read_symbols(folder.split)
    cells, base, notes = _agreeing_cells(folder.cells)
    genes = genes_of(symbols, base, sizes)
    if not genes:
        raise SourceError(f"{root}: none of the {len(symbols):,} genes of the split is in the gene lists")
    notes.append(f"{len(genes):,} of the {len(symbols):,} genes of the split have a TSS on the reference")
    if len(genes) != N_GENES:
        notes.append(f"the paper's gene set has {N_GENES:,} genes: this folder holds another one, or part of it")
    write_genes(out / "genes.tsv", genes)
    notes += _write_features(folder.features, cells, genes, out / "features.tsv")
    if folder.blacklist is not None:
        count = write_blacklist(out / "blacklist.bed", folder.blacklist, folder.blacklisted, sizes)
        notes.append(f"{folder.blacklist.name}: {count:,} stretches")
    for files in cells:
        notes += _write_contact_index(files, sizes, genes, out)
    manifest = out / "manifest.yaml"
    text = yaml.safe_dump(_manifest(folder, fasta, cells), sort_keys=False, allow_unicode=True, width=120)
    with writable(manifest), whole_file(manifest) as trial:
        trial.write_bytes(text.encode())
        opened = open_dataset(trial)  # only a manifest that opens gets the name
    return OfficialReport(manifest, opened.cell_types, len(opened.genes), folder.parts, tuple(notes))


def _require_own(out: Path) -> None:
    """Refuse a folder that holds a data set other than an earlier one of ours."""
    for name in MANIFEST_NAMES:
        if (out / name).exists() and load_manifest(out / name).name != DATASET_NAME:
            raise SourceError(f"{out / name}: another data set is in this folder; give an empty one or a new name")


def _reference(fasta: Path, out: Path) -> tuple[Path, dict[str, int]]:
    """The reference and its chromosome lengths: itself where it has an index, else a link to it in ``out`` with one."""
    if fasta.with_name(f"{fasta.name}.fai").is_file():
        return fasta, fasta_sizes(fasta)
    link = out / fasta.name
    if not (link.is_symlink() and link.resolve() == fasta.resolve()):
        link.unlink(missing_ok=True)
        link.symlink_to(fasta)
    index_fasta(link)
    return link, fasta_sizes(link)


def _check_lengths(folder: OfficialFolder, sizes: Mapping[str, int]) -> None:
    """Refuse a reference whose chromosomes are not as long as chr_length.json says."""
    for chrom, length in (folder.chrom_lengths or {}).items():
        name = match_chromosome(chrom, sizes)
        if name is not None and sizes[name] != length:
            raise SourceError(
                f"{folder.root / 'chr_length.json'}: {chrom} has {length:,} bp, {folder.fasta} {sizes[name]:,}; one of "
                f"the two is of another assembly"
            )


def _agreeing_cells(
    found: tuple[CellFiles, ...],
) -> tuple[tuple[CellFiles, ...], Mapping[str, tuple[str, int, Any]], list[str]]:
    """Cell types of one set of TSS with at least one track, the TSS, and words on who was left out."""
    base: dict[str, tuple[str, int, Any]] = {}
    kept, notes = [], []
    for files in found:
        name = files.cell.name
        if not (files.dnase or files.h3k27ac or files.vectors or files.contact_map):
            notes.append(f"{name} is left out: it has no track and no contacts")
            continue
        places = {} if files.gene_list is None else read_places(files.gene_list)
        other = [gene for gene, place in places.items() if gene in base and place[:2] != base[gene][:2]]
        if other:
            notes.append(
                f"{name} is left out: {len(other):,} of {len(places):,} genes of its list have another TSS, {other[0]} "
                f"among them, and a data set has one TSS per gene"
            )
            continue
        base = base or places
        kept.append(files)
    if not kept or not base:
        raise SourceError(f"no cell type with tracks and a gene list: {'; '.join(notes)}")
    return tuple(kept), base, notes


def _write_features(source: Path, cells: tuple[CellFiles, ...], genes: tuple[Gene, ...], out: Path) -> Iterator[str]:
    """Features as published, with the activity of every cell type that has a gene list."""
    features = read_rna_features(source)
    activities = {}
    for files in cells:
        if files.gene_list is not None:
            found = activity_from_gene_list(files.gene_list, genes)
            activities[files.cell.name] = found.activity
            yield from (f"{files.cell.name}: {note}" for note in found.notes)
    write_features(out, features, activities)


def _write_contact_index(
    files: CellFiles, sizes: Mapping[str, int], genes: tuple[Gene, ...], out: Path
) -> Iterator[str]:
    """The index of the cell type's contact vectors, and words on chromosomes that have none."""
    if not files.vectors or files.vector_bp is None:
        return
    lengths = {chrom: match_chromosome(chrom, sizes) for chrom in files.vectors}
    strange = [chrom for chrom, name in lengths.items() if name is None]
    if strange:
        raise SourceError(f"{files.vectors[strange[0]]}: the reference has no chromosome {strange[0]}")
    index = FeatIndex(
        window_bp=files.vector_bp,
        resolution_bp=PUBLISHED_BIN,
        normalisation="VC",
        chromosomes={
            chrom: FeatFile(str(path), sizes[str(lengths[chrom])], path.stat().st_size)
            for chrom, path in files.vectors.items()
        },
    )
    write_feat_index(out / f"{files.cell.name}{INDEX_SUFFIX}", index)
    without = [chrom for chrom in sizes if match_chromosome(chrom, files.vectors) is None]
    lost = [gene for gene in genes if gene.chrom in without]
    if lost:
        yield (
            f"{files.cell.name}: no contacts of {len(lost):,} genes on {', '.join(sorted({g.chrom for g in lost}))}; "
            f"their windows cannot be made until hic_feat_chrN.h5 of those chromosomes is there"
        )


def _manifest(folder: OfficialFolder, fasta: Path, cells: tuple[CellFiles, ...]) -> dict[str, Any]:
    width = next((files.vector_bp for files in cells if files.vector_bp is not None), PUBLISHED_WIDTH)
    return {
        "manifest_version": MANIFEST_VERSION,
        "name": DATASET_NAME,
        "title": "The data set the Seq2Exp authors published, read where it lies",
        "genome_build": "hg38",
        "window": {
            "width_bp": width,
            "contact_resolution_bp": PUBLISHED_BIN,
            "contact_mode": "vc_counts",
            "contact_normalisation": "VC",
        },
        "cell_types": [files.cell.name for files in cells],
        "licences": [_LICENCE],
        "sources": list(_sources(folder, fasta, cells)),
    }


def _sources(folder: OfficialFolder, fasta: Path, cells: tuple[CellFiles, ...]) -> Iterator[dict[str, Any]]:
    link = fasta.name if fasta != folder.fasta else str(fasta)
    yield _source("reference", "Reference sequence", "reference", link, "fasta")
    yield _source("genes", "Genes of the split, TSS and strand of the ABC gene lists", "genes", "genes.tsv", "tsv")
    yield _source("features", "mRNA features and promoter activities", "rna_features", "features.tsv", "tsv")
    yield _source("split", "12-fold leave-chromosomes-out split", "split", str(folder.split), "csv")
    if folder.expression is not None:
        yield _source("labels", "CAGE labels", "expression", str(folder.expression), "csv")
    if folder.blacklist is not None:
        words = f"made from {folder.blacklist.name}"
        yield _source("blacklist", "Blacklist", "blacklist", "blacklist.bed", "bed", notes=words)
    for files in cells:
        cell = files.cell
        if files.dnase is not None:
            content = {"output_type": "read-depth normalized signal"}
            yield _source(f"{cell.name}.dnase", cell.dnase, "dnase", str(files.dnase), "bigWig", files, content)
        if files.h3k27ac is not None:
            content = {"output_type": "signal p-value", "unit": "-log10 p"}
            yield _source(f"{cell.name}.h3k27ac", cell.h3k27ac, "h3k27ac", str(files.h3k27ac), "bigWig", files, content)
        published = {"resolution_bp": PUBLISHED_BIN, "normalisation": "VC"}
        if files.vectors:
            index = f"{cell.name}{INDEX_SUFFIX}"
            words = f"the authors' vectors made from {cell.contact}"
            yield _source(f"{cell.name}.contact", words, "contact", index, "hic_feat", files, published)
        elif files.contact_map is not None:
            path = str(files.contact_map)
            yield _source(f"{cell.name}.contact", cell.contact, "contact", path, "hic", files, published)


def _source(
    name: str,
    title: str,
    role: str,
    path: str,
    file_format: str,
    files: CellFiles | None = None,
    content: Mapping[str, Any] | None = None,
    notes: str | None = None,
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": name,
        "title": title,
        "role": role,
        "local_path": path,
        "file": {"format": file_format},
        "licence": "authors",
    }
    if files is not None:
        entry["cell_type"] = files.cell.name
    if content is not None:
        entry["content"] = dict(content)
    if notes is not None:
        entry["notes"] = notes
    return entry
