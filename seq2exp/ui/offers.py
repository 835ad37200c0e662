"""The checkpoint picker: what is there, what fits the data set, and which one is chosen when nobody has chosen yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.inference.checkpoints import LoadedCheckpoint, shipped_checkpoints
from seq2exp.model.checkpoint import CheckpointFacts
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import cache
from seq2exp.ui.catalogue import NO_CHECKPOINT, checkpoint_paths
from seq2exp.ui.text import plain

FIRST_CHECKPOINT = "demo-hard"
_CHOSEN_FOR = "checkpoint_chosen_for"
_FIRST = "checkpoint_first"


@dataclass(frozen=True, slots=True)
class Offer:
    """One line of the picker."""

    name: str
    folder: Path | None
    says: CheckpointFacts | str | None
    """What the folder says; text: why it cannot be read; None: no checkpoint."""
    problem: str = ""
    """Why it does not fit the data set; empty where it does."""

    @property
    def label(self) -> str:
        """Name, short hash, and what one should know before choosing it."""
        if self.says is None:
            return self.name
        if isinstance(self.says, str):
            return f"{self.name} · cannot be read"
        parts = [self.name, self.says.hash[:6]]
        if self.problem:
            parts.append("does not fit")
        elif not self.says.trained:
            parts.append("untrained")
        return " · ".join(parts)


def offer(name: str, folder: Path | None, says: CheckpointFacts | str | None, window_bp: int) -> Offer:
    """The line of one checkpoint for a data set with windows of ``window_bp``."""
    problem = ""
    if isinstance(says, CheckpointFacts):
        if says.config.window_bp != window_bp:
            problem = (
                f"{name} reads windows of {says.config.window_bp:,} bp, this data set is made for {window_bp:,} bp: "
                "its elements lie at other distances."
            )
        elif says.config.external_mask:
            problem = f"{name} makes no mask of its own."
    return Offer(name, folder, says, problem)


def first_choice(offers: Sequence[Offer], shipped: Mapping[str, Path], *, synthetic: bool) -> str:
    """The name chosen for a visitor: a shipped, trained checkpoint that fits, on the simulated data it was made for."""
    fitting = [
        found.name
        for found in offers
        if found.name in shipped
        and isinstance(found.says, CheckpointFacts)
        and found.says.trained
        and not found.problem
    ]
    if not synthetic or not fitting:
        return NO_CHECKPOINT
    return FIRST_CHECKPOINT if FIRST_CHECKPOINT in fitting else fitting[0]


def is_unsaid(chosen: str) -> bool:
    """Whether a link can leave ``chosen`` out: there is no checkpoint, and none would be chosen either."""
    first: str = st.session_state.get(_FIRST, NO_CHECKPOINT)
    return chosen == NO_CHECKPOINT == first


def offered(opened: Dataset) -> tuple[dict[str, Offer], str]:
    """Every checkpoint as the pickers show it, and the one chosen where nobody has chosen."""
    window_bp = opened.manifest.window.width_bp
    found = {
        name: offer(name, folder, None if folder is None else cache.checkpoint_says(folder), window_bp)
        for name, folder in checkpoint_paths().items()
    }
    return found, first_choice(list(found.values()), shipped_checkpoints(), synthetic=opened.synthetic)


def choose_checkpoint(opened: Dataset) -> LoadedCheckpoint | None:
    """The checkpoint picker; None: the mask comes from the signals alone."""
    state = st.session_state
    offers, first = offered(opened)
    chosen = state.get("checkpoint", st.query_params.get("checkpoint"))
    if chosen not in offers:
        chosen = first
    elif state.get(_CHOSEN_FOR, opened.hash) != opened.hash and (chosen == NO_CHECKPOINT or offers[chosen].problem):
        chosen = first  # another data set was opened: what was chosen for the last one need not hold for it
    state["checkpoint"], state[_CHOSEN_FOR], state[_FIRST] = chosen, opened.hash, first
    st.selectbox(
        "Checkpoint",
        list(offers),
        key="checkpoint",
        format_func=lambda name: offers[name].label if name in offers else str(name),
        filter_mode=None,
    )
    taken = offers[state["checkpoint"]]
    if taken.folder is None:
        return None
    try:
        if taken.problem:
            st.warning(f"{plain(taken.problem)} Shown without a checkpoint.")
            return None
        return cache.checkpoint(taken.folder)
    except Seq2ExpError as error:
        st.error(f"{plain(str(error))} Shown without a checkpoint.")
        return None
