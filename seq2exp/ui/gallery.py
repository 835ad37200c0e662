"""Which loci the gallery shows, and why: chosen by their figures alone, from held-out genes where folds are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from seq2exp.genome import Interval
from seq2exp.results import BoolArray, FloatArray
from seq2exp.sources.truth import TruthElement

Kind = Literal["best", "worst", "enhancers", "decoy", "failure"]
TITLES: Mapping[Kind, str] = {
    "best": "Best predicted",
    "worst": "Worst predicted",
    "enhancers": "Driven by its elements",
    "decoy": "Decoy rejected",
    "failure": "Failure of the mask",
}
OPEN_DECOY = "open_decoy"
"""Class of the truth table: open like an enhancer, without its motifs."""
LEAST_ADDED_LOG10 = 0.05
"""An eighth more expression; below it, nobody would call a gene driven by its elements."""
PARTS = ("train", "valid", "test")
MOST_TRIED = 6
"""Genes whose mask is looked at for a rejected decoy; each costs one run of the generator."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One card: a gene, and the figures it was chosen by in one line."""

    kind: Kind
    gene_id: str
    why: str


@dataclass(frozen=True, eq=False)
class Glance:
    """The mask of one gene as the checkpoint was trained."""

    window: Interval
    centre: Interval
    mean: FloatArray
    """(L,)."""
    judged: BoolArray
    """(L,) False where a rule decides."""
    threshold: float
    called: tuple[Interval, ...]


def held_out(table: pd.DataFrame) -> pd.DataFrame:
    """The scored rows a gallery may choose from: test genes where the data set has a split, else all.

    Rows with a problem, or of a model that was not run as trained, are left out.
    """
    scored = table[table["n_elements"].notna() & (table["problem"] == "") & (table["what_if"] == "")]
    return scored[scored["fold"] == "test"] if table["fold"].isin(PARTS).any() else scored


def picks(rows: pd.DataFrame) -> tuple[Pick, ...]:
    """What the scores alone can tell: best, worst, driven by elements, failure; a kind no gene fits is left out."""
    chosen: tuple[Callable[[pd.DataFrame], Pick | None], ...] = (best, worst, driven_by_elements, failure)
    return tuple(pick for choose in chosen if (pick := choose(rows)) is not None)


def best(rows: pd.DataFrame) -> Pick | None:
    """The smallest error among genes observed at or above their median: silent genes are easy."""
    known = rows[rows["error_log10"].notna()]
    if known.empty:
        return None
    loud = known[known["observed_log10"] >= known["observed_log10"].median()]
    row = _row(loud, loud["error_log10"].abs().idxmin())
    return Pick("best", row["gene_id"], f"Smallest error of {len(loud):,} genes at or above the median: {_error(row)}")


def worst(rows: pd.DataFrame) -> Pick | None:
    """The largest error."""
    known = rows[rows["error_log10"].notna()]
    if known.empty:
        return None
    row = _row(known, known["error_log10"].abs().idxmax())
    return Pick("worst", row["gene_id"], f"Largest error of {len(known):,} genes: {_error(row)}")


def driven_by_elements(rows: pd.DataFrame) -> Pick | None:
    """The largest predicted minus promoter only, where elements add `LEAST_ADDED_LOG10` or more."""
    added = (rows["predicted_log10"] - rows["promoter_only_log10"]).dropna()
    if added.empty or added.max() < LEAST_ADDED_LOG10:
        return None
    row = _row(rows, added.idxmax())
    words = f"predicted {row['predicted_log10']:.2f}, promoter only {row['promoter_only_log10']:.2f}"
    return Pick("enhancers", row["gene_id"], f"Elements add {added.max():+.2f} log10, the most of all: {words}")


def failure(rows: pd.DataFrame) -> Pick | None:
    """The gene that misses most of its causal elements; where none is missed, the one with most wrong calls."""
    known = rows[(rows["n_causal_elements"] > 0) & (rows["causal_recall"] < 1)]
    if not known.empty:
        missed = (known["n_causal_elements"] * (1 - known["causal_recall"])).round()
        row = _row(known, missed.idxmax())
        n_missed, n_causal = int(missed.max()), int(row["n_causal_elements"])
        return Pick("failure", row["gene_id"], f"{n_missed} of its {n_causal} causal elements are not called")
    wrong = (rows["n_elements"] * (1 - rows["causal_precision"])).round().dropna()
    if wrong.empty or wrong.max() < 1:
        return None
    row = _row(rows, wrong.idxmax())
    words = f"{int(wrong.max())} of its {int(row['n_elements'])} called elements meet no causal one"
    return Pick("failure", row["gene_id"], words)


def decoy_candidates(rows: pd.DataFrame, truth: Mapping[str, Sequence[TruthElement]]) -> tuple[str, ...]:
    """Ids of genes to look at for a rejected decoy: a causal element called, an open decoy there; best calls first."""
    found = rows[rows["causal_recall"] > 0].sort_values(["causal_precision", "causal_recall"], ascending=False)
    with_decoy = (
        gene_id
        for gene_id in found["gene_id"]
        if any(element.element_class == OPEN_DECOY and not element.causal for element in truth.get(gene_id, ()))
    )
    return tuple(with_decoy)[:MOST_TRIED]


def rejected_decoy(gene_id: str, glance: Glance, elements: Iterable[TruthElement]) -> Pick | None:
    """The gene as a card if an open decoy stays below the threshold while a causal element of it is called."""
    elements = tuple(elements)
    causal = [element.interval for element in elements if element.causal and _judged(glance, element.interval)]
    n_called = sum(any(place.overlaps(called) for called in glance.called) for place in causal)
    decoys = [
        highest
        for element in elements
        if element.element_class == OPEN_DECOY
        and not element.causal
        and not any(element.interval.overlaps(called) for called in glance.called)
        and (highest := _highest(glance, element.interval)) is not None
        and highest < glance.threshold
    ]
    if not n_called or not decoys:
        return None
    words = f"{n_called} of {len(causal)} causal elements called; an open decoy is not: its highest mask mean is "
    return Pick("decoy", gene_id, f"{words}{min(decoys):.2f}, below the threshold {glance.threshold:.2f}")


def _cut(glance: Glance, place: Interval) -> slice | None:
    inside = place.intersect(glance.window)
    return None if inside is None else slice(inside.start - glance.window.start, inside.end - glance.window.start)


def _judged(glance: Glance, place: Interval) -> bool:
    cut = _cut(glance, place)
    return cut is not None and bool(glance.judged[cut].any())


def _highest(glance: Glance, place: Interval) -> float | None:
    """The largest mean on judged bases; None where a rule decides all, or any lies beyond the window."""
    cut = _cut(glance, place)
    if cut is None or cut.stop - cut.start < place.width or not glance.judged[cut].any():
        return None
    return float(glance.mean[cut][glance.judged[cut]].max())


def _row(rows: pd.DataFrame, label: Any) -> dict[str, Any]:
    """The row of an index label, by column."""
    return {str(name): value for name, value in rows.loc[label].items()}


def _error(row: Mapping[str, Any]) -> str:
    return f"{row['error_log10']:+.2f}, predicted {row['predicted_log10']:.2f}, observed {row['observed_log10']:.2f}"
