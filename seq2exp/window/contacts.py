"""Contacts of every base with the TSS: as the released code makes them, balanced as ABC does, or the power law."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Interval
from seq2exp.results import MissingInput
from seq2exp.settings import ContactMode
from seq2exp.sources.hic_feat import is_feat_index
from seq2exp.window.contact_constants import MAIN_2023, NASSER_2021, AbcConstants, fitted_scale
from seq2exp.window.contact_rows import ContactSource, constants_of, contact_reach, fill_row, read_row
from seq2exp.window.contact_values import Contacts
from seq2exp.window.published_contacts import published_contacts
from seq2exp.window.signals import expand_bins, on_chromosome

__all__ = [
    "MAIN_2023",
    "NASSER_2021",
    "AbcConstants",
    "ContactSource",
    "Contacts",
    "abc_kr",
    "fitted_scale",
    "power_law_contacts",
    "vc_counts",
]


def vc_counts(
    source: ContactSource, window: Interval, *, tss: int, chrom_length: int, constants: AbcConstants | None = None
) -> Contacts:
    """Contacts as the released code makes them (models.md section 1.3): normalised counts, unscaled.

    Every base gets the contact of its bin with the TSS bin; missing becomes 0; where the bases around the TSS add up
    to less than the gate the whole gene becomes missing, hence 0 without pseudocount; else the pseudocount is added.

    Parameters
    ----------
    source
        The map, a store of this mode or an index of the authors' vectors; the published normalisation is VC at 5 kb.
    window
        Bases wanted; may run past the chromosome's ends, where contacts are 0.
    tss
        0-based TSS base, inside the chromosome.
    chrom_length
        Length of the chromosome in bp.
    constants
        Power law, gate and pseudocount; None: those the store was made with, for a map `NASSER_2021`.

    Raises
    ------
    SourceError
        The file cannot be read, or lacks the chromosome, resolution or normalisation; a store of another mode,
        resolution, normalisation or other constants, of a narrower window, or without this TSS.
    WindowError
        The map holds a negative or infinite value.
    """
    return _contacts(source, window, tss, chrom_length, constants, mode="vc_counts", stand_in="zero")


def abc_kr(
    source: ContactSource, window: Interval, *, tss: int, chrom_length: int, constants: AbcConstants | None = None
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
        As `vc_counts`.
    WindowError
        The row sums of a map that claims to be balanced differ by more than ``row_sum_tolerance``, or the map holds a
        negative or infinite value.
    """
    return _contacts(source, window, tss, chrom_length, constants, mode="abc_kr", stand_in="power law")


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


def _contacts(
    source: ContactSource,
    window: Interval,
    tss: int,
    chrom_length: int,
    constants: AbcConstants | None,
    *,
    mode: ContactMode,
    stand_in: str,
) -> Contacts:
    """The TSS row of either mode, spread over the bases and finished; the authors' vectors are finished already."""
    constants = constants_of(source, constants)
    if isinstance(source.path, Path) and is_feat_index(source.path):
        return published_contacts(source, window, mode=mode, tss=tss, chrom_length=chrom_length, constants=constants)
    reach = contact_reach(window, tss, chrom_length, constants)
    row = read_row(source, reach, mode=mode, tss=tss, chrom_length=chrom_length, constants=constants)
    measured, filled = (
        expand_bins(values, reach, first_bin_start=row.first_bin_start, bin_bp=row.resolution_bp)
        for values in (row.values, fill_row(row, mode=mode, tss=tss, constants=constants))
    )
    return _finish(measured, filled, reach, window, tss, chrom_length, constants, stand_in=stand_in)


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
