"""`data build`: files of the catalogue -> a data set folder with tables, contacts, statistics, manifest and report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seq2exp.errors import ManifestError, SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.processing import build_checks as checks
from seq2exp.processing.build_genes import PublishedGene, read_published_genes
from seq2exp.processing.build_inputs import Found, Inputs, Need
from seq2exp.processing.build_manifest import assemble, draft, upstream_source, written
from seq2exp.processing.build_parts import (
    NO_SPLIT,
    ContactPlan,
    Parts,
    Work,
    add_blacklist,
    add_contacts,
    add_extras,
    add_tracks,
)
from seq2exp.processing.build_reference import add_reference
from seq2exp.processing.build_shared import add_features, add_genes, add_labels
from seq2exp.processing.build_steps import MANIFEST_FILE, REPORT_FILES, Steps, locked
from seq2exp.processing.build_tables import FeatureOrigin
from seq2exp.processing.output import Progress, whole_text
from seq2exp.processing.report import Absent, BuildReport
from seq2exp.processing.statistics import MOST_WINDOWS
from seq2exp.settings import ContactMode
from seq2exp.sources.catalogue import Catalogue
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.manifest import WindowFacts
from seq2exp.sources.sequence import sequence_sizes
from seq2exp.sources.tables import read_split
from seq2exp.window.assemble import PUBLISHED_NORMALISATION, build_window, window_settings

REQUIRED = (
    Need(("reference.hg38.2bit", "reference.hg38.fasta"), "the genome", streamed=True),
    Need(("features.mrna",), "genes, TSS and mRNA features"),
    Need(("annotation.ensembl90", "annotation.gencode27"), "strand, bounds and transcripts"),
)
LENGTHS = Need(("reference.chrom_sizes", "abc.reference.chrom_sizes"), "lengths of chromosomes, to stream the genome")


@dataclass(frozen=True)
class BuildOptions:
    """Everything about a build that is chosen; the defaults are the published ones."""

    blacklist: Literal["v1", "v2", "none"] = "v1"
    features: FeatureOrigin = "released"
    contact_mode: ContactMode = "vc_counts"
    normalisation: str | None = None
    """Of the contact map; None: the one the mode was published with."""
    resolution_bp: int = 5_000
    window_bp: int = 200_000
    centre_bp: int = 2_000
    keep_map: bool = False
    """Reference the contact map itself instead of storing the profiles of every TSS."""
    remote: bool = False
    """Tracks, reference and contact maps that are not on disk are stated by their address."""
    other_genes: bool = False
    """Genes and folds may differ from the paper's."""
    most_windows: int | None = MOST_WINDOWS
    """Windows over which tracks are measured; None: all."""
    name: str | None = None
    """Of the data set; None: made from the cell types."""


def build(
    catalogue: Catalogue,
    cells: Sequence[str],
    files_dir: Path,
    out: Path,
    options: BuildOptions = BuildOptions(),
    *,
    progress: Progress | None = None,
) -> BuildReport:
    """Make the data set of ``cells`` in the folder ``out``, or bring it up to date.

    Parameters
    ----------
    catalogue
        Says what each file is; ids as in data_manifest.yaml.
    cells
        Cell types. Those that an earlier build in ``out`` holds stay in the data set.
    files_dir
        Where the catalogue's files lie.
    out
        Made if absent. Steps whose input has not changed since they were done are not done again; the manifest is
        written last, so a build that is killed leaves no data set, and the next goes on where it was.
    progress
        Told of long steps.

    Returns
    -------
    BuildReport
        Also written as report.json and report.md.

    Raises
    ------
    ManifestError
        A file without which there is no data set is absent; an unknown cell type.
    SourceError
        A file is unreadable, not the one the catalogue describes, or of another assembly; for the paper's cells, genes
        or folds that are not the paper's.
    SettingsError
        The folder holds another data set, or is being built by another process.
    """
    tell = progress or (lambda _done, _total, _what: None)
    inputs = Inputs(catalogue, files_dir, options.remote)
    with locked(out):
        steps = Steps(out)
        chosen = _in_order(catalogue, (*steps.cells, *cells))
        paper = bool(set(chosen) & set(checks.PAPER_CELLS)) and not options.other_genes
        return _Build(Work(inputs, steps, Parts(), chosen, paper, tell), options).run()


def _in_order(catalogue: Catalogue, names: Sequence[str]) -> tuple[str, ...]:
    """The cell types in the catalogue's order."""
    unknown = [name for name in names if name not in catalogue.cell_types]
    if unknown or not names:
        raise ManifestError(
            f"catalogue: no cell type {', '.join(unknown) or 'given'}; it has {', '.join(catalogue.cell_types)}"
        )
    return tuple(name for name in catalogue.cell_types if name in names)


class _Build:
    """One build: what is known when it begins, and what comes together."""

    def __init__(self, work: Work, options: BuildOptions) -> None:
        self.work, self.options = work, options
        self.inputs, self.steps, self.parts = work.inputs, work.steps, work.parts

    def run(self) -> BuildReport:
        """All parts, then the manifest, then the report."""
        need, out, work = self.inputs.need, self.steps.out, self.work
        reference, table, gtf = need(*REQUIRED)
        split = self.inputs.find("genes.split")
        published = read_published_genes(table.path, self.inputs.catalogue.chromosomes)
        self._check_genes(published, split)
        reference = add_reference(work, reference)
        lengths = self._lengths(reference)

        genes = add_genes(work, self._in_use(published), table, gtf)
        self.parts.sources.append(upstream_source(gtf, "transcripts", out))
        equal = add_features(work, genes, table, gtf, reference, self.options.features)
        add_labels(work, genes)
        if split is not None:
            self.parts.sources.append(upstream_source(split, "split", out))
        add_blacklist(work, self.options.blacklist)
        windows = [gene.window(self.options.window_bp) for gene in genes]
        self._check_windows(windows, lengths)
        for cell in work.cells:
            add_tracks(work, cell, windows, self.options.most_windows)
            add_contacts(work, cell, genes, self._contact_plan())
        add_extras(work)
        manifest, dataset = self._manifest(lengths)
        self.steps.finish(work.cells)
        return self._report(manifest, dataset, equal)

    def _check_genes(self, published: Sequence[PublishedGene], split: Found | None) -> None:
        """Refuse genes or folds other than the paper's for the paper's cells."""
        if split is None:
            self.parts.absent.append(Absent("split", None, ("genes.split",), NO_SPLIT))
        if not self.work.paper:
            self.parts.notes.append(f"{len(published):,} genes; they were not compared with the paper's.")
            return
        found = checks.paper_checks(published, {} if split is None else read_split(split.path))
        differing = [check for check in found if check.verdict == "differs"]
        if differing:
            words = "; ".join(f"{check.name}: {check.found}, the paper has {check.expected}" for check in differing)
            raise SourceError(
                f"{self.inputs.files_dir}: not the genes and folds of the paper's cells: {words}; fetch features.mrna "
                "and genes.split again, or build with --allow-other-genes"
            )
        self.parts.checks += found

    def _in_use(self, published: Sequence[PublishedGene]) -> list[PublishedGene]:
        """The genes on the catalogue's chromosomes; the others are told."""
        chromosomes = self.inputs.catalogue.chromosomes
        others = sorted({gene.chrom for gene in published} - set(chromosomes))
        kept = [gene for gene in published if gene.chrom in chromosomes]
        if others:
            self.parts.notes.append(
                f"Genes left out, as they lie on chromosomes not in use ({', '.join(others[:10])}): "
                f"{len(published) - len(kept):,}."
            )
        return kept

    def _lengths(self, reference: Found) -> dict[str, int]:
        """Lengths of the chromosomes in use, from the reference on disk, else from the table of sizes."""
        if reference.here:
            sizes = sequence_sizes(reference.path)
        else:
            (table,) = self.inputs.need(LENGTHS)
            sizes = _read_sizes(table.path)
        named = {chrom: match_chromosome(chrom, sizes) for chrom in self.inputs.catalogue.chromosomes}
        absent = [chrom for chrom, name in named.items() if name is None]
        if absent:
            raise SourceError(
                f"{reference.path}: lacks {', '.join(absent[:10])}; it has {', '.join(list(sizes)[:10])}, so it is not "
                f"{self.inputs.catalogue.genome_build}"
            )
        return {name: sizes[name] for name in named.values() if name is not None}

    def _check_windows(self, windows: Sequence[Interval], lengths: Mapping[str, int]) -> None:
        """How many windows pass an end of their chromosome."""
        past = sum(
            window.start < 0 or window.end > lengths[name]
            for window in windows
            if (name := match_chromosome(window.chrom, lengths)) is not None
        )
        published = self.work.paper and self.options.window_bp == WindowFacts().width_bp
        self.parts.checks += checks.window_check(past, paper=published)

    def _contact_plan(self) -> ContactPlan:
        options = self.options
        return ContactPlan(
            options.contact_mode, self._normalisation(), options.resolution_bp, options.window_bp, options.keep_map
        )

    def _normalisation(self) -> str:
        return self.options.normalisation or PUBLISHED_NORMALISATION[self.options.contact_mode]

    def _manifest(self, lengths: Mapping[str, int]) -> tuple[Path, Dataset]:
        """The manifest in its place, after the data set was opened and a window of every cell type built from it."""
        options, catalogue = self.options, self.inputs.catalogue
        name = options.name or f"{catalogue.genome_build.lower()}-" + "-".join(cell.lower() for cell in self.work.cells)
        manifest = assemble(
            catalogue,
            self.parts.sources,
            name=name,
            title=f"{', '.join(self.work.cells)} on {catalogue.genome_build}, built from the published files",
            cells=self.work.cells,
            chromosomes=list(lengths),
            lengths=lengths,
            window=WindowFacts(
                width_bp=options.window_bp,
                centre_bp=options.centre_bp,
                contact_resolution_bp=options.resolution_bp,
                contact_mode=options.contact_mode,
                contact_normalisation=self._normalisation(),
            ),
        )
        self.work.progress(0, 1, "opening the data set")
        with draft(self.steps.out, written(manifest)) as path:
            dataset = open_dataset(path, remote=options.remote)
            for cell in () if dataset.streamed else self.work.cells:
                build_window(dataset, next(iter(dataset.genes)), cell, window_settings(dataset))
        return self.steps.out / MANIFEST_FILE, dataset

    def _report(self, manifest: Path, dataset: Dataset, equal: dict[str, dict[str, int]]) -> BuildReport:
        sources = {source.id: source.local_path for source in dataset.manifest.sources}
        sources |= {id: str(file) for id, file in dataset.streamed.items()}
        warned: dict[str, list[str]] = {}
        for source in dataset.manifest.sources:
            for words in source.warnings:
                warned.setdefault(words, []).append(source.id)
        report = BuildReport(
            name=dataset.name,
            manifest=str(manifest),
            dataset_hash=dataset.hash,
            cell_types=self.work.cells,
            remote=bool(dataset.streamed),
            sources=sources,
            steps=dict(self.steps.done),
            checks=tuple(self.parts.checks),
            absent=tuple(self.parts.absent),
            tracks=self.parts.tracks,
            features_equal=equal,
            notes=tuple(self.parts.notes),
            warnings=tuple(f"{', '.join(ids)}: {words}" for words, ids in warned.items()),
        )
        for name, text in zip(REPORT_FILES, (report.to_json(), report.to_markdown()), strict=True):
            with whole_text(self.steps.out / name) as file:
                file.write(text)
        return report


def _read_sizes(path: Path) -> dict[str, int]:
    """Chromosome lengths of a two-column table."""
    sizes = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if len(fields) >= 2 and fields[1].isdigit():
            sizes[fields[0]] = int(fields[1])
        elif fields:
            raise SourceError(f"{path}, line {number}: found {line!r:.40}; must be a chromosome and its length in bp")
    return sizes
