"""A contact map -> the compact store of every TSS: chromosome by chromosome, in bounded memory, resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Gene, Interval, match_chromosome
from seq2exp.processing.contact_parts import Parts, key_of
from seq2exp.processing.output import Progress
from seq2exp.settings import ContactMode
from seq2exp.sources.contact_store import (
    StoredChromosome,
    StoreFacts,
    read_store_facts,
    read_stored_chromosome,
    require_store_name,
    stored_chromosomes,
    write_store,
)
from seq2exp.sources.hic import ContactProfile, contact_sizes, read_contact_matrix, read_contact_profile
from seq2exp.window.contact_constants import NASSER_2021, AbcConstants, name_of_constants
from seq2exp.window.contact_rows import ContactSource, contact_reach, measured_row, row_span, source_as_read

BAND_BINS = 1_024
"""Most bins of a square read at once: 8 MB as float64. TSS within it are read together, which opens the map and decodes
its blocks once instead of once per TSS."""


def store_contacts(
    map_path: Path,
    genes: Iterable[Gene],
    out: Path,
    *,
    mode: ContactMode,
    normalisation: str,
    resolution_bp: int = 5_000,
    window_bp: int = 200_000,
    constants: AbcConstants = NASSER_2021,
    source_sha256: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """The contact store of every distinct TSS of ``genes``, made now or found there whole.

    Finished chromosomes are kept in ``<out>.parts`` until the store stands, so a run that was killed goes on after
    them; the store itself appears in one step. The same input gives the same bytes, interrupted or not.

    Parameters
    ----------
    map_path
        .hic, .cool or .mcool.
    genes
        Their ``chrom`` and ``tss`` say where; chromosomes may be written with or without ``chr``.
    out
        File to write; its name ends in ``.contacts.h5``. A store of other facts is replaced.
    mode
        ``vc_counts`` (as released) or ``abc_kr`` (balanced as ABC does).
    normalisation
        As the map names it; published are VC for ``vc_counts`` and KR for ``abc_kr``.
    resolution_bp
        Bin width; one the map holds.
    window_bp
        Width of the windows the store is to serve; narrower ones are served as well.
    constants
        Of ``abc_kr``; for both modes the set that readers of the store use unless they ask for it by value.
    source_sha256
        Of the map, where it is known already; else the map is read through once for it.
    progress
        Told TSS done, TSS in all and what is read next, before every band and at the end.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    SourceError
        The map cannot be read, or lacks the resolution, the normalisation or a gene's chromosome; a TSS outside its
        chromosome; no gene at all; a name that is no store's; a folder that cannot be written.
    WindowError
        A negative or infinite contact, or a map that claims to be balanced and is not.
    """
    require_store_name(out)
    sizes = contact_sizes(map_path)
    places = _places(map_path, genes, sizes)
    total, done = sum(map(len, places.values())), 0
    tell = progress or (lambda _done, _total, _what: None)
    asked = ContactSource(map_path, resolution_bp, normalisation)
    source = source_as_read(asked, mode)
    if source_sha256 is None:
        tell(0, total, f"checksum of {map_path.name}")
        with map_path.open("rb") as file:
            source_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    facts = StoreFacts(
        mode=mode,
        constants_name=name_of_constants(constants),
        constants=asdict(constants),
        resolution_bp=resolution_bp,
        normalisation=normalisation,
        read_normalisation=source.normalisation,
        window_bp=window_bp,
        source_name=map_path.name,
        source_size=map_path.stat().st_size,
        source_sha256=source_sha256,
        chrom_sizes=sizes,
    )
    if _stands(out, facts, places):
        tell(total, total, "")
        return out
    parts = Parts(out, key_of(facts, places))
    for chrom, tss in places.items():
        if not parts.holds(chrom):
            begun = done

            def told(of_chromosome: int, chrom: str = chrom, begun: int = begun) -> None:
                tell(begun + of_chromosome, total, chrom)

            parts.keep(_profiles(source, chrom, tss, sizes[chrom], facts, constants, told))
        done += len(tss)
    write_store(out, facts, map(parts.read, places))
    parts.remove()
    tell(total, total, "")
    return out


def _places(map_path: Path, genes: Iterable[Gene], sizes: dict[str, int]) -> dict[str, NDArray[np.int64]]:
    """Ascending TSS of every chromosome, named and ordered as in the map."""
    found: dict[str, set[int]] = {}
    for gene in genes:
        chrom = match_chromosome(gene.chrom, sizes)
        if chrom is None:
            raise SourceError(
                f"{map_path}: no chromosome {gene.chrom}, on which {gene.symbol} lies; "
                f"it has {', '.join(list(sizes)[:30])}"
            )
        if not 0 <= gene.tss < sizes[chrom]:
            raise SourceError(
                f"{map_path}: the TSS of {gene.symbol}, {gene.chrom}:{gene.tss + 1:,}, lies outside {chrom} "
                f"({sizes[chrom]:,} bp); the map is of another assembly than the genes"
            )
        found.setdefault(chrom, set()).add(gene.tss)
    if not found:
        raise SourceError(f"{map_path}: there is no gene to store contacts of")
    return {chrom: np.array(sorted(found[chrom]), dtype=np.int64) for chrom in sizes if chrom in found}


def _stands(out: Path, facts: StoreFacts, places: dict[str, NDArray[np.int64]]) -> bool:
    """Whether ``out`` is this very store, whole."""
    if not out.exists():
        return False
    try:
        return (
            read_store_facts(out) == facts
            and set(stored_chromosomes(out)) == set(places)
            and all(np.array_equal(read_stored_chromosome(out, chrom).tss, tss) for chrom, tss in places.items())
        )
    except SourceError:  # damaged or of another version: made again
        return False


def _profiles(
    source: ContactSource,
    chrom: str,
    tss: NDArray[np.int64],
    length: int,
    facts: StoreFacts,
    constants: AbcConstants,
    told: Callable[[int], None],
) -> StoredChromosome:
    """The profiles of one chromosome; holds one band of the map and the chromosome's profiles."""
    bin_bp, half = source.resolution_bp, facts.window_bp // 2
    windows = [Interval(chrom, int(at) - half, int(at) + facts.window_bp - half) for at in tss]
    reaches = [contact_reach(window, int(at), length, constants) for window, at in zip(windows, tss, strict=True)]
    # A window that does not begin on the grid touches one bin more than its width has.
    n_bins = max(-(-reach.end // bin_bp) - reach.start // bin_bp for reach in reaches)
    n_bins = max(n_bins, -(-facts.window_bp // bin_bp) + 1)
    first_bin = np.array([reach.start // bin_bp for reach in reaches], dtype=np.int64)
    values = np.full((len(tss), n_bins), np.nan)
    spans = [
        row_span(reach, mode=facts.mode, tss=int(at), bin_bp=bin_bp) for reach, at in zip(reaches, tss, strict=True)
    ]
    for at, profile in _read_bands(source, spans, tss, length, told):
        row = measured_row(source, profile, spans[at], mode=facts.mode, tss=int(tss[at]), constants=constants)
        begin = int(first_bin[at]) - row.first_bin_start // bin_bp
        n_own = -(-reaches[at].end // bin_bp) - int(first_bin[at])
        values[at, :n_own] = row.values[begin : begin + n_own]
    return StoredChromosome(chrom, tss, first_bin, values)


def _read_bands(
    source: ContactSource,
    spans: list[Interval],
    tss: NDArray[np.int64],
    length: int,
    told: Callable[[int], None],
) -> Iterator[tuple[int, ContactProfile]]:
    """Every TSS by its number, with what the map says of its bin and the bins of its span."""
    bin_bp = source.resolution_bp
    bins = [(span.start // bin_bp, -(-span.end // bin_bp)) for span in spans]
    last_bin = -(-length // bin_bp)
    at = 0
    while at < len(spans):
        told(at)
        low, high = bins[at]
        after = at + 1
        while after < len(spans) and bins[after][1] - low <= BAND_BINS:
            low, high, after = min(low, bins[after][0]), max(high, bins[after][1]), after + 1
        if after == at + 1:
            yield (
                at,
                read_contact_profile(
                    source.path,
                    spans[at],
                    anchor_bp=int(tss[at]),
                    resolution_bp=bin_bp,
                    normalisation=source.normalisation,
                ),
            )
        else:
            start, end = max(low, 0), min(high, last_bin)
            place = Interval(spans[at].chrom, start * bin_bp, end * bin_bp)
            square = read_contact_matrix(
                source.path, place, resolution_bp=bin_bp, normalisation=source.normalisation
            )  # (bins of the band, the same bins)
            for one in range(at, after):
                first, end_bin = bins[one]
                row = np.full(end_bin - first, np.nan)
                here, there = max(first, start), min(end_bin, end)
                row[here - first : there - first] = square[
                    int(tss[one]) // bin_bp - start, here - start : there - start
                ]
                yield one, ContactProfile(first * bin_bp, bin_bp, row)
        at = after
