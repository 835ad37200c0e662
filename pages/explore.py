"""Explore: one gene in one cell type, its signals, its mask and what moves it."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.settings import ModelConfig
from seq2exp.ui import badges, cache, controls, inputs, offers, panels, state, truth
from seq2exp.ui.held_out import acquaintance
from seq2exp.ui.text import plain

gene_column, cell_column, dataset_column, checkpoint_column = st.columns(
    [1.2, 0.7, 1.35, 1.45], vertical_alignment="bottom"
)
with dataset_column:
    dataset = inputs.choose_dataset()
with checkpoint_column:
    checkpoint = offers.choose_checkpoint(dataset)
with gene_column:
    gene = inputs.choose_gene(dataset, truth.first_gene(dataset) if checkpoint is not None else None)
with cell_column:
    cell_type = inputs.choose_cell(dataset)

config = ModelConfig() if checkpoint is None else checkpoint.config
state.seed(config, "none" if checkpoint is None else checkpoint.hash)
with st.sidebar:
    st.markdown("### Seq2Exp Explorer")
    controls.settings_panel(config, has_checkpoint=checkpoint is not None)
with st.container():
    inputs.show_gene_error(gene)

try:
    question = state.question(config)
    answer = cache.answer(dataset, gene, cell_type, checkpoint, question)
except Seq2ExpError as error:
    st.error(plain(str(error)))
    st.stop()

view = answer.view
has_truth = truth.has_truth(dataset, cell_type)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    visible = inputs.navigate(gene, view.interval)
    badges.model_badge(view.mask, trained=checkpoint is not None and checkpoint.trained)
    badges.gene_badge(None if checkpoint is None else acquaintance(dataset, gene, cell_type, checkpoint.provenance))
    badges.data_badge(synthetic=dataset.synthetic, truth=has_truth)
    show_truth = has_truth and truth.choose_truth()
    panels.expression_line(view)
# One block, empty or not: what is below keeps its place in the page, so the browser need not build it anew.
with st.container():
    inputs.show_locus_error()
    panels.empty_result(view, question.elements)
    true_elements = truth.true_elements_or_reason(dataset, gene, cell_type, view.interval) if show_truth else None
panels.figure(view, visible, true_elements)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    panels.notices(view)
    panels.latency(answer)
panels.numbers(view)
panels.element_table(view)
panels.provenance(view)
state.write_link(config, inputs.choices(view.interval, visible))
