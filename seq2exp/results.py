"""What the model said about one locus: frozen values in NumPy and plain Python, no torch, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Gene, Interval, IntervalOverlap, Region, Transcript
from seq2exp.settings import MaskMode

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Element:
    """A called stretch of the mask, outside the forced promoter."""

    interval: Interval
    mean: float
    """Mean of the mask mean over the element, 0..1."""
    sd: float
    """Mean of the mask's standard deviation over the element."""
    peak: float
    """Largest mask mean in it."""
    tss_distance_bp: int
    """Element midpoint minus TSS, positive in the direction of transcription."""


@dataclass(frozen=True)
class MaskResult:
    """The mask of one window under one set of MaskSettings. Arrays are (L,), read-only."""

    mean: FloatArray
    """Mean of the mask Beta before overrides, 0..1."""
    sd: FloatArray
    """Its standard deviation."""
    mask: FloatArray
    """What multiplies (soft) or selects (hard) the predictor's input, after overrides and edits."""
    forced_on: BoolArray
    """Promoter centre: set to 1 by rule, never found."""
    forced_off: BoolArray
    """Blacklisted and outside the centre: set to 0 by rule."""
    elements: tuple[Element, ...]
    mode: MaskMode
    threshold: float
    """Mean at or above which elements are called; in top-k the smallest mean kept."""
    floor: float
    """Mean of a base without any signal and with the least the sequence can say: what zero evidence looks like."""
    ratio: float
    """Sum of mask / L, with the promoter, as in the paper."""
    ratio_outside_promoter: float
    """The same over the bases outside the promoter centre."""
    source: Literal["model", "signals"]
    """signals: no checkpoint, the signal Beta alone."""
    changes: tuple[str, ...]
    """What differs from how the checkpoint was trained, in words; empty = faithful."""

    @property
    def faithful(self) -> bool:
        """Exactly what a checkpoint was trained with: there is one, and nothing was changed."""
        return self.source == "model" and not self.changes


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent the last time each stage ran; None if it did not run (yet)."""

    window_ms: float | None = None
    generator_ms: float | None = None
    combine_ms: float | None = None
    predictor_ms: float | None = None


@dataclass(frozen=True)
class MaskIngredients:
    """What a mask is made of before any setting: enough to make it elsewhere. Arrays are (L,) or (L, 3)."""

    alpha: FloatArray | None
    """alpha1 of the sequence; None without a checkpoint."""
    beta: FloatArray | None
    """beta1 of the sequence."""
    signals: FloatArray
    """(L, 3) as the model reads them, order SIGNALS, stand-ins included."""
    weights: tuple[float, ...]
    """Relative signal weights of the checkpoint."""
    thresholds: tuple[float, ...]
    """Signal thresholds of the checkpoint, each in its signal's unit."""
    outside: BoolArray
    """Bases beyond the chromosome."""


@dataclass(frozen=True, slots=True)
class MissingInput:
    """An input that was absent, wholly or in part, and what stood in for it."""

    name: str
    """dnase, h3k27ac, contact, rna_features, sequence ..."""
    share: float
    """Share of the window (or of the features) without data, 0..1."""
    stand_in: str
    """In words: zero, power law, N ..."""


@dataclass(frozen=True, slots=True)
class TrueElement:
    """An element whose effect on one gene in one cell type is known, as drawn beside what the model found.

    It is no part of `LocusView`: nothing that makes a mask or a prediction can see it.
    """

    interval: Interval
    name: str
    """Its class in one or two words, such as ``open decoy``."""
    meaning: str
    """The class in a sentence."""
    causal: bool
    """Whether the gene's expression depends on it."""
    effect_log10: float
    """log10 of expression without it minus with it: negative for an enhancer."""
    contact: float
    """Relative contact with the promoter, 1 at the TSS."""


@dataclass(frozen=True)
class Track:
    """One per-base lane of the figure."""

    name: str
    values: FloatArray
    """(L,) in `unit`; NaN where nothing was measured."""
    unit: str
    title: str = ""
    available: bool = True
    note: str = ""
    """Shown in the lane when it is not available, or about how it was made."""


@dataclass(frozen=True)
class LocusView:
    """Everything the figure of one locus draws; the only thing `figures` needs to know."""

    gene: Gene
    cell_type: str
    interval: Interval
    """The window, possibly past the chromosome's ends; index 0 of every array is interval.start."""
    transcripts: tuple[Transcript, ...]
    tracks: tuple[Track, ...]
    """DNase, H3K27ac, contact, in drawing order."""
    mask: MaskResult
    peaks: tuple[Region, ...]
    """MACS3 peaks in the window, clipped to it."""
    overlap: IntervalOverlap | None
    blacklist: tuple[Interval, ...]
    centre: Interval
    """Forced promoter centre."""
    sequence: str = ""
    """Bases of the window, upper case, N where unknown; for zoom to base level."""
    prediction_log10: float | None = None
    """Predicted log10(1 + CAGE); None without a checkpoint."""
    promoter_only_log10: float | None = None
    """The same with the mask 0 outside the promoter centre: what the elements add is the difference."""
    observed_log10: float | None = None
    missing: tuple[MissingInput, ...] = ()
    peak_note: str = ""
    """How the peaks were called, or why there are none."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Data set name and hash, checkpoint name and hash, versions: written into exports."""
