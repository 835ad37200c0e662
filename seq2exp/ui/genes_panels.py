"""The Genes page's table, scatter and figures of agreement; a click on a gene opens it in Explore."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from seq2exp import metrics
from seq2exp.figures.gene_scatter import GenePoints, gene_scatter
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import badges, inputs, track_scale
from seq2exp.ui.genes_data import NO_PART, PARTS, GeneRows, known_columns
from seq2exp.ui.held_out import acquaintance
from seq2exp.ui.panels import theme_name
from seq2exp.ui.text import number, plain

HEIGHT_PX = 420
"""Of table and scatter: with everything above they fit a 720-pixel screen."""
_OPEN, _SHOWN = "genes_open", "genes_shown"
_TABLE, _CLICK, _SCATTER = "genes_table", "genes_click", "genes_scatter"
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "scrollZoom": True,
    "modeBarButtons": [["resetScale2d", "toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "seq2exp-genes"},
}

PERCENT = "%.0f %%"
_COLUMNS: dict[str, tuple[str, str, str]] = {
    "symbol": ("Gene", "", ""),
    "fold": ("Fold", "", "Part of the data set's split"),
    "observed_log10": ("Observed", "%.2f", "log10(1 + CAGE)"),
    "predicted_log10": ("Predicted", "%.2f", "log10(1 + CAGE), as the checkpoint was trained"),
    "error_log10": ("Error", "%+.2f", "Predicted minus observed"),
    "promoter_only_log10": ("Promoter only", "%.2f", "Predicted with every base outside the promoter centre masked"),
    "n_elements": ("Elements", "%d", "Called from the mask, outside the promoter"),
    "mask_ratio_outside_promoter": ("Mask kept", PERCENT, "Mean of the mask over the window, promoter left out"),
    "jaccard": ("Jaccard", "%.2f", "Bases shared by elements and MACS3 peaks / bases in either"),
    "n_causal_elements": ("Causal", "%d", "True elements that this gene's expression depends on"),
    "causal_recall": ("Causal found", PERCENT, "Share of the causal elements that meet a called one"),
    "causal_precision": ("Called causal", PERCENT, "Share of the called elements that meet a causal one"),
    "chrom": ("Chromosome", "", ""),
    "tss": ("TSS", "localized", "Transcription start site, 1-based"),
    "strand": ("Strand", "", ""),
    "n_peaks": ("Peaks", "%d", "MACS3 peaks in the window"),
    "precision": ("Precision", "%.2f", "Share of element bases inside a peak"),
    "recall": ("Recall", "%.2f", "Share of peak bases inside an element"),
    "gene_id": ("Gene id", "", ""),
    "what_if": ("Differs from training", "", "What was missing or changed; empty: exactly as trained"),
    "problem": ("Not scored", "", "Why this gene's window could not be scored"),
}
"""Title, number format and help of each column, in this order."""


def follow_click(opened: Dataset) -> None:
    """Open Explore on the gene that was clicked in this page's last view, if one was."""
    inputs.open_in_explore(opened, st.session_state.pop(_OPEN, None))


def model_badges(opened: Dataset, cell_type: str, checkpoint: LoadedCheckpoint | None, *, truth: bool) -> None:
    """Whose numbers these are, and what the checkpoint learned from, where that is not told by a gene's fold."""
    if checkpoint is None:
        st.badge("NO CHECKPOINT: observed only", color="orange")
    elif not checkpoint.trained:
        st.badge("UNTRAINED WEIGHTS: no predictions to show", icon=":material/warning:", color="red")
    else:
        st.badge("FAITHFUL: as trained", icon=":material/verified:", color="green")
        first: Gene | None = next(iter(opened.genes), None)
        known = None if first is None else acquaintance(opened, first, cell_type, checkpoint.provenance)
        if known in ("other cell", "other data", "unknown"):
            badges.gene_badge(known)
        badges.scale_badge(track_scale.compared(opened, cell_type, checkpoint))
    badges.data_badge(synthetic=opened.synthetic, truth=truth)


def agreement(shown: pd.DataFrame) -> None:
    """Pearson, Spearman and MSE over the genes on show that have both values, and how many those are."""
    predicted, observed = shown["predicted_log10"].to_numpy(), shown["observed_log10"].to_numpy()
    n = int((shown["predicted_log10"].notna() & shown["observed_log10"].notna()).sum())
    figures = (
        ("Pearson", metrics.pearson(predicted, observed), 3),
        ("Spearman", metrics.spearman(predicted, observed), 3),
        ("MSE", metrics.mse(predicted, observed), 3),
    )
    said = " · ".join(f"{name} **{number(value, digits)}**" for name, value, digits in figures)
    st.markdown(f"{said} · n = **{n:,}**", help="Of predicted and observed log10(1 + CAGE) over the genes on show.")


def scatter(shown: pd.DataFrame) -> None:
    """Observed against predicted; clicking a mark opens its gene."""
    st.plotly_chart(
        gene_scatter(
            point_groups(shown),
            x_title="Observed, log10(1 + CAGE)",
            y_title="Predicted",
            height=HEIGHT_PX - 36,
            theme=theme_name(),
        ),
        key=_SCATTER,
        theme=None,
        on_select=_clicked_mark,
        selection_mode="points",
        config=CONFIG,
        alt="Observed against predicted expression of the genes in the table",
    )


def point_groups(shown: pd.DataFrame) -> list[GenePoints]:
    """The genes with both values by part, the held-out ones last so that they lie in front."""
    both = shown[shown["predicted_log10"].notna() & shown["observed_log10"].notna()]
    groups = []
    for part in (NO_PART, "train", "valid", "test"):
        own = both[both["fold"] == part]
        if len(own):
            groups.append(
                GenePoints(
                    part,
                    PARTS[part],
                    own["gene_id"].tolist(),
                    own["symbol"].tolist(),
                    own["observed_log10"].to_numpy(dtype=float),
                    own["predicted_log10"].to_numpy(dtype=float),
                )
            )
    return groups


def gene_table(shown: pd.DataFrame) -> None:
    """The genes on show; the name of each is a button that opens it."""
    columns = [name for name in _COLUMNS if name in known_columns(shown) or name in _always(shown)]
    frame = shown[columns].assign(tss=shown["tss"] + 1, fold=shown["fold"].map(PARTS))
    shares = [name for name in columns if _COLUMNS[name][1] == PERCENT]
    frame[shares] *= 100
    formats: dict[str, Any] = {}
    for name in columns:
        title, form, words = _COLUMNS[name]
        formats[name] = (
            st.column_config.NumberColumn(title, format=form, help=words)
            if form
            else st.column_config.TextColumn(title, help=words or None)
        )
    formats["symbol"] = st.column_config.ButtonColumn(
        _COLUMNS["symbol"][0], type="tertiary", pinned=True, alignment="left", on_click=_clicked_name, key=_CLICK
    )
    st.session_state[_SHOWN] = tuple(zip(shown["gene_id"], shown["symbol"], strict=True))
    st.dataframe(
        frame, key=_TABLE, hide_index=True, column_config=formats, height=HEIGHT_PX, placeholder="\u2013", row_height=33
    )


def _always(shown: pd.DataFrame) -> Sequence[str]:
    words = [name for name in ("what_if", "problem") if (shown[name] != "").any()]
    return ("symbol", "fold", "observed_log10", "chrom", "tss", "strand", "gene_id", *words)


def _clicked_name() -> None:
    """Note the gene whose name was clicked, by its row in the table as it was drawn last.

    Where another gene has moved into that row since, the name clicked decides if one gene alone bears it.
    """
    click = st.session_state[_CLICK]
    drawn: tuple[tuple[str, str], ...] = st.session_state.get(_SHOWN, ())
    gene_ids = [gene_id for gene_id, label in drawn if label == click["label"]]
    if 0 <= click["row"] < len(drawn) and drawn[click["row"]][0] in gene_ids:
        st.session_state[_OPEN] = drawn[click["row"]][0]
    elif len(gene_ids) == 1:
        st.session_state[_OPEN] = gene_ids[0]


def clicked_gene(chart: str) -> str | None:
    """Id of the gene whose mark was clicked in the scatter of that key; None where there is none."""
    points = st.session_state[chart]["selection"]["points"]
    wanted = points[0].get("customdata") if points else None
    if isinstance(wanted, (list, tuple)):
        wanted = wanted[0] if wanted else None
    return wanted if isinstance(wanted, str) else None


def _clicked_mark() -> None:
    wanted = clicked_gene(_SCATTER)
    if wanted is not None:
        st.session_state[_OPEN] = wanted


def summary(rows: GeneRows, shown: pd.DataFrame) -> str:
    """How many genes are on show, in a line of Markdown."""
    observed = int(rows.table["observed_log10"].notna().sum())
    parts = [f"{len(shown):,} of {len(rows.table):,} genes"]
    if observed < len(rows.table):
        parts.append(f"{observed:,} with CAGE" if observed else "no CAGE in this data set for this cell type")
    recall = shown["causal_recall"].mean() if "causal_recall" in known_columns(shown) else math.nan
    if not math.isnan(recall):
        parts.append(f"causal elements found: {100 * recall:.0f} % per gene on average")
    return plain(" · ".join(parts))
