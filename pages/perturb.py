"""Perturb: switch elements off, half or on, edit bases, and see what each does to the prediction."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.ui import (
    badges,
    frame,
    inputs,
    panels,
    perturb_cache,
    perturb_found,
    perturb_panels,
    perturb_side,
    perturb_state,
    pickers,
    state,
    track_scale,
    truth,
)
from seq2exp.ui.held_out import acquaintance
from seq2exp.ui.perturb_cache import Locus
from seq2exp.ui.text import plain

frame.ensure()
picked = pickers.pick_gene()
dataset, checkpoint, config = picked.dataset, picked.checkpoint, picked.config
gene, cell_type = picked.gene, picked.cell_type
inputs.show_gene_error(gene)

locus = Locus(dataset, gene, cell_type, checkpoint)
try:
    question = state.question(config)
    found = perturb_found.find(locus, question)
    window = locus.session().window
    allowed = perturb_state.switches(found.view.mask.mode)
    edits = perturb_state.settle((dataset.hash, gene.gene_id), found.places, allowed, window)
    edits = perturb_panels.with_cells(found, edits)
    edited = perturb_cache.view(locus, question, edits)
except Seq2ExpError as error:
    st.error(plain(str(error)))
    st.stop()

view = found.view
with st.sidebar:
    st.markdown("### Perturb")
    badges.data_badge(synthetic=dataset.synthetic, truth=truth.has_truth(dataset, cell_type))
    badges.gene_badge(None if checkpoint is None else acquaintance(dataset, gene, cell_type, checkpoint.provenance))
    badges.scale_badge(track_scale.compared(dataset, cell_type, checkpoint))
    perturb_side.edit_list(found, edits)
    perturb_side.base_box(found, window, edits)
    scan, scan_place = perturb_side.scan_controls(locus, question.mask)
    perturb_side.settings_of_explore(config, question)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    visible = inputs.position_box(view.interval)
    inputs.move_buttons(gene, view.interval)
    badges.model_badge(edited.mask, trained=checkpoint is not None and checkpoint.trained)
with st.container():
    inputs.show_locus_error()
    if not found.places:
        st.info("No element is called at these settings, so there is none to switch. Lower the threshold on Explore.")
    true_elements = perturb_found.true_lane(locus, view.interval)
perturb_panels.figure(found, edited, visible, edits, scan, true_elements)
perturb_panels.before_and_after(view, edited, predicts=locus.predicts, edited=bool(edits))
if found.places:
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        st.markdown("**Called elements**: switch each in column Now")
        perturb_panels.element_table(found)
    with right:
        perturb_panels.one_at_a_time(found, edits)
perturb_panels.downloads(found, scan)
with st.container(horizontal=True, gap="small"):
    panels.notices(view)
panels.provenance(edited)
state.write_link(config, {**inputs.choices(view.interval, visible), **edits.link()})
perturb_side.run_scan(locus, question.mask, scan_place)
