"""Opened data sets, checkpoints, sessions and answers shared by all tabs; keyed by names, never by arrays; bounded."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import yaml

from seq2exp.errors import CheckpointError, Seq2ExpError
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.model.checkpoint import CheckpointFacts, checkpoint_facts
from seq2exp.results import LocusView, Timings
from seq2exp.settings import ElementSettings, MaskSettings, PeakSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.manifest import find_manifest
from seq2exp.sources.remote import Traffic
from seq2exp.sources.truth import GeneInCell, TruthElement, known_truth
from seq2exp.ui import busy, catalogue


@dataclass(frozen=True)
class Answer:
    """What one set of settings gave, and how long each stage took when it ran."""

    view: LocusView
    timings: Timings
    device: str
    notice: str = ""
    """What a visitor should know about how this was computed; empty: nothing."""
    streamed: Traffic | None = None
    """What came over the network for its window; None: the data set is on disk."""
    unavailable: tuple[str, ...] = ()
    """Tracks that a server withheld: asked again, the answer may be another."""


_RETRY_S = 60.0
"""A window without the tracks of a failing server is read again once it is this old."""


@dataclass(frozen=True)
class Question:
    """Everything an answer depends on."""

    mask: MaskSettings
    elements: ElementSettings
    peaks: PeakSettings


def dataset(path: Path, *, remote: bool = False) -> Dataset:
    """The data set at ``path``, opened once until its manifest changes; ``remote``: what is not on disk is streamed.

    Raises as `open_dataset`.
    """
    manifest = find_manifest(path)
    return _dataset(str(manifest), manifest.stat().st_mtime_ns, remote)


@st.cache_resource(max_entries=8, show_spinner="Opening the data set …")
def _dataset(path: str, changed_ns: int, remote: bool) -> Dataset:  # noqa: FBT001 - part of a cache's key
    return open_dataset(Path(path), remote=remote)


def dataset_hash(path: Path) -> str | None:
    """The hash of the data set at ``path``, until its manifest changes; None where it cannot be opened."""
    try:
        manifest = find_manifest(path)
        return _dataset_hash(str(manifest), manifest.stat().st_mtime_ns)
    except (Seq2ExpError, OSError):
        return None


@st.cache_data(max_entries=64, show_spinner=False)
def _dataset_hash(path: str, changed_ns: int) -> str | None:
    try:
        return catalogue.dataset_hash(Path(path))
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):  # told in full once it is chosen
        return None


def checkpoint_says(folder: Path) -> CheckpointFacts | str:
    """What the checkpoint in ``folder`` says about itself until it changes, or why it cannot be read."""
    try:
        changed = tuple((folder / name).stat().st_mtime_ns for name in ("model.safetensors", "model.json"))
    except OSError as error:
        return f"{error.filename}: cannot be read ({error.strerror})"
    return _checkpoint_says(str(folder), changed)


@st.cache_data(max_entries=64, show_spinner=False)
def _checkpoint_says(folder: str, changed_ns: tuple[int, ...]) -> CheckpointFacts | str:
    try:
        return checkpoint_facts(Path(folder))
    except CheckpointError as error:
        return str(error)


def checkpoint(folder: Path) -> LoadedCheckpoint:
    """The checkpoint in ``folder``, loaded once until its weights change. Raises as `load_checkpoint_for_inference`."""
    try:
        changed = (folder / "model.safetensors").stat().st_mtime_ns
    except OSError as error:
        raise CheckpointError(f"{folder}: its weights cannot be read ({error.strerror})") from error
    return _checkpoint(str(folder), changed)


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


def truth(opened: Dataset, cell_type: str) -> Mapping[GeneInCell, tuple[TruthElement, ...]]:
    """The true elements of every gene in ``cell_type``. Raises as `known_truth`."""
    return _truth(opened.hash, cell_type, opened)


@st.cache_resource(max_entries=8, show_spinner=False)
def _truth(dataset_hash: str, cell_type: str, _dataset: Dataset) -> Mapping[GeneInCell, tuple[TruthElement, ...]]:
    return known_truth(_dataset, cell_type)


def answer(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, question: Question) -> Answer:
    """The view of one gene under ``question``; waits in line where another tab computes.

    Raises as `open_session` and `LocusSession.view`.
    """
    key = (window_name(opened, gene, cell_type, loaded), gene.gene_id, cell_type, hash_of(loaded), repr(question))
    place = busy.place()
    found = _answers().get(key)
    if found is None:
        # Not a cached function of Streamlit's: nothing can be shown, nor given up, while one of those waits.
        with busy.turn(place):
            asked = session(opened, gene, cell_type, loaded)
            view = asked.view(question.mask, question.elements, question.peaks)
        window = asked.window
        found = Answer(view, asked.timings, asked.device, asked.notice, window.streamed, window.unavailable)
        _answers().keep(key, found)
    return found


class _Answers:
    """The answers given last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], Answer] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, key: tuple[str, ...]) -> Answer | None:
        with self._changing:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: tuple[str, ...], answer: Answer) -> None:
        with self._changing:
            self._kept[key] = answer
            while len(self._kept) > _MOST_ANSWERS:
                self._kept.popitem(last=False)


_MOST_ANSWERS = 24


@st.cache_resource(show_spinner=False)
def _answers() -> _Answers:
    return _Answers()


def hash_of(loaded: LoadedCheckpoint | None) -> str:
    """The name of a checkpoint, or of none, in the keys of caches."""
    return "none" if loaded is None else loaded.hash


def session(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None) -> LocusSession:
    """The window of one gene, ready to answer. Raises as `open_session`.

    One that lacks the tracks of a failing server is kept for `_RETRY_S` only, so that sliders move meanwhile.
    """
    key = (opened.hash, gene.gene_id, cell_type, hash_of(loaded))
    held = _session(*key, opened, gene, loaded)
    if held.session.window.unavailable and time.monotonic() - held.read_at > _RETRY_S:
        _session.clear(*key, opened, gene, loaded)
        held = _session(*key, opened, gene, loaded)
    return held.session


def read_again(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None) -> None:
    """Forget the window of one gene and let its servers be asked at once."""
    opened.ask_again()
    _session.clear(opened.hash, gene.gene_id, cell_type, hash_of(loaded), opened, gene, loaded)


def window_name(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None) -> str:
    """The data set in the keys of what is made from one window: its hash, and which tracks a server withheld.

    What was made without a track is thus never taken for what the whole window gives. Raises as `open_session`.
    """
    if not opened.streamed:
        return opened.hash
    return " without ".join((opened.hash, *session(opened, gene, cell_type, loaded).window.unavailable))


@dataclass(frozen=True)
class _Held:
    session: LocusSession
    read_at: float
    """Seconds of the monotonic clock."""


@st.cache_resource(max_entries=8, show_spinner="Reading the window …")
def _session(
    dataset_hash: str,
    gene_id: str,
    cell_type: str,
    checkpoint_hash: str,
    _dataset: Dataset,
    _gene: Gene,
    _checkpoint: LoadedCheckpoint | None,
) -> _Held:
    return _Held(open_session(_dataset, _gene, cell_type, checkpoint=_checkpoint), time.monotonic())
