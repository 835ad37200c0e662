"""Contacts of every base with the TSS: as the released code makes them, balanced as ABC does, or the power law.

Distances of the gate and of the pseudocount are published constants in bp and do not change with the resolution
of the map.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seq2exp.errors import WindowError
from seq2exp.genome import Interval
from seq2exp.results import MissingInput
from seq2exp.sources.hic import (
    contact_normalisations,
    contact_row_sums,
    normalisation_weights,
    read_contact_profile,
)
from seq2exp.window.signals import check_signal, expand_bins, on_chromosome

UNBALANCED = ("NONE", "VC")
"""Normalisations whose rows do not add up to one number: each row is divided by its own sum (data-sources.md 4.2)."""


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


@dataclass(frozen=True)
class Contacts:
    """Contacts of the bases of one window with its TSS, before log10(1 + x)."""

    measured: NDArray[np.float64]
    """(L,) the map's own values (abc_kr: balanced, diagonal corrected); NaN where the map has nothing to say."""
    filled: NDArray[np.float64]
    """(L,) what the model takes: filled, gated, scaled, pseudocount added; 0 outside the chromosome."""
    missing: tuple[MissingInput, ...]


@dataclass(frozen=True, slots=True)
class ContactSource:
    """A contact map and how to read it."""

    path: Path
    resolution_bp: int
    normalisation: str
    """As the file names it: VC, KR, SCALE, NONE ..."""


def vc_counts(
    source: ContactSource, window: Interval, *, tss: int, chrom_length: int, constants: AbcConstants = NASSER_2021
) -> Contacts:
    """Contacts as the released code makes them (models.md section 1.3): normalised counts, unscaled.

    Every base gets the contact of its bin with the TSS bin; missing becomes 0; where the bases around the TSS add up
    to less than the gate the whole gene becomes missing, hence 0 without pseudocount; else the pseudocount is added.

    Parameters
    ----------
    source
        The map; the published normalisation is VC at 5 kb.
    window
        Bases wanted; may run past the chromosome's ends, where contacts are 0.
    tss
        0-based TSS base, inside the chromosome.
    chrom_length
        Length of the chromosome in bp.
    constants
        Power law, gate and pseudocount.

    Raises
    ------
    SourceError
        The map cannot be read, or lacks the chromosome, resolution or normalisation.
    WindowError
        The map holds a negative or infinite value.
    """
    reach = _reach(window, tss, chrom_length, constants)
    profile = read_contact_profile(
        source.path, reach, anchor_bp=tss, resolution_bp=source.resolution_bp, normalisation=source.normalisation
    )
    per_base = expand_bins(profile.values, reach, first_bin_start=profile.first_bin_start, bin_bp=profile.resolution_bp)
    check_signal(per_base, name="contact", path=source.path, interval=reach)
    return _finish(
        per_base, np.nan_to_num(per_base, nan=0.0), reach, window, tss, chrom_length, constants, stand_in="zero"
    )


def abc_kr(
    source: ContactSource, window: Interval, *, tss: int, chrom_length: int, constants: AbcConstants = NASSER_2021
) -> Contacts:
    """Contacts balanced as ABC does (data-sources.md 4.2 steps 1 to 10), one value per base.

    A map balanced by its normalisation (KR, SCALE, a cooler's weights) is divided by the mean of its non-zero row
    sums; rows of NONE and VC are divided by their own sum, and KR falls back to VC where the map has no KR. Weak bins
    (weight under kappa) exist only where the map is balanced.

    Parameters
    ----------
    source, window, tss, chrom_length, constants
        As in `vc_counts`; the published normalisation is KR.

    Raises
    ------
    SourceError
        The map cannot be read, or lacks the chromosome, resolution or normalisation.
    WindowError
        The row sums of a map that claims to be balanced differ by more than ``row_sum_tolerance``, or the map holds a
        negative or infinite value.
    """
    source = _kr_or_vc(source)
    bin_bp = source.resolution_bp
    reach = _reach(window, tss, chrom_length, constants)
    # One more bin on either side of the TSS, so that the diagonal has both its neighbours in any window.
    near = Interval(reach.chrom, min(reach.start, tss - bin_bp), max(reach.end, tss + bin_bp + 1))
    profile = read_contact_profile(
        source.path, near, anchor_bp=tss, resolution_bp=bin_bp, normalisation=source.normalisation
    )
    values = np.asarray(profile.values, dtype=np.float64)
    bins = profile.first_bin_start // bin_bp + np.arange(len(values))
    check_signal(
        expand_bins(values, near, first_bin_start=profile.first_bin_start, bin_bp=bin_bp),
        name="contact",
        path=source.path,
        interval=near,
    )
    total, weak = _row_total_and_weak_bins(source, near.chrom, tss // bin_bp, constants)
    balanced, filled = balance_row(
        values / total, bins, tss_bin=tss // bin_bp, bin_bp=bin_bp, weak_bins=weak, constants=constants
    )
    per_base, per_base_filled = (
        expand_bins(row, reach, first_bin_start=profile.first_bin_start, bin_bp=bin_bp) for row in (balanced, filled)
    )
    return _finish(per_base, per_base_filled, reach, window, tss, chrom_length, constants, stand_in="power law")


def power_law_contacts(
    window: Interval, *, tss: int, chrom_length: int, constants: AbcConstants = NASSER_2021
) -> Contacts:
    """What stands in where a cell type has no contact map: the power law of the distance to the TSS.

    Parameters
    ----------
    window, tss, chrom_length, constants
        As in `vc_counts`. No pseudocount is added: the power law itself is the estimate.
    """
    distance = np.arange(window.start, window.end) - tss
    filled = np.where(on_chromosome(window, chrom_length), constants.power_law(distance), 0.0)
    return Contacts(np.full(window.width, np.nan), filled, (MissingInput("contact", 1.0, "power law"),))


def balance_row(
    row: NDArray[np.float64],
    bins: NDArray[np.int_],
    *,
    tss_bin: int,
    bin_bp: int,
    weak_bins: Sequence[int] | NDArray[np.int_],
    constants: AbcConstants,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps 2 to 5 of data-sources.md 4.2 on the TSS row of a matrix whose rows add up to 1.

    Parameters
    ----------
    row
        (n_bins,) contacts of the TSS bin, NaN where the map has no row.
    bins
        (n_bins,) bin numbers, consecutive, ``tss_bin`` among them.
    tss_bin
        Bin of the TSS.
    bin_bp
        Bin width in bp.
    weak_bins
        Numbers of the bins whose row and column are missing.
    constants
        tau, reach and power law.

    Returns
    -------
    tuple of two NDArray[np.float64]
        (n_bins,) the row with its diagonal corrected and NaN at missing and weak bins; and the same with the power law
        in the gaps and 0 beyond the reach.
    """
    at = int(tss_bin - bins[0])
    neighbours = row[[i for i in (at - 1, at + 1) if 0 <= i < len(row)]]
    known = neighbours[~np.isnan(neighbours)]
    row = row.copy()
    row[at] = known.max() * constants.diagonal_percent / 100 if known.size else np.nan
    weak = np.isin(bins, weak_bins) | bool(np.isin(tss_bin, weak_bins))
    row[weak] = np.nan
    distance = np.abs(bins - tss_bin) * bin_bp
    filled = np.where(np.isnan(row), constants.power_law(distance), row)
    filled[distance > constants.reach_bp] = 0.0
    return row, filled


def _finish(
    measured: NDArray[np.float64],
    contacts: NDArray[np.float64],
    reach: Interval,
    window: Interval,
    tss: int,
    chrom_length: int,
    constants: AbcConstants,
    *,
    stand_in: str,
) -> Contacts:
    """Gate, scaling to the reference and pseudocount over ``reach``, then cut to ``window`` and padded with 0."""
    distance = np.abs(np.arange(reach.start, reach.end) - tss)
    around_tss = float(contacts[distance < constants.gate_bp].sum())
    gated = around_tss < constants.gate_minimum
    missing: tuple[MissingInput, ...]
    if gated and constants.weak_promoter == "missing":
        finished = np.zeros_like(contacts)
    elif gated:
        finished = constants.reference_power_law(distance) + constants.pseudocount(distance)
    else:
        finished = contacts * constants.reference_ratio(distance) + constants.pseudocount(distance)

    full_measured, full = np.full(window.width, np.nan), np.zeros(window.width)
    start, end = max(window.start, reach.start), min(window.end, reach.end)
    there, here = slice(start - window.start, end - window.start), slice(start - reach.start, end - reach.start)
    full_measured[there], full[there] = measured[here], finished[here]

    share = float(np.isnan(full_measured).mean())
    if gated:
        stands = "zero" if constants.weak_promoter == "missing" else "power law"
        reason = (
            f"{stands} for the whole gene: contacts within {constants.gate_bp} bp of the TSS add up to "
            f"{around_tss:.3g}, under {constants.gate_minimum:g}"
        )
        missing = (MissingInput("contact", 1.0, reason),)
    else:
        missing = (MissingInput("contact", share, stand_in),) if share else ()
    return Contacts(full_measured, full, missing)


def _reach(window: Interval, tss: int, chrom_length: int, constants: AbcConstants) -> Interval:
    """The window and the bases the gate looks at, inside the chromosome."""
    start = min(window.start, tss - constants.gate_bp + 1)
    end = max(window.end, tss + constants.gate_bp)
    return Interval(window.chrom, max(0, start), min(chrom_length, end))


def _kr_or_vc(source: ContactSource) -> ContactSource:
    """The source itself, or its VC form where KR is asked for and the map has only VC."""
    if source.normalisation != "KR":
        return source
    available = contact_normalisations(source.path, resolution_bp=source.resolution_bp)
    if "KR" not in available and "VC" in available:
        return ContactSource(source.path, source.resolution_bp, "VC")
    return source


def _row_total_and_weak_bins(
    source: ContactSource, chrom: str, tss_bin: int, constants: AbcConstants
) -> tuple[float, NDArray[np.int_]]:
    """What the TSS row is divided by, and the weak bins; NaN total: the row is empty, hence missing."""
    modified = source.path.stat().st_mtime_ns
    key = (source.path, modified, chrom, source.resolution_bp, source.normalisation)
    sums = _row_sums(*key)
    if source.normalisation in UNBALANCED:
        own = float(sums[tss_bin])
        return (own if own > 0 else float("nan")), np.empty(0, dtype=int)
    filled = sums[sums > 0]
    if not filled.size:
        return float("nan"), np.empty(0, dtype=int)
    spread = filled.max() / filled.min() - 1
    if spread > constants.row_sum_tolerance:
        raise WindowError(
            f"{source.path}: the rows of {chrom} under {source.normalisation} at {source.resolution_bp} bp differ "
            f"by {spread:.2%} in sum, so the map is not balanced; choose a balanced normalisation or contact mode "
            f"vc_counts"
        )
    weights = _weights(*key)
    return float(filled.mean()), np.flatnonzero(~(weights >= constants.weak_weight))


# A key holds the file's time of change, so an edited file is read again; a chromosome at 5 kb is 0.4 MB.
@functools.lru_cache(maxsize=32)
def _row_sums(path: Path, modified_ns: int, chrom: str, resolution_bp: int, normalisation: str) -> NDArray[np.float64]:
    sums = contact_row_sums(path, chrom, resolution_bp=resolution_bp, normalisation=normalisation)
    sums = np.where(np.isnan(sums), 0.0, sums)
    sums.flags.writeable = False
    return sums


@functools.lru_cache(maxsize=32)
def _weights(path: Path, modified_ns: int, chrom: str, resolution_bp: int, normalisation: str) -> NDArray[np.float64]:
    weights = np.array(normalisation_weights(path, chrom, resolution_bp=resolution_bp, normalisation=normalisation))
    weights.flags.writeable = False
    return weights
