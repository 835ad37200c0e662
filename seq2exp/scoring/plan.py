"""What is scored and how, and the shards it is cut into, which do not depend on how many processes share them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seq2exp import __version__
from seq2exp.benchmark.choice import BenchmarkSettings, chosen_cells, chosen_genes
from seq2exp.benchmark.mask import check_window
from seq2exp.errors import SettingsError
from seq2exp.genome import Gene
from seq2exp.inference import masks
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.settings import ElementSettings, MaskSettings
from seq2exp.sources.dataset import Dataset

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What is scored; every field is part of a finished shard's header."""

    mask: MaskSettings = field(default_factory=MaskSettings)
    """Faithful by default."""
    elements: ElementSettings = field(default_factory=ElementSettings)
    samples: int = 8
    """Masks drawn per window for `predicted_low` and `predicted_high`; 0: none."""
    seed: int = 0
    """Random state of the draws."""
    promoter_only: bool | None = None
    """Whether to predict the promoter alone too; None: where it is cheap, on checkpoints that pack the kept bases."""
    bigwig: bool = False
    """Whether to keep the masks and write them as bigWig, one per cell type."""
    shard_size: int = 16
    """Genes per shard, each in every cell type."""
    threads: int = 1
    """Of each process, on CPUs. It is part of the plan since sums in another order differ in their last digits."""
    cell_type: str | None = None
    """None: every cell type."""
    names: tuple[str, ...] = ()
    """Symbols, aliases or Ensembl ids; none: every gene."""
    limit: int | None = None
    """At most this many genes, spread evenly over all; None: no limit."""

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be at least {least}, found {getattr(self, name)}"
            for name, least in (("samples", 0), ("seed", 0), ("shard_size", 1), ("threads", 1))
            if getattr(self, name) < least
        ]
        if problems:
            raise SettingsError("score settings: " + "; ".join(problems))


@dataclass(frozen=True, eq=False)
class Plan:
    """Genes in genome order, cut into shards of `ScoreSettings.shard_size` genes in every cell type."""

    facts: Mapping[str, Any]
    """JSON types. Two plans with equal facts give equal results, shard by shard."""
    settings: ScoreSettings
    """With `promoter_only` decided."""
    genes: tuple[Gene, ...]
    """By chromosome in the assembly's order, then by TSS, then by id."""
    cells: tuple[str, ...]
    chrom_sizes: Mapping[str, int]

    @property
    def n_shards(self) -> int:
        """Number of shards; the last one may be shorter."""
        return -(-len(self.genes) // self.settings.shard_size)

    @property
    def n_windows(self) -> int:
        """Genes times cell types."""
        return len(self.genes) * len(self.cells)

    def shard(self, number: int) -> tuple[Gene, ...]:
        """The genes of one shard."""
        first = number * self.settings.shard_size
        return self.genes[first : first + self.settings.shard_size]

    @property
    def hash(self) -> str:
        """12 hex digits of the facts."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:12]


def make_plan(dataset: Dataset, checkpoint: LoadedCheckpoint, settings: ScoreSettings) -> Plan:
    """The plan of a data set under a checkpoint.

    Raises
    ------
    SettingsError
        Another window than the checkpoint's, no such cell type, a limit below 1, a mask the checkpoint does not know.
    GeneError
        No such gene.
    """
    check_window(dataset, checkpoint)
    resolved = masks.resolve(settings.mask, checkpoint.config)
    choice = BenchmarkSettings(part="all", cell_type=settings.cell_type, limit_genes=settings.limit)
    cells = chosen_cells(dataset, choice)
    named = {gene.gene_id: gene for gene in map(dataset.genes.get, settings.names)}
    chosen = tuple(named.values())[: settings.limit] if named else chosen_genes(dataset, choice)
    place = {chrom: number for number, chrom in enumerate(dataset.assembly.chrom_sizes)}
    genes = tuple(sorted(chosen, key=lambda gene: (place[gene.chrom], gene.tss, gene.gene_id)))
    promoter_only = settings.promoter_only
    decided = dataclasses.replace(
        settings, promoter_only=checkpoint.config.position_table if promoter_only is None else promoter_only
    )
    ids = "\n".join(gene.gene_id for gene in genes)
    facts = {
        "format_version": FORMAT_VERSION,
        "dataset": dataset.name,
        "dataset_hash": dataset.hash,
        "synthetic": dataset.synthetic,
        "assembly": dataset.assembly.name,
        "checkpoint": checkpoint.name,
        "checkpoint_hash": checkpoint.hash,
        "trained": checkpoint.trained,
        "window_bp": checkpoint.config.window_bp,
        "mode": resolved.mode,
        "threshold": resolved.threshold,
        "mask_settings": _plain(masks.deciding(settings.mask, checkpoint.config)) | {"threshold": resolved.threshold},
        "element_settings": _plain(settings.elements),
        "samples": decided.samples,
        "seed": decided.seed,
        "promoter_only": decided.promoter_only,
        "bigwig": decided.bigwig,
        "shard_size": decided.shard_size,
        "threads": decided.threads,
        "cells": list(cells),
        "n_genes": len(genes),
        "genes_hash": hashlib.sha256(ids.encode()).hexdigest()[:12],
        "seq2exp_version": __version__,
    }
    return Plan(facts, decided, genes, cells, dict(dataset.assembly.chrom_sizes))


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """In which facts ``found`` differs from ``wanted``, in words; empty: in none."""
    names = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
    return "; ".join(f"{name} {found.get(name)} there, {wanted.get(name)} now" for name in names)


def _plain(settings: MaskSettings | ElementSettings) -> dict[str, Any]:
    """As JSON reads it back: tuples are lists."""
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return found
