"""Opened data sets, checkpoints, sessions and answers shared by all tabs; keyed by names, never by arrays; bounded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.inference.session import LocusSession, Timings, open_session
from seq2exp.results import LocusView
from seq2exp.settings import ElementSettings, MaskSettings, PeakSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.manifest import find_manifest


@dataclass(frozen=True)
class Answer:
    """What one set of settings gave, and how long each stage took when it ran."""

    view: LocusView
    timings: Timings
    device: str


@dataclass(frozen=True)
class Question:
    """Everything an answer depends on."""

    mask: MaskSettings
    elements: ElementSettings
    peaks: PeakSettings


def dataset(path: Path) -> Dataset:
    """The data set at ``path``, opened once until its manifest changes. Raises as `open_dataset`."""
    manifest = find_manifest(path)
    return _dataset(str(manifest), manifest.stat().st_mtime_ns)


@st.cache_resource(max_entries=8, show_spinner="Opening the data set …")
def _dataset(path: str, changed_ns: int) -> Dataset:
    return open_dataset(Path(path))


def checkpoint(folder: Path) -> LoadedCheckpoint:
    """The checkpoint in ``folder``, loaded once until its weights change. Raises as `load_checkpoint_for_inference`."""
    return _checkpoint(str(folder), (folder / "model.safetensors").stat().st_mtime_ns)


@st.cache_resource(max_entries=2, show_spinner="Loading the checkpoint …")
def _checkpoint(folder: str, changed_ns: int) -> LoadedCheckpoint:
    return load_checkpoint_for_inference(Path(folder))


@st.cache_data(max_entries=8, show_spinner=False)
def gene_labels(dataset_hash: str, _dataset: Dataset) -> dict[str, str]:
    """Gene ids by the label shown in the search box: the symbol, with the id where a symbol stands twice."""
    counts: dict[str, int] = {}
    for gene in _dataset.genes:
        counts[gene.symbol] = counts.get(gene.symbol, 0) + 1
    return {
        gene.symbol
        if gene.symbol and counts[gene.symbol] == 1
        else f"{gene.symbol} {gene.gene_id}".strip(): gene.gene_id
        for gene in _dataset.genes
    }


def answer(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, question: Question) -> Answer:
    """The view of one gene under ``question``. Raises as `open_session` and `LocusSession.view`."""
    names = (opened.hash, gene.gene_id, cell_type, "none" if loaded is None else loaded.hash)
    session = _session(*names, opened, gene, loaded)
    return _answer(*names, repr(question), session, question)


@st.cache_resource(max_entries=8, show_spinner="Reading the window …")
def _session(
    dataset_hash: str,
    gene_id: str,
    cell_type: str,
    checkpoint_hash: str,
    _dataset: Dataset,
    _gene: Gene,
    _checkpoint: LoadedCheckpoint | None,
) -> LocusSession:
    return open_session(_dataset, _gene, cell_type, checkpoint=_checkpoint)


@st.cache_resource(max_entries=24, show_spinner=False)
def _answer(
    dataset_hash: str,
    gene_id: str,
    cell_type: str,
    checkpoint_hash: str,
    question: str,
    _session: LocusSession,
    _question: Question,
) -> Answer:
    view = _session.view(_question.mask, _question.elements, _question.peaks)
    return Answer(view, _session.timings, _session.device)
