"""Gallery: loci worth looking at, each with the figures it was chosen by; a click opens Explore."""

from __future__ import annotations

import streamlit as st

from seq2exp.benchmark.score import scored_what
from seq2exp.benchmark.score_file import scores_path
from seq2exp.errors import Seq2ExpError
from seq2exp.inference.session import default_cache_dir
from seq2exp.ui import badges, frame, gallery, gallery_panels, genes_data, pickers, truth
from seq2exp.ui.text import plain

frame.ensure()
picked = pickers.pick()
dataset, checkpoint, cell_type = picked.dataset, picked.checkpoint, picked.cell_type
gallery_panels.follow_click(dataset)
if not list(dataset.genes):
    st.error(f"{plain(dataset.name)} lists no gene on its chromosomes")
    st.stop()

has_truth = truth.has_truth(dataset, cell_type)
rows, trouble = None, ""
try:
    if checkpoint is not None and checkpoint.trained:
        path = scores_path(default_cache_dir(), dataset.hash, checkpoint.hash)
        rows, trouble = genes_data.rows_or_reason(dataset, cell_type, scored_what(dataset, checkpoint), path)
except Seq2ExpError as error:
    trouble = str(error)
if trouble:
    st.error(f"No scores to choose by: {plain(trouble)}")

picks = () if rows is None or checkpoint is None else gallery_panels.chosen(dataset, cell_type, checkpoint, rows)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    badges.data_badge(synthetic=dataset.synthetic, truth=has_truth)
    if checkpoint is not None and checkpoint.trained and gallery_panels.quick(dataset, checkpoint):
        st.caption(gallery_panels.READING + (gallery_panels.READING_TRUTH if has_truth else ""))
if picks and rows is not None:
    part = "test genes" if rows.table["fold"].eq("test").any() else "genes (no split is known)"
    n_chosen_from = len(gallery.held_out(rows.table))
    st.caption(f"Chosen from {n_chosen_from:,} scored {part} in {plain(cell_type)}, by the figures on each card.")
    gallery_panels.cards(dataset, cell_type, checkpoint, picks)
else:
    if checkpoint is None:
        st.info("No checkpoint is chosen, so nothing can be said about predictions. Three genes to begin with:")
    elif not checkpoint.trained:
        st.warning(
            "These weights are not trained, so nothing can be said about predictions. Three genes to begin with:"
        )
    elif not trouble:
        st.info(
            "No held-out gene is scored yet, so nothing can be claimed. Score them on the page Genes, or with "
            "`python -m seq2exp score`. Three genes to begin with:"
        )
    gallery_panels.examples(dataset, cell_type, checkpoint)

pickers.write_link(picked)
