"""Checks of a cell type's own contact map: assembly, bin width, normalisation, and whether genes have contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seq2exp.errors import SourceError
from seq2exp.genome import Gene, match_chromosome
from seq2exp.processing.add_assembly import check_chromosomes
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.hic import contact_normalisations, contact_resolutions, contact_sizes, read_contact_profile

SAMPLED = 20
"""Genes whose profile is read, evenly spread over the genome."""

_INSTEAD = ("VC", "VC_SQRT", "KR", "SCALE")
"""Normalisations on the scale of counts, in the order in which they stand in for the one wanted; a cooler's own
`weight` is not among them: it brings every row to one sum, and log10(1 + x) of it to nothing."""


@dataclass(frozen=True, slots=True)
class ContactCheck:
    """What was found out about a contact map that passed."""

    resolution_bp: int
    normalisation: str
    """The one to read."""
    n_genes: int
    """Genes looked at."""
    n_silent: int
    """Of these, genes without any contact in their window."""
    warnings: tuple[str, ...]
    absent_chromosomes: tuple[str, ...]
    """Chromosomes of the data set that the map lacks."""


def check_contacts(path: Path, base: Dataset, *, what: str) -> ContactCheck:
    """Bin width, normalisation and warnings of a contact map; what a window could not be made of is refused.

    Parameters
    ----------
    path
        .hic, .cool or .mcool.
    base
        Its reference and its bin width are those to fit.
    what
        How to call the map: ``Hi-C of MyCells``.

    Raises
    ------
    SourceError
        Unreadable, another assembly, no map of the data set's bin width, no contact at any gene looked at.
    """
    wanted = base.manifest.window
    absent = check_chromosomes(path, contact_sizes(path), base.assembly, base.name)
    resolutions = contact_resolutions(path)
    if wanted.contact_resolution_bp not in resolutions:
        raise SourceError(
            f"{path}: holds bins of {', '.join(f'{width:,}' for width in resolutions)} bp; {base.name} reads contacts "
            f"in bins of {wanted.contact_resolution_bp:,} bp"
        )
    held = contact_normalisations(path, resolution_bp=wanted.contact_resolution_bp)
    chosen = next((name for name in (wanted.contact_normalisation, *_INSTEAD) if name in held), "NONE")
    warnings = []
    if chosen != wanted.contact_normalisation:
        warnings.append(
            f"{what} holds no {wanted.contact_normalisation} normalisation, which {base.name} asks for; "
            + ("raw counts are read" if chosen == "NONE" else f"{chosen} is read")
            + ", so its contacts are on another scale."
        )
    there = [gene for gene in base.genes if match_chromosome(gene.chrom, absent) is None]
    if len(there) < len(base.genes):
        n_away = len(base.genes) - len(there)
        warnings.append(f"{what} lacks {', '.join(absent[:4])}: {n_away:,} genes there cannot be opened with it.")
    genes = _spread(there)
    silent = sum(not _has_contacts(path, gene, base, chosen) for gene in genes)
    if silent == len(genes):
        raise SourceError(f"{path}: {what} has no contact in the windows of {len(genes)} genes spread over the genome")
    if silent:
        warnings.append(f"{what} has no contact in the windows of {silent} of {len(genes)} genes looked at.")
    return ContactCheck(wanted.contact_resolution_bp, chosen, len(genes), silent, tuple(warnings), absent)


def _has_contacts(path: Path, gene: Gene, base: Dataset, normalisation: str) -> bool:
    """Whether anything was counted in the gene's window."""
    wanted = base.manifest.window
    profile = read_contact_profile(
        path,
        gene.window(wanted.width_bp),
        anchor_bp=gene.tss,
        resolution_bp=wanted.contact_resolution_bp,
        normalisation=normalisation,
    )
    return bool(np.nansum(profile.values) > 0)


def _spread(genes: Sequence[Gene]) -> list[Gene]:
    ordered = sorted(genes, key=lambda gene: (gene.chrom, gene.tss))
    if len(ordered) <= SAMPLED:
        return ordered
    return [ordered[step] for step in np.linspace(0, len(ordered) - 1, SAMPLED).round().astype(int)]
