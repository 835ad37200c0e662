"""What is compared: the checkpoint's mask and its parts, the measured tracks, distance, MACS3 peaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from seq2exp.benchmark.locus import Locus, LocusScores, make_locus, score
from seq2exp.genome import Gene, Interval, Region
from seq2exp.inference import masks
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.elements import runs
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.model.generator import share_of
from seq2exp.results import BoolArray, FloatArray
from seq2exp.settings import SIGNALS, MaskSettings
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.peaks import PeakCall, call_peaks_bigwig
from seq2exp.sources.truth import TruthElement
from seq2exp.window.signals import on_chromosome

MASK = "mask"
SEQUENCE = "sequence Beta alone"
SIGNAL = "signal Beta alone"
DELETION = "deletion"
DNASE = "DNase"
H3K27AC = "H3K27ac"
CONTACT = "contact"
ABC = "activity x contact"
ABC_DRAWN_IN = "activity x contact, drawn in"
"""Times what the checkpoint's own mask is multiplied by (`share_of`): what that alone brings. Where there is such."""
DISTANCE = "distance to TSS"
PEAKS = "MACS3 peaks"
MATCHED_PEAKS = "MACS3 peaks, matched share"

FAITHFUL = MaskSettings()

_LEAST_PEAK_SCORE = 0.5


@dataclass(frozen=True, eq=False)
class LocusEvidence:
    """Everything one pass over a window found."""

    locus: Locus
    scores: Mapping[str, LocusScores]
    """By predictor, peaks not yet among them."""
    called: BoolArray
    """(N,) where the mask reaches the checkpoint's threshold."""
    mask_ratio_outside_promoter: float
    """Mean of the mask over the window outside the promoter centre."""
    prediction: float
    """log10(1 + CAGE)."""
    promoter_only: float
    """The same with the mask 0 outside the promoter centre."""
    observed: float
    """NaN where not measured."""


def judge_window(
    dataset: Dataset,
    gene: Gene,
    cell_type: str,
    elements: Sequence[TruthElement],
    checkpoint: LoadedCheckpoint,
    *,
    deletions: bool = True,
) -> LocusEvidence:
    """The mask and every per-base rival on the window of ``gene``, and the predictions with elements switched off.

    Costs one generator pass and two predictor passes, and with ``deletions`` one more per element.

    Parameters
    ----------
    elements
        The gene's true elements in ``cell_type``.

    Raises
    ------
    WindowError, SourceError
        See `seq2exp.window.assemble.build_window`.
    """
    session = open_session(dataset, gene, cell_type, checkpoint=checkpoint)
    return judge_session(session, elements, checkpoint, deletions=deletions)


def judge_session(
    session: LocusSession, elements: Sequence[TruthElement], checkpoint: LoadedCheckpoint, *, deletions: bool = True
) -> LocusEvidence:
    """`judge_window` of a window that is open: as measured, or with other signals in their place."""
    window = session.window
    mask = session.mask(FAITHFUL)
    length = session.dataset.assembly.chrom_sizes[window.gene.chrom]
    judged = ~(mask.forced_on | window.blacklist) & on_chromosome(window.interval, length)
    locus = make_locus(window.gene, window.cell_type, window.interval, judged, elements)
    scores = {
        MASK: score(locus, mask.mean),
        SEQUENCE: score(locus, session.mask(MaskSettings(signal_scale=0)).mean),
        SIGNAL: score(locus, _signal_beta_mean(session, checkpoint)),
    }
    tracks = dict(rivals(window.signals, window.tss_index))
    share = share_of(checkpoint.config, torch.from_numpy(np.array(window.signals))[None])
    if share is not None:
        tracks[ABC_DRAWN_IN] = tracks[ABC] * share[0].numpy()
    scores |= {name: score(locus, values) for name, values in tracks.items()}
    prediction = _predicted(session, FAITHFUL)
    if deletions:
        drops = [prediction - _predicted(session, MaskSettings(off=(element.interval,))) for element in locus.elements]
        scores[DELETION] = LocusScores(None, np.array(drops, dtype=np.float32), None)
    return LocusEvidence(
        locus=locus,
        scores=scores,
        called=(mask.mean >= mask.threshold)[judged],
        mask_ratio_outside_promoter=mask.ratio_outside_promoter,
        prediction=prediction,
        promoter_only=_predicted(session, MaskSettings(off=(window.interval,))),
        observed=np.nan if window.observed_log10 is None else window.observed_log10,
    )


def rivals(signals: FloatArray, tss_index: int) -> Mapping[str, FloatArray]:
    """Per-base values (L,) of every rule made of the measured tracks and the distance alone.

    Parameters
    ----------
    signals
        (L, 3) as in `seq2exp.window.assemble.Window.signals`.
    tss_index
        Index of the TSS base.
    """
    by_name = dict(zip(SIGNALS, np.asarray(signals, dtype=np.float64).T, strict=True))
    dnase, h3k27ac, contact = by_name["dnase"], by_name["h3k27ac"], 10 ** by_name["contact"] - 1
    found = {
        DNASE: dnase,
        H3K27AC: h3k27ac,
        CONTACT: contact,
        ABC: np.sqrt(dnase * h3k27ac) * contact,
        DISTANCE: -np.abs(np.arange(len(signals)) - tss_index),
    }
    return {name: values.astype(np.float32) for name, values in found.items()}


def call_peaks(
    dataset: Dataset, cell_type: str, loci: Sequence[Locus], *, target_share: float | None, cache_dir: Path
) -> PeakCall | None:
    """MACS3's peaks of one cell type over all its windows, in one call; None without a DNase track.

    Parameters
    ----------
    loci
        Of this cell type, at least one.
    target_share
        None: MACS3 calls on the whole windows at the default cut-off. Else it calls on their judged bases alone, at
        the cut-off that covers this share of them (0..1 exclusive): promoters, nearly all open, would use it up.

    Raises
    ------
    SourceError, PeakCallError
        See `call_peaks_bigwig`.
    """
    path = dataset.path("dnase", cell_type)
    if path is None:
        return None
    places = [locus.interval for locus in loci] if target_share is None else [p for x in loci for p in _judged(x)]
    return call_peaks_bigwig(path, places, target_share=target_share, cache_dir=cache_dir)


def score_peaks(loci: Sequence[Locus], regions: Iterable[Region]) -> list[tuple[LocusScores, BoolArray]]:
    """Per locus the scores of the peaks its bases lie in, and (N,) whether they lie in one."""
    by_chrom: dict[str, list[Region]] = defaultdict(list)
    for region in regions:
        by_chrom[region.interval.chrom].append(region)
    found = []
    for locus in loci:
        values = peak_values(by_chrom[locus.interval.chrom], locus.interval)
        found.append((score(locus, values), (values > 0)[locus.judged]))
    return found


def peak_values(regions: Iterable[Region], interval: Interval) -> FloatArray:
    """(interval.width,) score of the peak a base lies in, the highest where several do, 0 outside peaks.

    MACS3 writes whole numbers, so a weak peak may have score 0; it counts as `_LEAST_PEAK_SCORE`, to stay a peak.
    """
    values = np.zeros(interval.width, dtype=np.float32)
    for region in regions:
        shared = region.interval.intersect(interval)
        if shared is not None:
            part = values[shared.start - interval.start : shared.end - interval.start]
            np.maximum(part, max(region.score, _LEAST_PEAK_SCORE), out=part)
    return values


def _judged(locus: Locus) -> list[Interval]:
    chrom, start = locus.interval.chrom, locus.interval.start
    return [Interval(chrom, start + int(first), start + int(last)) for first, last in runs(locus.judged)]


def _signal_beta_mean(session: LocusSession, checkpoint: LoadedCheckpoint) -> NDArray[np.floating]:
    """(L,) mean of the signal Beta with the checkpoint's own weights and thresholds, drawn in where its mask is."""
    signals = torch.from_numpy(np.array(session.window.signals))[None].to(checkpoint.device)
    with torch.inference_mode():
        beta = masks.mask_beta(
            signals, FAITHFUL, checkpoint.config, sequence=None, generator=checkpoint.network.generator
        )
        return beta.mean[0].float().cpu().numpy()


def _predicted(session: LocusSession, settings: MaskSettings) -> float:
    return cast(float, session.predict(settings))  # None only without a checkpoint
