"""MACS3's own program, and the cache of what it called."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from seq2exp.errors import PeakCallError, SourceError
from seq2exp.files import write_whole
from seq2exp.genome import Region
from seq2exp.sources.annotation import read_regions

_CACHE_FORMAT = 1
"""Raised when entries are written differently or the same options give other peaks."""


@dataclass(frozen=True)
class PeakCall:
    """What MACS3 called."""

    regions: tuple[Region, ...]
    """Peaks by chromosome and start; ``score`` is MACS3's own column: 10 x summit (bigWig), 10 x -log10 q (BAM)."""
    cutoff: float | None
    """Signal at or above which bases are in a peak; None from a BAM, where q decides."""
    command: str
    """The MACS3 command line, with bare file names."""
    note: str
    """Why there are no peaks, or how near the target share came; empty when there is nothing to say."""
    share: float
    """Share of the given intervals (BAM: of the reference in its header) under peaks, 0..1."""


def run_macs3(arguments: list[str], folder: Path) -> None:
    """MACS3's own program in ``folder``; a process of its own, because importing it rewires the logging module."""
    # Absolute, because it starts in another folder: found by a relative PATH, Python's own path is relative too.
    script = Path(sysconfig.get_path("scripts"), "macs3").absolute()
    if not script.is_file():
        raise PeakCallError(
            f"{script}: MACS3 is not installed beside {sys.executable}; pip install -r requirements.txt"
        )
    done = subprocess.run(
        [Path(sys.executable).absolute(), script, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise PeakCallError(
            f"macs3 {arguments[0]} ended with {done.returncode}: {words[-1].strip() if words else 'it said nothing'}"
        )


def peaks_in(path: Path) -> tuple[tuple[Region, ...], str]:
    """The peaks MACS3 wrote, and its text; PeakCallError when it left none of the file it was asked for."""
    if not path.is_file():
        raise PeakCallError(f"macs3 ended well but wrote no {path.name}")
    return read_regions(path), path.read_text(encoding="ascii")


def cache_key(*parts: object) -> str:
    """Name of a cache entry: everything the result depends on, MACS3's version included."""
    everything = (_CACHE_FORMAT, importlib.metadata.version("MACS3"), *parts)
    return hashlib.sha256(repr(everything).encode()).hexdigest()[:32]


def load(cache_dir: Path, key: str) -> PeakCall | None:
    """The call kept under ``key``, or None; PeakCallError on a file that is not one of ours."""
    path = cache_dir / f"{key}.narrowPeak"
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8") as lines:
            facts = json.loads(next(lines, "").removeprefix("# "))
        return PeakCall(read_regions(path), facts["cutoff"], facts["command"], facts["note"], facts["share"])
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError, SourceError) as error:
        raise PeakCallError(
            f"{path}: damaged cache entry ({error}); delete it and the peaks are called anew"
        ) from error


def store(cache_dir: Path, key: str, made: PeakCall, narrowpeak: str) -> None:
    """Keeps MACS3's own ``narrowpeak`` under ``key``, after a line that tells how it came about; in one step."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    facts = {"cutoff": made.cutoff, "command": made.command, "note": made.note, "share": made.share}
    write_whole(cache_dir / f"{key}.narrowPeak", f"# {json.dumps(facts)}\n{narrowpeak}".encode())
