"""A talk: loci worked out beforehand and sent to the browser whole; turning a page asks nothing of the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urljoin

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.figures.locus import visible_within
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.results import LocusView
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import asks, cache, instrument, offers, scales, state
from seq2exp.ui.cache import Answer
from seq2exp.ui.held_out import acquaintance
from seq2exp.ui.text import plain
from seq2exp.ui.tracks import component
from seq2exp.ui.tracks.reply import SETTING_KEYS, Shown, reply_to

MOST_LOCI = 12
AT_FIRST = 6
"""Loci of a talk nobody chose."""
GENES = "talk_genes"
"""The box that names them, in session state."""
_HELD_OUT = {"test": "held-out gene", "valid": "validation gene", "train": "training gene"}


@st.cache_data(max_entries=8, show_spinner=False)
def first_genes(dataset_hash: str, _opened: Dataset, number: int) -> tuple[str, ...]:
    """Ids of the first held-out genes of a data set, or simply of its first genes where it names no folds."""
    genes = list(_opened.genes)
    held_out = [gene for gene in genes if _opened.fold(gene) == "test"]
    return tuple(gene.gene_id for gene in (held_out or genes)[:number])


def seed(opened: Dataset) -> None:
    """Put the genes of the talk into session state before their box is drawn.

    First from the link; a gene that Explore asks to present comes first, before those shown without any wish.
    """
    held, labels = st.session_state, cache.gene_labels(opened.hash, opened)
    first = held.pop(asks.PRESENT_FIRST, None)
    if first in labels.values():
        others = [gene_id for gene_id in first_genes(opened.hash, opened, AT_FIRST) if gene_id != first]
        wanted = [opened.genes.get(gene_id) for gene_id in [first, *others][:AT_FIRST]]
        held[GENES] = ", ".join(asks.talk_name(gene, labels) for gene in wanted)
    # Writing a value back keeps it alive while its box is not on the page.
    held[GENES] = held.get(GENES, st.query_params.get("genes", ""))


def show(
    opened: Dataset,
    genes: Sequence[tuple[Gene, str]],
    cell_type: str,
    loaded: LoadedCheckpoint | None,
) -> None:
    """Work out every locus (gene, and why it is shown), send them all, and mount the talk."""
    config = ModelConfig() if loaded is None else loaded.config
    defaults = state.defaults(config)
    question = state.as_trained(config)
    deck: list[dict[str, Any]] = []
    progress = st.progress(0.0, "Working out the loci …")
    for number, (gene, why) in enumerate(genes, start=1):
        try:
            answer = cache.answer(opened, gene, cell_type, loaded, question)
            key = instrument.carry(opened, gene, cell_type, loaded, answer, slot=f"carried {number}")
        except Seq2ExpError as error:
            st.warning(f"{plain(gene.symbol or gene.gene_id)} left out: {plain(str(error))}")
            continue
        deck.append(_page(opened, answer, loaded, config, key, defaults, why))
        progress.progress(number / len(genes), f"Working out the loci: {number} of {len(genes)}")
    progress.empty()
    if deck:
        component.mount({"deck": deck}, key="talk", on_commit=_nothing, on_view=_nothing, on_ask=_nothing)


def _nothing() -> None:
    """What is done on a page of a talk stays in the browser."""


def _page(
    opened: Dataset,
    answer: Answer,
    loaded: LoadedCheckpoint | None,
    config: ModelConfig,
    key: str,
    defaults: dict[str, Any],
    why: str,
) -> dict[str, Any]:
    view = answer.view
    settings = {name: defaults[name] for name in SETTING_KEYS}
    known = None if loaded is None else acquaintance(opened, view.gene, view.cell_type, loaded.provenance)
    facts = [
        why,
        _HELD_OUT.get(known or "", ""),
        instrument.kind_in_words(view),
        "synthetic data" if opened.synthetic else "",
    ]
    address = _address(view)
    reply = reply_to(
        key,
        view,
        commit=0,
        settings=settings,
        defaults=defaults,
        modes=state.allowed_modes(config),
        shown=Shown(visible_within(view.interval), lanes={"triangle": False}),
        stamp="",
        caption=instrument.caption(view, settings),
        plotly=component.plotly_url(),
        scales=scales.grouped(opened, view),
        qr={"of": address, "image": asks.qr_code(address)} if address else None,
    )
    title = f"{view.gene.symbol or view.gene.gene_id} in {view.cell_type}"
    return {**reply, "title": title, "why": " · ".join(fact for fact in facts if fact), "address": address}


def _address(view: LocusView) -> str:
    """Explore's address of a locus as trained, for those who sit in the audience; empty where the browser told none."""
    here = st.context.url
    if not here:
        return ""
    held = st.session_state
    link = {"dataset": held["dataset"], "gene": view.gene.gene_id, "cell": view.cell_type}
    if not offers.is_unsaid(held["checkpoint"]):
        link["checkpoint"] = held["checkpoint"]
    return f"{urljoin(here, '.')}?{urlencode(link)}"
