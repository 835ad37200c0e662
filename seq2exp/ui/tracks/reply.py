"""What the component is told after every change: settings in force, prediction, peaks, and words for its captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seq2exp.figures.scale import TrackScale
from seq2exp.figures.style import THEMES
from seq2exp.genome import Interval
from seq2exp.inference.elements import without
from seq2exp.results import LocusView
from seq2exp.settings import MaskMode
from seq2exp.ui.knobs import KNOBS
from seq2exp.ui.text import number

SETTING_KEYS = (
    "mode",
    "threshold",
    "top_percent",
    "signal_scale",
    "weights",
    "prior_mean",
    "prior_strength",
    "merge_gap",
    "min_length",
)
"""Settings the component moves, by their keys in session state."""

NOTES: Mapping[str, Any] = {
    "threshold": {
        "soft": "Calls elements only; the prediction stays",
        "hard": "Keeps bases and calls elements",
    },
    "weights": "One weight stays above 0: without any there is no evidence",
}
"""What a knob moves, by mask mode; and why a weight goes no lower."""


@dataclass(frozen=True)
class Shown:
    """How the figure stands: stretch, marks, lanes."""

    view: Interval
    bands: tuple[tuple[int, int, str], ...] = ()
    lanes: Mapping[str, bool] | None = None
    go: int = 0
    """Counts the times the page, not the figure, chose the stretch."""
    heights: Mapping[str, int] | None = None
    """Of lanes that were made higher or lower by hand, in px."""
    chosen: Mapping[str, Any] | None = None
    """The element chosen in the table: ``n`` counts the choices, ``place`` is its [start, end), None for no longer."""


def reply_to(
    locus: str,
    view: LocusView,
    *,
    commit: int,
    heard: Mapping[str, int] | None = None,
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any],
    modes: Sequence[MaskMode],
    shown: Shown,
    stamp: str,
    caption: Sequence[str],
    plotly: str,
    rows: Sequence[Mapping[str, Any]] = (),
    scales: Mapping[str, TrackScale] | None = None,
    qr: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """JSON types for the component; a few kB whatever the window.

    Parameters
    ----------
    locus
        The key the locus was carried under.
    commit
        Number of the change this answers; 0: none yet.
    heard
        By kind of message, the number of the last that came: what the component does not find here it sends again.
    settings, defaults
        By the keys of `SETTING_KEYS`.
    stamp
        What the numbers were computed with, in a few words.
    caption
        Lines below an exported picture.
    rows
        Further rows of boxes that may change while the locus stays.
    scales
        The vertical axes of signal lanes by track; one that is not there ends at the track's own largest value.
    qr
        ``of`` an address, its ``image``; None: no QR code was asked for.
    """
    trained = view.provenance.get("trained") == "yes"
    return {
        "locus": locus,
        "commit": commit,
        "heard": {**(heard or {}), "commit": commit},
        "go": shown.go,
        "settings": {key: settings[key] for key in SETTING_KEYS},
        "defaults": {key: defaults[key] for key in SETTING_KEYS},
        "modes": list(modes),
        "view": [shown.view.start, shown.view.end],
        "bands": [{"start": start, "end": end, "name": name} for start, end, name in shown.bands],
        "shown": dict(shown.lanes or {}),
        "heights": dict(shown.heights or {}),
        "chosen": None if shown.chosen is None else dict(shown.chosen),
        "peaks": [[peak.interval.start, peak.interval.end] for peak in view.peaks],
        # No element can be where the promoter is forced, so a peak there counts for nothing.
        "overlap_peaks": [
            [part.start, part.end] for peak in view.peaks for part in without(peak.interval, view.centre)
        ],
        "peak_note": view.peak_note,
        "rows": list(rows),
        "scales": {name: asdict(scale) for name, scale in (scales or {}).items()},
        "qr": None if qr is None else dict(qr),
        "predicted": number(view.prediction_log10 if trained else None),
        "observed": number(view.observed_log10),
        "promoter_only": number(view.promoter_only_log10 if trained else None),
        "stamp": stamp,
        "caption": list(caption),
        "knobs": [knob.to_dict() for knob in KNOBS],
        "has_checkpoint": view.mask.source == "model",
        "notes": dict(NOTES),
        "themes": {name: _theme(asdict(theme)) for name, theme in THEMES.items()},
        "plotly": plotly,
    }


def _theme(colours: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in colours.items()}
