"""Contacts of a window from the authors' own vectors, which are finished: gated, pseudocount added, padded with 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.results import MissingInput
from seq2exp.settings import ContactMode
from seq2exp.sources.hic_feat import feat_sizes, read_feat, read_feat_index
from seq2exp.window.contact_constants import NASSER_2021, AbcConstants
from seq2exp.window.contact_rows import ContactSource, check_length
from seq2exp.window.contact_values import Contacts
from seq2exp.window.signals import check_signal, on_chromosome

_ROUNDING = 1e-9
"""What is left of 0 contacts once the pseudocount, added in float64 by others, is taken off again."""


def published_contacts(
    source: ContactSource,
    window: Interval,
    *,
    mode: ContactMode,
    tss: int,
    chrom_length: int,
    constants: AbcConstants = NASSER_2021,
) -> Contacts:
    """Contacts as the authors stored them: ``filled`` is their vector, 0 where it is missing.

    Parameters
    ----------
    source
        Its path is an index of hic_feat files.
    window
        Bases wanted, within the stored vector.
    mode
        Must be ``vc_counts``: that is what the authors stored.
    tss, chrom_length
        As in `seq2exp.window.contacts.vc_counts`.
    constants
        Must be `NASSER_2021`, whose pseudocount is in the vectors.

    Returns
    -------
    Contacts
        ``measured`` is the vector without its pseudocount; a bin that the map lacked cannot be told from an empty one
        any more and is 0.

    Raises
    ------
    SourceError
        Another mode, resolution, normalisation or other constants asked; a window wider than the vectors; a chromosome,
        TSS or file that is not there; a damaged file.
    WindowError
        A negative or infinite value.
    """
    assert isinstance(source.path, Path)  # nothing else is named as an index
    index = read_feat_index(source.path)
    check_length(source.path, window.chrom, feat_sizes(source.path), chrom_length)
    problems = [
        f"{what} {held}, {asked} is asked"
        for what, asked, held in (
            ("mode", mode, "vc_counts"),
            ("resolution in bp", source.resolution_bp, index.resolution_bp),
            ("normalisation", source.normalisation, index.normalisation),
        )
        if asked != held
    ]
    if constants != NASSER_2021:
        problems.append("the constants nasser_2021, others are asked")
    if problems:
        raise SourceError(
            f"{source.path}: the authors stored their contacts with {'; '.join(problems)}; "
            f"ask for what is stored, or give the contact map itself"
        )
    half = index.window_bp // 2
    held = Interval(window.chrom, tss - half, tss + index.window_bp - half)
    if window.start < held.start or window.end > held.end:
        raise SourceError(
            f"{source.path}: holds contacts of {held} ({index.window_bp:,} bp around the TSS), {window} is asked; "
            f"take a narrower window, or give the contact map itself"
        )
    vector = read_feat(source.path, window.chrom, tss)[window.start - held.start : window.end - held.start]
    check_signal(vector, name="contact", path=source.path, interval=window)
    inside = on_chromosome(window, chrom_length)
    counts = vector - constants.pseudocount(np.arange(window.start, window.end) - tss)
    measured = np.where(inside, np.where(counts < _ROUNDING, 0.0, counts), np.nan)
    measured[np.isnan(vector)] = np.nan
    missing: tuple[MissingInput, ...]
    if np.isnan(vector).all():
        missing = (MissingInput("contact", 1.0, "zero for the whole gene: stored as missing by the authors"),)
    else:
        share = float(np.isnan(measured).mean())
        missing = (MissingInput("contact", share, "zero"),) if share else ()
    return Contacts(measured, np.nan_to_num(vector, nan=0.0), missing)
