"""What updates report, and the rows of train.csv made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seq2exp.errors import TrainingError
from seq2exp.training.config import TrainConfig
from seq2exp.training.folder import RunFolder
from seq2exp.training.objective import Parts

PARTS: dict[str, str] = {
    "loss": "total", "expression": "expression", "kl": "kl", "tracks": "tracks", "mask_ratio": "mask_ratio",
}  # fmt: skip
"""Columns of train.csv and the fields of `Parts` they come from."""


def reported(parts: Parts) -> dict[str, Any]:
    """The parts that this update computed, by column."""
    named = {column: getattr(parts, name) for column, name in PARTS.items()}
    return {column: value.detach() for column, value in named.items() if value is not None}


@dataclass
class Meter:
    """Sums since the last row of train.csv; saved with the run's state, so that rows do not depend on restarts."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """Updates that reported each part: a row may hold the end of one stage and the beginning of the next."""
    seconds: float = 0.0
    """Time of the updates, waiting included."""
    waited: float = 0.0
    """Time spent waiting for windows."""

    def add(self, values: Mapping[str, float], *, seconds: float, waited: float) -> None:
        """Count one update."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
        self.seconds += seconds
        self.waited += waited

    def means(self) -> dict[str, float | None]:
        """Mean of every part, None where no update reported it; and the share of time spent waiting."""
        blank: dict[str, float | None] = dict.fromkeys([*PARTS, "gradient_norm"])
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        return {**blank, **means, "wait_share": self.waited / max(self.seconds, 1e-9)}


def short(row: Mapping[str, float | None]) -> dict[str, str]:
    """What the bar shows beside the time left."""
    names = {"loss": "loss", "expression": "expression", "kl": "KL", "tracks": "tracks", "mask_ratio": "kept"}
    shown = {label: f"{value:.3f}" for key, label in names.items() if (value := row[key]) is not None}
    return shown | {"rate": f"{row['learning_rate']:.1e}"}


def tensorboard_writer(config: TrainConfig, folder: RunFolder, *, step: int) -> Any:
    """A writer of TensorBoard events that forgets those after ``step``, if the configuration asks for one."""
    if not config.run.tensorboard:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError(
            "run.tensorboard is true, but the package tensorboard is not installed; install it or set it to false"
        ) from error
    return SummaryWriter(folder.path / "tensorboard", purge_step=step + 1)


def log(writer: Any, group: str, row: Mapping[str, float | None]) -> None:
    """Give a row to TensorBoard, if there is a writer."""
    if writer is not None:
        for name, value in row.items():
            if name != "step" and value is not None:
                writer.add_scalar(f"{group}/{name}", value, int(row["step"] or 0))
