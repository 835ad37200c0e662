"""Compare: one gene under A and B, where A and B differ in cell type, checkpoint or settings."""

from __future__ import annotations

from typing import Any

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.inference.compare import compare
from seq2exp.ui import (
    badges,
    cache,
    compare_inputs,
    compare_navigation,
    compare_panels,
    compare_state,
    frame,
    inputs,
    offers,
    truth,
)
from seq2exp.ui.text import plain

frame.ensure()
gene_column, dataset_column, stretch_column = st.columns([1, 1.2, 3.7], vertical_alignment="bottom")
with dataset_column:
    dataset = inputs.choose_dataset()
offered, first = offers.offered(dataset)
with gene_column:
    gene = inputs.choose_gene(dataset, truth.first_gene(dataset))
compare_inputs.begin(dataset, offered, first)
inputs.show_gene_error(gene)
messages = st.container()

column_a, column_between, column_b = st.columns([1, 0.53, 1])
with column_a:
    side_a = compare_inputs.choose("a", dataset, offered)
with column_between:
    compare_inputs.between()
with column_b:
    side_b = compare_inputs.choose("b", dataset, offered)

share: bool = compare_inputs.value("share")
moved: dict[compare_state.Side, dict[str, Any]] = {
    "a": compare_inputs.moved("a"),
    "b": compare_inputs.moved("a" if share else "b"),
}
answered = []
for side, column in ((side_a, column_a), (side_b, column_b)):
    with column:
        fitting, why_not = compare_state.fitting(moved[side.side], side.config)
        if why_not:
            st.caption(f"{side.letter}: {plain(why_not)}.")
        try:
            answer = cache.answer(dataset, gene, side.cell_type, side.checkpoint, compare_state.question(fitting))
            answered.append(compare_panels.Answered(side, answer))
        except Seq2ExpError as error:
            st.error(f"{side.letter}: {plain(str(error))}")
if len(answered) < 2:
    st.stop()
a, b = answered
try:
    compared = compare(a.view, b.view)
except Seq2ExpError as error:
    st.error(plain(str(error)))
    st.stop()

with stretch_column, st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
    visible = compare_navigation.navigate(gene, a.view.interval)
    st.toggle("Lock y", help="A and B share the scale of each assay.", **compare_inputs.mirror("lock_y"))
    known = {side.side: truth.has_truth(dataset, side.cell_type) for side in (side_a, side_b)}
    if any(known.values()):
        words = "Draw the elements that truly matter in each cell type."
        st.toggle("Truth", help=words, **compare_inputs.mirror("truth"))
with messages:
    compare_inputs.show_left_out()
for column, answered_side in ((column_a, a), (column_b, b)):
    with column, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        compare_panels.side_badges(dataset, answered_side)
with column_between, st.container(horizontal=True, horizontal_alignment="center"):
    badges.data_badge(synthetic=dataset.synthetic, truth=any(known.values()))

with st.container():
    compare_navigation.show_error()
    compare_panels.sameness(dataset, a, b)
    shown_truth = [
        truth.true_elements_or_reason(dataset, gene, side.cell_type, a.view.interval)
        if known[side.side] and compare_inputs.value("truth")
        else None
        for side in (side_a, side_b)
    ]
compare_panels.figure(
    a, b, compared, visible, truth=(shown_truth[0], shown_truth[1]), lock_y=compare_inputs.value("lock_y")
)
left, right = st.columns([5, 9], gap="medium")
with left:
    compare_panels.expression(a, b, compared)
with right:
    compare_panels.overlap(a, b, compared)
compare_panels.changes(a, b, compared)
compare_panels.provenance(a, b)
compare_inputs.write_link(
    offered, first, moved, share=share, elsewhere=compare_navigation.link_fields(a.view.interval, visible)
)
