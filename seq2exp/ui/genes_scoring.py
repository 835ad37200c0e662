"""Scoring on the page: what is missing, the button that fills it in small steps, its progress, and how to stop."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from seq2exp.benchmark.score import Truth, batches, pending, score_batch
from seq2exp.benchmark.score_file import GeneScore, ScoredWhat, add_scores, read_scores_of
from seq2exp.errors import Seq2ExpError
from seq2exp.inference.checkpoints import LoadedCheckpoint, shipped_checkpoints
from seq2exp.inference.session import default_cache_dir
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import cache, catalogue, truth
from seq2exp.ui.genes_data import GeneRows
from seq2exp.ui.text import duration, plain

REFRESH_S = 4.0
"""While scoring, table and figure are drawn anew this often."""
PATIENCE_S = 30.0
"""A gene that was being scored when the visitor stopped is waited for at most this long."""
_RUN, _TRIED, _FAILED, _STOPPED = (f"genes_scoring{part}" for part in ("", "_tried", "_failed", "_stopped"))


@dataclass(frozen=True, eq=False)
class Task:
    """One cell type of a data set to be scored under a checkpoint."""

    dataset: Dataset
    checkpoint: LoadedCheckpoint
    cell_type: str
    of: ScoredWhat
    path: Path
    """The score file."""

    @property
    def name(self) -> str:
        """Tells tasks apart; a run that was started for another one is not this one's."""
        return f"{self.dataset.hash} {self.checkpoint.hash} {self.cell_type}"

    @property
    def running(self) -> bool:
        """Whether this visitor has started it and not stopped it."""
        return bool(st.session_state.get(_RUN) == self.name)


def offer(task: Task, rows: GeneRows) -> DeltaGenerator | None:
    """What is scored and what is not, with the button to go on or to stop; where progress goes while it runs."""
    total, missing = len(rows.table), len(rows.table) - rows.n_scored
    # Two places, of which one is cleared at once: while a run goes on, what an earlier one drew would stay otherwise.
    offered, running = st.empty(), st.empty()
    if task.running:
        with running.container():
            bar_column, stop_column = st.columns([6, 1], vertical_alignment="center")
            bar = bar_column.empty()
            stop_column.button("Stop scoring", icon=":material/stop_circle:", on_click=_stop, key="genes_stop")
        bar.progress(rows.n_scored / total, f"Scored {rows.n_scored:,} of {total:,} genes")
        return bar
    failed, why = st.session_state.get(_FAILED, ("", ""))
    if missing or failed == task.name:
        with offered.container():
            if failed == task.name:
                st.error(f"Scoring stopped: {plain(why)}")
            if missing:
                _say_missing(task, rows, missing)
    return None


def _say_missing(task: Task, rows: GeneRows, missing: int) -> None:
    problems = rows.problems
    if len(problems):
        st.warning(
            f"{len(problems):,} genes could not be scored, such as {plain(problems['symbol'].iloc[0])}: "
            f"{plain(problems['problem'].iloc[0])}"
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if rows.n_scored:
            words, label = f"{rows.n_scored:,} of {len(rows.table):,} genes are scored.", f"Score the other {missing:,}"
        else:
            words = f"No scores yet for {plain(task.checkpoint.name)} in {plain(task.cell_type)}."
            label = f"Score all {missing:,} genes"
        st.markdown(words, width="content")
        st.button(label, icon=":material/play_circle:", on_click=_start, args=(task.name,), key="genes_start")
        with st.popover("In a terminal", icon=":material/terminal:"):
            st.markdown("Faster for many genes, and goes on where it was stopped. This page shows what it has written.")
            st.code(command(task), language="bash", wrap_lines=True)


def command(task: Task) -> str:
    """The command line that fills the same file."""
    known = catalogue.dataset_paths(sys.argv[1:], st.session_state.get("typed_datasets", ()))
    manifest = known.get(st.session_state["dataset"], task.dataset.root)
    words = ["python", "-m", "seq2exp", "score", "--dataset", catalogue.place_in_words(manifest)]
    words += ["--checkpoint", _checkpoint_words(task.checkpoint), "--cell", task.cell_type]
    return shlex.join(words)


def settle(task: Task) -> None:
    """After a stop, wait until the run that was stopped has written what it had: Streamlit begins anew before that."""
    if st.session_state.pop(_STOPPED, False) and _lock(task.name).acquire(timeout=PATIENCE_S):
        _lock(task.name).release()


def work(task: Task, bar: DeltaGenerator) -> None:
    """Score gene after gene, keeping what is done, until nothing is left, the visitor stops it or leaves.

    A click on anything ends this run of the page at the next step of progress; what was scored by then is in the file.
    One run at a time works on a task: others look on.
    """
    lock = _lock(task.name)
    if not lock.acquire(timeout=REFRESH_S):
        bar.progress(0.0, "Another window of this app is scoring these genes")
        st.rerun()
    try:
        _work(task, bar)
    except Seq2ExpError as error:
        st.session_state[_FAILED] = (task.name, str(error))
    finally:
        lock.release()
    st.session_state.pop(_RUN, None)
    st.rerun()


def _work(task: Task, bar: DeltaGenerator) -> None:
    tried: set[str] = st.session_state.setdefault(_TRIED, set())
    total, started = len(task.dataset.genes), time.monotonic()
    known, found = _truth(task), read_scores_of(task.path, task.of)
    done = {(gene_id, task.cell_type) for gene_id in tried} | (set() if found is None else found.done)
    left = pending(batches([task.cell_type], list(task.dataset.genes)), done)
    reached = first = total - sum(len(batch.genes) for batch in left)
    for batch in left:
        rows: list[GeneScore] = []
        try:
            for row in score_batch(task.dataset, task.checkpoint, batch, known, cache_dir=default_cache_dir()):
                rows.append(row)
                if row.problem:
                    tried.add(row.gene_id)
                reached += 1
                each = (time.monotonic() - started) / (reached - first)
                bar.progress(
                    reached / total,
                    f"Scored {reached:,} of {total:,} genes, about {duration(each * (total - reached))} left",
                )
        finally:
            add_scores(task.path, task.of, rows)
        if time.monotonic() - started > REFRESH_S:
            st.rerun()


@st.cache_resource(max_entries=64, show_spinner=False)
def _lock(task_name: str) -> threading.Lock:
    return threading.Lock()


def _start(name: str) -> None:
    st.session_state[_RUN], st.session_state[_TRIED] = name, set()
    st.session_state.pop(_FAILED, None)


def _stop() -> None:
    st.session_state.pop(_RUN, None)
    st.session_state[_STOPPED] = True


def _truth(task: Task) -> Truth | None:
    return cache.truth(task.dataset, task.cell_type) if truth.has_truth(task.dataset, task.cell_type) else None


def _checkpoint_words(checkpoint: LoadedCheckpoint) -> str:
    folder = catalogue.checkpoint_paths().get(st.session_state["checkpoint"])
    if folder is None or folder in shipped_checkpoints().values():
        return checkpoint.name
    return catalogue.place_in_words(folder)
