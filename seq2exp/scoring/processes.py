"""The processes of a run: which one this is, or how several are started on this machine.

Several on one machine are started by the verb itself (``--devices 2``). On several machines the same command is given
to a starter, whose environment Lightning's own classes read:

    torchrun --nnodes 2 --nproc-per-node 4 ... -m seq2exp score ... --devices 4 --nodes 2
    srun --nodes 2 --ntasks-per-node 4 python -m seq2exp score ... --devices 4 --nodes 2
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from seq2exp.errors import ScoringError, Seq2ExpError, SettingsError
from seq2exp.scoring.worker import Interrupted, Job, Place, open_job, work
from seq2exp.training.processes import StopRequest

POLL_S = 0.2


def started_place(devices: int, nodes: int) -> Place | None:
    """This process's place where torchrun or Slurm started it; None: nobody did, it starts its own.

    Raises
    ------
    SettingsError
        Fewer than one, or several machines without a starter.
    ScoringError
        The starter started another number of processes.
    """
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    if devices < 1 or nodes < 1:
        raise SettingsError(f"--devices and --nodes must be at least 1, found {devices} and {nodes}")
    try:
        if TorchElasticEnvironment.detect():
            environment: TorchElasticEnvironment | SLURMEnvironment = TorchElasticEnvironment()
        elif SLURMEnvironment.detect():
            environment = SLURMEnvironment()
        elif nodes > 1:
            raise SettingsError(
                f"--nodes {nodes}: this process was started alone; give the command to torchrun or srun on every node"
            )
        else:
            return None
        environment.validate_settings(num_devices=devices, num_nodes=nodes)
    except (ValueError, RuntimeError) as error:
        if isinstance(error, Seq2ExpError):
            raise
        raise ScoringError(
            f"--devices {devices} --nodes {nodes}: {' '.join(str(error).split())}; make them what the starter started"
        ) from error
    return Place(environment.global_rank(), environment.world_size(), environment.local_rank())


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process that was started here ended."""

    number: int
    status: int
    """As the system gives it: 0 well, negative: the signal that ended it."""
    error: str
    """Its own words; empty: none."""

    @property
    def words(self) -> str:
        """Why it did not end well, in words; empty: it did."""
        if not self.status:
            return ""
        if self.error:
            return self.error
        by = f"signal {-self.status} ({signal.Signals(-self.status).name})" if self.status < 0 else f"{self.status}"
        return (
            f"process {self.number} was ended by {by}" if self.status < 0 else f"process {self.number} ended with {by}"
        )


def run_here(job: Job, processes: int, *, look: Callable[[], None]) -> tuple[Ended, ...]:
    """Start ``processes`` on this machine, wait until all have ended, and say how; one that dies leaves the others be.

    Parameters
    ----------
    look
        Called some times a second while they work.

    Raises
    ------
    Interrupted
        This process was asked to stop; the others have stopped then.
    """
    context = multiprocessing.get_context("spawn")  # CUDA and thread pools do not survive a fork
    started: list[tuple[SpawnProcess, Connection]] = []
    with StopRequest() as stop:
        try:
            for number in range(processes):
                ours, theirs = context.Pipe(duplex=False)
                place = Place(number, processes, number)
                process = context.Process(target=_child, args=(job, place, theirs), name=f"score-{number}")
                process.start()
                theirs.close()
                started.append((process, ours))
            while any(process.is_alive() for process, _ in started):
                if stop.asked:
                    for process, _ in started:
                        process.terminate()
                look()
                time.sleep(POLL_S)
        finally:
            for process, _ in started:
                if process.is_alive():
                    process.terminate()
                process.join()
    if stop.asked:
        raise Interrupted
    return tuple(
        Ended(number, int(process.exitcode or 0), _said(ours)) for number, (process, ours) in enumerate(started)
    )


def _said(connection: Connection) -> str:
    """What a process wrote before it ended; nothing where it was killed."""
    try:
        return str(connection.recv()) if connection.poll() else ""
    except EOFError:
        return ""


def _child(job: Job, place: Place, starter: Connection) -> None:
    try:
        work(open_job(job, place), place)
    except Interrupted:
        sys.exit(3)
    except Seq2ExpError as error:
        starter.send(str(error))
        sys.exit(2)
