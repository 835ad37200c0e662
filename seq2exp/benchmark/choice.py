"""Which genes and cell types a benchmark runs on, and how it resamples them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seq2exp.errors import SettingsError
from seq2exp.genome import Gene
from seq2exp.sources.dataset import Dataset

GenePart = Literal["train", "valid", "test", "all"]


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """What is scored and how often it is resampled."""

    part: GenePart = "test"
    """Part of the data set's split; all: every gene, listed in the split or not."""
    cell_type: str | None = None
    """None: every cell type."""
    limit_genes: int | None = None
    """At most this many genes, spread evenly over the part; None: all."""
    resamples: int = 1000
    """Bootstrap resamples of the genes; 0: no intervals."""
    seed: int = 0
    """Random state of the resamples."""
    deletions: bool = True
    """Also predict with each element switched off: one predictor pass per element, most of the time spent."""

    def __post_init__(self) -> None:
        problems = []
        if self.part not in ("train", "valid", "test", "all"):
            problems.append(f"part must be train, valid, test or all, found {self.part!r}")
        if self.limit_genes is not None and self.limit_genes < 1:
            problems.append(f"limit_genes must be at least 1, found {self.limit_genes}")
        if self.resamples < 0:
            problems.append(f"resamples must not be negative, found {self.resamples}")
        if self.seed < 0:
            problems.append(f"seed must not be negative, found {self.seed}")
        if problems:
            raise SettingsError("benchmark settings: " + "; ".join(problems))


def chosen_genes(dataset: Dataset, settings: BenchmarkSettings) -> tuple[Gene, ...]:
    """The genes of the part, in genome order.

    Raises
    ------
    SettingsError
        No gene in that part; says how many each part has.
    """
    folds = {gene.gene_id: dataset.fold(gene) for gene in dataset.genes}
    genes = [gene for gene in dataset.genes if settings.part in ("all", folds[gene.gene_id])]
    if not genes:
        sizes = Counter(fold or "no part" for fold in folds.values())
        listed = ", ".join(f"{count} in {fold}" for fold, count in sorted(sizes.items()))
        raise SettingsError(f"{dataset.name}: no gene in part {settings.part}; it has {listed}; choose another --part")
    if settings.limit_genes is None or settings.limit_genes >= len(genes):
        return tuple(genes)
    places = np.linspace(0, len(genes) - 1, settings.limit_genes).round().astype(int)
    return tuple(genes[place] for place in places)


def chosen_cells(dataset: Dataset, settings: BenchmarkSettings) -> tuple[str, ...]:
    """The cell types; SettingsError lists them if the one asked for is not there."""
    if settings.cell_type is None:
        return dataset.cell_types
    if settings.cell_type not in dataset.cell_types:
        raise SettingsError(
            f"{dataset.name} has no cell type {settings.cell_type!r:.40}; it has {', '.join(dataset.cell_types)}"
        )
    return (settings.cell_type,)
