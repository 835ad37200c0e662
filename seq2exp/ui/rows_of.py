"""Further rows of boxes for the track component: screened stretches, a visitor's own intervals."""

from __future__ import annotations

import math
from typing import Any

from seq2exp.errors import Seq2ExpError
from seq2exp.genome import Gene, Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.sources.crispri import Knockdown
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import perturb_cache


def screened(
    opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, window: Interval
) -> list[dict[str, Any]]:
    """The row of stretches that CRISPRi silenced and tested on this gene; empty where there is no screen to read."""
    try:
        found = perturb_cache.knockdowns(perturb_cache.Locus(opened, gene, cell_type, loaded))
    except Seq2ExpError:  # told on the Perturb page, where it matters
        return []
    if found is None:
        return []
    boxes = [_tested(knockdown) for knockdown in found if knockdown.interval.overlaps(window)]
    return [{"name": "crispri", "title": "CRISPRi", "colour": "contact", "boxes": boxes}]


def _tested(knockdown: Knockdown) -> dict[str, Any]:
    effect = "" if math.isnan(knockdown.effect) else f"{100 * knockdown.effect:+.0f} %"
    verdict = "significant" if knockdown.significant else "not significant"
    return {
        "start": knockdown.interval.start,
        "end": knockdown.interval.end,
        "label": effect if knockdown.significant else "",
        "strong": knockdown.significant,
        "told": f"expression {effect or 'not measured'}, {verdict}",
    }
