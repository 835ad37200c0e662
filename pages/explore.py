"""Explore: one gene in one cell type, its signals, its mask and what moves it."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.settings import ModelConfig
from seq2exp.ui import cache, controls, inputs, panels, state
from seq2exp.ui.text import plain

gene_column, cell_column, dataset_column, checkpoint_column = st.columns(
    [1.3, 0.8, 1.4, 1.3], vertical_alignment="bottom"
)
with dataset_column:
    dataset = inputs.choose_dataset()
with checkpoint_column:
    checkpoint = inputs.choose_checkpoint()
with gene_column:
    gene = inputs.choose_gene(dataset)
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
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    visible = inputs.navigate(gene, view.interval)
    controls.model_badge(view.mask, trained=checkpoint is not None and checkpoint.trained)
# One block, empty or not: what is below keeps its place in the page, so the browser need not build it anew.
with st.container():
    inputs.show_locus_error()
    panels.empty_result(view, question.elements)
panels.figure(view, visible)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    panels.notices(view)
    panels.latency(answer)
panels.numbers(view)
panels.element_table(view)
panels.provenance(view)
state.write_link(config, inputs.choices(view.interval, visible))
