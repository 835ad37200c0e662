"""What Explore's figure draws beside what the model said, as a visitor chose it: for the chart and for every export."""

from __future__ import annotations

from seq2exp.figures.beside import Beside
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.results import LocusView
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import scales


def drawn(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, view: LocusView) -> Beside:
    """Axes in force."""
    return Beside(scales=scales.in_force(opened, view))
