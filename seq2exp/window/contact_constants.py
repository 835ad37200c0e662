"""Constants of the published contact recipes, by name, and the power law they state.

Distances of the gate and of the pseudocount are published constants in bp and do not change with the resolution
of the map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class AbcConstants:
    """Constants of one version of the ABC code (data-sources.md sections 4.2 and 4.3)."""

    gamma: float
    """Exponent of the power law of this cell type's contacts."""
    scale: float
    """s of the power law exp(s - gamma * ln(max(d, minimum_bp) + 1))."""
    gamma_reference: float
    """Exponent the contacts are scaled to."""
    scale_reference: float
    """s of that reference."""
    pseudocount_bp: int
    """d0: the pseudocount is the power law at the distance, at most that at d0."""
    weak_weight: float
    """kappa: bins of a smaller normalisation weight are missing; 0 keeps all."""
    weak_promoter: Literal["missing", "power law"]
    """What stands for a gene whose contacts at the TSS fail the gate."""
    diagonal_percent: float = 100.0
    """tau: the diagonal is this share of the larger neighbour."""
    minimum_bp: int = 5_000
    """Distance below which the power law is flat."""
    reach_bp: int = 5_000_000
    """Contacts beyond are dropped."""
    gate_bp: int = 500
    """The gate looks at the bases closer to the TSS than this (999 bases at 500)."""
    gate_minimum: float = 0.01
    """Least sum of contacts over those bases."""
    row_sum_tolerance: float = 0.001
    """By how much the row sums of a balanced map may differ, as a share (4.2 step 1)."""

    def power_law(self, distance_bp: ArrayLike) -> NDArray[np.float64]:
        """Expected contact at each distance in bp, in probability per bin of 5 kb."""
        return _power_law(distance_bp, self.gamma, self.scale, self.minimum_bp)

    def reference_power_law(self, distance_bp: ArrayLike) -> NDArray[np.float64]:
        """The same for the reference the contacts are scaled to."""
        return _power_law(distance_bp, self.gamma_reference, self.scale_reference, self.minimum_bp)

    def pseudocount(self, distance_bp: ArrayLike) -> NDArray[np.float64]:
        """min(P(d), P(d0)) at each distance in bp."""
        return np.minimum(self.power_law(distance_bp), self.power_law(self.pseudocount_bp))

    def reference_ratio(self, distance_bp: ArrayLike) -> NDArray[np.float64]:
        """P_reference(d) / P(d): 1 where both power laws are one."""
        return self.reference_power_law(distance_bp) / self.power_law(distance_bp)


def _power_law(distance_bp: ArrayLike, gamma: float, scale: float, minimum_bp: int) -> NDArray[np.float64]:
    distance = np.maximum(np.abs(np.asarray(distance_bp, dtype=np.float64)), minimum_bp)
    return np.asarray(np.exp(scale - gamma * np.log(distance + 1)))


def fitted_scale(gamma: float) -> float:
    """Intercept -4.80 + 11.63 gamma, as regressed on the slope over 20 Hi-C maps at 5 kb (data-sources.md 4.3)."""
    return -4.80 + 11.63 * gamma


NASSER_2021 = AbcConstants(
    gamma=0.87,
    scale=fitted_scale(0.87),
    gamma_reference=0.87,
    scale_reference=fitted_scale(0.87),
    pseudocount_bp=1_000_000,
    weak_weight=0.25,
    weak_promoter="missing",
)
"""The branch Seq2Exp's constants come from; the default everywhere."""

MAIN_2023 = AbcConstants(
    gamma=1.024238616787792,
    scale=5.9594510043736655,
    gamma_reference=0.87,
    scale_reference=fitted_scale(0.87),
    pseudocount_bp=5_000,
    weak_weight=0.0,
    weak_promoter="power law",
)
"""The current main branch. (The 2019 branch works in per cent of a row's maximum and states no scale s, so its power
law cannot be written down; it is not offered.)"""

NAMED_CONSTANTS: Mapping[str, AbcConstants] = {"nasser_2021": NASSER_2021, "main_2023": MAIN_2023}
"""The sets a data set can name."""

OWN_CONSTANTS = "own"
"""What a set is called that is none of `NAMED_CONSTANTS`."""


def name_of_constants(constants: AbcConstants) -> str:
    """The name of a published set, or ``own``."""
    return next((name for name, known in NAMED_CONSTANTS.items() if known == constants), OWN_CONSTANTS)
