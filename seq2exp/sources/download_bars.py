"""Progress of several files at once as bars on standard error; silent where that is no terminal."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm


class Bars:
    """Called with id, bytes that are here and bytes there will be: a bar per file, gone when the file is whole."""

    def __init__(self) -> None:
        self._bars: dict[str, tqdm[Any]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in self._bars.values():
            bar.close()

    def __call__(self, id: str, done: int, total: int | None) -> None:
        """Shows how far one file has come; safe from several threads."""
        with self._lock:
            bar = self._bars.get(id)
            if bar is None:
                bar = self._bars[id] = tqdm(
                    total=total,
                    initial=done,  # what an earlier run left is no speed of this one
                    desc=id,
                    unit="B",
                    unit_scale=True,
                    leave=False,
                    file=sys.stderr,
                    disable=None,
                )
            if done < bar.n:
                bar.reset(total)
            bar.update(done - bar.n)
            if total is not None and done >= total:
                bar.close()
