"""One gene in every cell type to its rows: prediction, spread over drawn masks, elements, mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from seq2exp.errors import SourceError, WindowError
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.drawn import predict_drawn, spread
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.results import Element, FloatArray
from seq2exp.scoring.plan import Plan
from seq2exp.sources.dataset import Dataset

MASK_STEPS = 1_000
"""A kept mask is rounded to one thousandth."""

Opened = Mapping[str, LocusSession | str]
"""The session of each cell type, or why its window cannot be made."""

SCORE_FIELDS = (
    pa.field("gene_id", pa.string(), nullable=False),
    pa.field("symbol", pa.string(), nullable=False),
    pa.field("chrom", pa.string(), nullable=False),
    pa.field("tss", pa.int64(), nullable=False),  # 0-based
    pa.field("strand", pa.string(), nullable=False),
    pa.field("cell_type", pa.string(), nullable=False),
    pa.field("fold", pa.string()),  # train, valid or test; null: not in the split
    pa.field("predicted_log10", pa.float64()),  # log10(1 + CAGE), as observed_log10
    pa.field("predicted_low", pa.float64()),
    pa.field("predicted_high", pa.float64()),
    pa.field("promoter_only_log10", pa.float64()),
    pa.field("observed_log10", pa.float64()),
    pa.field("mask_ratio", pa.float64()),  # with the promoter, as in the paper
    pa.field("mask_ratio_outside_promoter", pa.float64()),
    pa.field("n_elements", pa.int64()),
    pa.field("missing", pa.string(), nullable=False),
    pa.field("trained", pa.bool_(), nullable=False),
    pa.field("faithful", pa.bool_()),
    pa.field("what_if", pa.string(), nullable=False),
    pa.field("problem", pa.string(), nullable=False),
)
"""Columns of scores.parquet, a row per gene and cell type."""

ELEMENT = pa.struct(
    [
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("mean", pa.float64(), nullable=False),
        pa.field("sd", pa.float64(), nullable=False),
        pa.field("peak", pa.float64(), nullable=False),
        pa.field("tss_distance_bp", pa.int64(), nullable=False),
    ]
)


def scores_schema() -> pa.Schema:
    """Of scores.parquet."""
    return pa.schema(SCORE_FIELDS)


def shard_schema() -> pa.Schema:
    """Of a shard: the scores, the elements, and the mask (L thousandths, little-endian uint16) where it is kept."""
    return pa.schema([*SCORE_FIELDS, pa.field("elements", pa.list_(ELEMENT)), pa.field("mask", pa.large_binary())])


def opened_ahead(
    dataset: Dataset, checkpoint: LoadedCheckpoint, genes: Sequence[Gene], plan: Plan
) -> Iterator[tuple[Gene, Opened]]:
    """Each gene with its windows; files are read for the next gene while the network works on this one."""

    def read(gene: Gene) -> Opened:
        opened: dict[str, LocusSession | str] = {}
        for cell in plan.cells:
            try:
                session = open_session(dataset, gene, cell, checkpoint=checkpoint)
                session.window.require_all()
                opened[cell] = session
            except (WindowError, SourceError) as error:
                opened[cell] = str(error)
        return opened

    with ThreadPoolExecutor(1) as reader:
        waiting = None
        for gene in chain(genes, (None,)):
            following = None if gene is None else (gene, reader.submit(read, gene))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following


def score_gene(
    dataset: Dataset, checkpoint: LoadedCheckpoint, gene: Gene, opened: Opened, plan: Plan
) -> list[dict[str, Any]]:
    """The rows of one gene, in the order of ``plan.cells``; a generator that reads bases alone runs once.

    A window that cannot be made has a row that says why.
    """
    rows: list[dict[str, Any]] = []
    first: LocusSession | None = None
    for cell in plan.cells:
        session = opened[cell]
        row = {
            "gene_id": gene.gene_id,
            "symbol": gene.symbol,
            "chrom": gene.chrom,
            "tss": gene.tss,
            "strand": gene.strand,
            "cell_type": cell,
            "fold": dataset.fold(gene),
            "trained": checkpoint.trained,
        }
        if isinstance(session, str):
            rows.append(row | {"missing": "", "what_if": "", "problem": session})
            continue
        if first is not None and not checkpoint.config.generator_sees_signals:
            session.adopt_sequence(first)
        first = first or session
        rows.append(row | _scored(session, plan))
    return rows


def _scored(session: LocusSession, plan: Plan) -> dict[str, Any]:
    settings = plan.settings
    mask = session.mask(settings.mask, settings.elements)
    drawn = predict_drawn(session, settings.mask, n=settings.samples, seed=settings.seed)
    low, high = spread(drawn)
    return {
        "predicted_log10": session.predict(settings.mask),
        "predicted_low": low,
        "predicted_high": high,
        "promoter_only_log10": session.predict_promoter_only() if settings.promoter_only else None,
        "observed_log10": session.window.observed_log10,
        "mask_ratio": mask.ratio,
        "mask_ratio_outside_promoter": mask.ratio_outside_promoter,
        "n_elements": len(mask.elements),
        "missing": "; ".join(f"{one.name} {one.share:.1%} ({one.stand_in})" for one in session.window.missing),
        "faithful": mask.faithful,
        "what_if": "; ".join(mask.changes),
        "problem": "",
        "elements": [_element(one) for one in mask.elements],
        "mask": packed(mask.mask) if settings.bigwig else None,
    }


def _element(element: Element) -> dict[str, Any]:
    place = element.interval
    return {
        "start": place.start,
        "end": place.end,
        "mean": element.mean,
        "sd": element.sd,
        "peak": element.peak,
        "tss_distance_bp": element.tss_distance_bp,
    }


def packed(mask: FloatArray) -> bytes:
    """A mask (L,) as `unpacked` reads it."""
    return np.round(mask * MASK_STEPS).astype("<u2").tobytes()


def unpacked(content: bytes) -> FloatArray:
    """(L,) mask in steps of one thousandth."""
    found: FloatArray = np.frombuffer(content, dtype="<u2").astype(np.float32) / np.float32(MASK_STEPS)
    return found
