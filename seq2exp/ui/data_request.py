"""What a visitor asks to add as a cell type of their own: the form's fields, and the command that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from seq2exp.processing.add import CellPlan, plan_cell
from seq2exp.processing.add_format import OPTIONS, CellRole
from seq2exp.ui import catalogue

DATA_FOLDER = ".data"


@dataclass(frozen=True)
class CellRequest:
    """The form as it was sent."""

    name: str
    base: Path
    """Manifest of the data set to borrow from."""
    keep_cells: bool
    files: Mapping[CellRole, str]
    """Paths as typed, by role; only those that were given."""
    remote: bool = False
    """What of that data set is not on disk is streamed."""

    def command(self) -> str:
        """The command line that does the same, from the project's folder."""
        words = ["python", "-m", "seq2exp", "data", "add", "--name", self.name]
        for role, option in OPTIONS.items():
            if role in self.files:
                words += [option, self.files[role]]
        words += ["--to" if self.keep_cells else "--base", catalogue.place_in_words(self.base.parent)]
        return shlex.join([*words, *(["--remote"] if self.remote else [])])

    def plan(self, say: Callable[[str], None]) -> CellPlan:
        """Every file checked; nothing written. Raises as `plan_cell`, and what a path can make the system raise."""
        return plan_cell(
            self.name,
            {role: Path(text).expanduser() for role, text in self.files.items()},
            self.base,
            keep_cells=self.keep_cells,
            data_dir=catalogue.ROOT / DATA_FOLDER,
            remote=self.remote,
            say=say,
        )


UNUSABLE = (OSError, ValueError, RuntimeError)
"""What a typed path can raise beside our own errors: a zero byte, too long a name, ``~`` of no known user."""
