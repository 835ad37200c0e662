"""What switching off parts of the mask does to the prediction: one element at a time, or a sliding window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.inference.session import LocusSession
from seq2exp.results import FloatArray
from seq2exp.settings import MaskSettings

BATCH_BP = {"cpu": 131_072, "cuda": 524_288}
"""Bases of one batch through the predictor, which bounds its memory: on two cores larger batches took longer per
window; on an accelerator an estimated 5 GB at the published widths."""


@dataclass(frozen=True, slots=True)
class ElementEffect:
    """What switching off one element, and nothing else, does to the prediction."""

    interval: Interval
    delta_log10: float
    """Prediction without it minus prediction with it, in log10(1 + CAGE): negative for an enhancer."""

    @property
    def factor(self) -> float:
        """What 1 + CAGE is multiplied by: 0.5 halves it."""
        return float(10**self.delta_log10)


@dataclass(frozen=True, eq=False)
class DeletionScan:
    """The effect of switching off each of a row of windows, one at a time."""

    window: Interval
    """The model's window."""
    width_bp: int
    step_bp: int
    places: tuple[Interval, ...]
    """(n,) what was to be switched off, in genome order."""
    delta_log10: FloatArray
    """(n,) prediction without each minus prediction with all; NaN where the scan was stopped before."""
    baseline_log10: float
    """The prediction all are compared with."""

    @property
    def tried(self) -> int:
        """How many places were tried."""
        return int((~np.isnan(self.delta_log10)).sum())

    @property
    def complete(self) -> bool:
        """Whether every place was tried."""
        return self.tried == len(self.places)

    def by_position(self) -> FloatArray:
        """(L,) mean effect of the places that cover each base; NaN in the promoter and where nothing was tried."""
        total = np.zeros(self.window.width)
        count = np.zeros(self.window.width)
        for place, delta in zip(self.places, self.delta_log10.tolist(), strict=True):
            if not np.isnan(delta):
                part = slice(place.start - self.window.start, place.end - self.window.start)
                total[part] += delta
                count[part] += 1
        result = np.full(self.window.width, np.nan, dtype=np.float32)
        np.divide(total, count, out=result, where=count > 0, casting="unsafe")
        return result


def element_effects(
    session: LocusSession, places: Sequence[Interval], settings: MaskSettings | None = None
) -> tuple[ElementEffect, ...]:
    """The effect of switching off each of ``places`` alone, in their order.

    Where the mask keeps the length they go through the predictor as one batch (several where it would pass
    `BATCH_BP`); a checkpoint that packs kept bases takes them one at a time. Each equals what
    `LocusSession.predict` gives with that place in ``settings.off``.

    Parameters
    ----------
    settings
        What holds beside; None: as the checkpoint was trained.

    Raises
    ------
    SettingsError
        No checkpoint, or settings it cannot answer.
    """
    settings = settings or MaskSettings()
    if not places:
        return ()
    deltas: list[float] = []
    baseline = _baseline(session, settings)
    for batch in _batches(session, places):
        deltas += [found - baseline for found in session.predict_each([_without(settings, one) for one in batch])]
    return tuple(ElementEffect(place, delta) for place, delta in zip(places, deltas, strict=True))


def deletion_scan(
    session: LocusSession,
    settings: MaskSettings | None = None,
    *,
    width_bp: int = 200,
    step_bp: int = 100,
    progress: Callable[[DeletionScan], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> DeletionScan:
    """The effect of switching off windows of ``width_bp`` every ``step_bp`` along the locus, outside the promoter.

    Parameters
    ----------
    settings
        What holds beside; None: as the checkpoint was trained.
    width_bp, step_bp
        In bp, ``1 <= step_bp <= width_bp``.
    progress
        Told what is known so far, before the first batch and after each.
    stop
        Asked before each batch; once it says yes, what is known so far is returned.

    Raises
    ------
    SettingsError
        No checkpoint, settings it cannot answer, or a width and step that do not fit.
    """
    settings = settings or MaskSettings()
    places = scan_places(session, width_bp=width_bp, step_bp=step_bp)
    deltas = np.full(len(places), np.nan, dtype=np.float32)
    baseline = _baseline(session, settings)

    def known() -> DeletionScan:
        so_far = deltas.copy()
        so_far.flags.writeable = False
        return DeletionScan(session.window.interval, width_bp, step_bp, places, so_far, baseline)

    done = 0
    for batch in _batches(session, places):
        if progress is not None:
            progress(known())
        if stop is not None and stop():
            return known()
        found = session.predict_each([_without(settings, place) for place in batch])
        deltas[done : done + len(batch)] = np.array(found) - baseline
        done += len(batch)
    if progress is not None:
        progress(known())
    return known()


def scan_places(session: LocusSession, *, width_bp: int, step_bp: int) -> tuple[Interval, ...]:
    """The windows of a scan in genome order; every base outside the promoter and on the chromosome is in one.

    Raises
    ------
    SettingsError
        See `deletion_scan`.
    """
    if not 1 <= step_bp <= width_bp:
        raise SettingsError(f"deletion scan: the step must be 1 bp or more and at most the width, found {step_bp} bp")
    whole, centre = session.on_chromosome, session.centre
    if width_bp > whole.width:
        raise SettingsError(f"deletion scan: a width of {width_bp:,} bp exceeds the window of {whole.width:,} bp")
    edges = (whole.start, max(centre.start, whole.start), min(centre.end, whole.end), whole.end)
    sides = [(start, end) for start, end in list(pairwise(edges))[::2] if end > start]
    return tuple(
        Interval(whole.chrom, first, min(first + width_bp, end))
        for start, end in sides
        for first in _starts(start, end, width_bp=width_bp, step_bp=step_bp)
    )


def _starts(start: int, end: int, *, width_bp: int, step_bp: int) -> list[int]:
    """Where windows begin so that they fill [start, end): the last one ends with it."""
    last = max(end - width_bp, start)
    return [*range(start, last, step_bp), last]


def _baseline(session: LocusSession, settings: MaskSettings) -> float:
    return session.predict_each((settings,))[0]


def _without(settings: MaskSettings, place: Interval) -> MaskSettings:
    """``settings`` with ``place`` switched off, whatever else was asked of exactly that place."""
    kept = {name: tuple(p for p in getattr(settings, name) if p != place) for name in ("off", "half", "on")}
    return replace(settings, off=(*kept["off"], place), half=kept["half"], on=kept["on"])


def _batches(session: LocusSession, places: Sequence[Interval]) -> Iterator[Sequence[Interval]]:
    """``places`` in runs that go through the predictor together."""
    packs = session.config.position_table
    size = 1 if packs else max(1, BATCH_BP.get(session.device, BATCH_BP["cpu"]) // session.config.window_bp)
    for first in range(0, len(places), size):
        yield places[first : first + size]
