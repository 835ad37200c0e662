"""Precision and recall on CRISPRi pairs: as the field's own comparison computes them, plainly, and resampled.

Field: EngreitzLab/CRISPR_comparison (calcPerfSummaryOnePred, computePerfGivenSensitivity), which
data-sources.md 10.3 describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2exp.benchmark.ranking import Array, IntArray
from seq2exp.results import BoolArray

AUPRC = "auprc"
AVERAGE_PRECISION = "average_precision"
PRECISION = "precision_at_70_recall"
FIGURES = (AUPRC, AVERAGE_PRECISION, PRECISION)

RECALL = 0.7
"""The recall at which the field states precision."""


@dataclass(frozen=True, eq=False)
class Curve:
    """K points of precision and recall, one per distinct score, highest score first; no point before the first."""

    recall: Array
    """(K,) rising, ends at 1."""
    precision: Array
    """(K,) the last one is the share of positives."""


def precision_recall(scores: NDArray[np.floating], labels: BoolArray) -> Curve | None:
    """The curve of scores (N,) against labels (N,); equal scores are one point. None without a positive.

    Raises
    ------
    ValueError
        Shapes differ, or a score is NaN.
    """
    return _Ranked(scores, labels).curve(np.ones(len(scores)))


def auprc(curve: Curve) -> float:
    """Area under the curve as the field computes it; 0..1.

    Trapezoids between neighbouring points, from the first point on (the stretch from recall 0 to it is left out)
    and without the last point, at which everything is called: ROCR puts it there even where a predictor says
    nothing about most pairs, and the straight line to it is no performance. Points of equal recall are taken in
    the order of falling precision. 0 for a predictor with one score for all.
    """
    return float(np.trapezoid(curve.precision[:-1], curve.recall[:-1]))


def average_precision(curve: Curve) -> float:
    """Sum of precision times step in recall: no interpolation, every point counts; 0..1."""
    return float((np.diff(curve.recall, prepend=0.0) * curve.precision).sum())


def precision_at_recall(curve: Curve, recall: float = RECALL) -> float:
    """Precision at the least recall of the curve that reaches ``recall``, as the field takes it: not interpolated.

    Of several points of that recall the first, which has the highest precision.
    """
    return float(curve.precision[np.searchsorted(curve.recall, recall - 1e-12)])


def figures(curve: Curve | None) -> Mapping[str, float]:
    """The three figures by name; NaN without a curve."""
    if curve is None:
        return dict.fromkeys(FIGURES, np.nan)
    return {
        AUPRC: auprc(curve),
        AVERAGE_PRECISION: average_precision(curve),
        PRECISION: precision_at_recall(curve),
    }


def thinned(curve: Curve, *, most: int = 200) -> tuple[tuple[float, float], ...]:
    """Recall and precision of all points, or of ``most`` at the most, evenly spread over the recall, both ends in."""
    kept = np.arange(len(curve.recall))
    if len(kept) > most:
        wanted = np.searchsorted(curve.recall, np.linspace(curve.recall[0], 1, most) - 1e-12)
        kept = np.unique(np.concatenate([kept[:1], wanted[1:-1], kept[-1:]]))
    return tuple((round(float(curve.recall[at]), 6), round(float(curve.precision[at]), 6)) for at in kept)


def resampled(
    scores: NDArray[np.floating], labels: BoolArray, units: IntArray, weights: IntArray
) -> Mapping[str, Array]:
    """(R,) of each figure, one per resample; NaN where it drew no positive.

    Parameters
    ----------
    scores, labels
        (N,).
    units
        (N,) index of what is drawn as one, such as the pair's gene.
    weights
        (R, U) how often each unit was drawn; see `seq2exp.benchmark.ranking.gene_weights`.
    """
    ranked = _Ranked(scores, labels)
    drawn = [figures(ranked.curve(one[units])) for one in weights]
    return {name: np.array([found[name] for found in drawn]) for name in FIGURES}


class _Ranked:
    """Items sorted once, to be weighted again and again."""

    def __init__(self, scores: NDArray[np.floating], labels: BoolArray) -> None:
        if scores.shape != labels.shape:
            raise ValueError(f"scores and labels must have one shape, found {scores.shape} and {labels.shape}")
        if np.isnan(scores).any():
            raise ValueError("scores must not be NaN")
        self._order = np.argsort(scores, kind="stable")[::-1]
        ordered = scores[self._order]
        self._labels = labels[self._order]
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True])) if len(ordered) else self._order

    def curve(self, weights: NDArray[np.number]) -> Curve | None:
        """The curve in which item i counts ``weights[i]`` times; scores that no item is left of are no point."""
        counted = weights[self._order]
        items = np.cumsum(counted)[self._last]
        hits = np.cumsum(counted * self._labels)[self._last]
        there = np.diff(items, prepend=0) > 0
        items, hits = items[there], hits[there]
        if not len(hits) or hits[-1] == 0:
            return None
        return Curve(hits / hits[-1], hits / items)
