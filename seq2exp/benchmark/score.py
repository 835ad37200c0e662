"""Every gene under a checkpoint's own settings: prediction, elements, peaks and truth, one window after another."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seq2exp.benchmark.choice import BenchmarkSettings, chosen_cells, chosen_genes
from seq2exp.benchmark.locus import make_locus
from seq2exp.benchmark.mask import Progress, check_window
from seq2exp.benchmark.predictors import FAITHFUL
from seq2exp.benchmark.score_file import GeneScore, ScoredWhat, add_scores, read_scores_of
from seq2exp.errors import SourceError, WindowError
from seq2exp.genome import Gene, Interval, Region
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.elements import without
from seq2exp.inference.report import none_if_nan
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.results import MaskResult
from seq2exp.settings import PeakSettings
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.peaks import call_peaks_bigwig, overlap, rasterise
from seq2exp.sources.truth import GeneInCell, TruthElement, known_truth
from seq2exp.window.signals import on_chromosome

BATCH_GENES = 8
"""Windows between two writes of the file, and per call of MACS3, whose start costs more than a window of 8,192 bp."""

Truth = Mapping[GeneInCell, tuple[TruthElement, ...]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Genes of one cell type that are scored, and written, together."""

    cell: str
    genes: tuple[Gene, ...]


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """What one run of `score_genes` did."""

    asked: int
    """Windows asked for."""
    kept: int
    """Of them, in the file before."""
    problems: tuple[str, ...]
    """Why others could not be scored."""


def scored_what(dataset: Dataset, checkpoint: LoadedCheckpoint) -> ScoredWhat:
    """Names and hashes that go into the file.

    Raises
    ------
    SettingsError
        The checkpoint reads another window than the data set is made for.
    """
    check_window(dataset, checkpoint)
    config = checkpoint.config
    return ScoredWhat(
        dataset=dataset.name,
        dataset_hash=dataset.hash,
        checkpoint=checkpoint.name,
        checkpoint_hash=checkpoint.hash,
        trained=checkpoint.trained,
        mode=config.mask_mode,
        threshold=config.threshold,
        window_bp=config.window_bp,
    )


def score_genes(
    dataset: Dataset,
    checkpoint: LoadedCheckpoint,
    path: Path,
    *,
    cell_type: str | None = None,
    names: Sequence[str] = (),
    limit: int | None = None,
    cache_dir: Path,
    progress: Progress | None = None,
) -> ScoreCounts:
    """Score the genes that ``path`` does not hold yet; what was done stays in it, however the run ends.

    Parameters
    ----------
    cell_type
        None: every cell type.
    names
        Symbols, aliases or Ensembl ids; none: every gene.
    limit
        At most this many genes, spread evenly over all; None: no limit.
    cache_dir
        Where MACS3's peaks are kept.

    Raises
    ------
    SettingsError, GeneError
        Another window than the checkpoint's; no such cell type or gene; a limit below 1.
    SourceError
        The file is of other data or weights, or cannot be written; the truth cannot be read.
    PeakCallError
        MACS3 failed. A window that cannot be made is no error: its row says why.
    """
    of = scored_what(dataset, checkpoint)
    settings = BenchmarkSettings(part="all", cell_type=cell_type, limit_genes=limit)
    cells = chosen_cells(dataset, settings)
    named = tuple({gene.gene_id: gene for gene in map(dataset.genes.get, names)}.values())
    genes = named[:limit] if names else chosen_genes(dataset, settings)
    before = read_scores_of(path, of)
    done = frozenset() if before is None else before.done
    planned = batches(cells, genes)
    asked, kept = len(cells) * len(genes), sum((gene.gene_id, cell) in done for cell in cells for gene in genes)
    truth = {cell: truth_or_none(dataset, cell) for cell in cells}
    problems: list[str] = []
    reached = kept
    if progress is not None:
        progress(reached, asked)
    for batch in pending(planned, done):
        rows: list[GeneScore] = []
        try:
            for row in score_batch(dataset, checkpoint, batch, truth[batch.cell], cache_dir=cache_dir):
                rows.append(row)
                reached += 1
                if row.problem:
                    problems.append(row.problem)
                if progress is not None:
                    progress(reached, asked)
        finally:
            add_scores(path, of, rows)
    return ScoreCounts(asked, kept, tuple(problems))


def batches(cells: Sequence[str], genes: Sequence[Gene], size: int = BATCH_GENES) -> tuple[Batch, ...]:
    """All genes of each cell type in batches of at most ``size``.

    A batch holds genes from all over the list: their windows seldom overlap, so that MACS3 can call them at once, and
    what is there after a part of the batches is spread over the genome.
    """
    count = math.ceil(len(genes) / size)
    return tuple(Batch(cell, tuple(genes[first::count])) for cell in cells for first in range(count))


def pending(planned: Sequence[Batch], done: Collection[GeneInCell]) -> tuple[Batch, ...]:
    """The batches without the genes that are done; empty ones left out."""
    left = (
        Batch(batch.cell, tuple(gene for gene in batch.genes if (gene.gene_id, batch.cell) not in done))
        for batch in planned
    )
    return tuple(batch for batch in left if batch.genes)


def truth_or_none(dataset: Dataset, cell_type: str) -> Truth | None:
    """The true elements of every gene in the cell type; None where the data set knows none. Raises as `known_truth`."""
    return None if dataset.source("truth", cell_type) is None else known_truth(dataset, cell_type)


def score_batch(
    dataset: Dataset, checkpoint: LoadedCheckpoint, batch: Batch, truth: Truth | None, *, cache_dir: Path
) -> Iterator[GeneScore]:
    """The row of each gene of ``batch``, as it is done; a window that cannot be made gives a row that says why.

    The numbers are those of `LocusSession.view` with settings, elements and peaks as they are by default.

    Raises
    ------
    PeakCallError
        MACS3 failed.
    """
    peaks = _peaks_together(dataset, batch, checkpoint.config.window_bp, cache_dir)
    for gene in batch.genes:
        try:
            session = open_session(dataset, gene, batch.cell, checkpoint=checkpoint, cache_dir=cache_dir)
            session.window.require_all()
            regions = peaks.get(gene.gene_id)
            row = _scored(session, checkpoint, session.peaks(PeakSettings())[0] if regions is None else regions, truth)
        except (WindowError, SourceError) as error:
            row = GeneScore(**_identity(dataset, checkpoint, gene, batch.cell), problem=str(error))
        yield row


def _identity(dataset: Dataset, checkpoint: LoadedCheckpoint, gene: Gene, cell_type: str) -> dict[str, Any]:
    return {
        "gene_id": gene.gene_id,
        "symbol": gene.symbol,
        "chrom": gene.chrom,
        "tss": gene.tss,
        "strand": gene.strand,
        "cell": cell_type,
        "fold": dataset.fold(gene),
        "trained": checkpoint.trained,
    }


def _scored(
    session: LocusSession, checkpoint: LoadedCheckpoint, regions: tuple[Region, ...], truth: Truth | None
) -> GeneScore:
    window, dataset = session.window, session.dataset
    mask = session.mask(FAITHFUL)
    promoter_only, predicted = session.predict_promoter_only(), session.predict(FAITHFUL)
    observed = window.observed_log10
    found: dict[str, Any] = {
        "observed_log10": observed,
        "predicted_log10": predicted,
        "promoter_only_log10": promoter_only,
        "error_log10": None if predicted is None or observed is None else predicted - observed,
        "mask_ratio_outside_promoter": mask.ratio_outside_promoter,
        "n_elements": len(mask.elements),
        "what_if": "; ".join(mask.changes),
    }
    if any(dataset.source(role, window.cell_type) is not None for role in ("dnase", "peaks")):
        found |= _against_peaks(session, mask, regions)
    if truth is not None:
        found |= _against_truth(session, mask, truth.get((window.gene.gene_id, window.cell_type), ()))
    return GeneScore(**_identity(dataset, checkpoint, window.gene, window.cell_type), **found)


def _against_peaks(session: LocusSession, mask: MaskResult, regions: tuple[Region, ...]) -> dict[str, Any]:
    """By base, outside the forced promoter, where no element can be."""
    outside = [part for region in regions for part in without(region.interval, session.centre)]
    shared = overlap([element.interval for element in mask.elements], outside, session.window.interval)
    return {
        "n_peaks": len(regions),
        "jaccard": none_if_nan(shared.jaccard),
        "precision": none_if_nan(shared.precision),
        "recall": none_if_nan(shared.recall),
    }


def _against_truth(session: LocusSession, mask: MaskResult, elements: Sequence[TruthElement]) -> dict[str, Any]:
    """By element, over the bases that the mask benchmark judges."""
    window = session.window
    chrom_length = session.dataset.assembly.chrom_sizes[window.gene.chrom]
    judged = ~(mask.forced_on | window.blacklist) & on_chromosome(window.interval, chrom_length)
    locus = make_locus(window.gene, window.cell_type, window.interval, judged, elements)
    causal = np.zeros(window.interval.width, dtype=bool)
    causal[judged] = locus.causal_bases
    called = rasterise((Region(element.interval) for element in mask.elements), window.interval)
    met = [
        called[bases].any()
        for bases, is_causal in zip(locus.element_bases, locus.causal_elements, strict=True)
        if is_causal
    ]
    start = window.interval.start
    right = [causal[e.interval.start - start : e.interval.end - start].any() for e in mask.elements]
    return {
        "n_causal_elements": len(met),
        "causal_precision": float(np.mean(right)) if right else None,
        "causal_recall": float(np.mean(met)) if met else None,
    }


def _peaks_together(
    dataset: Dataset, batch: Batch, window_bp: int, cache_dir: Path
) -> Mapping[str, tuple[Region, ...]]:
    """Peaks by gene id, called by MACS3 for several windows at once; genes left out are called one by one.

    Only windows too far apart for a peak to reach from one into the next are called together: what MACS3 finds in
    each is then what it finds in that window alone.
    """
    settings = PeakSettings()
    if dataset.source("dnase", batch.cell) is None or dataset.source("peaks", batch.cell) is not None:
        return {}
    places: dict[str, Interval] = {}
    for gene in sorted(batch.genes, key=lambda gene: (gene.chrom, gene.tss)):
        whole = gene.window(window_bp)
        place = whole.intersect(Interval(gene.chrom, 0, dataset.assembly.chrom_sizes[gene.chrom]))
        last = next(reversed(places.values()), None)
        if place is not None and (
            last is None or last.chrom != place.chrom or place.start - last.end > settings.max_gap_bp
        ):
            places[gene.gene_id] = place
    try:
        path = dataset.place("dnase", batch.cell)
        assert path is not None  # the data set has the source
        called = call_peaks_bigwig(
            path,
            list(places.values()),
            min_length_bp=settings.min_length_bp,
            max_gap_bp=settings.max_gap_bp,
            cache_dir=cache_dir / "peaks",
        )
    except SourceError:  # one window's trouble; the row of its own gene says so
        return {}
    return {
        gene_id: tuple(region for region in called.regions if region.interval.overlaps(place))
        for gene_id, place in places.items()
    }
