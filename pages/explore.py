"""Explore: one gene in one cell type, its signals, its mask and what moves it."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.ui import cache, controls, display, inputs, instrument, pickers, plain_chart, state
from seq2exp.ui.tracks import component

if not display.plain_chart():
    component.preload()
picked = pickers.pick_gene()
dataset, checkpoint, config = picked.dataset, picked.checkpoint, picked.config
gene, cell_type = picked.gene, picked.cell_type
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
