"""What a checkpoint, and the tracks it reads, say about CRISPRi pairs: the mask on an element, and its deletion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.benchmark.predictors import ABC, FAITHFUL, rivals
from seq2exp.benchmark.ranking import Array
from seq2exp.errors import SettingsError
from seq2exp.genome import Gene, Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.perturb import element_effects
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.results import BoolArray
from seq2exp.sources.crispri import CrispriPair
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.genes import strip_version
from seq2exp.window.signals import on_chromosome

MASK = "mask"
DELETION = "deletion"
TRACKS = "tracks"
FROM_WINDOWS = (TRACKS, MASK, DELETION)
"""Predictors that look at the window of a data set; those but the first need a checkpoint."""


def genes_by_id(dataset: Dataset) -> Mapping[str, Gene]:
    """Genes of the data set by id without version."""
    return {strip_version(gene.gene_id): gene for gene in dataset.genes}


def window_scores(
    dataset: Dataset,
    pairs: Sequence[CrispriPair],
    wanted: Sequence[str],
    *,
    checkpoint: LoadedCheckpoint | None = None,
    cache_dir: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Mapping[str, Array]:
    """(n,) score of each pair by predictor, NaN where it says nothing about the pair.

    That is where the data set lacks the gene or the cell type, and where the element has no base in the gene's
    window outside the promoter centre (whose mask is forced to 1) and the blacklist.

    - mask: mean over those bases of the mask's mean, as trained and before anything is forced.
    - deletion: by how much log10(1 + CAGE) falls when the element is switched off; negative where it rises.
    - tracks: share of the window's sqrt(DNase x H3K27ac) x contact that lies on those bases; NaN without the tracks.

    Costs one generator pass per gene and cell type, and for the deletion one predictor pass per pair.

    Raises
    ------
    SettingsError
        Mask or deletion without a checkpoint.
    WindowError, SourceError
        See `seq2exp.window.assemble.build_window`.
    """
    if checkpoint is None and set(wanted) - {TRACKS}:
        raise SettingsError(f"{' and '.join(wanted)} need a checkpoint; give one")
    genes = genes_by_id(dataset)
    scores = {name: np.full(len(pairs), np.nan) for name in wanted}
    groups: dict[tuple[str, str], list[int]] = {}
    for number, pair in enumerate(pairs):
        if pair.gene_id in genes and pair.cell_type in dataset.cell_types:
            groups.setdefault((pair.gene_id, pair.cell_type), []).append(number)
    for done, ((gene_id, cell_type), numbers) in enumerate(groups.items()):
        if progress is not None:
            progress(done, len(groups))
        session = open_session(dataset, genes[gene_id], cell_type, checkpoint=checkpoint, cache_dir=cache_dir)
        places = [_placed(pairs[number].interval, session.window.interval, dataset) for number in numbers]
        for name, values in _of_window(session, places, wanted).items():
            scores[name][numbers] = values
    if progress is not None:
        progress(len(groups), len(groups))
    return scores


def _placed(place: Interval, window: Interval, dataset: Dataset) -> Interval | None:
    """The part of the element that lies in the window, chromosome named as there; None without one."""
    name = dataset.assembly.match(place.chrom)
    return None if name is None else replace(place, chrom=name).intersect(window)


def _of_window(
    session: LocusSession, places: Sequence[Interval | None], wanted: Sequence[str]
) -> Mapping[str, NDArray[np.floating]]:
    judged = _judged(session)
    start = session.window.interval.start
    found = {name: np.full(len(places), np.nan) for name in wanted}
    bases: dict[int, NDArray[np.intp]] = {}
    for number, place in enumerate(places):
        if place is not None:
            inside = np.flatnonzero(judged[place.start - start : place.end - start]) + (place.start - start)
            if inside.size:
                bases[number] = inside
    numbers = list(bases)
    if MASK in wanted:
        mean = session.mask(FAITHFUL).mean
        found[MASK][numbers] = [mean[bases[number]].mean(dtype=np.float64) for number in numbers]
    if TRACKS in wanted:
        values = _track_shares(session, judged)
        if values is not None:
            found[TRACKS][numbers] = [values[bases[number]].sum() for number in numbers]
    if DELETION in wanted:
        effects = element_effects(
            session, [place for n, place in enumerate(places) if place is not None and n in bases]
        )
        found[DELETION][numbers] = [-effect.delta_log10 for effect in effects]
    return found


def _judged(session: LocusSession) -> BoolArray:
    """(L,) where an element may be scored: on the chromosome, outside promoter centre and blacklist."""
    window, centre = session.window, session.centre
    judged = ~window.blacklist & on_chromosome(window.interval, session.on_chromosome.end)
    judged[centre.start - window.interval.start : centre.end - window.interval.start] = False
    return judged


def _track_shares(session: LocusSession, judged: BoolArray) -> Array | None:
    """(L,) activity x contact, adding up to 1 over the judged bases; None without DNase or H3K27ac, or all zero."""
    if any(one.name in ("dnase", "h3k27ac") and one.share >= 1 for one in session.window.missing):
        return None
    values = np.where(judged, rivals(session.window.signals, session.window.tss_index)[ABC], 0).astype(np.float64)
    total = values.sum()
    return values / total if total > 0 else None
