"""What the Perturb page shows around its figure: before and after, the table that switches, the tornado, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from seq2exp.figures.perturb import Switch, perturb_figure, signed
from seq2exp.figures.tornado import MOST_ROWS, tornado_figure
from seq2exp.genome import Interval
from seq2exp.inference.agreement import Agreement, agreement
from seq2exp.inference.perturb import DeletionScan
from seq2exp.inference.perturb_report import effects_csv, scan_csv
from seq2exp.results import LocusView, TrueElement
from seq2exp.ui import inputs, perturb_state, viewport
from seq2exp.ui.panels import PLOTLY_CONFIG, theme_name
from seq2exp.ui.perturb_found import Found
from seq2exp.ui.perturb_state import Edits
from seq2exp.ui.text import number, plain, tags

FIGURE, TORNADO, BASELINE = "perturb figure", "perturb tornado", "perturb_baseline"
WORDS: dict[Switch, str] = {"as called": "as called", "off": "off: 0", "half": "half: 0.5", "on": "on: 1"}
"""What an element can be, with the mask it then has."""


def figure(
    found: Found,
    edited: LocusView,
    visible: Interval,
    edits: Edits,
    scan: DeletionScan | None,
    truth: Sequence[TrueElement] | None,
) -> None:
    """The locus; drawing a box across it zooms in."""
    view = found.view
    st.plotly_chart(
        perturb_figure(
            view,
            edited.mask,
            visible,
            bars=found.bars(edits),
            scan=None if scan is None else scan.by_position(),
            base_edits=[(edit.position, f"{edit.ref}>{edit.alt}") for edit in edits.bases],
            truth=truth,
            theme=theme_name(),
        ),
        key=FIGURE,
        theme=None,
        on_select=lambda: _zoom_to_box(view.interval),
        selection_mode="box",
        config=PLOTLY_CONFIG,
        alt=f"Genes, mask and effects of switching off parts of {view.gene.symbol} in {view.cell_type}, {visible}",
    )


def _zoom_to_box(window: Interval) -> None:
    boxes = st.session_state[FIGURE]["selection"]["box"]
    if boxes:
        low, high = boxes[0]["x"][:2]
        stretch = viewport.selected((low, high), window)
        if stretch is not None:
            inputs.keep_stretch(stretch)


def before_and_after(before: LocusView, after: LocusView, *, predicts: bool, edited: bool) -> None:
    """The prediction before and after the edits, their difference and the factor it is."""
    if not predicts or before.prediction_log10 is None or after.prediction_log10 is None:
        reason = "no checkpoint is loaded" if before.prediction_log10 is None else "the weights are not trained"
        st.caption(f"No prediction: {reason}. Edits change the mask; what they do to expression cannot be said.")
        return
    change = after.prediction_log10 - before.prediction_log10
    columns = st.columns(5)
    columns[0].metric("Before, log10(1 + CAGE)", number(before.prediction_log10), help="Predicted, nothing edited")
    columns[1].metric("After", number(after.prediction_log10) if edited else number(None))
    columns[2].metric("Change, log10", signed(change) if edited else number(None))
    columns[3].metric("Factor", f"x {10**change:.3g}" if edited else number(None), help="On 1 + CAGE tags")
    columns[4].metric("Observed", number(before.observed_log10), help="Measured on the unedited genome")
    # Said in either case, so that what is below keeps its place when the first element is switched.
    was, now = tags(before.prediction_log10), tags(after.prediction_log10)
    st.caption(f"In tags: {was} before, {now} after." if edited else f"In tags: {was}; nothing is edited.")


def element_rows(found: Found, edits: Edits) -> pd.DataFrame:
    """One row per element in genome order; coordinates 1-based, both ends included."""
    elements = found.view.mask.elements
    columns: dict[str, list[Any]] = {
        "Element": [f"E{rank}" for rank in range(1, len(elements) + 1)],
        "Now": [WORDS[edits.of(place)] for place in found.places],
    }
    if found.effects is not None:
        columns["Δ log10"] = [round(effect.delta_log10, 4) + 0.0 for effect in found.effects]
        columns["Factor"] = [effect.factor for effect in found.effects]
    if found.truth is not None:
        columns["Truth Δ"] = [None if one is None else round(one.effect_log10, 4) for one in found.truth]
    if found.crispri is not None:
        columns["CRISPRi Δ"] = [None if one is None else round(one.effect_log10, 4) for one in found.crispri]
        columns["Significant"] = ["" if one is None else "yes" if one.significant else "no" for one in found.crispri]
    columns["From TSS"] = [element.tss_distance_bp for element in elements]
    columns["Mean"] = [element.mean for element in elements]
    columns["Start"] = [place.start + 1 for place in found.places]
    columns["End"] = [place.end for place in found.places]
    return pd.DataFrame(columns)


def _table_key(found: Found) -> str:
    """Of the table: another one whenever it starts anew or other elements are called."""
    return f"perturb table {perturb_state.drawn()} {hash(found.places)}"


def with_cells(found: Found, edits: Edits) -> Edits:
    """``edits`` with what was switched in the table since it was drawn; puts it in force.

    The table starts from a baseline and keeps its own cell edits on top, so that it is not built anew, and the
    keyboard's place in it not lost, whenever a cell is switched.
    """
    state, key = st.session_state, _table_key(found)
    baseline: tuple[str, Edits] | None = state.get(BASELINE)
    if baseline is None or baseline[0] != key or key not in state:
        state[BASELINE] = (key, edits)
        return edits
    switched = replace(baseline[1], bases=edits.bases)
    by_words = {words: switch for switch, words in WORDS.items()}
    for row, cells in state[key]["edited_rows"].items():
        switch = by_words.get(cells.get("Now"))
        if switch is not None and int(row) < len(found.places):
            switched = switched.switch(found.places[int(row)], switch)
    perturb_state.take(switched)
    return switched


def element_table(found: Found) -> None:
    """The called elements, each with what it is switched to."""
    rows = element_rows(found, st.session_state[BASELINE][1])
    allowed = [WORDS[switch] for switch in perturb_state.switches(found.view.mask.mode)]
    formats: dict[str, Any] = {
        "Now": st.column_config.SelectboxColumn(
            options=allowed, required=True, help="Double-click, or press Enter, to switch this element"
        ),
        "Element": st.column_config.TextColumn(pinned=True, width=70),
        "From TSS": st.column_config.NumberColumn(
            format="localized", help="Middle of the element in bp; positive in the direction of transcription"
        ),
        "Mean": st.column_config.NumberColumn(format="%.2f", help="Mean of the mask over the element, as called"),
        "Factor": st.column_config.NumberColumn(format="%.3g", help="What 1 + CAGE is multiplied by without it"),
    }
    formats |= {name: st.column_config.NumberColumn(format="localized") for name in ("Start", "End")}
    formats |= {
        name: st.column_config.NumberColumn(format="%.3g", help=words)
        for name, words in (
            ("Δ log10", "Predicted log10(1 + CAGE) without this element alone, minus with it"),
            ("Truth Δ", "log10 of true expression without what the element covers, minus with it"),
            ("CRISPRi Δ", "log10 of measured expression when silenced, minus without"),
        )
    }
    st.data_editor(
        rows,
        key=_table_key(found),
        hide_index=True,
        disabled=[name for name in rows.columns if name != "Now"],
        column_config={name: formats[name] for name in rows.columns if name in formats},
        height="auto",
        alt="Called elements and what each is switched to",
    )


def one_at_a_time(found: Found, edits: Edits) -> None:
    """What each element alone does to the prediction, and how that agrees with what is known of it."""
    if found.effects is None:
        st.markdown("**Switched off one at a time**")
        st.caption("Needs a trained checkpoint: without a prediction there are no effects.")
        return
    st.markdown("**Switched off one at a time**: press a bar to keep it off")
    _tornado(found, edits)
    if found.truth is None and found.crispri is None:
        st.caption("Nothing to compare with: this data set has neither known truth nor a CRISPRi screen.")
        return
    st.caption("Full markers: an effect in the truth, significant in CRISPRi. Hollow: none, or not significant.")
    for name, known in (("Truth", found.truth), ("CRISPRi", found.crispri)):
        if known is not None:
            st.caption(f"**{name}**: {plain(agreement_in_words(agreement(found.effects, known)))}")


def _tornado(found: Found, edits: Edits) -> None:
    """Pressing a row switches its element off, pressing again leaves it as called."""
    bars = found.bars(edits)
    st.plotly_chart(
        tornado_figure(bars, theme=theme_name()),
        key=TORNADO,
        theme=None,
        on_select=lambda: _toggle({bar.name: bar.interval for bar in bars}),
        selection_mode="points",
        config={"displayModeBar": False},
        alt=f"What switching off each element of {found.view.gene.symbol} alone does to the prediction",
    )
    if len(bars) > MOST_ROWS:
        st.caption(f"The {MOST_ROWS} strongest of {len(bars)}; all are in the table.")


def _toggle(places: Mapping[str, Interval]) -> None:
    chosen = st.session_state[TORNADO]["selection"]["points"]
    edits = perturb_state.current()
    for point in chosen:
        told = point.get("customdata") or [""]
        place = places.get(str(told[0]))
        if place is not None and point.get("curve_number") == 0:
            edits = edits.switch(place, "as called" if edits.of(place) == "off" else "off")
    if edits != perturb_state.current():
        perturb_state.take(edits)
        perturb_state.draw_anew()


def agreement_in_words(result: Agreement) -> str:
    """One line: rank correlation and shared signs, each with its number of elements."""
    if result.n == 0:
        return "no called element meets one that is known."
    elements = f"{result.n} element{'s' if result.n > 1 else ''}"
    if result.spearman is None:
        rank = f"known for {elements}; too few, or all alike, for a rank correlation"
    else:
        rank = f"Spearman {result.spearman:+.2f} over {elements}"
    if result.same_sign is None:
        return f"{rank}; {result.n_signed} with an effect, too few to count signs."
    return f"{rank}; same sign in {result.same_sign} of {result.n_signed} with an effect."


def downloads(found: Found, scan: DeletionScan | None) -> None:
    """Effects and scan as CSV, each under lines that say where they come from."""
    view = found.view
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in view.gene.symbol) or "gene"
    with st.container(horizontal=True):
        if found.effects:
            table = effects_csv(view, found.effects, truth=found.truth, crispri=found.crispri)
            st.download_button("Effects, CSV", table, f"{stem}_effects.csv", "text/csv", on_click="ignore")
        if scan is not None:
            st.download_button("Scan, CSV", scan_csv(view, scan), f"{stem}_scan.csv", "text/csv", on_click="ignore")
        if found.effects:
            st.caption("Effects are those of the unedited sequence: one element switched off, all others as called.")
