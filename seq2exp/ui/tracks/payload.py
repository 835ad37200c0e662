"""One locus as bytes for the track component: a header in JSON, then its arrays. `static/payload.js` reads it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seq2exp.figures.beside import ContactTriangle
from seq2exp.figures.genes import GeneModel, collapse
from seq2exp.figures.locus import visible_within
from seq2exp.figures.truth import effect_in_words
from seq2exp.genome import Interval
from seq2exp.inference.elements import runs
from seq2exp.inference.session import LocusSession
from seq2exp.inference.window_data import TRACK_TITLES
from seq2exp.results import LocusView, MaskIngredients, Track, TrueElement
from seq2exp.settings import SIGNALS, ModelConfig

MAGIC = b"S2X1"
_BORDER = 8
"""Arrays begin at multiples of this, as typed arrays of a browser must."""
_BASES = "ACGT"


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """``header`` and ``arrays`` (float32 or uint8, one-dimensional) as one block of bytes, little-endian."""
    described: dict[str, Any] = {}
    blocks: list[bytes] = []
    offset = 0
    for name, array in arrays.items():
        block = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        described[name] = {"dtype": array.dtype.name, "offset": offset, "length": len(array)}
        padding = -len(block) % _BORDER
        blocks.append(block + bytes(padding))
        offset += len(block) + padding
    text = json.dumps({**header, "arrays": described}, allow_nan=False, separators=(",", ":")).encode()
    head = MAGIC + struct.pack("<I", len(text)) + text
    return head + bytes(-len(head) % _BORDER) + b"".join(blocks)


def locus_payload(
    key: str,
    session: LocusSession,
    view: LocusView,
    *,
    truth: Sequence[TrueElement] | None,
    rows: Sequence[Mapping[str, Any]] = (),
    contacts: ContactTriangle | None = None,
) -> bytes:
    """Everything of a locus that no slider moves.

    Parameters
    ----------
    key
        Names the locus; replies to settings carry it.
    session
        Gives what the mask is made of.
    view
        Any answer of the session: genes, tracks and rules are the same in all.
    truth
        Elements whose effect is known; None: no such lane.
    rows
        Further rows of boxes (name, title, colour, boxes), as `static/lanes.js` draws them.
    contacts
        The contact map around the gene; None: no triangle.
    """
    made_of = session.ingredients()
    window, gene = view.interval, view.gene
    whole = visible_within(window)
    header = {
        "key": key,
        "gene_id": gene.gene_id,
        "symbol": gene.symbol,
        "strand": gene.strand,
        "cell_type": view.cell_type,
        "chrom": window.chrom,
        "start": window.start,
        "end": window.end,
        "tss": gene.tss,
        "centre": [view.centre.start, view.centre.end],
        "chromosome": [whole.start, whole.end],
        "source": view.mask.source,
        "config": config_of(session.config, made_of),
        "signal_order": list(SIGNALS),
        "runs": {
            "on": runs(view.mask.forced_on).tolist(),
            "off": runs(view.mask.forced_off).tolist(),
            "outside": runs(made_of.outside).tolist(),
        },
        "tracks": [_track(track) for track in view.tracks],
        "genes": [_gene(model) for model in collapse(view.transcripts, gene)],
        "truth": None if truth is None else [_true_element(element) for element in truth],
        "rows": list(rows),
        "triangle": None if contacts is None else {"start": contacts.start, "bin": contacts.bin_bp},
    }
    arrays: dict[str, NDArray[Any]] = {name: made_of.signals[:, k].astype(np.float32) for k, name in enumerate(SIGNALS)}
    if made_of.alpha is not None and made_of.beta is not None:
        arrays |= {"a1": made_of.alpha.astype(np.float32), "b1": made_of.beta.astype(np.float32)}
    arrays |= _measured(view.tracks, arrays)
    if contacts is not None:
        arrays["triangle"] = contacts.values.astype(np.float32).ravel()
    arrays["codes"] = base_codes(view.sequence, window)
    return pack(header, arrays)


def _measured(tracks: Sequence[Track], signals: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """Values to draw, by ``measured_`` and the track's name, where the model reads others (contacts: log10(1 + c))."""
    drawn = {
        track.name: np.nan_to_num(track.values).astype(np.float32)
        for track in tracks
        if track.available and track.name in signals
    }
    return {f"measured_{name}": values for name, values in drawn.items() if not np.array_equal(values, signals[name])}


def config_of(config: ModelConfig, made_of: MaskIngredients) -> dict[str, Any]:
    """The constants of the mask's algebra, with the weights and thresholds in force."""
    names = (
        *("beta_min", "prior_scale", "z_scale", "signal_transform", "most_sequence_counts", "position_table"),
        *("summit_bp", "summit_floor", "contact_half"),
    )
    return {name: getattr(config, name) for name in names} | {
        "signal_weights": list(made_of.weights),
        "signal_thresholds": list(made_of.thresholds),
    }


def base_codes(sequence: str, window: Interval) -> NDArray[np.uint8]:
    """(L,) 0-3 for A, C, G, T and 4 for anything else."""
    codes = np.full(window.width, 4, dtype=np.uint8)
    letters = np.frombuffer(sequence.encode("ascii", errors="replace"), dtype=np.uint8)
    for code, base in enumerate(_BASES):
        codes[: len(letters)][letters == ord(base)] = code
    return codes


def _track(track: Track) -> dict[str, Any]:
    return {
        "name": track.name,
        "title": {"contact": "Contacts"}.get(track.name) or track.title or TRACK_TITLES.get(track.name, track.name),  # type: ignore[call-overload]
        "unit": track.unit,
        "available": track.available,
        "note": track.note,
        "missing": runs(np.isnan(track.values)).tolist() if track.available else [],
    }


def _gene(model: GeneModel) -> dict[str, Any]:
    return {
        "id": model.gene_id,
        "label": model.label,
        "strand": model.strand,
        "target": model.target,
        "start": model.span.start,
        "end": model.span.end,
        "exons": [[exon.start, exon.end] for exon in model.exons],
        "cds": [[part.start, part.end] for part in model.cds],
    }


def _true_element(element: TrueElement) -> dict[str, Any]:
    return {
        "start": element.interval.start,
        "end": element.interval.end,
        "name": element.name,
        "meaning": element.meaning,
        "causal": element.causal,
        "effect": effect_in_words(element),
    }
