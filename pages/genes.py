"""Genes: every gene of a data set, what was observed and predicted, and what was called; a click opens Explore."""

from __future__ import annotations

import streamlit as st

from seq2exp.benchmark.score import scored_what
from seq2exp.benchmark.score_file import scores_path
from seq2exp.errors import Seq2ExpError
from seq2exp.inference.session import default_cache_dir
from seq2exp.ui import frame, genes_data, genes_filter, genes_panels, genes_scoring, pickers, truth
from seq2exp.ui.text import plain

frame.ensure()
picked = pickers.pick()
dataset, checkpoint, cell_type = picked.dataset, picked.checkpoint, picked.cell_type
genes_panels.follow_click(dataset)

task = None
if checkpoint is not None:
    of = scored_what(dataset, checkpoint)
    path = scores_path(default_cache_dir(), dataset.hash, checkpoint.hash)
    task = genes_scoring.Task(dataset, checkpoint, cell_type, of, path)
    genes_scoring.settle(task)
try:
    rows, trouble = genes_data.rows_or_reason(
        dataset, cell_type, None if task is None else task.of, None if task is None else task.path
    )
except Seq2ExpError as error:
    st.error(plain(str(error)))
    st.stop()
if rows.table.empty:
    st.error(f"{plain(dataset.name)} lists no gene on its chromosomes")
    st.stop()

bar = None
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    genes_panels.model_badges(dataset, cell_type, checkpoint, truth=truth.has_truth(dataset, cell_type))
if trouble:
    st.error(f"No scores to show: {plain(trouble)}")
elif task is not None:
    bar = genes_scoring.offer(task, rows)

chosen = genes_filter.choose_filter(rows.table, errors=bool(rows.table["error_log10"].notna().any()))
shown = chosen.apply(rows.table)
if shown.empty:
    st.info("No gene passes this filter.")
    st.button("Show all genes", on_click=genes_filter.forget)
elif shown["predicted_log10"].notna().any() and shown["observed_log10"].notna().any():
    figure_column, table_column = st.columns([5, 8], gap="medium")
    with figure_column:
        genes_panels.agreement(shown)
        genes_panels.scatter(shown)
    with table_column:
        genes_panels.gene_table(shown)
else:
    genes_panels.gene_table(shown)
with st.container(horizontal=True, vertical_alignment="center"):
    st.caption(genes_panels.summary(rows, shown), width="content")
    if not shown.empty:
        st.caption("Click a gene's name or its mark to open it in Explore.", width="content")
        facts = genes_data.provenance(dataset, cell_type, rows, chosen.in_words())
        st.download_button(
            "CSV", lambda: genes_data.genes_csv(shown, facts), "genes.csv", "text/csv", on_click="ignore"
        )

pickers.write_link(picked, chosen.to_link())
if task is not None and bar is not None:
    genes_scoring.work(task, bar)
