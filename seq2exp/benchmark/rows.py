"""One row of the comparison per predictor: its figures over all loci, and their intervals over resampled genes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seq2exp.benchmark.locus import Locus, LocusScores
from seq2exp.benchmark.ranking import (
    Array,
    IntArray,
    average_precision,
    call_counts,
    call_measures,
    cutoff_for_share,
    gene_steps,
    interval95,
    resampled_average_precision,
)
from seq2exp.results import BoolArray, FloatArray

Interval95 = tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Pool:
    """The labels of all loci together. N bases, M elements, G genes, R resamples."""

    bases: BoolArray
    """(N,) causal or not."""
    locus_genes: IntArray
    """(P,) index of each locus's gene, in the order the loci came."""
    base_genes: IntArray
    """(N,) index of the gene."""
    elements: BoolArray
    """(M,) causal or not."""
    element_genes: IntArray
    weights: IntArray
    """(R, G); the cell types of a gene are drawn together, since they share its sequence."""

    @property
    def n_genes(self) -> int:
        """G."""
        return int(self.weights.shape[1])


def make_pool(loci: Sequence[Locus], weights: IntArray) -> Pool:
    """The loci together; genes are numbered as they first come."""
    numbers: dict[str, int] = {}
    genes = np.array([numbers.setdefault(locus.gene.gene_id, len(numbers)) for locus in loci], dtype=np.int64)
    return Pool(
        bases=np.concatenate([locus.causal_bases for locus in loci]),
        locus_genes=genes,
        base_genes=np.repeat(genes, [len(locus.causal_bases) for locus in loci]),
        elements=np.concatenate([locus.causal_elements for locus in loci]),
        element_genes=np.repeat(genes, [len(locus.elements) for locus in loci]),
        weights=weights,
    )


@dataclass(frozen=True)
class Row:
    """One predictor. Figures lie in 0..1 (the ratio above 0); NaN where they do not exist."""

    predictor: str
    call_rule: str
    """How bases were called for precision, recall, F1 and covered share; cut-offs are not chosen anew by resample."""
    figures: Mapping[str, float]
    ci95: Mapping[str, Interval95]
    """By name of the figure."""

    def to_dict(self) -> dict[str, Any]:
        """JSON types, None for NaN."""
        return {
            "predictor": self.predictor,
            "call_rule": self.call_rule,
            **{name: None if math.isnan(value) else value for name, value in self.figures.items()},
            "ci95": {name: None if pair is None else list(pair) for name, pair in self.ci95.items()},
        }


@dataclass(frozen=True)
class Calls:
    """Bases called by one rule."""

    called: BoolArray
    """(N,)."""
    rule: str


def calls_at_share(bases: FloatArray, share: float) -> Calls:
    """The highest scored bases, as near to ``share`` of all as ties allow."""
    cutoff = cutoff_for_share(bases, share)
    found = "no base" if math.isinf(cutoff) else f"score >= {cutoff:.4g}"
    return Calls(bases >= cutoff, f"{found}: nearest to the covered share of the mask")


@dataclass(frozen=True, eq=False)
class Judgement:
    """A predictor's figures with the resamples behind the element level, to form paired ratios from."""

    predictor: str
    call_rule: str
    figures: Mapping[str, float]
    draws: Mapping[str, Array]
    """(R,) per figure."""


def judge(name: str, scores: Sequence[LocusScores], calls: Calls | None, pool: Pool) -> Judgement:
    """The figures of one predictor.

    Parameters
    ----------
    scores
        Per locus, in the order the pool was made of.
    calls
        None for a predictor that calls no bases.

    Returns
    -------
    Judgement
        base_auprc, element_auprc (mean over the element), element_auprc_max (largest value in it), precision,
        recall, f1, covered_share; NaN where the predictor has none.
    """
    figures: dict[str, float] = {}
    draws: dict[str, Array] = {}
    nothing = np.full(len(pool.weights), np.nan)
    levels = {
        "base_auprc": (_joined([s.bases for s in scores]), pool.bases, pool.base_genes),
        "element_auprc": (_joined([s.elements for s in scores]), pool.elements, pool.element_genes),
        "element_auprc_max": (_joined([s.element_maxima for s in scores]), pool.elements, pool.element_genes),
    }
    for level, (values, labels, genes) in levels.items():
        figures[level], draws[level] = math.nan, nothing
        if values is not None:
            figures[level] = average_precision(values, labels)
            steps = gene_steps(values, labels, genes, n_genes=pool.n_genes)
            draws[level] = resampled_average_precision(steps, pool.weights)
    if calls is None:
        missing = ("precision", "recall", "f1", "covered_share")
        figures |= dict.fromkeys(missing, math.nan)
        draws |= dict.fromkeys(missing, nothing)
    else:
        counts = call_counts(calls.called, pool.bases, pool.base_genes, n_genes=pool.n_genes)
        figures |= {key: float(value) for key, value in call_measures(counts.sum(axis=0)).items()}
        draws |= call_measures(pool.weights @ counts)
    return Judgement(name, "calls no bases" if calls is None else calls.rule, figures, draws)


def finish(judged: Judgement, mask: Judgement) -> Row:
    """The row, with the mask's element AUPRC over this predictor's as ``mask_element_ratio``, resampled in pairs."""
    figures, draws = dict(judged.figures), dict(judged.draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        figures["mask_element_ratio"] = float(
            np.float64(mask.figures["element_auprc"]) / np.float64(figures["element_auprc"])
        )
        draws["mask_element_ratio"] = mask.draws["element_auprc"] / draws["element_auprc"]
    return Row(
        judged.predictor,
        judged.call_rule,
        figures,
        {name: interval95(values) for name, values in draws.items()},
    )


def _joined(parts: Sequence[FloatArray | None]) -> FloatArray | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None
