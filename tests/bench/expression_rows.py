"""Predictions of expression as a table of a page: one row each, intervals over genes drawn anew."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the scripts run in a checkout that is not installed

from seq2exp.benchmark.expression import expression_report
from seq2exp.benchmark.ranking import gene_weights

Array = NDArray[np.float64]


def expression_rows(what: str, predictions: Mapping[str, Array], observed: Array, genes: Sequence[str]) -> list[str]:
    """Lines of a table whose first column is headed ``what``.

    Parameters
    ----------
    predictions
        (N,) log10(1 + CAGE) per name, ``oracle`` among them.
    observed
        (N,) likewise.
    genes
        The gene of each; all windows of a gene are drawn together.
    """
    names = list(dict.fromkeys(genes))
    numbers = np.array([names.index(gene) for gene in genes])
    report = expression_report(predictions, observed, numbers, gene_weights(len(names), resamples=1000, seed=0))
    lines = [f"| {what} | Pearson | over the oracle's | MSE |", "|---|---|---|---|"]
    for name, found in report.items():
        pearson, share = (
            "{:.3f} [{:.3f}, {:.3f}]".format(found[key], *found["ci95"][key]) if key in found else ""
            for key in ("pearson", "pearson_of_oracle")
        )
        lines.append(f"| {name} | {pearson} | {share} | {found['mse']:.4f} |")
    return lines
