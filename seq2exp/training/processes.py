"""The processes of a run: how they are started, and how they agree on what failed, when to stop and what they measured.

One process needs nothing. Several on one machine are started by the run itself (``run.devices: 4``). Otherwise the
same command is given to a starter, once for every process:

    torchrun --nproc-per-node 4 -m seq2exp train CONFIG.yaml          run.devices: 4
    srun --nodes 2 --ntasks-per-node 4 python -m seq2exp train CONFIG.yaml
                                                                       run.devices: 4, run.nodes: 2

Slurm and torchrun say through the environment which process each one is; Lightning Fabric reads it. Slurm's SIGTERM
before a time limit stops a run as an interrupt does: at the end of the update, with its state saved.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seq2exp.errors import Seq2ExpError, SettingsError, TrainingError
from seq2exp.training.config import TrainConfig

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def launch(config: TrainConfig) -> Fabric:
    """Devices, strategy and precision of the run, with all its processes started.

    Raises
    ------
    SettingsError
        CUDA asked for and absent.
    TrainingError
        The machine or the starter does not offer what run.devices and run.nodes say.
    """
    from lightning.fabric import Fabric  # seconds of import that a refused configuration need not pay
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    run = config.run
    if run.accelerator == "cuda" and not torch.cuda.is_available():
        raise SettingsError("run.accelerator is cuda, but no CUDA device is there; set it to auto or cpu")
    accelerator = run.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if run.precision == "16-mixed" and accelerator == "cpu":
        raise SettingsError(
            f"training configuration {config.name}: run.precision 16-mixed needs CUDA; on a CPU set it to 32-true"
        )
    started = os.environ.get("WORLD_SIZE")
    if torch.distributed.is_torchelastic_launched() and started != str(run.processes):
        raise TrainingError(
            f"training configuration {config.name}: run.devices * run.nodes is {run.processes}, but torchrun "
            f"started {started} processes; make the two equal"
        )
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=run.devices,
            num_nodes=run.nodes,
            strategy=_strategy(config),
            precision=run.precision,
        )
        fabric.launch()
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise TrainingError(
            f"training configuration {config.name}: {run.devices} {accelerator} processes on {run.nodes} machines "
            f"cannot be started ({' '.join(str(error).split())}); set run.devices and run.nodes to what is there"
        ) from error
    if accelerator == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32, as published
    return fabric


def _strategy(config: TrainConfig) -> Any:
    """One process needs none; several share gradients. Where a part learns alone, the other parameters have none."""
    if config.run.processes == 1:
        return "auto"
    objective = config.objective
    alone = objective.stem_steps or objective.generator_steps or objective.path_steps
    return "ddp_find_unused_parameters_true" if alone else "ddp"


def agree(fabric: Fabric, failure: Seq2ExpError | None, *, stop: bool = False) -> bool:
    """Whether any process wants to stop; called by all of them together.

    Raises
    ------
    Seq2ExpError
        What failed on any process, on every process: none is left waiting for one that is gone.
    """
    if fabric.world_size == 1:
        if failure is not None:
            raise failure
        return stop
    asked = summed(fabric, torch.tensor([float(failure is not None), float(stop)], device=fabric.device))
    if asked[0] > 0:
        messages: list[str | None] = [None] * fabric.world_size
        torch.distributed.all_gather_object(messages, None if failure is None else str(failure))
        raise TrainingError("; ".join(dict.fromkeys(text for text in messages if text))) from failure
    return bool(asked[1] > 0)


@contextmanager
def together(fabric: Fabric) -> Iterator[None]:
    """What fails inside on one process is raised on all; nothing inside may wait for another process."""
    failure = None
    try:
        yield
    except Seq2ExpError as error:
        failure = error
    agree(fabric, failure)


def summed(fabric: Fabric, values: Tensor) -> Tensor:
    """Sum of ``values`` over all processes."""
    if fabric.world_size == 1:
        return values
    total = fabric.all_reduce(values, reduce_op="sum")
    assert isinstance(total, Tensor)  # a tensor in, a tensor out
    return total


class StopRequest:
    """Whether an interrupt or SIGTERM asked the run to stop after this update; a second interrupt does not wait."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():  # only there may Python handle signals
            self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True
