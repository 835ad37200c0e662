"""Explore: one gene in one cell type, its signals, its mask and what moves it."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.settings import ModelConfig
from seq2exp.ui import cache, controls, display, inputs, instrument, offers, plain_chart, state, truth

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
if display.plain_chart():
    with st.sidebar:
        st.markdown("### Seq2Exp Explorer")
        controls.settings_panel(config, has_checkpoint=checkpoint is not None)
with st.container():
    inputs.show_gene_error(gene)

try:
    answer = cache.answer(dataset, gene, cell_type, checkpoint, state.question(config))
    if display.plain_chart():
        plain_chart.show(dataset, gene, cell_type, checkpoint, config, answer)
    else:
        locus = instrument.carry(dataset, gene, cell_type, checkpoint, answer)
        instrument.show(dataset, gene, cell_type, checkpoint, config, locus)
except Seq2ExpError as error:
    instrument.refused(error, config)
