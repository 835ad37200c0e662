"""Effects of switching off as CSV, under ``#`` lines that say where they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seq2exp.inference.agreement import KnownEffect
from seq2exp.inference.perturb import DeletionScan, ElementEffect
from seq2exp.results import LocusView

_COORDINATES = (
    "# start and end: 1-based, both included; delta_log10: prediction without it minus with it, log10(1 + CAGE)"
)


def effects_csv(
    view: LocusView,
    effects: Sequence[ElementEffect],
    *,
    truth: Sequence[KnownEffect | None] | None = None,
    crispri: Sequence[KnownEffect | None] | None = None,
) -> str:
    """One line per element in genome order; known effects in log10, empty where nothing is known.

    Parameters
    ----------
    truth, crispri
        One per effect; None: no such table.
    """
    unknown: Sequence[KnownEffect | None] = (None,) * len(effects)
    lines = ["element,chrom,start,end,delta_log10,factor,true_log10,crispri_log10,crispri_significant"]
    rows = zip(effects, truth or unknown, crispri or unknown, strict=True)
    for rank, (effect, true, measured) in enumerate(rows, start=1):
        place = effect.interval
        known = (_value(true), _value(measured), "" if measured is None else "yes" if measured.significant else "no")
        lines.append(
            f"E{rank},{place.chrom},{place.start + 1},{place.end},"
            f"{effect.delta_log10:.6f},{effect.factor:.6f},{','.join(known)}"
        )
    what = "each element switched off alone, all else as called"
    return "\n".join([*_head(view), f"# {what}", _COORDINATES, *lines]) + "\n"


def scan_csv(view: LocusView, scan: DeletionScan) -> str:
    """One line per window of the scan, those that were tried."""
    lines = ["chrom,start,end,delta_log10,factor"]
    for place, delta in zip(scan.places, scan.delta_log10.tolist(), strict=True):
        if not math.isnan(delta):
            lines.append(f"{place.chrom},{place.start + 1},{place.end},{delta:.6f},{10**delta:.6f}")
    what = f"each {scan.width_bp} bp switched off alone, every {scan.step_bp} bp, outside the promoter"
    if not scan.complete:
        what += f"; stopped after {len(lines) - 1} of {len(scan.places)}"
    return "\n".join([*_head(view), f"# {what}", _COORDINATES, *lines]) + "\n"


def _head(view: LocusView) -> list[str]:
    """Data, model, locus and settings; every line begins with ``#``, whatever a name holds."""
    mask = view.mask
    state = "faithful" if mask.faithful else "what-if: " + ("; ".join(mask.changes) or "no checkpoint")
    predicted = "none" if view.prediction_log10 is None else f"{view.prediction_log10:.6f}"
    words = [
        *(f"{key}: {value}" for key, value in view.provenance.items()),
        f"gene: {view.gene.symbol} {view.gene.gene_id}, cell type: {view.cell_type}",
        f"window: {view.interval} (1-based closed)",
        f"mask: {mask.mode}, threshold {mask.threshold:g}, {state}",
        f"prediction before: {predicted} log10(1 + CAGE)",
    ]
    return [f"# {' '.join(line.split())}" for line in words]


def _value(known: KnownEffect | None) -> str:
    return "" if known is None else f"{known.effect_log10:.6f}"
