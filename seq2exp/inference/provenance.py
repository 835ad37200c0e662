"""Where a result comes from, as names and hashes that exports carry."""

from __future__ import annotations

from collections.abc import Sequence

from seq2exp import __version__
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.sources.dataset import Dataset


def provenance(
    dataset: Dataset, checkpoint: LoadedCheckpoint | None, sequence_changes: Sequence[str] = ()
) -> dict[str, str]:
    """Data set, checkpoint and program in words; ``sequence_changes``: where the bases are not the genome's."""
    return {
        "dataset": f"{dataset.name} {dataset.hash}",
        "assembly": dataset.assembly.name,
        "synthetic": "yes" if dataset.synthetic else "no",
        "checkpoint": "none" if checkpoint is None else f"{checkpoint.name} {checkpoint.hash}",
        "trained": "no" if checkpoint is None or not checkpoint.trained else "yes",
        "seq2exp": __version__,
    } | ({"sequence": "; ".join(sequence_changes)} if sequence_changes else {})
