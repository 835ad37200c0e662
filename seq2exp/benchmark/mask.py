"""The mask benchmark from end to end: windows judged one by one, peaks called, rows and expression put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seq2exp import __version__
from seq2exp.benchmark.choice import BenchmarkSettings, chosen_cells, chosen_genes
from seq2exp.benchmark.expression import expression_report
from seq2exp.benchmark.locus import Locus, LocusScores
from seq2exp.benchmark.oracle import oracle_of
from seq2exp.benchmark.predictors import (
    MASK,
    MATCHED_PEAKS,
    PEAKS,
    LocusEvidence,
    call_peaks,
    judge_window,
    score_peaks,
)
from seq2exp.benchmark.ranking import gene_weights
from seq2exp.benchmark.rows import Calls, Pool, Row, calls_at_share, finish, judge, make_pool
from seq2exp.errors import SettingsError
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.results import BoolArray
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import known_truth

Progress = Callable[[int, int], None]
"""Called with windows done and windows in all."""


@dataclass(frozen=True)
class MaskBenchmark:
    """What the benchmark found."""

    facts: Mapping[str, Any]
    """What was compared on what, in JSON types."""
    rows: tuple[Row, ...]
    expression: Mapping[str, Any]
    """The checkpoint's figures, and under ``oracle`` and ``promoter_only`` those beside it."""

    def to_dict(self) -> dict[str, Any]:
        """JSON types; figures that do not exist are None."""
        return {**self.facts, "rows": [row.to_dict() for row in self.rows], "expression": dict(self.expression)}


def benchmark_mask(
    dataset: Dataset,
    checkpoint: LoadedCheckpoint,
    settings: BenchmarkSettings | None = None,
    *,
    cache_dir: Path,
    progress: Progress | None = None,
) -> MaskBenchmark:
    """How well the checkpoint's mask and its rivals find the true elements, and how well it predicts expression.

    Parameters
    ----------
    dataset
        With known truth, and of the checkpoint's own window.
    settings
        None: test genes of every cell type.
    cache_dir
        Where MACS3's peaks are kept.

    Raises
    ------
    ManifestError
        The data set has no truth.
    SettingsError
        Another window than the checkpoint's, or no gene to score.
    SourceError, WindowError, PeakCallError
        A file cannot be read, a window cannot be made, MACS3 failed.
    """
    started = time.perf_counter()
    settings = settings or BenchmarkSettings()
    check_window(dataset, checkpoint)
    cells, genes = chosen_cells(dataset, settings), chosen_genes(dataset, settings)
    truth = {cell: known_truth(dataset, cell) for cell in cells}
    places = [(gene, cell) for gene in genes for cell in cells]
    evidence = []
    for done, (gene, cell) in enumerate(places):
        if progress is not None:
            progress(done, len(places))
        elements = truth[cell].get((gene.gene_id, cell), ())
        evidence.append(judge_window(dataset, gene, cell, elements, checkpoint, deletions=settings.deletions))
    if progress is not None:
        progress(len(places), len(places))
    weights = gene_weights(len(genes), resamples=settings.resamples, seed=settings.seed)
    pool = make_pool([found.locus for found in evidence], weights)
    if not pool.bases.any():
        raise SettingsError(
            f"{dataset.name}: no causal base in {len(genes)} genes of part {settings.part} outside the promoter; "
            "choose another --part or more genes"
        )
    rows = _rows(dataset, checkpoint, evidence, pool, cache_dir)
    return MaskBenchmark(
        facts={
            "dataset": dataset.name,
            "dataset_hash": dataset.hash,
            "checkpoint": checkpoint.name,
            "checkpoint_hash": checkpoint.hash,
            "trained": checkpoint.trained,
            "mode": checkpoint.config.mask_mode,
            "threshold": checkpoint.config.threshold,
            "window_bp": checkpoint.config.window_bp,
            "part": settings.part,
            "cells": list(cells),
            "chromosomes": list(dict.fromkeys(gene.chrom for gene in genes)),
            "n_genes": len(genes),
            "n_windows": len(evidence),
            "n_bases": len(pool.bases),
            "n_elements": len(pool.elements),
            "base_rate": float(pool.bases.mean()),
            "element_rate": float(pool.elements.mean()),
            "mask_ratio_outside_promoter": float(np.mean([found.mask_ratio_outside_promoter for found in evidence])),
            "bootstrap": {"unit": "gene", "resamples": settings.resamples, "seed": settings.seed},
            "seq2exp_version": __version__,
            "device": checkpoint.device,
            "seconds": round(time.perf_counter() - started, 2),
        },
        rows=rows,
        expression=_expression(dataset, evidence, settings, pool),
    )


def check_window(dataset: Dataset, checkpoint: LoadedCheckpoint) -> None:
    """SettingsError where the checkpoint reads another window than the data set is made for."""
    own, asked = checkpoint.config.window_bp, dataset.manifest.window.width_bp
    if own != asked:
        raise SettingsError(
            f"checkpoint {checkpoint.name} reads windows of {own:,} bp, {dataset.name} is made for {asked:,} bp: its "
            f"elements and contacts lie at other distances; choose a data set of {own:,} bp or another checkpoint"
        )


def _rows(
    dataset: Dataset, checkpoint: LoadedCheckpoint, evidence: Sequence[LocusEvidence], pool: Pool, cache_dir: Path
) -> tuple[Row, ...]:
    config = checkpoint.config
    rule = (
        f"largest {config.top_share:.0%} of each window"
        if config.mask_mode == "top-k"
        else f"mask mean >= {config.threshold:g}, as trained ({config.mask_mode})"
    )
    called = np.concatenate([found.called for found in evidence])
    mask = judge(MASK, [found.scores[MASK] for found in evidence], Calls(called, rule), pool)
    share = mask.figures["covered_share"]
    judged = [mask]
    for name in evidence[0].scores:
        if name == MASK:
            continue
        scores = [found.scores[name] for found in evidence]
        bases = [part.bases for part in scores if part.bases is not None]
        judged.append(judge(name, scores, calls_at_share(np.concatenate(bases), share) if bases else None, pool))
    loci = [found.locus for found in evidence]
    for name, target in ((PEAKS, None), (MATCHED_PEAKS, share)):
        if target is None or 0 < target < 1:
            peaks, calls = _peaks(dataset, loci, target, cache_dir)
            judged.append(judge(name, peaks, calls, pool))
    return tuple(finish(one, mask) for one in judged)


def _peaks(
    dataset: Dataset, loci: Sequence[Locus], target_share: float | None, cache_dir: Path
) -> tuple[list[LocusScores], Calls]:
    """Scores by MACS3's peaks per locus, in the order of ``loci``, and the judged bases that lie in a peak."""
    found: dict[int, tuple[LocusScores, BoolArray]] = {}
    cutoffs = []
    for cell in dict.fromkeys(locus.cell_type for locus in loci):
        numbers = [number for number, locus in enumerate(loci) if locus.cell_type == cell]
        own = [loci[number] for number in numbers]
        call = call_peaks(dataset, cell, own, target_share=target_share, cache_dir=cache_dir)
        cutoffs.append(f"{cell}: no DNase track" if call is None else f"{cell}: signal >= {call.cutoff:.4g}")
        found |= dict(zip(numbers, score_peaks(own, () if call is None else call.regions), strict=True))
    ordered = [found[number] for number in range(len(loci))]
    how = "default cut-off" if target_share is None else "cut-off nearest to the covered share of the mask"
    called = np.concatenate([inside for _, inside in ordered])
    return [scores for scores, _ in ordered], Calls(called, f"in a peak, {how} ({'; '.join(cutoffs)})")


def _expression(
    dataset: Dataset, evidence: Sequence[LocusEvidence], settings: BenchmarkSettings, pool: Pool
) -> dict[str, Any]:
    """The checkpoint's figures with ``promoter_only`` and, where the data set knows it, ``oracle`` beside them."""
    predictions = {
        "prediction": np.array([found.prediction for found in evidence]),
        "promoter_only": np.array([found.promoter_only for found in evidence]),
    }
    oracle = oracle_of(dataset, [(found.locus.gene.gene_id, found.locus.cell_type) for found in evidence])
    if oracle is not None:
        predictions["oracle"] = oracle
    observed = np.array([found.observed for found in evidence])
    report = expression_report(predictions, observed, pool.locus_genes, pool.weights)
    stated = None if oracle is not None else _stated_oracle(dataset, settings)
    if stated is not None:
        for side in report.values():
            side["pearson_of_oracle"] = None if side["pearson"] is None else side["pearson"] / stated["pearson"]
    own = report.pop("prediction")
    return {**own, **({"oracle": stated} | report)}


def _stated_oracle(dataset: Dataset, settings: BenchmarkSettings) -> dict[str, Any] | None:
    """The oracle's Pearson as the manifest states it, where it is of the very genes that were scored."""
    source = dataset.source("expression")
    stated = {} if source is None else source.content.summary or {}
    value = stated.get(f"oracle_pearson_{settings.part}")
    whole = settings.cell_type is None and settings.limit_genes is None
    return {"pearson": value, "from": "manifest"} if isinstance(value, float) and whole else None
