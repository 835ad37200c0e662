"""What stands around the figure: the figure itself, the numbers, the element table, and where it all came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import streamlit as st

from seq2exp.figures.beside import Beside
from seq2exp.figures.expression import expression_figure
from seq2exp.figures.locus import locus_figure
from seq2exp.figures.mask import classify_elements
from seq2exp.figures.style import ThemeName
from seq2exp.genome import Interval
from seq2exp.inference.report import elements_bed
from seq2exp.results import LocusView, TrueElement
from seq2exp.settings import ElementSettings
from seq2exp.ui import chosen, inputs, streaming
from seq2exp.ui.cache import Answer
from seq2exp.ui.text import milliseconds, missing_in_words, number, percent, plain, tags
from seq2exp.ui.tracks import component

PLOTLY_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "scrollZoom": False,
    "doubleClick": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "seq2exp-locus"},
}
"""Zoom belongs to the server (the page redraws finer bins), so the browser's own zoom tools are left out."""

PROMOTER_ONLY = (
    "The same prediction with every base outside the promoter centre masked: "
    "what lies between the two is what the elements add."
)


def theme_name() -> ThemeName:
    """The page's theme, for figures."""
    return "dark" if st.context.theme.type == "dark" else "light"


def figure(
    view: LocusView, visible: Interval, truth: Sequence[TrueElement] | None = None, beside: Beside | None = None
) -> None:
    """The locus figure in the page's theme; drawing a box across it zooms in."""
    st.plotly_chart(
        locus_figure(view, visible, truth=truth, beside=beside, theme=theme_name()),
        key="figure",
        theme=None,
        on_select=lambda: inputs.zoom_to_box(view.interval),
        selection_mode="box",
        config=PLOTLY_CONFIG,
        alt=f"Genes, signals, mask, elements and peaks of {view.gene.symbol} in {view.cell_type}, {visible}",
    )


def notices(view: LocusView) -> None:
    """Inputs that were absent, each with what stood in for it."""
    for missing in view.missing:
        colour = "orange" if missing.share >= 1 or missing.name == "rna_features" else "gray"
        st.badge(plain(missing_in_words(missing)), color=cast(Any, colour))


def banner(answer: Answer, read_again: Callable[[], None]) -> None:
    """What went otherwise than wanted while computing, and what was streamed; ``read_again`` asks servers anew."""
    if answer.notice:
        st.warning(plain(answer.notice))
    streaming.told(answer.streamed, answer.unavailable, answer.view, read_again)


def latency(answer: Answer) -> None:
    """How long each stage took when it last ran, and where."""
    timings = answer.timings
    stages = {
        "window": timings.window_ms,
        "generator": timings.generator_ms,
        "mask": timings.combine_ms,
        "predictor": timings.predictor_ms,
    }
    words = " · ".join(f"{stage} {milliseconds(value)}" for stage, value in stages.items())
    st.caption(f"{plain(answer.device)} · {words}")


def highest_outside_promoter(view: LocusView) -> tuple[float, int] | None:
    """The largest mask mean no rule decides and its 0-based base; None where rules decide every base."""
    free = ~(view.mask.forced_on | view.mask.forced_off)
    if not free.any():
        return None
    values = np.where(free, view.mask.mean, -1)
    at = int(values.argmax())
    return float(values[at]), view.interval.start + at


def threshold_for_one_element(view: LocusView, min_length_bp: int) -> float | None:
    """The highest threshold, in steps of 0.01, at which one run of ``min_length_bp`` free bases is called."""
    free = ~(view.mask.forced_on | view.mask.forced_off)
    if len(free) < min_length_bp:
        return None
    values = np.where(free, view.mask.mean, -1)
    lowest_of_run = np.lib.stride_tricks.sliding_window_view(values, min_length_bp).min(axis=-1)
    best = np.floor(float(lowest_of_run.max()) * 100) / 100
    return float(best) if best >= 0.01 else None


def empty_result(view: LocusView, elements: ElementSettings) -> None:
    """What to do when nothing is called: the highest mean, where it is, and a threshold that calls it."""
    if view.mask.elements:
        return
    top = highest_outside_promoter(view)
    if top is None:
        st.info("0 elements: a rule decides every base of this window.")
        return
    highest, at = top
    place = f"{view.interval.chrom}:{at + 1:,}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(
            f"0 elements at threshold {view.mask.threshold:.2f}; highest mean {highest:.2f} at {plain(place)}.",
            width=560,
        )
        lower = threshold_for_one_element(view, elements.min_length_bp)
        if view.mask.mode != "top-k" and lower is not None and lower < view.mask.threshold:
            st.button(f"Set threshold to {lower:.2f}", key="lower threshold", on_click=_set_threshold, args=(lower,))


def _set_threshold(value: float) -> None:
    st.session_state["threshold"] = value


def expression_line(view: LocusView) -> None:
    """The three numbers in one line above the figure, where they are seen while a slider moves."""
    if view.prediction_log10 is None or view.provenance.get("trained") != "yes":
        return
    st.markdown(
        f"CAGE **{number(view.prediction_log10)}** predicted · **{number(view.observed_log10)}** observed · "
        f"**{number(view.promoter_only_log10)}** promoter only",
        width="content",
    )


def expression(view: LocusView) -> None:
    """CAGE as predicted, as observed, and as predicted from the promoter alone, on one axis and in tags."""
    st.markdown("**CAGE at the TSS**, log10(1 + tags)")
    trained = view.provenance.get("trained") == "yes"
    predicted = view.prediction_log10 if trained else None
    promoter_only = view.promoter_only_log10 if trained else None
    columns = st.columns([1, 1, 1.25])
    columns[0].metric("Predicted", number(predicted))
    columns[1].metric("Observed", number(view.observed_log10))
    columns[2].metric("Promoter only", number(promoter_only), help=PROMOTER_ONLY)
    if predicted is not None:
        drawn = expression_figure(predicted, view.observed_log10, promoter_only, theme=theme_name())
        words = f"CAGE of {view.gene.symbol} on one axis: predicted, observed and promoter only"
        component.figure(drawn, words, key="expression")
    if view.prediction_log10 is None:
        st.caption("No prediction: no checkpoint is loaded.")
    elif not trained:
        given = number(view.prediction_log10)
        st.caption(f"No prediction: the weights are not trained. They give {given}, which means nothing.")
    else:
        st.caption(plain(expression_in_words(predicted, view.observed_log10, promoter_only)))
    if view.observed_log10 is None:
        st.caption("Not observed: this data set has no CAGE for this gene and cell type.")


def expression_in_words(predicted: float | None, observed: float | None, promoter_only: float | None) -> str:
    """The three numbers as CAGE tags, for those who do not think in logarithms."""
    parts = [
        f"{words} {tags(value)}"
        for words, value in (
            ("predicted", predicted),
            ("measured", observed),
            ("with the promoter alone", promoter_only),
        )
        if value is not None
    ]
    return "In tags: " + ", ".join(parts) + "."


def numbers(view: LocusView) -> None:
    """Expression, what the mask keeps, and how it meets the MACS3 peaks."""
    overlap = view.overlap
    left, right = st.columns([5, 9], gap="medium")
    with left:
        expression(view)
    with right:
        st.markdown("**Elements against MACS3 peaks**, by base")
        wide = st.columns([1.1, 1.5, 1, 1.2, 1.3, 1.2])
        wide[0].metric("Elements", len(view.mask.elements))
        kept_help = "Mean of the mask over the window, promoter left out"
        wide[1].metric("Mask kept", percent(view.mask.ratio_outside_promoter), help=kept_help)
        wide[2].metric("Peaks", len(view.peaks))
        shares = (
            ("Jaccard", None if overlap is None else overlap.jaccard, "Shared bases / bases in either"),
            ("Precision", None if overlap is None else overlap.precision, "Share of element bases inside a peak"),
            ("Recall", None if overlap is None else overlap.recall, "Share of peak bases inside an element"),
        )
        for column, (name, value, words) in zip(wide[3:], shares, strict=True):
            column.metric(name, number(value), help=words)
        covered = None if overlap is None else overlap.peaks_covered_share
        st.caption(
            f"MACS3 peaks cover {percent(covered)} of the window; those in the forced promoter do not count."
            if view.peaks
            else f"No MACS3 peaks. {plain(view.peak_note)}"
        )


def element_rows(view: LocusView) -> pd.DataFrame:
    """One row per element in genome order; coordinates 1-based, both ends included."""
    classes = classify_elements(view.mask.elements, view.peaks)
    columns = (
        "Element",
        "Chromosome",
        "Start",
        "End",
        "Length, bp",
        "Mean",
        "sd",
        "Highest",
        "From TSS, bp",
        "Meets a peak",
    )
    rows = [
        (
            f"E{rank}",
            element.interval.chrom,
            element.interval.start + 1,
            element.interval.end,
            element.interval.width,
            round(element.mean, 4),
            round(element.sd, 4),
            round(element.peak, 4),
            element.tss_distance_bp,
            "yes" if cls == "shared" else "no",
        )
        for rank, (element, cls) in enumerate(zip(view.mask.elements, classes, strict=True), start=1)
    ]
    return pd.DataFrame(rows, columns=list(columns))


def elements_csv(view: LocusView) -> str:
    """The element table as CSV under the same ``#`` lines as the BED; coordinates 1-based, both ends included."""
    head = [line for line in elements_bed(view).splitlines() if line.startswith("#")]
    return "\n".join([*head, "# start and end: 1-based, both included"]) + "\n" + element_rows(view).to_csv(index=False)


def element_table(view: LocusView, *, live: bool) -> None:
    """Called elements with their downloads; ``live``: a row can be chosen, and the figure shows which."""
    st.markdown(f"**Called elements** in {plain(view.gene.symbol or view.gene.gene_id)}'s window")
    if view.mask.elements:
        formats = {name: st.column_config.NumberColumn(format="localized") for name in ("Start", "End", "Length, bp")}
        formats |= {name: st.column_config.NumberColumn(format="%.3f") for name in ("Mean", "sd", "Highest")}
        formats["From TSS, bp"] = st.column_config.NumberColumn(
            format="localized", help="Middle of the element; positive in the direction of transcription"
        )
        look: dict[str, Any] = {"hide_index": True, "column_config": formats, "height": "auto"}
        if live:
            row = chosen.row_of(view)
            st.session_state[chosen.TABLE] = {"selection": {"rows": [] if row is None else [row]}}
            look |= {"key": chosen.TABLE, "on_select": lambda: chosen.in_table(view), "selection_mode": "single-row"}
        st.dataframe(element_rows(view), **look)
    else:
        st.caption("None at these settings.")
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in view.gene.symbol) or "gene"
    with st.container(horizontal=True):
        st.download_button("BED", elements_bed(view), f"{stem}_elements.bed", "text/plain", on_click="ignore")
        st.download_button("CSV", elements_csv(view), f"{stem}_elements.csv", "text/csv", on_click="ignore")
        st.caption("BED is 0-based, half-open; the table and CSV are 1-based, both ends included.")


def provenance(view: LocusView) -> None:
    """Model, data, settings and changes these numbers came from."""
    with st.expander("Where these numbers come from"):
        for change in view.mask.changes:
            st.markdown(f"- What-if: {plain(change)}")
        for key, value in view.provenance.items():
            st.markdown(f"- {plain(key)}: {plain(value)}")
        st.markdown(f"- peaks: {plain(view.peak_note) or 'none'}")
