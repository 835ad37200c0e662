"""The learning rate at every step of the published recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seq2exp.errors import SettingsError


@dataclass(frozen=True, slots=True)
class WarmupCosine:
    """Linear warm-up, then half a cosine, then constant (models.md section 5); defaults are the published values."""

    start: float = 1e-5
    """Rate of the first update."""
    peak: float = 5e-4
    """Rate at the end of the warm-up."""
    floor: float = 1e-4
    """Rate at the end of the cosine and after it."""
    warmup_steps: int = 5_000
    """Updates of the warm-up."""
    cosine_steps: int = 45_000
    """Updates of the cosine."""

    def __post_init__(self) -> None:
        if self.start < 0 or min(self.peak, self.floor) <= 0 or self.warmup_steps < 0 or self.cosine_steps < 1:
            raise SettingsError(
                f"learning rates must be positive, the first 0 or more, and steps not negative, found {self}"
            )

    def __call__(self, step: int) -> float:
        """Learning rate of update ``step``; 0 is the first."""
        if step < self.warmup_steps:
            return self.start + step * (self.peak - self.start) / self.warmup_steps
        share = min((step - self.warmup_steps) / self.cosine_steps, 1.0)
        return self.floor + (self.peak - self.floor) * (1 + math.cos(math.pi * share)) / 2
