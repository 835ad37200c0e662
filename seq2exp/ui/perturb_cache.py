"""Edited loci, effects, scans and CRISPRi tables shared by all tabs; keyed by names, never by arrays; bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.genome import Gene, Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.edits import BaseEdit, edited_session
from seq2exp.inference.masks import deciding
from seq2exp.inference.perturb import DeletionScan, ElementEffect, element_effects
from seq2exp.inference.session import LocusSession
from seq2exp.results import LocusView
from seq2exp.settings import MaskSettings
from seq2exp.sources.crispri import Knockdown, read_crispri
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import GeneInCell, TruthElement
from seq2exp.ui import cache
from seq2exp.ui.cache import Question
from seq2exp.ui.perturb_state import Edits

MOST_SCANS = 32


@dataclass(frozen=True)
class Locus:
    """One gene in one cell type with one checkpoint or none: what every answer here is about."""

    dataset: Dataset
    gene: Gene
    cell_type: str
    checkpoint: LoadedCheckpoint | None

    @property
    def names(self) -> tuple[str, str, str, str]:
        """Data set, gene, cell type and checkpoint, as caches are keyed."""
        dataset = cache.window_name(self.dataset, self.gene, self.cell_type, self.checkpoint)
        return dataset, self.gene.gene_id, self.cell_type, cache.hash_of(self.checkpoint)

    @property
    def predicts(self) -> bool:
        """Whether there are predictions that mean something."""
        return self.checkpoint is not None and self.checkpoint.trained

    def session(self) -> LocusSession:
        """Ready to answer about the unedited sequence. Raises as `open_session`."""
        return cache.session(self.dataset, self.gene, self.cell_type, self.checkpoint)


def view(locus: Locus, question: Question, edits: Edits) -> LocusView:
    """The locus under ``question`` with ``edits``. Raises as `edited_session` and `LocusSession.view`."""
    session = locus.session()
    if edits.bases:
        session = _edited(*locus.names, repr(edits.bases), session, edits.bases)
    asked = replace(question, mask=edits.mask(question.mask))
    return _view(*locus.names, repr(edits.bases), repr(asked), session, asked)


@st.cache_resource(max_entries=12, show_spinner="Reading the edited sequence …")
def _edited(
    dataset_hash: str,
    gene_id: str,
    cell_type: str,
    checkpoint_hash: str,
    edits: str,
    _session: LocusSession,
    _edits: tuple[BaseEdit, ...],
) -> LocusSession:
    return edited_session(_session, _edits)


@st.cache_resource(max_entries=24, show_spinner=False)
def _view(
    dataset_hash: str,
    gene_id: str,
    cell_type: str,
    checkpoint_hash: str,
    edits: str,
    question: str,
    _session: LocusSession,
    _question: Question,
) -> LocusView:
    return _session.view(_question.mask, _question.elements, _question.peaks)


def effects(locus: Locus, places: tuple[Interval, ...], settings: MaskSettings) -> tuple[ElementEffect, ...]:
    """What switching off each of ``places`` alone does on the unedited sequence. Raises as `element_effects`."""
    return _effects(*locus.names, repr((places, settings)), locus.session(), places, settings)


@st.cache_resource(max_entries=48, show_spinner="Switching off one element at a time …")
def _effects(
    dataset_hash: str,
    gene_id: str,
    cell_type: str,
    checkpoint_hash: str,
    question: str,
    _session: LocusSession,
    _places: tuple[Interval, ...],
    _settings: MaskSettings,
) -> tuple[ElementEffect, ...]:
    return element_effects(_session, _places, _settings)


def true_elements(locus: Locus) -> tuple[TruthElement, ...] | None:
    """The gene's true elements; None where the data set knows none or its table cannot be read (told by the lane)."""
    if locus.dataset.source("truth", locus.cell_type) is None:
        return None
    try:
        return cache.truth(locus.dataset, locus.cell_type).get((locus.gene.gene_id, locus.cell_type), ())
    except Seq2ExpError:
        return None


def knockdowns(locus: Locus) -> tuple[Knockdown, ...] | None:
    """What CRISPRi screens measured on the gene; None where the data set has no screen.

    Raises
    ------
    SourceError
        The table cannot be read.
    """
    path = locus.dataset.path("crispri", locus.cell_type)
    if path is None:
        return None
    found = _crispri(locus.dataset.hash, str(path), locus.dataset, locus.cell_type)
    return found.get((locus.gene.gene_id, locus.cell_type), ())


@st.cache_resource(max_entries=8, show_spinner=False)
def _crispri(
    dataset_hash: str, path: str, _dataset: Dataset, _cell_type: str
) -> Mapping[GeneInCell, tuple[Knockdown, ...]]:
    table = _dataset.path("crispri", _cell_type)
    return {} if table is None else read_crispri(table)


@dataclass
class Scans:
    """Deletion scans, whole or stopped, by name; the least lately used one goes first."""

    _kept: OrderedDict[str, DeletionScan] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str) -> DeletionScan | None:
        """The scan of that name."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, scan: DeletionScan) -> None:
        """Keep ``scan``."""
        with self._lock:
            self._kept[key] = scan
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_SCANS:
                self._kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def scans() -> Scans:
    """The scans of every tab."""
    return Scans()


def scan_key(locus: Locus, settings: MaskSettings, *, width_bp: int, step_bp: int) -> str:
    """What a scan depends on, in words; settings the mask mode ignores are left out."""
    asked = deciding(settings, locus.session().config)
    return repr((*locus.names, asked, width_bp, step_bp))
