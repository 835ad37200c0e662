"""Precision and recall of scores against labels, their ties kept together, and how they vary over resampled genes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_STEPS = 4096
"""Most score levels kept per gene for resampling. Levels are spread evenly over the ranks of all items and over
those of the positives, so each step of recall is at most 1 / 2048."""

_CHUNK = 64
"""Resamples per matrix product: keeps the work arrays at a few MB."""


def average_precision(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> float:
    """Area under the precision-recall curve as average precision: sum of precision times step in recall.

    Parameters
    ----------
    scores
        (N,) higher means more likely positive. Equal scores are one step: their order can change nothing.
    labels
        (N,) True where positive.

    Returns
    -------
    float
        0..1; NaN without a positive.

    Raises
    ------
    ValueError
        Shapes differ, or a score is NaN.
    """
    _, _, last, positives = _tied_steps(scores, labels)
    return _area(positives.astype(np.float64), (last + 1).astype(np.float64))


@dataclass(frozen=True, eq=False)
class GeneSteps:
    """Counts by gene and score level, highest level first: all that resampling of genes needs of a predictor."""

    positive: NDArray[np.float32]
    """(G, K)."""
    total: NDArray[np.float32]
    """(G, K), positives included."""


def gene_steps(
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_],
    genes: IntArray,
    *,
    n_genes: int,
    max_steps: int = MAX_STEPS,
) -> GeneSteps:
    """Counts of items by gene and score level.

    Parameters
    ----------
    scores, labels
        (N,) as in `average_precision`.
    genes
        (N,) index of each item's gene.
    n_genes
        G.
    max_steps
        With more distinct scores than this, neighbouring ones share a level; equal scores always do.
    """
    order, hits, last, positives = _tied_steps(scores, labels)
    if len(last) > max_steps:
        half = max_steps // 2
        by_rank = np.searchsorted(last, np.linspace(0, last[-1], half))
        by_hit = np.searchsorted(positives, np.linspace(0, positives[-1], half))
        last = last[np.unique(np.concatenate([by_rank, by_hit, [len(last) - 1]]))]
    n_steps = len(last)
    step = np.repeat(np.arange(n_steps), np.diff(last, prepend=-1))
    cell = genes[order] * n_steps + step
    shape = (n_genes, n_steps)
    total = np.bincount(cell, minlength=n_genes * n_steps).reshape(shape)
    positive = np.bincount(cell[hits], minlength=n_genes * n_steps).reshape(shape)
    return GeneSteps(positive.astype(np.float32), total.astype(np.float32))


def resampled_average_precision(steps: GeneSteps, weights: IntArray) -> Array:
    """(R,) average precision of each resample; NaN where it drew no positive.

    Parameters
    ----------
    weights
        (R, G) how often each gene was drawn; see `gene_weights`.
    """
    found = []
    for first in range(0, len(weights), _CHUNK):
        drawn = weights[first : first + _CHUNK].astype(np.float32)
        positives = np.cumsum(drawn @ steps.positive, axis=1, dtype=np.float64)  # (chunk, K)
        items = np.cumsum(drawn @ steps.total, axis=1, dtype=np.float64)
        found += [_area(*curve) for curve in zip(positives, items, strict=True)]
    return np.array(found)


def gene_weights(n_genes: int, *, resamples: int, seed: int) -> IntArray:
    """(R, G) how often each gene stands in each bootstrap resample; the same seed gives the same resamples."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_genes, np.full(n_genes, 1 / n_genes), size=resamples).astype(np.int64)


def interval95(values: Array) -> tuple[float, float] | None:
    """The 2.5th and 97.5th percentile of the resamples that have a value; None where none has."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def call_counts(called: NDArray[np.bool_], labels: NDArray[np.bool_], genes: IntArray, *, n_genes: int) -> IntArray:
    """(G, 4) per gene: called positives, called, positives, all items."""
    columns = (called & labels, called, labels, np.ones_like(called))
    return np.stack([np.bincount(genes[column], minlength=n_genes) for column in columns], axis=1)


def call_measures(counts: IntArray) -> Mapping[str, Array]:
    """precision, recall, f1 and covered_share of counts (..., 4) as in `call_counts`, summed over genes.

    A ratio whose base is empty is NaN; F1 is 0 where nothing is called but something should be.
    """
    hits, called, positive, total = np.moveaxis(counts.astype(np.float64), -1, 0)
    with np.errstate(invalid="ignore"):
        return {
            "precision": hits / called,
            "recall": hits / positive,
            "f1": 2 * hits / (called + positive),
            "covered_share": called / total,
        }


def cutoff_for_share(scores: NDArray[np.floating], share: float) -> float:
    """The score at or above which the share of items comes nearest to ``share``; inf where calling none does."""
    ordered = np.sort(scores)[::-1]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True]))
    shares = np.append((last + 1) / len(ordered), 0.0)
    best = int(np.abs(shares - share).argmin())
    return float("inf") if best == len(last) else float(ordered[last[best]])


def _tied_steps(
    scores: NDArray[np.floating], labels: NDArray[np.bool_]
) -> tuple[IntArray, NDArray[np.bool_], IntArray, IntArray]:
    """Items by falling score, their labels, and per distinct score: last rank (from 0) and positives up to it."""
    if scores.shape != labels.shape:
        raise ValueError(f"scores and labels must have one shape, found {scores.shape} and {labels.shape}")
    if np.isnan(scores).any():
        raise ValueError("scores must not be NaN")
    order = np.argsort(scores, kind="stable")[::-1].astype(np.int64)
    ordered, hits = scores[order], labels[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True])) if len(order) else np.empty(0, np.int64)
    return order, hits, last, np.cumsum(hits, dtype=np.int64)[last]


def _area(positives: Array, items: Array) -> float:
    """Average precision of cumulated positives and items (K,), highest score first."""
    if not len(positives) or positives[-1] == 0:
        return float("nan")
    steps = np.diff(positives, prepend=0.0)
    gained = steps > 0  # a step without positives adds nothing, and may hold no item at all
    return float((steps[gained] * positives[gained] / items[gained]).sum() / positives[-1])
