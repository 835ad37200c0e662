"""A whole run: plan, processes, shards, merged files; the same call goes on where an earlier one ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from seq2exp.errors import ScoringError, SettingsError
from seq2exp.inference.checkpoints import resolve_device
from seq2exp.scoring.folder import ScoreFolder
from seq2exp.scoring.merge import merge
from seq2exp.scoring.page import show_on_page
from seq2exp.scoring.processes import run_here, started_place
from seq2exp.scoring.worker import Interrupted, Job, OpenJob, Place, open_job, work

Progress = Callable[[int, int], None]
"""Called with windows scored and windows in all."""


@dataclass(frozen=True)
class ScoreRun:
    """What one call did."""

    card: dict[str, Any]
    """What the folder holds; empty where other processes of the run still have shards in hand."""
    scored: int
    """Windows scored by this call's processes."""
    seconds: float
    lost: tuple[str, ...] = field(default=())
    """Processes that ended before their time, in words; the others took their shards over."""
    shown: int | None = None
    """Rows added to the Genes page's file; None: that was not asked for, or the folder is not complete."""


def score_dataset(
    job: Job, *, devices: int = 1, nodes: int = 1, show: Path | None = None, progress: Progress | None = None
) -> ScoreRun:
    """Score every gene of a data set in every cell type into ``job.out``.

    Shards that are there are kept. Where torchrun or Slurm started this process it does its part, and the last one to
    finish merges; otherwise it starts ``devices`` processes itself (one: none) and merges when they have ended.

    Parameters
    ----------
    show
        Cache folder of the app whose Genes page shows the rows too; None: it does not.

    Raises
    ------
    ScoringError
        The folder is of another run or cannot be written, or shards are missing at the end: the same call goes on.
    Seq2ExpError
        Data set, checkpoint or settings are wrong.
    """
    started = time.perf_counter()
    place = started_place(devices, nodes)
    alone = place is None and devices == 1
    if place is None and not alone:
        _require_devices(job.device, devices)
    # A process that only starts others takes no memory of an accelerator.
    opened = open_job(job if place is not None or alone else replace(job, device="cpu"), place or Place())
    folder = opened.folder
    if folder.complete:
        return _finished(opened, started, devices * nodes, scored=0, show=show)
    before = _windows_done(folder)
    lost: tuple[str, ...] = ()
    try:
        if place is not None or alone:
            _work(opened, place or Place(), progress)
        else:
            lost = _start(job, devices, folder, progress)
    except Interrupted:
        n_shards = folder.plan.n_shards
        raise ScoringError(
            f"{folder.path}: stopped with {n_shards - len(folder.missing()):,} of {n_shards:,} shards finished; "
            "the same command goes on"
        ) from None
    missing = folder.missing()
    if missing and place is not None:  # other processes of the starter have them in hand, or died with them
        return ScoreRun({}, _windows_done(folder) - before, time.perf_counter() - started)
    if missing:
        why = f" ({'; '.join(dict.fromkeys(lost))})" if lost else ""
        raise ScoringError(
            f"{folder.path}: {len(missing):,} of {folder.plan.n_shards:,} shards are missing{why}; "
            "the same command goes on"
        )
    scored = _windows_done(folder) - before
    return _finished(opened, started, devices * nodes, scored=scored, show=show, lost=lost)


def _finished(
    opened: OpenJob, started: float, processes: int, *, scored: int, show: Path | None, lost: tuple[str, ...] = ()
) -> ScoreRun:
    """Merge what is not merged yet, and show it where that is asked for."""
    with opened.folder.merging():
        card = _card(opened.folder, started, processes)
    shown = None
    if show is not None:
        shown = show_on_page(opened.folder, opened.dataset, opened.checkpoint, cache_dir=show)
    return ScoreRun(card, scored, time.perf_counter() - started, lost, shown)


def _require_devices(device: str, processes: int) -> None:
    """One process per CUDA device of this machine."""
    if resolve_device(device) == "cuda" and processes > (there := torch.cuda.device_count()):
        raise SettingsError(f"--devices {processes}: this machine has {there} CUDA devices; ask for as many or fewer")


def _work(opened: OpenJob, place: Place, progress: Progress | None) -> None:
    """This process's part; progress is told of the shards it makes itself."""
    total, reached = opened.folder.plan.n_windows, _windows_done(opened.folder)

    def scored(n_windows: int) -> None:
        nonlocal reached
        reached += n_windows
        if progress is not None and place.number == 0:
            progress(reached, total)

    scored(0)
    work(opened, place, scored=scored)


def _start(job: Job, devices: int, folder: ScoreFolder, progress: Progress | None) -> tuple[str, ...]:
    """Start the processes and wait; in words, what became of those that did not end well."""
    shown = -1

    def look() -> None:
        nonlocal shown
        done = _windows_done(folder)
        if progress is not None and done != shown:
            progress(done, folder.plan.n_windows)
        shown = done

    ended = run_here(job, devices, look=look)
    look()
    return tuple(one.words for one in ended if one.words)


def _windows_done(folder: ScoreFolder) -> int:
    plan, missing = folder.plan, set(folder.missing())
    return sum(len(plan.shard(number)) for number in range(plan.n_shards) if number not in missing) * len(plan.cells)


def _card(folder: ScoreFolder, started: float, processes: int) -> dict[str, Any]:
    """The card of the folder, after merging it where nobody has yet."""
    if not folder.complete:
        return merge(folder, seconds=time.perf_counter() - started, processes=processes)
    try:
        found: dict[str, Any] = json.loads(folder.card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScoringError(
            f"{folder.card}: not a card of scores ({error}); remove it and it is written again"
        ) from error
    return found
