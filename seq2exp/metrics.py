"""Agreement of predicted and observed values on plain arrays; one rule for missing values throughout.

NaN rule: a pair in which either value is NaN is left out. With no pair left every metric is NaN; a correlation
is also NaN with fewer than two pairs or when one side is constant. Infinite values are not missing: they are refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


def _pairs(predicted: ArrayLike, observed: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both sides as (n,) float64 without the pairs that hold NaN."""
    left, right = np.asarray(predicted, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"predicted and observed must have one shape, found {left.shape} and {right.shape}")
    if np.isinf(left).any() or np.isinf(right).any():
        raise ValueError("predicted and observed must not be infinite")
    known = ~(np.isnan(left) | np.isnan(right))
    return left[known], right[known]


def mse(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Mean squared error, in the square of the values' unit.

    Parameters
    ----------
    predicted, observed
        Arrays of one shape; NaN as in the module's rule.

    Raises
    ------
    ValueError
        Shapes differ, or a value is infinite.
    """
    left, right = _pairs(predicted, observed)
    return float(np.mean((left - right) ** 2)) if left.size else float("nan")


def mae(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Mean absolute error, in the values' unit; arguments and errors as in `mse`."""
    left, right = _pairs(predicted, observed)
    return float(np.mean(np.abs(left - right))) if left.size else float("nan")


def pearson(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Pearson's r, in -1..1; arguments and errors as in `mse`."""
    left, right = _pairs(predicted, observed)
    if left.size < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return float("nan")
    # Scaled by the largest deviation first, so that squares of very small or large values neither vanish nor overflow.
    left, right = (side - side.mean() for side in (left, right))
    left, right = left / np.abs(left).max(), right / np.abs(right).max()
    return float(np.clip(left @ right / np.sqrt((left @ left) * (right @ right)), -1.0, 1.0))


def spearman(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Spearman's rank correlation, ties at their mean rank; arguments and errors as in `mse`."""
    left, right = _pairs(predicted, observed)
    return pearson(stats.rankdata(left), stats.rankdata(right))
