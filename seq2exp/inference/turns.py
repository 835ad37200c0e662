"""Who may use the accelerator now: one at a time, in the order they asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_S = 0.25
"""How often those in line are told their place."""


class Turns:
    """A line of threads. Who has the turn may ask again and goes straight through."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: list[object] = []
        self._depths: dict[int, int] = {}

    @contextmanager
    def turn(self, waiting: Callable[[int], None] | None = None) -> Iterator[None]:
        """Wait until it is this thread's turn, and hold it inside the block.

        Parameters
        ----------
        waiting
            Called with the number of those ahead, some times a second, while there are any. Whatever it raises gives
            up the place in line and goes on to the caller.
        """
        me = threading.get_ident()
        if self._depths.get(me):
            self._depths[me] += 1
            try:
                yield
            finally:
                self._depths[me] -= 1
            return
        place = object()
        with self._changed:
            self._line.append(place)
        try:
            self._wait(place, waiting)
            self._depths[me] = 1
            yield
        finally:
            with self._changed:
                self._depths.pop(me, None)
                self._line.remove(place)
                self._changed.notify_all()

    def _wait(self, place: object, waiting: Callable[[int], None] | None) -> None:
        while True:
            with self._changed:
                ahead = self._line.index(place)
                if ahead and waiting is None:
                    self._changed.wait()
                    continue
            if not ahead:
                return
            assert waiting is not None
            waiting(ahead)  # outside the lock: it may draw on a page
            with self._changed:
                if self._line[0] is not place:
                    self._changed.wait(_LOOK_S)


ACCELERATOR = Turns()
"""One forward pass at a time in a process: its tabs share the device, and the network's buffers are large."""
