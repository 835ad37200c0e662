"""The paper's own figures on test chromosomes 22 and X: mean and standard deviation of five runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "Seq2Exp, ICLR 2025, arXiv 2502.13991, Tables 1, 2, 4, 5"
TEST_GENES = 1_167
"""Genes of the paper's test part (fold 11)."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A system in one cell line; a deviation the paper does not give is None."""

    mse: tuple[float, float | None]
    mae: tuple[float, float | None]
    pearson: tuple[float, float | None]
    mask_ratio: float | None = None
    """Of the whole window, promoter included; None: not given."""


def _row(
    mse: float,
    mse_sd: float | None,
    mae: float,
    mae_sd: float | None,
    pearson: float,
    pearson_sd: float | None,
    mask_ratio: float | None = None,
) -> PaperRow:
    return PaperRow((mse, mse_sd), (mae, mae_sd), (pearson, pearson_sd), mask_ratio)


PAPER: Mapping[str, Mapping[str, PaperRow]] = {
    "K562": {
        "enformer": _row(0.2920, 0.0050, 0.4056, 0.0040, 0.7961, 0.0019),
        "hyenadna": _row(0.2265, 0.0013, 0.3497, 0.0012, 0.8425, 0.0008),
        "mamba": _row(0.2241, 0.0027, 0.3416, 0.0026, 0.8412, 0.0021),
        "caduceus": _row(0.2197, 0.0038, 0.3327, 0.0070, 0.8475, 0.0014),
        "caduceus-signals": _row(0.1959, 0.0036, 0.3187, 0.0036, 0.8630, 0.0008),
        "epinformer": _row(0.2140, 0.0042, 0.3291, 0.0031, 0.8473, 0.0017),
        "macs3": _row(0.2195, 0.0023, 0.3455, 0.0018, 0.8435, 0.0013, mask_ratio=0.1361),
        "seq2exp-retrain": _row(0.1979, None, 0.3168, None, 0.8623, None, mask_ratio=0.10),
        "seq2exp-hard": _row(0.1863, 0.0051, 0.3074, 0.0036, 0.8682, 0.0045, mask_ratio=0.0688),
        "seq2exp-soft": _row(0.1856, 0.0032, 0.3054, 0.0024, 0.8723, 0.0012),
    },
    "GM12878": {
        "enformer": _row(0.2889, 0.0009, 0.4185, 0.0013, 0.8327, 0.0025),
        "hyenadna": _row(0.2217, 0.0018, 0.3562, 0.0012, 0.8729, 0.0010),
        "mamba": _row(0.2145, 0.0021, 0.3446, 0.0022, 0.8788, 0.0011),
        "caduceus": _row(0.2124, 0.0037, 0.3436, 0.0031, 0.8819, 0.0009),
        "caduceus-signals": _row(0.1942, 0.0058, 0.3269, 0.0048, 0.8928, 0.0017),
        "epinformer": _row(0.1975, 0.0031, 0.3246, 0.0025, 0.8907, 0.0011),
        "macs3": _row(0.2340, 0.0028, 0.3654, 0.0017, 0.8634, 0.0020, mask_ratio=0.1595),
        "seq2exp-retrain": _row(0.1887, None, 0.3177, None, 0.8941, None, mask_ratio=0.10),
        "seq2exp-hard": _row(0.1890, 0.0045, 0.3199, 0.0040, 0.8916, 0.0027, mask_ratio=0.0632),
        "seq2exp-soft": _row(0.1873, 0.0044, 0.3137, 0.0028, 0.8951, 0.0038),
    },
}
"""By cell line and system name (`baselines.systems`)."""


def better_in_paper() -> tuple[tuple[str, str], ...]:
    """Pairs of systems of which the first has the lower MSE in both cell lines."""
    names = tuple(PAPER["K562"])
    return tuple(
        (first, second)
        for first in names
        for second in names
        if first != second and all(rows[first].mse[0] < rows[second].mse[0] for rows in PAPER.values())
    )
