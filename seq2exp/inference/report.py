"""One locus as plain values: the JSON of ``predict`` and the BED of its elements."""

from __future__ import annotations

import math
from typing import Any

from seq2exp.inference.session import LocusSession
from seq2exp.results import LocusView


def locus_report(view: LocusView, session: LocusSession) -> dict[str, Any]:
    """JSON types; numbers that do not exist (no checkpoint, empty denominators) are None."""
    mask, overlap, timings, checkpoint = view.mask, view.overlap, session.timings, session.checkpoint
    streamed = session.window.streamed
    return {
        "gene": view.gene.symbol,
        "gene_id": view.gene.gene_id,
        "cell": view.cell_type,
        "window": {
            "chrom": view.interval.chrom,
            "start": view.interval.start,
            "end": view.interval.end,
            "tss": view.gene.tss,
            "strand": view.gene.strand,
        },
        "checkpoint": None if checkpoint is None else checkpoint.name,
        "checkpoint_hash": None if checkpoint is None else checkpoint.hash,
        "trained": checkpoint is not None and checkpoint.trained,
        "faithful": mask.faithful,
        "changes": list(mask.changes),
        "missing_inputs": {
            missing.name: {"share": missing.share, "stand_in": missing.stand_in} for missing in view.missing
        },
        "streamed": None
        if streamed is None
        else {
            "moved_bytes": streamed.moved_bytes,
            "requests": streamed.requests,
            "unavailable": list(session.window.unavailable),
        },
        "mask": {
            "source": mask.source,
            "mode": mask.mode,
            "threshold": mask.threshold,
            "ratio": mask.ratio,
            "ratio_outside_promoter": mask.ratio_outside_promoter,
            "n_elements": len(mask.elements),
        },
        "prediction_log10": view.prediction_log10,
        "promoter_only_log10": view.promoter_only_log10,
        "observed_log10": view.observed_log10,
        "peaks": {
            "n": len(view.peaks),
            "covered_share": sum(region.interval.width for region in view.peaks) / view.interval.width,
            "jaccard": None if overlap is None else none_if_nan(overlap.jaccard),
            "precision": None if overlap is None else none_if_nan(overlap.precision),
            "recall": None if overlap is None else none_if_nan(overlap.recall),
            "note": view.peak_note,
        },
        "timings_ms": {
            "window": timings.window_ms,
            "generator": timings.generator_ms,
            "combine": timings.combine_ms,
            "predictor": timings.predictor_ms,
        },
        "device": session.device,
    }


def elements_bed(view: LocusView) -> str:
    """The called elements as BED6 (0-based half-open) under ``#`` lines that say where they come from.

    Name is gene and rank by position, score the mean of the mask times 1000, strand ``.``.
    """
    lines = [f"# {key}: {value}" for key, value in view.provenance.items()]
    lines += [
        f"# gene: {view.gene.symbol} {view.gene.gene_id}, cell type: {view.cell_type}",
        f"# window: {view.interval} (1-based closed)",
        f"# mask: {view.mask.mode}, threshold {view.mask.threshold:g}, source {view.mask.source}, "
        + ("faithful" if view.mask.faithful else "what-if: " + ("; ".join(view.mask.changes) or "no checkpoint")),
    ]
    for rank, element in enumerate(view.mask.elements, start=1):
        place = element.interval
        lines.append(
            f"{place.chrom}\t{place.start}\t{place.end}\t{view.gene.symbol}_E{rank}\t{round(1000 * element.mean)}\t."
        )
    return "\n".join(lines) + "\n"


def none_if_nan(value: float) -> float | None:
    """``value`` as JSON and tables hold it: a share of nothing is None."""
    return None if math.isnan(value) else value
