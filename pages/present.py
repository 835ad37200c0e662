"""Present: loci one after another, large, without controls; everything is worked out before the first is shown."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import GeneError
from seq2exp.ui import frame, inputs, offers, talk
from seq2exp.ui.text import plain

frame.ensure()
with st.expander("What is shown", icon=":material/tune:"):
    left, middle, right = st.columns([1, 1.4, 1.4], vertical_alignment="bottom")
    with middle:
        dataset = inputs.choose_dataset()
    with right:
        checkpoint = offers.choose_checkpoint(dataset)
    with left:
        cell_type = inputs.choose_cell(dataset)
    talk.seed(dataset)
    wished = st.text_input(
        "Genes, separated by commas; empty: the first held-out ones",
        key=talk.GENES,
        placeholder="HBB, MYC, GATA1",
    )
names = [name.strip() for name in wished.split(",") if name.strip()][: talk.MOST_LOCI]
genes = []
for name in names or talk.first_genes(dataset.hash, dataset, talk.AT_FIRST):
    try:
        genes.append((dataset.genes.get(name), ""))
    except GeneError as error:
        st.warning(f"Left out: {plain(str(error))}")
if genes:
    talk.show(dataset, genes, cell_type, checkpoint)
    st.caption(
        "Left and right arrows turn the page, F11 or the button fills the screen. Nothing is asked of the server."
    )
else:
    st.info("None of these genes is in the data set; the box above takes symbols, aliases and Ensembl ids.")
link = {"dataset": st.session_state["dataset"], "cell": cell_type, "checkpoint": st.session_state["checkpoint"]}
if names:
    link["genes"] = ",".join(names)
if st.query_params.to_dict() != link:
    st.query_params.from_dict(link)
