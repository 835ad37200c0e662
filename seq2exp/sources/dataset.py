"""A data set that is there: a manifest whose files are present and of one assembly, and questions to its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seq2exp.errors import ManifestError, RemoteError, SourceError
from seq2exp.genome import Assembly, Gene, Interval, Region, Transcript
from seq2exp.sources.annotation import TranscriptTable, read_genes_gtf, read_regions, read_transcript_table
from seq2exp.sources.dataset_files import check_assembly, check_bytes, find_files, hash_files, reference_lengths
from seq2exp.sources.genes import GeneIndex
from seq2exp.sources.manifest import Manifest, Role, Source, find_manifest, load_manifest
from seq2exp.sources.remote import Place, RemoteFile, Traffic, remote_cache_dir
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

    Holds places, never open handles. Tables are read when first asked for and kept on the instance.
    """

    manifest: Manifest
    root: Path
    """Folder of the manifest; relative paths start here."""
    hash: str
    """12 hex digits of the manifest's bytes and every file's size (or address): names it in caches and results."""
    assembly: Assembly
    """Chromosomes in use, named as in the FASTA."""
    genes: GeneIndex
    """Genes whose TSS lies on a chromosome in use, chromosomes named as in the FASTA."""
    streamed: Mapping[str, RemoteFile] = field(default_factory=dict)
    """By source id, the files that are read from their servers; empty unless opened with ``remote``."""
    _checked: dict[str, int] = field(default_factory=dict, init=False, repr=False)
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
        """Where the file of `source` lies on disk; None: the manifest has none for that cell type.

        For readers that need the file itself; those that can read from a server ask for `place`.

        Raises
        ------
        RemoteError
            The file is not on disk but streamed.
        """
        source = self.source(role, cell_type)
        return None if source is None else self.path_of(source)

    def path_of(self, source: Source) -> Path:
        """Where the file of one source lies on disk. RemoteError where it is streamed."""
        if source.id in self.streamed:
            raise RemoteError(
                f"{source.id}: is streamed from {self.streamed[source.id]}, but this needs the file itself; fetch it "
                f"with: python -m seq2exp data get"
            )
        return self.root / source.local_path

    def place(self, role: Role, cell_type: str | None = None) -> Place | None:
        """Where the file of `source` is read from: a path, or an address; None: the manifest has none.

        Raises
        ------
        RemoteError
            A streamed file cannot be had.
        SourceError
            A streamed file is of another assembly; asked of its server at first use.
        """
        source = self.source(role, cell_type)
        if source is None:
            return None
        file = self.streamed.get(source.id)
        if file is None:
            return self.path_of(source)
        if self._checked.get(source.id) != file.generation:
            check_assembly(source, file, self.assembly, "the reference")
            self._checked[source.id] = file.generation
        return file

    @property
    def traffic(self) -> Traffic:
        """What streaming has moved since the data set was opened, by everybody who uses it."""
        return sum((file.traffic for file in self.streamed.values()), Traffic())

    def ask_again(self) -> None:
        """Let servers that failed a moment ago be asked at once."""
        for file in self.streamed.values():
            file.ask_again()

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


def open_dataset(path: Path, *, verify: bool = False, remote: bool = False, cache_dir: Path | None = None) -> Dataset:
    """The data set of a manifest, after checking that its files are there and belong together.

    Parameters
    ----------
    path
        Manifest file, or the folder that holds ``data_manifest.yaml`` or ``manifest.yaml``.
    verify
        Also compute the checksums the manifest states; reads every such file whole.
    remote
        A bigWig, 2bit, FASTA or .hic that is not on disk and whose ``url.primary`` is stated is read from there by
        ranges. No server is asked here but for the lengths of chromosomes, where the reference is streamed and the
        manifest does not state them.
    cache_dir
        Where streamed bytes are kept; None: `remote_cache_dir`.

    Raises
    ------
    ManifestError
        Manifest absent or wrong; files absent (all of them named); no reference or no genes.
    SourceError
        A file of another size or checksum than stated, unreadable, or of another assembly: bigWig, contact map
        or gene that does not fit the reference's chromosome lengths. RemoteError where a streamed reference fails.
    """
    manifest_path = find_manifest(path).absolute()
    manifest = load_manifest(manifest_path)
    root = manifest_path.parent
    on_disk, streamed = find_files(manifest_path, manifest, cache_dir or remote_cache_dir() if remote else None)
    for source in manifest.sources:
        if source.id in on_disk:
            check_bytes(source, on_disk[source.id], verify=verify)
    reference = _only(manifest_path, manifest, "reference")
    lengths = reference_lengths(manifest, on_disk.get(reference.id), streamed.get(reference.id))
    whole = Assembly(manifest.genome_build, lengths)
    for source in manifest.sources:
        if source.id in on_disk:
            check_assembly(source, on_disk[source.id], whole, Path(reference.local_path).name)
    assembly = _in_use(manifest_path, manifest, whole)
    places = [streamed.get(source.id) or on_disk[source.id] for source in manifest.sources]
    return Dataset(
        manifest=manifest,
        root=root,
        hash=hash_files(manifest_path.read_bytes(), places),
        assembly=assembly,
        genes=GeneIndex(_placed_genes(manifest_path, manifest, on_disk, assembly)),
        streamed=streamed,
    )


def _only(manifest_path: Path, manifest: Manifest, role: Role) -> Source:
    found = [source for source in manifest.sources if source.role == role]
    if len(found) != 1:
        raise ManifestError(f"{manifest_path}: needs exactly one source of role {role}, found {len(found)}")
    return found[0]


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
