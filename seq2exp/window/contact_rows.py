"""Contacts of a TSS bin with the bins around it, before gaps are filled: from a map or from a contact store."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError, WindowError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.settings import ContactMode
from seq2exp.sources.contact_store import StoreFacts, is_store, read_store_facts, read_stored_profile, stored_sizes
from seq2exp.sources.hic import (
    ContactProfile,
    contact_normalisations,
    contact_row_sums,
    map_state,
    normalisation_weights,
    read_contact_profile,
)
from seq2exp.sources.remote import Place
from seq2exp.window.contact_constants import NASSER_2021, AbcConstants
from seq2exp.window.signals import check_signal, expand_bins

UNBALANCED = ("NONE", "VC")
"""Normalisations whose rows do not add up to one number: each row is divided by its own sum (data-sources.md 4.2)."""


@dataclass(frozen=True, slots=True)
class ContactSource:
    """A contact map, the store made from one or the authors' own vectors, and how to read it."""

    path: Place
    resolution_bp: int
    normalisation: str
    """As the file names it: VC, KR, SCALE, NONE ..."""


def contact_reach(window: Interval, tss: int, chrom_length: int, constants: AbcConstants) -> Interval:
    """The window and the bases the gate looks at, inside the chromosome."""
    start = min(window.start, tss - constants.gate_bp + 1)
    end = max(window.end, tss + constants.gate_bp)
    return Interval(window.chrom, max(0, start), min(chrom_length, end))


def row_span(reach: Interval, *, mode: ContactMode, tss: int, bin_bp: int) -> Interval:
    """The bases whose bins must be read: ``abc_kr`` takes one more bin on either side of the TSS for the diagonal."""
    if mode == "vc_counts":
        return reach
    return Interval(reach.chrom, min(reach.start, tss - bin_bp), max(reach.end, tss + bin_bp + 1))


def read_row(
    source: ContactSource,
    reach: Interval,
    *,
    mode: ContactMode,
    tss: int,
    chrom_length: int,
    constants: AbcConstants,
) -> ContactProfile:
    """The TSS row over the bins of ``reach`` as ``mode`` makes it, NaN where the map has nothing to say.

    Raises
    ------
    SourceError
        The file cannot be read, or lacks what is asked for.
    WindowError
        A negative or infinite value; a map that claims to be balanced and is not.
    """
    if isinstance(source.path, Path) and is_store(source.path):
        check_length(source.path, reach.chrom, stored_sizes(source.path), chrom_length)
        return _stored_row(source, source.path, reach, mode=mode, tss=tss, constants=constants)
    source = source_as_read(source, mode)
    span = row_span(reach, mode=mode, tss=tss, bin_bp=source.resolution_bp)
    profile = read_contact_profile(
        source.path, span, anchor_bp=tss, resolution_bp=source.resolution_bp, normalisation=source.normalisation
    )
    return measured_row(source, profile, span, mode=mode, tss=tss, constants=constants)


def check_length(path: Path, chrom: str, sizes: Mapping[str, int], chrom_length: int) -> None:
    """Raise SourceError where the contacts were made on another length of the chromosome than ``chrom_length``."""
    name = match_chromosome(chrom, sizes)
    if name is not None and sizes[name] != chrom_length:
        raise SourceError(
            f"{path}: {chrom} had {sizes[name]:,} bp where its contacts were made and has {chrom_length:,} bp in the "
            f"reference; the file is of another assembly"
        )


def measured_row(
    source: ContactSource,
    profile: ContactProfile,
    span: Interval,
    *,
    mode: ContactMode,
    tss: int,
    constants: AbcConstants,
) -> ContactProfile:
    """The map's values over the bins of ``span`` as ``mode`` takes them: themselves, or balanced as ABC does.

    Parameters
    ----------
    source
        The map, its normalisation as read (`source_as_read`).
    profile
        What the map says of the TSS bin and the bins of ``span``.
    span
        As `row_span` gives it.
    mode, tss, constants
        As in `read_row`.

    Raises
    ------
    SourceError, WindowError
        As `read_row`.
    """
    values = np.asarray(profile.values, dtype=np.float64)
    if bool((np.isinf(values) | (values < 0)).any()):  # only then is it worth telling the place
        per_base = expand_bins(values, span, first_bin_start=profile.first_bin_start, bin_bp=profile.resolution_bp)
        check_signal(per_base, name="contact", path=source.path, interval=span)
    if mode == "vc_counts":
        return replace(profile, values=values)
    bin_bp = profile.resolution_bp
    bins = profile.first_bin_start // bin_bp + np.arange(len(values))
    total, weak = _row_total_and_weak_bins(source, span.chrom, tss // bin_bp, constants)
    balanced = balance_row(values / total, bins, tss_bin=tss // bin_bp, weak_bins=weak, constants=constants)
    return replace(profile, values=balanced)


def balance_row(
    row: NDArray[np.float64],
    bins: NDArray[np.int_],
    *,
    tss_bin: int,
    weak_bins: Sequence[int] | NDArray[np.int_],
    constants: AbcConstants,
) -> NDArray[np.float64]:
    """Steps 2 and 3 of data-sources.md 4.2 on the TSS row of a matrix whose rows add up to 1.

    Parameters
    ----------
    row
        (n_bins,) contacts of the TSS bin, NaN where the map has no row.
    bins
        (n_bins,) bin numbers, consecutive, ``tss_bin`` among them.
    tss_bin
        Bin of the TSS.
    weak_bins
        Numbers of the bins whose row and column are missing.
    constants
        tau.

    Returns
    -------
    NDArray[np.float64]
        (n_bins,) the row with its diagonal corrected and NaN at missing and weak bins.
    """
    at = int(tss_bin - bins[0])
    neighbours = row[[i for i in (at - 1, at + 1) if 0 <= i < len(row)]]
    known = neighbours[~np.isnan(neighbours)]
    row = row.copy()
    row[at] = known.max() * constants.diagonal_percent / 100 if known.size else np.nan
    row[np.isin(bins, weak_bins) | bool(np.isin(tss_bin, weak_bins))] = np.nan
    return row


def fill_row(profile: ContactProfile, *, mode: ContactMode, tss: int, constants: AbcConstants) -> NDArray[np.float64]:
    """(n_bins,) the row without gaps: 0 in them, or for ``abc_kr`` the power law, and 0 beyond the reach of ABC.

    Steps 4 and 5 of data-sources.md 4.2.
    """
    if mode == "vc_counts":
        return np.nan_to_num(profile.values, nan=0.0)
    bin_bp = profile.resolution_bp
    bins = profile.first_bin_start // bin_bp + np.arange(len(profile.values))
    distance = np.abs(bins - tss // bin_bp) * bin_bp
    filled = np.where(np.isnan(profile.values), constants.power_law(distance), profile.values)
    filled[distance > constants.reach_bp] = 0.0
    return filled


def source_as_read(source: ContactSource, mode: ContactMode) -> ContactSource:
    """The source itself, or its VC form where ``abc_kr`` asks for KR and the map has only VC."""
    if mode == "vc_counts" or source.normalisation != "KR":
        return source
    available = contact_normalisations(source.path, resolution_bp=source.resolution_bp)
    if "KR" not in available and "VC" in available:
        return ContactSource(source.path, source.resolution_bp, "VC")
    return source


def constants_of(source: ContactSource, asked: AbcConstants | None) -> AbcConstants:
    """The constants asked for; if none are, those the store was made with, and for a map the published ones.

    Raises
    ------
    SourceError
        The store cannot be read, or was made with constants this program does not know.
    """
    if asked is not None or not (isinstance(source.path, Path) and is_store(source.path)):
        return asked or NASSER_2021
    return _stored_constants(source.path, read_store_facts(source.path))


def _stored_constants(path: Path, facts: StoreFacts) -> AbcConstants:
    try:
        return AbcConstants(**facts.constants)  # type: ignore[arg-type]
    except TypeError as error:
        raise SourceError(
            f"{path}: made with constants {', '.join(sorted(facts.constants))}, which this program does not know; make "
            f"it again with: python -m seq2exp data build"
        ) from error


def _stored_row(
    source: ContactSource, store: Path, reach: Interval, *, mode: ContactMode, tss: int, constants: AbcConstants
) -> ContactProfile:
    """The stored profile, after checking that the store was made as is asked."""
    facts = read_store_facts(store)
    asked_and_held = [
        ("mode", mode, (facts.mode,)),
        ("resolution in bp", source.resolution_bp, (facts.resolution_bp,)),
        ("normalisation", source.normalisation, (facts.normalisation, facts.read_normalisation)),
    ]
    problems = [f"{what} {held[0]}, {asked} is asked" for what, asked, held in asked_and_held if asked not in held]
    if dict(facts.constants) != asdict(constants):
        problems.append(f"the constants {facts.constants_name}, others are asked")
    if problems:
        raise SourceError(
            f"{source.path}: the contacts were stored with {'; '.join(problems)}; ask for what is stored, or make a "
            f"store of the other kind with: python -m seq2exp data build"
        )
    half = facts.window_bp // 2
    held = Interval(reach.chrom, tss - half, tss + facts.window_bp - half)
    wide = Interval(held.chrom, min(held.start, tss - constants.gate_bp + 1), max(held.end, tss + constants.gate_bp))
    if reach.start < wide.start or reach.end > wide.end:
        raise SourceError(
            f"{source.path}: holds contacts of {held} ({facts.window_bp:,} bp around the TSS), {reach} is asked; "
            f"take a narrower window, or make a wider store with: python -m seq2exp data build"
        )
    return read_stored_profile(store, reach.chrom, tss)


def _row_total_and_weak_bins(
    source: ContactSource, chrom: str, tss_bin: int, constants: AbcConstants
) -> tuple[float, NDArray[np.int_]]:
    """What the TSS row is divided by, and the weak bins; NaN total: the row is empty, hence missing."""
    key = (source.path, map_state(source.path), chrom, source.resolution_bp, source.normalisation)
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


# A key holds the map's state, so an edited file is read again; a chromosome at 5 kb is 0.4 MB.
@functools.lru_cache(maxsize=32)
def _row_sums(path: Place, state: int, chrom: str, resolution_bp: int, normalisation: str) -> NDArray[np.float64]:
    sums = contact_row_sums(path, chrom, resolution_bp=resolution_bp, normalisation=normalisation)
    sums = np.where(np.isnan(sums), 0.0, sums)
    sums.flags.writeable = False
    return sums


@functools.lru_cache(maxsize=32)
def _weights(path: Place, state: int, chrom: str, resolution_bp: int, normalisation: str) -> NDArray[np.float64]:
    weights = np.array(normalisation_weights(path, chrom, resolution_bp=resolution_bp, normalisation=normalisation))
    weights.flags.writeable = False
    return weights
