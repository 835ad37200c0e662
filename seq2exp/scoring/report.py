"""What a run did, as JSON types and in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seq2exp.scoring.run import ScoreRun


def run_facts(out: Path, run: ScoreRun) -> dict[str, Any]:
    """JSON types; the card is empty where other processes still have shards in hand."""
    return {
        "out": str(out),
        "scored_now": run.scored,
        "seconds": round(run.seconds, 2),
        "lost": list(run.lost),
        "shown": run.shown,
        "card": run.card,
    }


def run_lines(out: Path, run: ScoreRun) -> list[str]:
    """A few lines for people."""
    lines = [f"{words}; the others took its shards over" for words in run.lost]
    if not run.card:
        return [*lines, f"{out}: this process has no shard left; the last process to finish merges"]
    card = run.card
    if not card["trained"]:
        lines.append("UNTRAINED WEIGHTS: these numbers mean nothing")
    elif card["faithful"]:
        lines.append("FAITHFUL: as the checkpoint was trained")
    else:
        lines.append(f"WHAT-IF: {card['n_faithful']:,} of {card['n_windows']:,} windows are faithful; what_if says why")
    each = card["made"]["windows_per_process_second"]
    lines.append(
        f"{out}: {card['n_windows']:,} windows ({card['n_genes']:,} genes x {', '.join(card['cells'])}), "
        f"{card['n_problems']:,} not scored; {run.scored:,} scored now in {run.seconds:,.1f} s, "
        f"{each:g} windows a second and process"
    )
    if run.shown is not None:
        lines.append(f"the Genes page has {run.shown:,} more rows, without peaks")
    return lines
