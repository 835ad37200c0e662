"""Every training window as the signal path reads it, kept in memory: what masks that stay as they are let through."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from seq2exp.model.network import Seq2Exp
from seq2exp.model.signal_path import Passed, let_through
from seq2exp.training.batches import Batch, Unit, batch_at, loader
from seq2exp.training.cache import WindowCache

_GENES = 4
"""Genes whose masks are made at once."""


class PassedWindows(NamedTuple):
    """Windows as the signal path reads them: all that are trained on, or those of one update."""

    passed: Passed
    rna_features: Tensor
    """(B, 9)."""
    target: Tensor
    """(B, 1) log10(1 + CAGE)."""
    names: tuple[str, ...]
    """Gene id and cell line of each window, for messages."""

    def take(self, numbers: Sequence[int], device: torch.device) -> PassedWindows:
        """The windows ``numbers`` on ``device``."""
        chosen = torch.as_tensor(np.asarray(numbers))
        signals, mask, features, target = (
            values[chosen].to(device) for values in (*self.passed, self.rna_features, self.target)
        )
        return PassedWindows(Passed(signals, mask), features, target, tuple(self.names[i] for i in numbers))


@torch.no_grad()
def pass_windows(
    network: Seq2Exp,
    cache: WindowCache,
    units: Sequence[Unit],
    *,
    device: torch.device,
    autocast: AbstractContextManager[object],
    progress: bool,
) -> PassedWindows:
    """The windows of ``units`` through the masks that ``network`` makes in evaluation.

    4 KB a window of 8,192 bp in bins of 32.

    Raises
    ------
    TrainingError
        A window is damaged.
    """
    was_training = network.training
    network.eval()
    lists = [[index for unit in units[i : i + _GENES] for index in unit] for i in range(0, len(units), _GENES)]
    batches = tqdm(
        loader(cache, lists, workers=0),
        total=len(lists),
        desc="masks",
        unit="batch",
        file=sys.stderr,
        disable=not progress,
    )
    with autocast:
        parts = [_pass(network, batch.to(device), len(units[0])) for batch in batches]
    network.train(was_training)
    return PassedWindows(
        Passed(*(torch.cat([getattr(part.passed, name) for part in parts]) for name in Passed._fields)),
        torch.cat([part.rna_features for part in parts]),
        torch.cat([part.target for part in parts]),
        tuple(name for part in parts for name in part.names),
    )


def _pass(network: Seq2Exp, batch: Batch, cells_per_gene: int) -> PassedWindows:
    """What is let through of one batch, back in main memory."""
    given = batch.network_input()
    mask = network.find_mask(given, draw="mean", cells_per_gene=cells_per_gene).mask
    passed = let_through(network.config, given.signals, mask)
    return PassedWindows(Passed(*(v.cpu() for v in passed)), batch.rna_features.cpu(), batch.target.cpu(), batch.names)


def path_batches(
    windows: PassedWindows,
    updates: range,
    *,
    per_batch: int,
    seed: int,
    rank: int,
    processes: int,
    device: torch.device,
) -> Iterator[PassedWindows]:
    """The batch of each of ``updates``, every epoch in a new order, for one of several processes."""
    for step in updates:
        numbers = batch_at(step, len(windows.names), per_batch=per_batch, seed=seed, processes=processes)
        yield windows.take(numbers[rank::processes].tolist(), device)
