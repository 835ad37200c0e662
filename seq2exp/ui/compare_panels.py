"""What the comparison shows: badges of each side, the figure, expression, overlap, the biggest changes, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from seq2exp.figures.compare import compare_figure
from seq2exp.genome import Interval
from seq2exp.inference.compare import Comparison, Pair, changes_csv
from seq2exp.results import LocusView, TrueElement
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import badges, compare_navigation, panels, track_scale
from seq2exp.ui.cache import Answer
from seq2exp.ui.compare_inputs import Chosen
from seq2exp.ui.held_out import acquaintance
from seq2exp.ui.text import number, percent, plain

FIGURE = "compare_figure"
_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "scrollZoom": False,
    "doubleClick": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "seq2exp-compare"},
}
"""Zoom belongs to the server, which redraws finer bins."""

Truths = tuple[Sequence[TrueElement] | None, Sequence[TrueElement] | None]


@dataclass(frozen=True)
class Answered:
    """One side with what the model said of it."""

    chosen: Chosen
    answer: Answer

    @property
    def view(self) -> LocusView:
        """The view of the shared gene."""
        return self.answer.view

    @property
    def trained(self) -> bool:
        """Whether its prediction means anything."""
        return self.chosen.checkpoint is not None and self.chosen.checkpoint.trained


def side_badges(opened: Dataset, side: Answered) -> None:
    """Whose numbers these are, whether the model has seen the gene, and what was missing."""
    badges.model_badge(side.view.mask, trained=side.trained)
    checkpoint = side.chosen.checkpoint
    if checkpoint is not None:
        known = acquaintance(opened, side.view.gene, side.chosen.cell_type, checkpoint.provenance)
        badges.gene_badge(known)
        badges.scale_badge(track_scale.compared(opened, side.chosen.cell_type, checkpoint))
    panels.notices(side.view)


def sameness(opened: Dataset, a: Answered, b: Answered) -> None:
    """Why A and B cannot differ by cell type, and what to do where they do not differ at all."""
    words = []
    if len(opened.cell_types) == 1:
        words.append("This data set has one cell type: A and B can differ by checkpoint and settings.")
    if a.answer is b.answer:
        words.append("A and B are the same: choose another cell type or checkpoint, or settings of their own.")
    if words:
        st.info(" ".join(words))


def names(a: Answered, b: Answered) -> tuple[str, str]:
    """What tells A from B: the cell types, with the checkpoints where those differ too or are all that does."""
    cells = (a.chosen.cell_type, b.chosen.cell_type)
    checkpoints = tuple(
        "no checkpoint" if side.chosen.checkpoint is None else side.chosen.checkpoint.name for side in (a, b)
    )
    if checkpoints[0] == checkpoints[1]:
        return cells
    return f"{cells[0]} · {checkpoints[0]}", f"{cells[1]} · {checkpoints[1]}"


def figure(a: Answered, b: Answered, compared: Comparison, visible: Interval, *, truth: Truths, lock_y: bool) -> None:
    """The comparison on one axis; drawing a box across it zooms in."""
    view = a.view
    st.plotly_chart(
        compare_figure(
            view,
            b.view,
            compared.difference,
            compared.settled,
            changes=[change.interval for change in compared.changes],
            visible=visible,
            names=names(a, b),
            truth=truth,
            lock_y=lock_y,
            theme=panels.theme_name(),
        ),
        key=FIGURE,
        theme=None,
        on_select=lambda: compare_navigation.zoom_to_box(FIGURE, view.gene, view.interval),
        selection_mode="box",
        config=_CONFIG,
        alt=f"Genes, signals, masks, B - A, elements and peaks of {view.gene.symbol}: A {view.cell_type}, "
        f"B {b.view.cell_type}, {visible}",
    )


def _signed(value: float | None) -> str:
    return number(None) if value is None else f"{value:+.2f}"


def expression(a: Answered, b: Answered, compared: Comparison) -> None:
    """CAGE of A and B as predicted and as observed, and B - A of both."""
    st.markdown("**CAGE at the TSS**, log10(1 + tags)")
    predicted, observed = compared.predicted, compared.observed
    rows = pd.DataFrame(
        {
            "Predicted": [number(predicted.a), number(predicted.b), _signed(predicted.difference)],
            "Observed": [number(observed.a), number(observed.b), _signed(observed.difference)],
        },
        index=[*(f"{side.chosen.letter} {plain(side.chosen.cell_type, limit=40)}" for side in (a, b)), "B - A"],
    )
    st.table(rows)
    for side in (a, b):
        letter = side.chosen.letter
        if side.view.prediction_log10 is None:
            st.caption(f"{letter}: no prediction, as no checkpoint is loaded.")
        elif not side.trained:
            given = number(side.view.prediction_log10)
            st.caption(
                f"{letter}: no prediction, as the weights are not trained. They give {given}, which means nothing."
            )
        if side.view.observed_log10 is None:
            st.caption(f"{letter}: not observed, as this data set has no CAGE for this gene and cell type.")
    words = [
        f"{what} {_fold(pair)}" for what, pair in (("predicted", predicted), ("observed", observed)) if _fold(pair)
    ]
    if words:
        st.caption(f"Tags in B over tags in A: {', '.join(words)}.")


def _fold(pair: Pair) -> str:
    """B's tags over A's; nothing where one is unknown or A has next to none."""
    if pair.a is None or pair.b is None:
        return ""
    of_a, of_b = 10**pair.a - 1, 10**pair.b - 1
    return "" if of_a < 1 or of_b < 0 else f"{of_b / of_a:.2g}-fold"


def overlap(a: Answered, b: Answered, compared: Comparison) -> None:
    """How A's called elements meet B's."""
    shared = compared.overlap
    st.markdown("**Elements of A against elements of B**")
    columns = st.columns(5)
    of_a, of_b = (side.view.mask.elements for side in (a, b))
    columns[0].metric("Elements A", len(of_a))
    columns[1].metric("Elements B", len(of_b))
    columns[2].metric("A only", compared.elements_a.count("A only"), help="Elements of A that meet none of B")
    columns[3].metric("B only", compared.elements_b.count("B only"), help="Elements of B that meet none of A")
    columns[4].metric("Jaccard", number(shared.jaccard), help="Shared bases / bases in either")
    st.caption(
        f"By base: {shared.elements_bp:,} bp in A, {shared.peaks_bp:,} bp in B, {shared.shared_bp:,} bp in both: "
        f"{percent(shared.precision)} of A, {percent(shared.recall)} of B. Jaccard with the own MACS3 peaks: "
        + ", ".join(
            f"{side.chosen.letter} {number(None if side.view.overlap is None else side.view.overlap.jaccard)}"
            for side in (a, b)
        )
        + "."
    )


def change_rows(compared: Comparison) -> pd.DataFrame:
    """One row per change, the biggest first; coordinates 1-based, both ends included."""
    rows = [
        (
            f"D{rank}",
            change.interval.chrom,
            change.interval.start + 1,
            change.interval.end,
            change.interval.width,
            change.mean_a,
            change.mean_b,
            change.difference,
            change.bases,
            change.tss_distance_bp,
        )
        for rank, change in enumerate(compared.changes, start=1)
    ]
    columns = (
        "Change",
        "Chromosome",
        "Start",
        "End",
        "Length, bp",
        "Mean A",
        "Mean B",
        "B - A",
        "Bases",
        "From TSS, bp",
    )
    return pd.DataFrame(rows, columns=list(columns))


def changes(a: Answered, b: Answered, compared: Comparison) -> None:
    """The biggest changes with their download."""
    st.markdown("**Biggest changes of the mask**, from A to B")
    if compared.changes:
        formats = {name: st.column_config.NumberColumn(format="localized") for name in ("Start", "End", "Length, bp")}
        formats |= {name: st.column_config.NumberColumn(format="%.3f") for name in ("Mean A", "Mean B")}
        formats["B - A"] = st.column_config.NumberColumn(format="%+.3f", help="Difference of the mask means")
        formats["Bases"] = st.column_config.NumberColumn(
            format="%+.1f", help="Difference times length: whole bases of mask gained (+) or lost (-)"
        )
        formats["From TSS, bp"] = st.column_config.NumberColumn(
            format="localized", help="Middle of the change; positive in the direction of transcription"
        )
        st.dataframe(change_rows(compared), hide_index=True, column_config=formats, height="auto")
    else:
        st.caption("None: outside what rules decide, no base differs by 0.05 or more.")
    gene = a.view.gene.symbol
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in gene) or "gene"
    with st.container(horizontal=True, vertical_alignment="center"):
        csv = changes_csv(compared, a.view, b.view)
        st.download_button("CSV", csv, f"{stem}_changes.csv", "text/csv", key="compare_csv", on_click="ignore")
        st.caption(
            "Stretches that differ by at least half as much as the base that differs most; "
            "coordinates are 1-based, both ends included."
        )


def provenance(a: Answered, b: Answered) -> None:
    """Model, data and settings of each side."""
    with st.expander("Where these numbers come from"):
        for column, side in zip(st.columns(2), (a, b), strict=True):
            with column:
                st.markdown(f"**{side.chosen.letter}**: {plain(side.chosen.cell_type)}")
                for change in side.view.mask.changes:
                    st.markdown(f"- What-if: {plain(change)}")
                for name, value in side.view.provenance.items():
                    st.markdown(f"- {plain(name)}: {plain(value)}")
                st.markdown(f"- peaks: {plain(side.view.peak_note) or 'none'}")
                panels.latency(side.answer)
