"""How high a signal lane draws a value: its transform, the value at the top of its axis, and the words for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

ScaleKind = Literal["linear", "log1p", "sqrt"]
KINDS: tuple[ScaleKind, ...] = get_args(ScaleKind)
DEFAULT_KINDS: Mapping[str, ScaleKind] = {"contact": "log1p"}
"""By track, where it is not linear: contacts fall off by orders of magnitude, and the model reads them so."""

CLIP_PERCENT = 99.5
"""The percentile of measured bases at which a clipped axis ends."""


@dataclass(frozen=True, slots=True)
class TrackScale:
    """The vertical axis of one signal lane."""

    kind: ScaleKind = "linear"
    top: float = 0.0
    """The value at the upper end of the axis, in the track's own unit; 0: nothing was measured above 0."""
    words: str = ""
    """What else decides the range: shared with other cell types, locked, clipped; empty: the track's own largest."""

    def height(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where values stand on the axis, cut at its upper end; NaN stays NaN."""
        cut: NDArray[np.floating] = np.minimum(transform(self.kind, values), self.ceiling)
        return cut

    @property
    def ceiling(self) -> float:
        """The axis's upper end as drawn; never 0."""
        return float(transform(self.kind, np.array(self.top))) or 1.0


def transform(kind: ScaleKind, values: NDArray[np.floating]) -> NDArray[np.floating]:
    """``values`` on a scale of that kind: themselves, log10(1 + v) or the root of v, where what is below 0 is 0."""
    if kind == "linear":
        return values
    positive = np.maximum(values, 0)
    scaled: NDArray[np.floating] = np.log10(1 + positive) if kind == "log1p" else np.sqrt(positive)
    return scaled


def default_kind(track: str) -> ScaleKind:
    """The scale a track is drawn on unless asked otherwise."""
    return DEFAULT_KINDS.get(track, "linear")


def own_scale(track: str, values: NDArray[np.floating]) -> TrackScale:
    """The track's default scale up to its own largest value."""
    measured = values[~np.isnan(values)]
    return TrackScale(default_kind(track), float(measured.max()) if measured.size else 0.0)
