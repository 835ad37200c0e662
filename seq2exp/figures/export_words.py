"""What is written beside every export of a locus: title, badge, caption and provenance, drawn from the same view."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from seq2exp.figures.beside import Beside
from seq2exp.figures.mask import LEGEND
from seq2exp.genome import Interval
from seq2exp.results import LocusView, MaskResult

TITLES = {
    "dataset": "Data set and hash",
    "assembly": "Assembly",
    "synthetic": "Synthetic",
    "checkpoint": "Checkpoint and hash",
    "trained": "Trained weights",
    "seq2exp": "seq2exp version",
}
"""How the view's own provenance is called; a key that is not here is shown as it is."""


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """What an export says beyond the view."""

    visible: Interval
    """The stretch drawn."""
    made_on: str
    """Date in words, given by the caller."""
    moved: Mapping[str, str] = field(default_factory=dict)
    """Every setting that is not as the checkpoint has it: name in words, value in words."""
    marks: tuple[tuple[Interval, str], ...] = ()
    """Stretches marked on screen, with their names."""
    left_out: tuple[str, ...] = ()
    """Names of the tracks and other lanes that were switched off."""


def one_line(text: str) -> str:
    """``text`` with runs of white space as one blank and without control characters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def title(view: LocusView, facts: ExportFacts) -> str:
    """Gene, cell type and stretch."""
    return one_line(f"{view.gene.symbol or view.gene.gene_id} in {view.cell_type}, {facts.visible}")


def badge(view: LocusView) -> str:
    """Whose numbers these are, as the page's badge says it."""
    return badge_of(view.mask, trained=view.provenance.get("trained") == "yes")


def badge_of(mask: MaskResult, *, trained: bool) -> str:
    """`badge` of a mask from weights that are ``trained`` or not."""
    if mask.source == "signals":
        return "NO CHECKPOINT: signals only, prediction not available"
    if not trained:
        return "UNTRAINED WEIGHTS: these numbers mean nothing"
    if mask.faithful:
        return "FAITHFUL: as trained"
    n_changes = len(mask.changes)
    return f"WHAT-IF: {n_changes} change{'s' if n_changes > 1 else ''}"


def caption(view: LocusView, facts: ExportFacts, *, with_truth: bool = False, beside: Beside | None = None) -> str:
    """What the figure shows and how to read it."""
    extra = beside or Beside()
    mask = view.mask
    called = (
        "the largest means are kept" if mask.mode == "top-k" else f"called at a mean of {mask.threshold:.2f} or more"
    )
    sentences = [
        f"Locus of {view.gene.symbol or view.gene.gene_id} in {view.cell_type}: gene models, signals, the mask's mean "
        f"with its standard deviation, {len(mask.elements)} elements ({called}, {mask.mode} mode) and "
        f"{len(view.peaks)} MACS3 peaks.",
        f"Boxes: full, {LEGEND['shared']}; upper half, {LEGEND['mask-only']}; lower half, {LEGEND['peak-only']}; "
        f"hatched, {LEGEND['forced'].lower()}.",
        "Hatched signal: not measured, which is not zero.",
    ]
    if extra.arcs:
        sentences.append("Arcs: from elements to the TSS, wider where the contact is stronger.")
    if extra.rows:
        titles = ", ".join(row.title for row in extra.rows)
        hollow = any(not box.strong for row in extra.rows for box in row.boxes)
        sentences.append(f"Rows below: {titles}." + (" Hollow: tested, not significant." if hollow else ""))
    if with_truth:
        sentences.append("Truth: known because the data are simulated; no model reads it.")
    if view.provenance.get("synthetic") == "yes":
        sentences.append("Synthetic data: nothing here was measured.")
    sentences.append("Coordinates are 1-based, both ends included.")
    return one_line(" ".join(sentences))


def provenance(view: LocusView, facts: ExportFacts, beside: Beside | None = None) -> tuple[tuple[str, str], ...]:
    """Name and value of everything the picture's numbers depend on, in reading order; one line each."""
    axes = axes_in_words(view, beside or Beside())
    gene, mask, overlap = view.gene, view.mask, view.overlap
    tss = f"TSS {gene.chrom}:{gene.tss + 1:,} ({gene.strand})"
    rows = [
        ("Model", badge(view)),
        *(("What-if", change) for change in mask.changes),
        *(("Setting moved: " + name, value) for name, value in facts.moved.items()),
        ("Gene", " ".join(part for part in (gene.symbol, gene.gene_id) if part) + ", " + tss),
        ("Cell type", view.cell_type),
        ("Shown", str(facts.visible)),
        *(("Marked: " + name, str(place)) for place, name in facts.marks),
        *((("Lanes left out", ", ".join(facts.left_out)),) if facts.left_out else ()),
        *((("Signal axes", axes),) if axes else ()),
        ("Window", str(view.interval)),
        *((TITLES.get(key, key), value) for key, value in view.provenance.items()),
        ("Mask", f"{mask.mode} mode, threshold {mask.threshold:g}, no-signal level {mask.floor:.2f}, "
         f"{mask.ratio_outside_promoter:.1%} kept outside the promoter"),
        ("CAGE, log10(1 + tags)", expression(view)),
        ("Peaks", view.peak_note or ("called by MACS3" if view.peaks else "none")),
    ]  # fmt: skip
    if overlap is not None:
        shares = (("Jaccard", overlap.jaccard), ("precision", overlap.precision), ("recall", overlap.recall))
        rows.append(("Elements against peaks", ", ".join(f"{name} {_number(value)}" for name, value in shares)))
    rows += [("Missing input", f"{m.name} {m.share:.1%}: {m.stand_in} stood in") for m in view.missing]
    rows.append(("Exported", facts.made_on))
    return tuple((one_line(name), one_line(value)) for name, value in rows)


def axes_in_words(view: LocusView, beside: Beside) -> str:
    """Scale and upper end of every signal axis that ``beside`` decides; empty where it decides none."""
    parts = [
        f"{track.title or track.name} {scale.kind} to {scale.top:.4g}" + (f" ({scale.words})" if scale.words else "")
        for track in view.tracks
        if track.available and (scale := beside.scales.get(track.name)) is not None
    ]
    return "; ".join(parts)


def expression(view: LocusView) -> str:
    """Predicted, promoter-only and observed expression; numbers of untrained weights are never given."""
    trained = view.provenance.get("trained") == "yes"
    values = (
        ("predicted", view.prediction_log10 if trained else None),
        ("promoter only", view.promoter_only_log10 if trained else None),
        ("observed", view.observed_log10),
    )
    return ", ".join(f"{name} {_number(value)}" for name, value in values)


def _number(value: float | None) -> str:
    return "not available" if value is None or math.isnan(value) else f"{value:.3f}"


def comment_lines(view: LocusView, facts: ExportFacts) -> tuple[str, ...]:
    """Title and provenance as ``#`` lines for the head of a text file."""
    return (f"# {title(view, facts)}", *(f"# {name}: {value}" for name, value in provenance(view, facts)))
