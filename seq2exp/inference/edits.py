"""Changes of single bases: how one is written, checked against a window, and answered by a session of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.inference.session import LocusSession
from seq2exp.window.assemble import Window
from seq2exp.window.encoding import ALPHABET, encode

BASES = "ACGT"
HOW_TO_WRITE = "write it like chr11:5,227,002 A>T (position 1-based)"

_WRITTEN = re.compile(
    r"^\s*(?:(?P<chrom>[\w.]+)\s*[:\s-]\s*)?(?P<position>\d[\d,]*)\s*[:\s-]?\s*"
    r"(?P<ref>[A-Za-z])\s*(?:>|/|-|:|\s)\s*(?P<alt>[A-Za-z])\s*$",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class BaseEdit:
    """One base of the genome replaced: ``ref`` at the 0-based ``position`` becomes ``alt``.

    ``str()`` gives the 1-based form that is shown, ``chr11:5,227,002 A>T``.
    """

    chrom: str
    position: int
    ref: str
    alt: str

    def __post_init__(self) -> None:
        for what, base in (("reference", self.ref), ("new", self.alt)):
            if len(base) != 1 or base not in BASES:
                raise SettingsError(f"base edit: the {what} base must be A, C, G or T, found {base!r:.12}")
        if self.ref == self.alt:
            raise SettingsError(f"base edit: {self.ref}>{self.alt} changes nothing; name another base")
        if self.position < 0:
            raise SettingsError(f"base edit: positions begin at 1, found {self.position + 1}")

    def __str__(self) -> str:
        return f"{self.chrom}:{self.position + 1:,} {self.ref}>{self.alt}"

    @property
    def code(self) -> str:
        """The form without spaces or commas that links hold, ``chr11:5227002A>T``; `parse` reads it."""
        return f"{self.chrom}:{self.position + 1}{self.ref}>{self.alt}"

    @classmethod
    def parse(cls, text: str, window: Interval) -> BaseEdit:
        """The edit a visitor wrote: 1-based position, with or without the chromosome.

        Also takes ``chr11-5227002-A-T`` and ``5227002 A>T``.

        Raises
        ------
        SettingsError
            Anything else, or a place outside ``window``.
        """
        found = _WRITTEN.match(text) if len(text) <= 60 else None
        if found is None:
            raise SettingsError(f"{text!r:.60} is no base edit; {HOW_TO_WRITE}")
        named = found["chrom"]
        chrom = window.chrom if named is None else match_chromosome(named, [window.chrom])
        position = int(found["position"].replace(",", "")) - 1
        if chrom is None or not window.contains(position):
            place = f"{named or window.chrom}:{position + 1:,}"
            raise SettingsError(f"{place} lies outside this gene's window {window}; nothing there reaches the model")
        return cls(chrom, position, found["ref"].upper(), found["alt"].upper())


def edited_window(window: Window, edits: Sequence[BaseEdit]) -> Window:
    """``window`` with the bases of ``edits`` replaced; signals, features and label stay as measured.

    Raises
    ------
    SettingsError
        A place outside the window, a reference base that does not stand there, or one place edited twice.
    """
    codes = np.array(window.codes)
    seen: set[int] = set()
    for edit in edits:
        place = window.interval
        if edit.chrom != place.chrom or not place.contains(edit.position):
            raise SettingsError(f"{edit} lies outside this gene's window {place}; nothing there reaches the model")
        if edit.position in seen:
            raise SettingsError(f"{edit}: this base is edited already; undo that edit first")
        seen.add(edit.position)
        index = edit.position - place.start
        there = ALPHABET[codes[index]]
        where = f"{edit.chrom}:{edit.position + 1:,}"
        if there not in BASES:
            raise SettingsError(f"the base at {where} is unknown (N) and cannot be edited; choose another place")
        if there != edit.ref:
            instead = f"write {there}>{edit.alt}" if there != edit.alt else "it needs no edit"
            raise SettingsError(f"the base at {where} is {there}, not {edit.ref}; {instead}")
        codes[index] = encode(edit.alt)[0]
    codes.flags.writeable = False
    return replace(window, codes=codes)


def edited_session(session: LocusSession, edits: Sequence[BaseEdit]) -> LocusSession:
    """A session on the edited sequence: generator and predictor run anew, and nothing kept is shared.

    Raises
    ------
    SettingsError
        See `edited_window`.
    """
    return LocusSession(
        dataset=session.dataset,
        window=edited_window(session.window, edits),
        config=session.config,
        checkpoint=session.checkpoint,
        device=session.device,
        cache_dir=session.cache_dir,
        window_ms=session.timings.window_ms,
        sequence_changes=tuple(f"base {edit}" for edit in edits),
    )


def base_at(window: Window, position: int) -> str:
    """The letter at a 0-based ``position`` of the window, N where unknown."""
    return ALPHABET[window.codes[position - window.interval.start]]
