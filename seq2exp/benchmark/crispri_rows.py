"""One row of the CRISPRi benchmark per predictor and group of pairs: its figures, their intervals, its curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seq2exp.benchmark.crispri_curve import figures, precision_recall, resampled, thinned
from seq2exp.benchmark.crispri_strata import Stratum, StratumKind
from seq2exp.benchmark.ranking import Array, IntArray, gene_weights, interval95
from seq2exp.benchmark.rows import Interval95
from seq2exp.results import BoolArray

UNSCORED = 0.0
"""What a pair gets that a predictor says nothing about, as in the field's comparison: no activity, no effect."""


@dataclass(frozen=True)
class CrispriRow:
    """One predictor on one group of pairs."""

    predictor: str
    kind: StratumKind
    stratum: str
    pairs: int
    positives: int
    scored: int
    """Pairs the predictor says something about; the others count as `UNSCORED`."""
    figures: Mapping[str, float]
    """0..1 by name; NaN without a positive."""
    ci95: Mapping[str, Interval95]
    curve: tuple[tuple[float, float], ...]
    """Recall and precision to draw, highest score first; empty without a positive."""

    def to_dict(self) -> dict[str, Any]:
        """JSON types, None for NaN."""
        return {
            **{name: getattr(self, name) for name in ("predictor", "kind", "stratum", "pairs", "positives", "scored")},
            **{name: None if math.isnan(value) else value for name, value in self.figures.items()},
            "ci95": {name: None if pair is None else list(pair) for name, pair in self.ci95.items()},
            "curve": [list(point) for point in self.curve],
        }


def judge(
    name: str, scores: Array, labels: BoolArray, group: Stratum, units: IntArray, *, resamples: int, seed: int
) -> CrispriRow:
    """The row of one predictor on one group; predictors share the resamples of a group.

    Parameters
    ----------
    scores
        (n,) over all pairs; NaN where the predictor says nothing.
    labels
        (n,) regulated or not.
    units
        (n,) number of what each pair is drawn with.
    """
    chosen = group.chosen
    known = ~np.isnan(scores[chosen])
    filled, own_labels = np.where(known, scores[chosen], UNSCORED), labels[chosen]
    own_units, own = np.unique(units[chosen], return_inverse=True)
    draws = resampled(filled, own_labels, own, gene_weights(len(own_units), resamples=resamples, seed=seed))
    curve = precision_recall(filled, own_labels)
    return CrispriRow(
        predictor=name,
        kind=group.kind,
        stratum=group.name,
        pairs=len(filled),
        positives=int(own_labels.sum()),
        scored=int(known.sum()),
        figures=figures(curve),
        ci95={key: interval95(values) for key, values in draws.items()},
        curve=() if curve is None else thinned(curve),
    )
