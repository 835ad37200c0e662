"""Steps of a build that are done once: what they read, what came of it, and a note of both beside the data set."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from seq2exp.errors import SettingsError
from seq2exp.files import remove_partials
from seq2exp.processing.output import whole_text

MANIFEST_FILE, STATE_FILE, LOCK_FILE = "manifest.yaml", ".build.json", ".build.lock"
REPORT_FILES = ("report.json", "report.md")

_WHOLE_BYTES = 64_000_000
"""Up to here a file is known by its SHA-256; a larger one by size, time and the SHA-256 of its first and last MiB."""
_EDGE_BYTES = 2**20
_VERSION = 1
"""Raised when a step comes to write something else from the same input."""

Told = Mapping[str, Any]
"""What a step has to say, as JSON types."""


class Steps:
    """The steps of one data set folder.

    Before the first step that changes anything, manifest and report of an earlier build are removed: until the new
    manifest stands, the folder is no data set, however the build ends.
    """

    def __init__(self, out: Path, version: int = _VERSION) -> None:
        self.out, self._version = out, version
        self.done: dict[str, Literal["made", "kept"]] = {}
        self._state = _read_state(out)
        remove_partials(out)  # of a build that was killed: the folder is locked, nobody writes them

    @property
    def cells(self) -> tuple[str, ...]:
        """Cell types of the build that last came to its end here."""
        return tuple(self._state.get("cells", ()))

    def run(
        self,
        name: str,
        output: str | None,
        inputs: Sequence[Path],
        parameters: Mapping[str, Any],
        make: Callable[[Path], Told],
    ) -> Told:
        """What ``make`` tells, now or when it last ran on the same input.

        Parameters
        ----------
        name
            Of the step, such as ``k562.contact``.
        output
            File it writes into the folder, whole or not at all; None: it only tells.
        inputs
            Files it reads.
        parameters
            Everything else it depends on, as JSON types.
        make
            Takes the path of the output.
        """
        key = self._key(inputs, parameters)
        known = self._state["steps"].get(name)
        if known is not None and known["key"] == key and self._stands(known, output):
            self.done[name] = "kept"
            return dict(known["told"])
        self.changing()
        path = self.out / (output or "")
        told = dict(make(path))
        entry: dict[str, Any] = {"key": key, "parameters": dict(parameters), "told": told}
        if output is not None:
            entry |= {"output": output, "size": path.stat().st_size, "sha256": sha256_of(path)}
        self._state["steps"][name] = entry
        self._save()
        self.done[name] = "made"
        return told

    def recall(self, name: str, output: str, parameters: Mapping[str, Any]) -> Told | None:
        """What a step told whose input is gone, if its output still stands and was made with the same parameters."""
        known = self._state["steps"].get(name)
        if known is None or known["parameters"] != dict(parameters) or not self._stands(known, output):
            return None
        self.done[name] = "kept"
        return dict(known["told"])

    def forget(self, name: str) -> None:
        """Do a step again, whatever is known of it."""
        self._state["steps"].pop(name, None)

    def sha256(self, name: str) -> str:
        """Of the output of a step that ran."""
        return str(self._state["steps"][name]["sha256"])

    def changing(self) -> None:
        """From here on the folder is no data set until a manifest is written."""
        for name in (MANIFEST_FILE, *REPORT_FILES):
            (self.out / name).unlink(missing_ok=True)

    def finish(self, cells: Sequence[str]) -> None:
        """Remember which cell types the data set holds."""
        if list(cells) != self._state.get("cells"):
            self._state["cells"] = list(cells)
            self._save()

    def _key(self, inputs: Sequence[Path], parameters: Mapping[str, Any]) -> str:
        facts = {"inputs": [fingerprint(path) for path in inputs], "parameters": parameters, "version": self._version}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _stands(self, known: Mapping[str, Any], output: str | None) -> bool:
        """Whether the step's output is what it was when the step ended."""
        if output is None:
            return "output" not in known
        path = self.out / output
        return known.get("output") == output and path.is_file() and path.stat().st_size == known["size"]

    def _save(self) -> None:
        with whole_text(self.out / STATE_FILE) as text:
            json.dump(self._state, text, indent=1)  # unsorted: what a step told keeps its order


def _read_state(out: Path) -> dict[str, Any]:
    path = out / STATE_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content["steps"], dict):
            return dict(content)
    except FileNotFoundError:
        if (out / MANIFEST_FILE).exists():
            raise SettingsError(
                f"{out}: holds a data set that `data build` did not make; give another --out or remove it"
            ) from None
    except (OSError, ValueError, KeyError, TypeError):
        pass  # a damaged note costs nothing but doing the steps again
    return {"steps": {}}


def fingerprint(path: Path) -> dict[str, Any]:
    """What a file is known by: name, size, and its content as far as it can be read quickly."""
    found = path.stat()
    facts: dict[str, Any] = {"name": path.name, "size": found.st_size}
    if found.st_size <= _WHOLE_BYTES:
        return facts | {"sha256": sha256_of(path)}
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_EDGE_BYTES))
        file.seek(-_EDGE_BYTES, os.SEEK_END)
        digest.update(file.read(_EDGE_BYTES))
    return facts | {"modified_ns": found.st_mtime_ns, "edges": digest.hexdigest()}


def digest_of(values: Iterable[object]) -> str:
    """What a set of values is known by, whatever its order."""
    return hashlib.sha256("\n".join(sorted(map(str, values))).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a whole file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """The folder held by this process alone; made if absent.

    Raises
    ------
    SettingsError
        Another process builds there, or the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / LOCK_FILE).open("w")
    except OSError as error:
        raise SettingsError(f"{out}: cannot be written ({error.strerror}); give another --out") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"{out}: another process is building there; wait for it or give another --out"
            ) from None
        yield
