"""What a trained system makes of each base and element, scored against truth as masks are.

*gradient x input* reads one backward pass, *in-silico deletion* one forward pass per element with its bases unknown and
its signals 0, *attention* what EPInformer's promoter looks at. They are offered for every system of the paper.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from seq2exp.baselines.epinformer import EPInformer
from seq2exp.baselines.slots import build_slots
from seq2exp.baselines.systems import predict
from seq2exp.benchmark.choice import BenchmarkSettings, chosen_cells
from seq2exp.benchmark.locus import Locus, LocusScores, make_locus, score
from seq2exp.benchmark.mask import MaskBenchmark
from seq2exp.benchmark.predictors import ABC, rivals
from seq2exp.benchmark.ranking import gene_weights
from seq2exp.benchmark.rows import finish, judge, make_pool
from seq2exp.errors import SettingsError
from seq2exp.model.network import Seq2Exp
from seq2exp.model.predictor import centre_slice
from seq2exp.results import FloatArray
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import known_truth
from seq2exp.training.batches import Batch, loader
from seq2exp.training.held_out import OpenRun
from seq2exp.window.signals import on_chromosome

GRADIENT, DELETION, ATTENTION = "gradient x input", "in-silico deletion", "attention"
_BATCH = 8


def benchmark_attribution(
    run: OpenRun, dataset: Dataset, settings: BenchmarkSettings, *, progress: Callable[[int, int], None] | None = None
) -> MaskBenchmark:
    """How well a system's attributions rank the true elements, beside activity x contact.

    Parameters
    ----------
    run
        Of this ``dataset``, which must know its true elements.

    Raises
    ------
    SettingsError
        No window of that part, or no causal element in them.
    ManifestError
        The data set has no truth.
    """
    cells = set(chosen_cells(dataset, settings))
    windows = run.cache.windows
    chosen = [i for i, w in enumerate(windows) if settings.part in ("all", w.part) and w.cell_type in cells]
    genes = list(dict.fromkeys(windows[i].gene_id for i in chosen))[: settings.limit_genes]
    chosen = [i for i in chosen if windows[i].gene_id in set(genes)]
    if not chosen:
        raise SettingsError(f"{dataset.name}: no labelled window of part {settings.part}; choose another --part")
    truth = {cell: known_truth(dataset, cell) for cell in cells}
    loci: list[Locus] = []
    found: list[Mapping[str, LocusScores]] = []
    for number, index in enumerate(chosen):
        if progress is not None:
            progress(number, len(chosen))
        (batch,) = loader(run.cache, [[index]], workers=0, candidates=run.candidates)
        batch = batch.to(run.fabric.device)
        gene, cell = dataset.genes.get(windows[index].gene_id), windows[index].cell_type
        interval = gene.window(batch.codes.shape[1])
        judged = ~batch.blacklist[0].cpu().numpy() & on_chromosome(interval, dataset.assembly.chrom_sizes[gene.chrom])
        judged[centre_slice(len(judged), dataset.manifest.window.centre_bp)] = False
        locus = make_locus(gene, cell, interval, judged, truth[cell].get((gene.gene_id, cell), ()))
        loci.append(locus)
        found.append(attributions(run, batch, locus, deletions=settings.deletions))
    if progress is not None:
        progress(len(chosen), len(chosen))
    pool = make_pool(loci, gene_weights(len(genes), resamples=settings.resamples, seed=settings.seed))
    if not pool.elements.any():
        raise SettingsError(f"{dataset.name}: no causal element in {len(genes)} genes of part {settings.part}")
    judgements = [judge(name, [scores[name] for scores in found], None, pool) for name in found[0]]
    own = next(one for one in judgements if one.predictor == GRADIENT)
    return MaskBenchmark(
        facts={
            "system": run.found.row.name,
            "dataset": dataset.name,
            "dataset_hash": dataset.hash,
            "checkpoint": run.found.name,
            "checkpoint_hash": run.found.hash,
            "trained": run.found.trained,
            "part": settings.part,
            "cells": sorted(cells),
            "n_genes": len(genes),
            "n_windows": len(chosen),
            "n_elements": len(pool.elements),
            "element_rate": float(pool.elements.mean()),
        },
        rows=tuple(finish(one, own) for one in judgements),
        expression={},
    )


def attributions(run: OpenRun, batch: Batch, locus: Locus, *, deletions: bool = True) -> Mapping[str, LocusScores]:
    """Scores of the one window in ``batch`` by every attribution its system has, and by activity x contact."""
    scores = {GRADIENT: score(locus, gradient_times_input(run, batch))}
    if deletions:
        drops = deletion_effects(run, batch, [(e.interval.start, e.interval.end) for e in locus.elements], locus)
        scores[DELETION] = LocusScores(None, drops, None)
    if isinstance(run.found.network, EPInformer):
        scores[ATTENTION] = score(locus, attention(run.found.network, batch))
    signals = batch.signals[0].cpu().numpy()
    scores[ABC] = score(locus, rivals(signals, len(signals) // 2)[ABC])
    return scores


def gradient_times_input(run: OpenRun, batch: Batch) -> FloatArray:
    """(L,) |sum over letters of gradient x letter| + |sum over signals of gradient x signal| of the prediction."""
    sequence = batch.network_input().sequence.clone().requires_grad_()
    signals = batch.signals.clone().requires_grad_()
    with run.fabric.autocast():
        predicted = _predict(run, batch, sequence, signals).sum()
    gradients = torch.autograd.grad(predicted, (sequence, signals), allow_unused=True)
    total = torch.zeros(sequence.shape[1], device=sequence.device)
    for values, gradient in zip((sequence, signals), gradients, strict=True):
        if gradient is not None:  # a system that does not read the signals
            total = total + (values * gradient)[0].sum(-1).abs()
    found: FloatArray = total.detach().float().cpu().numpy()
    return found


@torch.no_grad()
def deletion_effects(run: OpenRun, batch: Batch, stretches: Sequence[tuple[int, int]], locus: Locus) -> FloatArray:
    """(M,) fall of the prediction when a stretch (genome coordinates) holds unknown bases and no signal."""
    length = batch.codes.shape[1]
    start = locus.interval.start
    sequence, signals = batch.network_input().sequence, batch.signals
    places = [(max(first - start, 0), min(last - start, length)) for first, last in stretches]
    predicted = []
    for at in range(0, len(places) + 1, _BATCH):
        own = [None, *places][at : at + _BATCH]
        many_bases, many_signals = (values.repeat(len(own), 1, 1) for values in (sequence, signals))
        for row, place in enumerate(own):
            if place is not None:
                many_bases[row, place[0] : place[1]] = 0
                many_signals[row, place[0] : place[1]] = 0
        with run.fabric.autocast():
            predicted.append(_predict(run, _many(batch, len(own)), many_bases, many_signals)[:, 0].float().cpu())
    every = torch.cat(predicted).numpy()
    drops: FloatArray = every[0] - every[1:]
    return drops


@torch.no_grad()
def attention(network: EPInformer, batch: Batch) -> FloatArray:
    """(L,) the promoter's attention, mean over layers, on the element a base lies in; 0 outside elements."""
    assert batch.elements is not None
    slots = build_slots(batch.network_input().sequence, batch.signals, batch.elements, network.config)
    weights = network.of_slots(slots, batch.rna_features)[1].mean(1)[0]  # (S,)
    values = np.zeros(batch.codes.shape[1], dtype=np.float32)
    for weight, candidate in zip(weights.tolist(), slots.candidate[0].tolist(), strict=True):
        if candidate >= 0:
            first, last = batch.elements[0, candidate].clamp(0, len(values)).tolist()
            np.maximum(values[first:last], weight, out=values[first:last])
    return values


def _predict(run: OpenRun, batch: Batch, sequence: Tensor, signals: Tensor) -> Tensor:
    """(B, 1) prediction with other bases and signals than the batch's own."""
    network = run.found.network
    if isinstance(network, Seq2Exp):
        given = dataclasses.replace(batch.network_input(), sequence=sequence, signals=signals)
        return network(given).prediction  # type: ignore[no-any-return]
    none = batch.target.new_zeros(len(batch.target), 0, 2).long()
    elements = none if batch.elements is None else batch.elements
    return predict(run.found.row, network, sequence, signals, batch.rna_features, elements)


def _many(batch: Batch, n: int) -> Batch:
    """The one window of ``batch``, ``n`` times."""
    *values, names = batch
    repeated = [None if v is None else v.repeat(n, *[1] * (v.dim() - 1)) for v in values]
    return Batch._make([*repeated, names * n])
