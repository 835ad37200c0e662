"""Predicted expression against observed, beside an oracle that knows the noise-free value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from seq2exp import metrics
from seq2exp.benchmark.ranking import Array, IntArray, interval95

MEASURES: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "mse": metrics.mse,
    "mae": metrics.mae,
    "pearson": metrics.pearson,
    "spearman": metrics.spearman,
}


def expression_report(
    predictions: Mapping[str, Array], observed: Array, genes: IntArray, weights: IntArray
) -> dict[str, dict[str, Any]]:
    """mse, mae, pearson, spearman, n and their intervals per predictor, as JSON types (None for NaN).

    Parameters
    ----------
    predictions
        (P,) log10(1 + CAGE) per name; NaN where there is none. Pairs with NaN on either side are left out. With
        ``oracle`` among them every other one also has ``pearson_of_oracle``, its Pearson over the oracle's.
    observed
        (P,) likewise.
    genes
        (P,) index of each pair's gene.
    weights
        (R, G) how often each gene stands in each resample.
    """
    figures = {name: _measures(values, observed) for name, values in predictions.items()}
    draws: dict[str, dict[str, list[float]]] = {name: {key: [] for key in MEASURES} for name in predictions}
    for drawn in weights:
        rows = np.repeat(np.arange(len(observed)), drawn[genes])
        for name, values in predictions.items():
            for key, value in _measures(values[rows], observed[rows]).items():
                draws[name][key].append(value)
    report: dict[str, dict[str, Any]] = {}
    for name, values in predictions.items():
        found = dict(figures[name])
        spread = {key: np.array(drawn, dtype=np.float64) for key, drawn in draws[name].items()}
        if "oracle" in predictions and name != "oracle":
            found["pearson_of_oracle"] = _over(found["pearson"], figures["oracle"]["pearson"])
            theirs = np.array(draws["oracle"]["pearson"], dtype=np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                spread["pearson_of_oracle"] = spread["pearson"] / theirs
        ci95 = {key: interval95(drawn) for key, drawn in spread.items()}
        report[name] = {
            **{key: None if math.isnan(value) else value for key, value in found.items()},
            "n": int((~np.isnan(values) & ~np.isnan(observed)).sum()),
            "ci95": {key: None if pair is None else list(pair) for key, pair in ci95.items()},
        }
    return report


def _measures(predicted: Array, observed: Array) -> dict[str, float]:
    return {key: measure(predicted, observed) for key, measure in MEASURES.items()}


def _over(value: float, base: float) -> float:
    return value / base if base else math.nan
