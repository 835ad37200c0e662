"""One process of a run: Lightning's predict loop over the shards it can claim.

Lightning's Trainer runs on one device in each process, without a process group: shards need nothing of each other, so
a process that dies leaves the others running, and they take its shards over. (Lightning's DDP strategy would open a
process group, which waits at its barriers for one that is gone, and its launcher ends all processes with the first.)
"""

from __future__ import annotations

import logging
import multiprocessing
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from seq2exp.errors import ScoringError
from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference, resolve_device
from seq2exp.scoring.folder import ScoreFolder, open_folder
from seq2exp.scoring.plan import ScoreSettings, make_plan
from seq2exp.scoring.windows import opened_ahead, score_gene
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.training.processes import StopRequest

if TYPE_CHECKING:
    from lightning.pytorch import Trainer


@dataclass(frozen=True, slots=True)
class Job:
    """What every process of a run is told."""

    dataset: Path
    checkpoint: Path
    out: Path
    settings: ScoreSettings
    device: str
    """auto, cpu or cuda."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which process of a run this one is."""

    number: int = 0
    processes: int = 1
    on_machine: int = 0
    """Number among those of its machine: chooses the CUDA device."""


class Interrupted(Exception):
    """The process was asked to stop, or its starter is gone."""


@dataclass(frozen=True)
class OpenJob:
    """A job with its files open, on the device of its process."""

    dataset: Dataset
    checkpoint: LoadedCheckpoint
    folder: ScoreFolder


def open_job(job: Job, place: Place) -> OpenJob:
    """Data set, checkpoint and folder, which must belong together.

    Raises
    ------
    Seq2ExpError
        Whatever is wrong with one of them.
    """
    device = resolve_device(job.device)
    if device == "cuda":
        torch.cuda.set_device(place.on_machine % torch.cuda.device_count())
    dataset, checkpoint = open_dataset(job.dataset), load_checkpoint_for_inference(job.checkpoint, device)
    return OpenJob(dataset, checkpoint, open_folder(job.out, make_plan(dataset, checkpoint, job.settings)))


def work(opened: OpenJob, place: Place, *, scored: Callable[[int], None] | None = None) -> int:
    """Score every shard that no living process holds, its own ones first; the number of windows scored.

    Parameters
    ----------
    scored
        Told the number of windows after every shard.

    Raises
    ------
    ScoringError
        A shard of another run, or no room for one.
    Interrupted
        The process was asked to stop; the shard in hand is given up.
    """
    from lightning.pytorch import LightningModule

    class Scorer(LightningModule):
        """A batch is the number of a claimed shard; its rows go into the folder."""

        def __init__(self, stop: StopRequest) -> None:
            super().__init__()
            self.network = opened.checkpoint.network
            self.stop = stop
            self.windows = 0

        def predict_step(self, *args: Any, **_: Any) -> int:
            n_windows = _score_shard(opened, args[0], self._refuse_to_go_on)
            self.windows += n_windows
            if scored is not None:
                scored(n_windows)
            return n_windows

        def _refuse_to_go_on(self) -> None:
            starter = multiprocessing.parent_process()
            if self.stop.asked or (starter is not None and not starter.is_alive()):
                raise Interrupted

    with StopRequest() as stop, Shards(opened.folder, place) as shards, warnings.catch_warnings():
        # Lightning 2.6 asks torch 2.13 the old way what a batch is made of; a batch is a number here.
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec", category=FutureWarning)
        scorer = Scorer(stop)
        with _threads(opened.folder.plan.settings.threads):
            _trainer(opened.checkpoint.device).predict(scorer, shards, return_predictions=False)
    return scorer.windows


class Shards:
    """Numbers of unfinished shards, each claimed while it is worked on; a process begins with every n-th one."""

    def __init__(self, folder: ScoreFolder, place: Place) -> None:
        self.folder = folder
        numbers = range(folder.plan.n_shards)
        self._order = sorted(numbers, key=lambda number: ((number - place.number) % place.processes != 0, number))
        self._held = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def __len__(self) -> int:
        """At most so many; with it Lightning asks for no shard ahead of its turn."""
        return len(self._order)

    def __iter__(self) -> Iterator[int]:
        for number in self._order:
            self._held.close()
            if self.folder.finished(number):
                continue
            free = self._held.enter_context(self.folder.claimed(number))
            if free and not self.folder.finished(number):  # it may have been finished before it was claimed
                yield number


def _score_shard(opened: OpenJob, number: int, refuse_to_go_on: Callable[[], None]) -> int:
    plan, started, cpu = opened.folder.plan, time.perf_counter(), time.process_time()
    rows: list[dict[str, Any]] = []
    for gene, windows in opened_ahead(opened.dataset, opened.checkpoint, plan.shard(number), plan):
        refuse_to_go_on()
        rows += score_gene(opened.dataset, opened.checkpoint, gene, windows, plan)
    made = {
        "device": _device_words(opened.checkpoint.device),
        "seconds": round(time.perf_counter() - started, 4),
        "cpu_seconds": round(time.process_time() - cpu, 4),
        "torch": str(torch.__version__),
    }
    opened.folder.write_shard(number, rows, made)
    return len(rows)


def _trainer(device: str) -> Trainer:
    """One device, this process alone: what a starter said in the environment is not Lightning's business here."""
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment
    from lightning.pytorch import Trainer

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # what devices there are is said by the card
    try:
        return Trainer(
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=[torch.cuda.current_device()] if device == "cuda" else 1,
            plugins=[LightningEnvironment()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (RuntimeError, ValueError) as error:
        raise ScoringError(f"Lightning cannot use {device} ({' '.join(str(error).split())[:200]})") from error


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """That many threads inside: sums over other parts of an array differ in their last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _device_words(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()} CPU"
