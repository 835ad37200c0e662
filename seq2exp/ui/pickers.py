"""The row of pickers at the top of a page: data set and checkpoint first, because the others depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import inputs, offers, state, streaming, truth


@dataclass(frozen=True)
class Picked:
    """What a page of one cell type is about."""

    dataset: Dataset
    checkpoint: LoadedCheckpoint | None
    cell_type: str


@dataclass(frozen=True)
class PickedGene(Picked):
    """What a page of one gene is about."""

    gene: Gene
    config: ModelConfig
    """Of the checkpoint, or as published where there is none."""


def pick() -> Picked:
    """Cell type, data set and checkpoint in one row."""
    cell_column, dataset_column, checkpoint_column = st.columns([0.8, 1.4, 1.5], vertical_alignment="bottom")
    with dataset_column:
        dataset = inputs.choose_dataset()
    with checkpoint_column:
        checkpoint = offers.choose_checkpoint(dataset)
    with cell_column:
        return Picked(dataset, checkpoint, inputs.choose_cell(dataset))


def pick_gene() -> PickedGene:
    """Gene, cell type, data set and checkpoint in one row; the settings of the checkpoint are in session state then."""
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
    return PickedGene(dataset, checkpoint, cell_type, gene, config)


def write_link(picked: Picked, more: Mapping[str, str] | None = None) -> None:
    """Make the address bar the link to what was picked in `pick`, and to what a page adds in ``more``."""
    chosen = st.session_state["checkpoint"]
    link = {"dataset": st.session_state["dataset"], "cell": picked.cell_type, **(more or {})}
    link |= streaming.link()
    if not offers.is_unsaid(chosen):
        link["checkpoint"] = chosen
    if st.query_params.to_dict() != link:
        st.query_params.from_dict(link)
