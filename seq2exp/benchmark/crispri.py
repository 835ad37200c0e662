"""The CRISPRi benchmark from end to end: pairs read and checked, predictors asked, figures by group of pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seq2exp import __version__
from seq2exp.benchmark.crispri_abc import ABC_VERSIONS, AbcChoices, abc_scores
from seq2exp.benchmark.crispri_curve import RECALL
from seq2exp.benchmark.crispri_distance import check_one_assembly, check_same_assembly, distance_scores
from seq2exp.benchmark.crispri_model import DELETION, FROM_WINDOWS, MASK, TRACKS, genes_by_id, window_scores
from seq2exp.benchmark.crispri_rows import CrispriRow, judge
from seq2exp.benchmark.crispri_strata import Part, parts, strata
from seq2exp.benchmark.mask import check_window
from seq2exp.benchmark.ranking import Array, IntArray
from seq2exp.errors import SettingsError, SourceError
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.results import BoolArray
from seq2exp.sources.crispri import CrispriPair, read_pairs
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.element_counts import ELEMENTS_FILE, GENES_FILE, read_elements
from seq2exp.sources.tables import read_gene_table

_ABC: Mapping[str, str] = {
    "abc": "main-2023",
    "abc-nasser-2021": "nasser-2021",
    "abc-fulco-2019": "fulco-2019",
}
"""Version of the constants behind each name."""

DISTANCE = "distance"
PREDICTORS = (DISTANCE, *_ABC, TRACKS, MASK, DELETION)


@dataclass(frozen=True, slots=True)
class CrispriSettings:
    """Which pairs are judged by which predictors, and how often they are resampled."""

    predictors: tuple[str, ...] = ()
    """Of `PREDICTORS`. Empty: all that the given data allow, ABC with the constants of 2023 alone."""
    cell_type: str | None = None
    """None: every cell type of the table."""
    part: Literal["train", "valid", "test", "all"] = "all"
    """Pairs of genes of this part only."""
    limit_genes: int | None = None
    """Pairs of at most this many genes, spread evenly over the table; None: all."""
    bins_bp: tuple[int, ...] = (10_000, 100_000)
    """Upper ends of the bins of distance to the TSS; one more bin has none."""
    unit: Literal["gene", "pair"] = "gene"
    """What is drawn anew: genes with all their pairs, or single pairs as the field does."""
    resamples: int = 1000
    """0: no intervals."""
    seed: int = 0

    def __post_init__(self) -> None:
        problems = []
        unknown = [name for name in self.predictors if name not in PREDICTORS]
        if unknown:
            problems.append(f"no predictor {unknown[0]!r:.40}; there are {', '.join(PREDICTORS)}")
        if self.limit_genes is not None and self.limit_genes < 1:
            problems.append(f"limit_genes must be at least 1, found {self.limit_genes}")
        if not self.bins_bp or self.bins_bp[0] < 1 or any(low >= high for low, high in pairwise(self.bins_bp)):
            problems.append(f"bins must be rising bp above 0, found {', '.join(map(str, self.bins_bp)) or 'none'}")
        if self.resamples < 0 or self.seed < 0:
            problems.append(f"resamples and seed must not be negative, found {self.resamples} and {self.seed}")
        if problems:
            raise SettingsError("CRISPRi benchmark: " + "; ".join(problems))


@dataclass(frozen=True)
class CrispriBenchmark:
    """What the benchmark found."""

    facts: Mapping[str, Any]
    """What was compared on what, in JSON types."""
    rows: tuple[CrispriRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON types; figures that do not exist are None."""
        return {**self.facts, "rows": [row.to_dict() for row in self.rows]}


def benchmark_crispri(
    path: Path,
    settings: CrispriSettings | None = None,
    *,
    elements: Path | None = None,
    dataset: Dataset | None = None,
    checkpoint: LoadedCheckpoint | None = None,
    cache_dir: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CrispriBenchmark:
    """How well predictors find the elements whose silencing lowers a gene.

    Parameters
    ----------
    path
        Pairs as `seq2exp.sources.crispri.read_pairs` takes them.
    elements
        Folder with candidate elements of the cell type, for ABC; a gene table beside them is used to see whether both
        are of one assembly.
    dataset
        Windows of the genes, for tracks, mask and deletion.
    checkpoint
        For mask and deletion; of the data set's window.

    Raises
    ------
    SettingsError
        A predictor lacks what it needs, no such cell type, no pair left, or a checkpoint of another window.
    SourceError
        A file cannot be read, is no such table, or is of another assembly.
    WindowError
        A window cannot be made.
    """
    started = time.perf_counter()
    settings = settings or CrispriSettings()
    wanted = _wanted(settings, elements, dataset, checkpoint)
    table = read_pairs(path)
    check_one_assembly(path, table.pairs)
    if dataset is not None:
        _check_dataset(path, table.pairs, dataset)
        if checkpoint is not None:
            check_window(dataset, checkpoint)
    pairs, gene_parts = _chosen(path, table.pairs, settings, dataset)
    by_abc = [name for name in wanted if name in _ABC]
    from_windows = [name for name in wanted if name in FROM_WINDOWS]
    scores: dict[str, Array] = {DISTANCE: distance_scores(pairs)} if DISTANCE in wanted else {}
    if by_abc and elements is not None:
        scores |= _abc(path, pairs, elements, by_abc)
    if from_windows and dataset is not None:
        scores |= window_scores(
            dataset, pairs, from_windows, checkpoint=checkpoint, cache_dir=cache_dir, progress=progress
        )
    labels = np.array([pair.regulated for pair in pairs])
    scored: dict[str, BoolArray] = {name: ~np.isnan(scores[name]) for name in wanted}
    groups = strata(pairs, gene_parts, scored, settings.bins_bp)
    units = _units(pairs, settings)
    rows = [
        judge(name, scores[name], labels, group, units, resamples=settings.resamples, seed=settings.seed)
        for group in groups
        for name in wanted
    ]
    return CrispriBenchmark(
        facts={
            "pairs_file": path.name,
            "faults": asdict(table.faults),
            "n_pairs": len(pairs),
            "n_positives": int(labels.sum()),
            "n_genes": len({pair.gene_id for pair in pairs}),
            "cells": list(dict.fromkeys(pair.cell_type for pair in pairs)),
            "part": settings.part,
            "predictors": {name: {"scored": int(scored[name].sum())} for name in wanted},
            "recall": RECALL,
            "dataset": None if dataset is None else dataset.name,
            "dataset_hash": None if dataset is None else dataset.hash,
            "checkpoint": None if checkpoint is None else checkpoint.name,
            "checkpoint_hash": None if checkpoint is None else checkpoint.hash,
            "trained": None if checkpoint is None else checkpoint.trained,
            "bootstrap": {"unit": settings.unit, "resamples": settings.resamples, "seed": settings.seed},
            "seq2exp_version": __version__,
            "seconds": round(time.perf_counter() - started, 2),
        },
        rows=tuple(rows),
    )


def _wanted(
    settings: CrispriSettings, elements: Path | None, dataset: Dataset | None, checkpoint: LoadedCheckpoint | None
) -> list[str]:
    """The predictors, each once; all that the data allow where none was named. SettingsError says what is missing."""
    if checkpoint is not None and dataset is None:
        raise SettingsError(f"checkpoint {checkpoint.name} needs windows to read; give a data set (--dataset)")
    lacking = {
        **({} if elements else dict.fromkeys(_ABC, "the folder of candidate elements (--elements)")),
        **({} if dataset else {TRACKS: "a data set (--dataset)"}),
        **({} if dataset and checkpoint else dict.fromkeys((MASK, DELETION), "--dataset and --checkpoint")),
    }
    if not settings.predictors:
        return [name for name in (DISTANCE, "abc", *FROM_WINDOWS) if name not in lacking]
    for name in settings.predictors:
        if name in lacking:
            raise SettingsError(f"predictor {name} needs {lacking[name]}")
    return list(dict.fromkeys(settings.predictors))


def _check_dataset(path: Path, pairs: Sequence[CrispriPair], dataset: Dataset) -> None:
    """SourceError where the pairs are of another assembly than the data set, or share no gene with it."""
    known = {gene_id: gene.tss for gene_id, gene in genes_by_id(dataset).items()}
    if not any(pair.gene_id in known for pair in pairs):
        raise SourceError(f"{path}: none of its genes is in {dataset.name}; give the pairs of this data set")
    check_same_assembly(path, pairs, known, other=dataset.name)


def _chosen(
    path: Path, pairs: Sequence[CrispriPair], settings: CrispriSettings, dataset: Dataset | None
) -> tuple[list[CrispriPair], list[Part]]:
    """The pairs that are judged, and the part of each one's gene."""
    cells = list(dict.fromkeys(pair.cell_type for pair in pairs))
    if settings.cell_type is not None and settings.cell_type not in cells:
        raise SettingsError(f"{path} has no cell type {settings.cell_type!r:.40}; it has {', '.join(cells)}")
    found = [
        (pair, part)
        for pair, part in zip(pairs, parts(pairs, dataset), strict=True)
        if settings.cell_type in (None, pair.cell_type) and settings.part in ("all", part)
    ]
    genes = list(dict.fromkeys(pair.gene_id for pair, _ in found))
    if settings.limit_genes is not None and settings.limit_genes < len(genes):
        kept = {genes[at] for at in np.linspace(0, len(genes) - 1, settings.limit_genes).round().astype(int)}
        found = [(pair, part) for pair, part in found if pair.gene_id in kept]
    if not any(pair.regulated for pair, _ in found):
        raise SettingsError(
            f"{path}: no regulated pair among the {len(found):,} of part {settings.part}, so nothing can be ranked; "
            "choose another --part or more genes"
        )
    return [pair for pair, _ in found], [part for _, part in found]


def _abc(path: Path, pairs: Sequence[CrispriPair], folder: Path, names: Sequence[str]) -> Mapping[str, Array]:
    cells = list(dict.fromkeys(pair.cell_type for pair in pairs))
    if len(cells) > 1:
        raise SettingsError(
            f"{path} has pairs of {', '.join(cells)}, the elements in {folder} are of one; choose it by --cell"
        )
    candidates = read_elements(folder / ELEMENTS_FILE)
    genes = folder / GENES_FILE
    if genes.exists():
        known = {gene.gene_id: gene.tss for gene in read_gene_table(genes)}
        check_same_assembly(path, pairs, known, other=genes)
    return {name: abc_scores(pairs, candidates, AbcChoices(ABC_VERSIONS[_ABC[name]])) for name in names}


def _units(pairs: Sequence[CrispriPair], settings: CrispriSettings) -> IntArray:
    """(n,) number of what each pair is drawn with."""
    if settings.unit == "pair":
        return np.arange(len(pairs), dtype=np.int64)
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(pair.gene_id, len(numbers)) for pair in pairs], dtype=np.int64)
