"""A data set that is there: a manifest whose files are present and of one assembly, and questions to its tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seq2exp.errors import ManifestError, SourceError
from seq2exp.genome import Assembly, Gene, Interval, Region, Transcript
from seq2exp.sources.annotation import TranscriptTable, read_genes_gtf, read_regions, read_transcript_table
from seq2exp.sources.bigwig import bigwig_sizes
from seq2exp.sources.fasta import fasta_sizes
from seq2exp.sources.genes import GeneIndex
from seq2exp.sources.hic import contact_sizes
from seq2exp.sources.manifest import Manifest, Role, Source, find_manifest, load_manifest
from seq2exp.sources.tables import (
    ACTIVITY_PREFIX,
    MRNA_FEATURES,
    read_expression,
    read_gene_table,
    read_rna_features,
    read_split,
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A validated manifest with its files; made by `open_dataset`.

    Holds paths, never open handles. Tables are read when first asked for and kept on the instance.
    """

    manifest: Manifest
    root: Path
    """Folder of the manifest; relative paths start here."""
    hash: str
    """12 hex digits of the manifest's bytes and every file's size: names this data set in caches and results."""
    assembly: Assembly
    """Chromosomes in use, named as in the FASTA."""
    genes: GeneIndex
    """Genes whose TSS lies on a chromosome in use, chromosomes named as in the FASTA."""
    _expression: dict[Path, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)
    _rna_features: dict[Path, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        """The manifest's short name."""
        return self.manifest.name

    @property
    def synthetic(self) -> bool:
        """Made by a generator, not measured."""
        return self.manifest.synthetic

    @property
    def cell_types(self) -> tuple[str, ...]:
        """Cell types, in the manifest's order."""
        return tuple(self.manifest.cell_types)

    def source(self, role: Role, cell_type: str | None = None) -> Source | None:
        """The source that fills `role` for `cell_type`: its own, else the one for every cell type, else None.

        Raises
        ------
        ManifestError
            A cell type the data set does not have.
        """
        return next(iter(self.sources(role, cell_type)), None)

    def sources(self, role: Role, cell_type: str | None = None) -> tuple[Source, ...]:
        """All sources of `role` that serve `cell_type`, its own first; None: those for every cell type.

        Raises
        ------
        ManifestError
            A cell type the data set does not have.
        """
        if cell_type is not None and cell_type not in self.manifest.cell_types:
            raise ManifestError(f"{self.name}: no cell type {cell_type!r:.40}; it has {', '.join(self.cell_types)}")
        wanted = [source for source in self.manifest.sources if source.role == role]
        own = [source for source in wanted if cell_type is not None and source.cell_type == cell_type]
        return (*own, *(source for source in wanted if source.cell_type is None))

    def path(self, role: Role, cell_type: str | None = None) -> Path | None:
        """Where the file of `source` lies; None: the manifest has none for that cell type."""
        source = self.source(role, cell_type)
        return None if source is None else self.path_of(source)

    def path_of(self, source: Source) -> Path:
        """Where the file of one source lies."""
        return self.root / source.local_path

    def transcripts(self, interval: Interval) -> tuple[Transcript, ...]:
        """Transcripts that meet `interval`, sorted by start; none if the manifest has no GTF.

        Raises
        ------
        SourceError
            The GTF cannot be read.
        """
        return () if self._transcripts is None else self._transcripts.within(interval)

    @cached_property
    def _transcripts(self) -> TranscriptTable | None:
        path = self.path("transcripts")
        return None if path is None else read_transcript_table(path)

    def blacklist(self, interval: Interval) -> tuple[Interval, ...]:
        """Blacklisted stretches of `interval`, clipped to it, in file order; none if the manifest has no list.

        They carry the assembly's own chromosome name, however `interval` spells it.

        Raises
        ------
        SourceError
            The list cannot be read.
        """
        chrom = self.assembly.match(interval.chrom)
        if chrom is None:
            return ()
        place = Interval(chrom, interval.start, interval.end)
        shared = (region.interval.intersect(place) for region in self._blacklist.get(chrom, ()))
        return tuple(part for part in shared if part is not None)

    @cached_property
    def _blacklist(self) -> Mapping[str, list[Region]]:
        path = self.path("blacklist")
        by_chrom: dict[str, list[Region]] = {}
        for region in () if path is None else read_regions(path):
            chrom = self.assembly.match(region.interval.chrom)
            if chrom is not None:
                place = Interval(chrom, region.interval.start, region.interval.end)
                by_chrom.setdefault(chrom, []).append(Region(place, region.name, region.score, region.strand))
        return by_chrom

    def observed(self, gene: Gene, cell_type: str) -> float | None:
        """Raw label v of `gene`: CAGE tags within TSS +-192, before log10(1 + v); None where not measured.

        Raises
        ------
        ManifestError
            A cell type the data set does not have.
        SourceError
            The table cannot be read.
        """
        path = self.path("expression", cell_type)
        if path is None:
            return None
        if path not in self._expression:
            self._expression[path] = read_expression(path)
        table = self._expression[path]
        if cell_type not in table.columns or gene.gene_id not in table.index:
            return None
        value = cast(float, table.at[gene.gene_id, cell_type])
        return None if np.isnan(value) else value

    def rna_features(self, gene: Gene, cell_type: str) -> NDArray[np.float32]:
        """The nine gene features in model order: eight of the mRNA, then the promoter activity in this cell type.

        Returns
        -------
        NDArray[np.float32]
            (9,), NaN where unknown.

        Raises
        ------
        ManifestError
            A cell type the data set does not have.
        SourceError
            The table cannot be read.
        """
        features = np.full(len(MRNA_FEATURES) + 1, np.nan, dtype=np.float32)
        path = self.path("rna_features", cell_type)
        if path is None:
            return features
        if path not in self._rna_features:
            self._rna_features[path] = read_rna_features(path)
        table = self._rna_features[path]
        if gene.gene_id in table.index:
            columns = [*MRNA_FEATURES, f"{ACTIVITY_PREFIX}{cell_type}"]
            features[:] = table.loc[gene.gene_id].reindex(columns).to_numpy(dtype=np.float32)
        return features

    def fold(self, gene: Gene) -> str | None:
        """Part of `gene` in fold 11: train, valid or test; None where the split does not list it.

        Raises
        ------
        SourceError
            The table cannot be read.
        """
        return self._split.get(gene.gene_id)

    @cached_property
    def _split(self) -> Mapping[str, str]:
        path = self.path("split")
        return {} if path is None else read_split(path)


def open_dataset(path: Path, *, verify: bool = False) -> Dataset:
    """The data set of a manifest, after checking that its files are there and belong together.

    Parameters
    ----------
    path
        Manifest file, or the folder that holds ``data_manifest.yaml`` or ``manifest.yaml``.
    verify
        Also compute the checksums the manifest states; reads every such file whole.

    Raises
    ------
    ManifestError
        Manifest absent or wrong; files absent (all of them named); no reference or no genes.
    SourceError
        A file of another size or checksum than stated, unreadable, or of another assembly: bigWig, contact map
        or gene that does not fit the FASTA's chromosome lengths.
    """
    manifest_path = find_manifest(path).absolute()
    manifest = load_manifest(manifest_path)
    root = manifest_path.parent
    paths = {source.id: root / source.local_path for source in manifest.sources}
    absent = [f"{source.id} ({paths[source.id]})" for source in manifest.sources if not paths[source.id].is_file()]
    if absent:
        raise ManifestError(f"{manifest_path}: {len(absent)} of {len(paths)} files are absent: {'; '.join(absent)}")
    for source in manifest.sources:
        _check_bytes(source, paths[source.id], verify=verify)
    reference = _only(manifest_path, manifest, "reference")
    sizes = fasta_sizes(paths[reference.id])
    whole = Assembly(manifest.genome_build, sizes)
    for source in manifest.sources:
        _check_assembly(source, paths[source.id], whole, paths[reference.id])
    assembly = _in_use(manifest_path, manifest, whole)
    return Dataset(
        manifest=manifest,
        root=root,
        hash=hash_files(manifest_path.read_bytes(), paths.values()),
        assembly=assembly,
        genes=GeneIndex(_placed_genes(manifest_path, manifest, paths, assembly)),
    )


def _only(manifest_path: Path, manifest: Manifest, role: Role) -> Source:
    found = [source for source in manifest.sources if source.role == role]
    if len(found) != 1:
        raise ManifestError(f"{manifest_path}: needs exactly one source of role {role}, found {len(found)}")
    return found[0]


def _check_bytes(source: Source, path: Path, *, verify: bool) -> None:
    stated, found = source.file.size_bytes, path.stat().st_size
    if stated is not None and stated != found:
        raise SourceError(
            f"{path}: has {found:,} bytes, the manifest says {stated:,}; it is another file or incomplete"
        )
    digests = {"md5": source.file.checksum.md5, "sha256": source.file.checksum.sha256} if verify else {}
    for algorithm, expected in digests.items():
        if expected is None:
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).hexdigest()
        if digest != expected:
            raise SourceError(f"{path}: {algorithm} is {digest}, the manifest says {expected}; fetch it again")


def _check_assembly(source: Source, path: Path, assembly: Assembly, reference: Path) -> None:
    """Refuse a track or map whose chromosome lengths are not the FASTA's."""
    if source.file.format == "bigWig":
        sizes = bigwig_sizes(path)
    elif source.file.format in ("hic", "cool", "mcool"):
        sizes = contact_sizes(path)
    else:
        return
    shared = {chrom: assembly.match(chrom) for chrom in sizes}
    if not any(shared.values()):
        raise SourceError(
            f"{path}: none of its chromosomes ({', '.join(list(sizes)[:10])}) is in {reference.name} "
            f"({', '.join(list(assembly.chrom_sizes)[:10])})"
        )
    for chrom, length in sizes.items():
        own = shared[chrom]
        if own is not None and assembly.chrom_sizes[own] != length:
            raise SourceError(
                f"{path}: {chrom} has {length:,} bp here and {assembly.chrom_sizes[own]:,} bp in {reference.name}; "
                f"the file is of another assembly than {assembly.name}"
            )


def _in_use(manifest_path: Path, manifest: Manifest, whole: Assembly) -> Assembly:
    """The assembly restricted to the manifest's chromosomes."""
    if manifest.chromosomes is None:
        return whole
    names = {chrom: whole.match(chrom) for chrom in manifest.chromosomes}
    unknown = [chrom for chrom, name in names.items() if name is None]
    if unknown:
        raise ManifestError(
            f"{manifest_path}: chromosomes: {', '.join(unknown)} not in the reference, "
            f"which has {', '.join(list(whole.chrom_sizes)[:30])}"
        )
    return Assembly(whole.name, {name: whole.chrom_sizes[name] for name in names.values() if name is not None})


def _placed_genes(
    manifest_path: Path, manifest: Manifest, paths: Mapping[str, Path], assembly: Assembly
) -> Iterator[Gene]:
    """Genes on chromosomes in use; a gene elsewhere is left out, a TSS past its chromosome's end is an error."""
    roles: tuple[Role, ...] = ("genes", "transcripts")
    source = next((source for role in roles for source in manifest.sources if source.role == role), None)
    if source is None:
        raise ManifestError(f"{manifest_path}: needs a source of role genes (table) or transcripts (GTF)")
    path = paths[source.id]
    for gene in read_genes_gtf(path) if source.file.format == "gtf" else read_gene_table(path):
        chrom = assembly.match(gene.chrom)
        if chrom is None:
            continue
        if gene.tss >= assembly.chrom_sizes[chrom]:
            raise SourceError(
                f"{path}: the TSS of {gene.symbol} ({gene.gene_id}), {chrom}:{gene.tss + 1:,}, lies outside {chrom} "
                f"({assembly.chrom_sizes[chrom]:,} bp); the file is of another assembly than {assembly.name}"
            )
        yield Gene(
            gene.gene_id, gene.symbol, chrom, gene.tss, gene.strand, gene.aliases, gene.gene_type, gene.start, gene.end
        )


def hash_files(manifest: bytes, paths: Iterable[Path]) -> str:
    """12 hex digits of a manifest's bytes and its files' sizes, in the manifest's order: `Dataset.hash`."""
    digest = hashlib.sha256(manifest)
    for path in paths:
        digest.update(f"|{path.stat().st_size}".encode())
    return digest.hexdigest()[:12]
