"""What stands beside the model's own lanes in the track component: screened stretches, the contact map."""

from __future__ import annotations

import math
from typing import Any

from seq2exp.errors import Seq2ExpError
from seq2exp.genome import Gene, Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.sources.crispri import Knockdown
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.hic import read_contact_matrix
from seq2exp.ui import perturb_cache
from seq2exp.ui.tracks.payload import ContactTriangle


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


def contact_map(opened: Dataset, cell_type: str, window: Interval) -> ContactTriangle | None:
    """The contact map around the gene in the data set's own bins; None where there is none to read."""
    path = opened.path("contact", cell_type)
    if path is None:
        return None
    bin_bp = opened.manifest.window.contact_resolution_bp
    try:
        values = read_contact_matrix(path, window, resolution_bp=bin_bp)
    except Seq2ExpError:  # the window itself was read from the same file, or its lane says why not
        return None
    return ContactTriangle(max(window.start, 0) // bin_bp * bin_bp, bin_bp, values) if len(values) else None


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
