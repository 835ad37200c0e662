"""What the tracks a checkpoint learned from looked like: measured as a run starts, kept in run.json, read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seq2exp.genome import Interval
from seq2exp.processing.statistics import TrackStatistics, track_statistics
from seq2exp.sources.dataset import Dataset
from seq2exp.window.assemble import TRACKS

FACT = "signal_statistics"
"""The key in run.json, and in a checkpoint's provenance."""

FACTS_FILE = "run.json"

_MOST_WINDOWS = 400

ByCell = Mapping[str, Mapping[str, TrackStatistics]]
"""Statistics by cell type and role (dnase, h3k27ac)."""


def measure(dataset: Dataset, windows: Mapping[str, Iterable[Interval]]) -> dict[str, dict[str, Any]]:
    """Statistics of every track of ``dataset`` over the windows trained on, as JSON types.

    Parameters
    ----------
    windows
        By cell type.

    Returns
    -------
    dict
        By cell type and role; a track that is not on this disk is left out, which `read` tells as not known.

    Raises
    ------
    SourceError
        A track cannot be read.
    """
    found: dict[str, dict[str, Any]] = {}
    for cell, places in windows.items():
        chosen = list(places)
        present = {role: source for role in TRACKS if (source := dataset.source(role, cell)) is not None}
        found[cell] = {
            role: track_statistics(dataset.path_of(source), chosen, most_windows=_MOST_WINDOWS).summary()
            for role, source in present.items()
            if source.id not in dataset.streamed
        }
    return found


def read(folder: Path, provenance: Mapping[str, Any]) -> ByCell | None:
    """Statistics of the tracks the checkpoint in ``folder`` learned from; None where they are not known.

    They are looked for in its provenance, then in the run.json beside it: in the folder itself where the checkpoint
    was shipped, in the folder above where a run keeps it.
    """
    stated = provenance.get(FACT)
    if stated is None:
        facts = next((facts for place in (folder, folder.parent) if (facts := _facts(place, provenance))), {})
        stated = facts.get(FACT)
    if not isinstance(stated, Mapping):
        return None
    found: dict[str, dict[str, TrackStatistics]] = {}
    for cell, roles in stated.items():
        for role, summary in roles.items() if isinstance(roles, Mapping) else ():
            statistics = TrackStatistics.from_summary(summary if isinstance(summary, Mapping) else None)
            if statistics is not None:
                found.setdefault(str(cell), {})[str(role)] = statistics
    return found or None


def _facts(folder: Path, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What the run.json in ``folder`` holds, if it is that of this checkpoint's run."""
    try:
        content = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return {}
    same = isinstance(content, dict) and all(
        content.get(key) == provenance.get(key) for key in ("name", "dataset_hash", "seed")
    )
    return content if same else {}
