"""Which windows every update sees, and how they become tensors. Nothing here remembers: step and seed say it all."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from seq2exp.errors import TrainingError
from seq2exp.model.network import NetworkInput
from seq2exp.training.cache import Example, Part, WindowCache
from seq2exp.training.elements import Candidates, peak_mask
from seq2exp.window.encoding import one_hot

Unit = tuple[int, ...]
"""Windows that stay together in a batch: one, or all cell lines of a gene."""


class Batch(NamedTuple):
    """Windows of one update on one process; a tuple, because strategies look for tensors in what modules are given."""

    codes: Tensor
    """(B, L) uint8 base codes."""
    signals: Tensor
    """(B, L, 3)."""
    rna_features: Tensor
    """(B, 9)."""
    blacklist: Tensor
    """(B, L) bool."""
    target: Tensor
    """(B, 1) log10(1 + CAGE)."""
    cell: Tensor
    """(B,) number of the cell line in the cache's list."""
    elements: Tensor | None
    """(B, K, 2) candidate elements in window coordinates, rows of zeros are none; None for systems that read none."""
    names: tuple[str, ...]
    """Gene id and cell line of each window, for messages."""

    def to(self, device: torch.device) -> Batch:
        """The batch on ``device``."""
        *tensors, elements, names = self
        codes, signals, features, blacklist, target, cell = (t.to(device, non_blocking=True) for t in tensors)
        moved = None if elements is None else elements.to(device, non_blocking=True)
        return Batch(codes, signals, features, blacklist, target, cell, moved, names)

    def network_input(self) -> NetworkInput:
        """What the network takes; bases become one-hot here, after the transfer."""
        table = torch.from_numpy(one_hot(np.arange(5, dtype=np.uint8))).to(self.codes.device)  # (5, 4), N is zero
        peaks = None if self.elements is None else peak_mask(self.elements, self.codes.shape[1])
        return NetworkInput(table[self.codes.int()], self.signals, self.rna_features, self.blacklist, peaks)


class Windows(Dataset[tuple[int, Example | TrainingError]]):
    """The cache as torch's loader wants it."""

    def __init__(self, cache: WindowCache) -> None:
        self.cache = cache

    def __getitem__(self, index: int) -> tuple[int, Example | TrainingError]:
        try:
            return index, self.cache.read(index)
        except TrainingError as error:  # a value, because torch would wrap its message in a worker's traceback
            return index, error


def units(cache: WindowCache, part: Part, *, group_cells: bool) -> tuple[Unit, ...]:
    """The windows of ``part``, alone or with all cell lines of a gene together."""
    indices = cache.part(part).tolist()
    if not group_cells:
        return tuple((index,) for index in indices)
    genes: dict[str, list[int]] = {}
    for index in indices:
        genes.setdefault(cache.windows[index].gene_id, []).append(index)
    n_cells = len(cache.facts["cell_types"])
    return tuple(tuple(members) for members in genes.values() if len(members) == n_cells)


@lru_cache(maxsize=4)
def _order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(n)


def batch_at(step: int, n_units: int, *, per_batch: int, seed: int, processes: int = 1) -> NDArray[np.int64]:
    """Numbers of the units that update ``step`` sees: every epoch a new order, the last batch of it partial.

    Parameters
    ----------
    step
        0 is the first update.
    n_units, per_batch
        Units in all and in a full batch.
    seed
        Random state of the order.
    processes
        A partial batch is filled up from the epoch's beginning to a multiple of it.
    """
    per_epoch = -(-n_units // per_batch)
    epoch, place = divmod(step, per_epoch)
    order = _order(n_units, seed, epoch)
    chosen = order[place * per_batch : (place + 1) * per_batch]
    short = -len(chosen) % processes
    return np.concatenate([chosen, np.resize(order, short)]) if short else chosen


class StepSampler(Sampler[list[int]]):
    """Window indices of every update from ``start`` to ``stop`` for one of several processes."""

    def __init__(
        self,
        chosen: Sequence[Unit],
        *,
        start: int,
        stop: int,
        per_batch: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.chosen, self.start, self.stop = chosen, start, stop
        self.per_batch, self.seed, self.rank, self.processes = per_batch, seed, rank, processes

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.stop):
            numbers = batch_at(
                step, len(self.chosen), per_batch=self.per_batch, seed=self.seed, processes=self.processes
            )
            yield [index for number in numbers[self.rank :: self.processes] for index in self.chosen[number]]


def loader(
    cache: WindowCache,
    batches: Sampler[list[int]] | Sequence[list[int]],
    *,
    workers: int,
    candidates: Candidates | None = None,
) -> Iterator[Batch]:
    """Yield a `Batch` for each of the given lists of window indices, read ahead by ``workers`` processes.

    With ``candidates`` every batch brings the candidate elements of its windows.

    Raises
    ------
    TrainingError
        A window is damaged.
    """
    for batch in DataLoader(
        Windows(cache),
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=Collate(cache, candidates),
        worker_init_fn=_leave_interrupts if workers else None,
        multiprocessing_context="spawn" if workers else None,
    ):
        if isinstance(batch, TrainingError):
            raise batch
        yield batch


def _leave_interrupts(_number: int) -> None:
    """The training process answers an interrupt; its workers end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Collate:
    """Windows read from ``cache`` to one `Batch`; a class so that worker processes can be sent it."""

    def __init__(self, cache: WindowCache, candidates: Candidates | None = None) -> None:
        self.windows, self.candidates = cache.windows, candidates
        self.cells = {name: number for number, name in enumerate(cache.facts["cell_types"])}

    def __call__(self, items: list[tuple[int, Example | TrainingError]]) -> Batch | TrainingError:
        """The batch of ``items``, or why one of them could not be read."""
        examples = [example for _, example in items if isinstance(example, Example)]
        for _, example in items:
            if isinstance(example, TrainingError):
                return example
        windows = [self.windows[index] for index, _ in items]
        return Batch(
            codes=torch.from_numpy(np.stack([e.codes for e in examples])),
            signals=torch.from_numpy(np.stack([e.signals for e in examples])),
            rna_features=torch.from_numpy(np.stack([e.rna_features for e in examples])),
            blacklist=torch.from_numpy(np.stack([e.blacklist for e in examples])),
            target=torch.tensor([[e.target] for e in examples], dtype=torch.float32),
            cell=torch.tensor([self.cells[window.cell_type] for window in windows]),
            elements=None if self.candidates is None else self.candidates.batch(index for index, _ in items),
            names=tuple(f"{window.gene_id} in {window.cell_type}" for window in windows),
        )
