"""Tasks on a few threads: the CPU engine's own pool, as many threads as torch would use.

Kernels release the GIL, so plain Python threads run them side by side. Numba's own parallel loops are not used: their
runtimes either abort when two threads call them at once, or spin against torch's.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
from collections.abc import Callable

import torch

from seq2exp.model.scan.vector import flush_subnormals, restore_subnormals

Task = Callable[[], None]


class _Pool:
    """Daemon threads that wait for work; grows to the largest number asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._size = 0

    def submit(self, worker: Task, count: int) -> None:
        """Run ``worker`` on ``count`` threads."""
        with self._lock:
            while self._size < count:
                threading.Thread(target=self._serve, name="seq2exp-kernel", daemon=True).start()
                self._size += 1
        for _ in range(count):
            self._inbox.put(worker)

    def _serve(self) -> None:
        flush_subnormals()
        while True:
            self._inbox.get()()


_pool = _Pool()


def _renew() -> None:
    """Give a forked process a pool of its own: threads do not survive a fork."""
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_renew)


def run_tasks(tasks: list[Task]) -> None:
    """Run every task, in order of start, on torch.get_num_threads() threads, the caller's included.

    Returns when all have ended; the first error of a task is raised then.
    """
    before = flush_subnormals()
    try:
        _share(tasks, helpers=min(torch.get_num_threads(), len(tasks)) - 1)
    finally:
        restore_subnormals(before)


def _share(tasks: list[Task], *, helpers: int) -> None:
    """Run every task on the caller's thread and ``helpers`` more."""
    if helpers <= 0:
        for task in tasks:
            task()
        return
    numbers = itertools.count()  # next() is atomic under the GIL
    errors: list[BaseException] = []
    ended: queue.SimpleQueue[None] = queue.SimpleQueue()

    def work() -> None:
        while (number := next(numbers)) < len(tasks) and not errors:
            try:
                tasks[number]()
            except BaseException as error:  # noqa: BLE001 - handed to the caller below, whatever it is
                errors.append(error)

    def help_out() -> None:
        work()
        ended.put(None)

    _pool.submit(help_out, helpers)
    work()
    for _ in range(helpers):
        ended.get()
    if errors:
        raise errors[0]
