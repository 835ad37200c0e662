"""Explore drawn by the server alone: Plotly's own chart, made anew at every change. The fallback of the live figure."""

from __future__ import annotations

import streamlit as st

from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import beside, cache, exports, inputs, panels, state, truth
from seq2exp.ui.cache import Answer
from seq2exp.ui.summary import badge_row, below, scale_warning


def show(
    opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, config: ModelConfig, answer: Answer
) -> None:
    """Position, figure, numbers and table under the settings in force."""
    view = answer.view
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row:
        visible = inputs.position_box(view.interval)
        inputs.move_buttons(gene, view.interval)
        later = badge_row(opened, gene, cell_type, loaded, view, plain=True)
        panels.expression_line(view)
    with st.container():
        inputs.show_locus_error()
        panels.banner(answer, lambda: cache.read_again(opened, gene, cell_type, loaded))
        panels.empty_result(view, state.question(config).elements)
        known = truth.drawn(opened, gene, cell_type, view.interval)
        extra = beside.drawn(opened, gene, cell_type, loaded, view)
    with row:
        choices = inputs.choices(view.interval, visible)
        exports.popover(view, visible, config=config, choices=choices, truth=known, beside=extra)
    panels.figure(view, visible, known, extra)
    scale_warning(later, opened, cell_type, loaded)
    below(answer, live=False)
    state.write_link(config, inputs.choices(view.interval, visible))
