"""The settings a visitor moves, their defaults, and the link that restores them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from seq2exp.settings import ElementSettings, MaskMode, MaskSettings, ModelConfig, PeakSettings
from seq2exp.ui import busy
from seq2exp.ui.cache import Question
from seq2exp.ui.knobs import PRIOR_STRENGTHS, knob

PEAK_RULES = ("Automatic", "Signal value", "Share of window")
CHOICES = (
    "dataset", "gene", "cell", "checkpoint", "locus", "hidden", "chart", "marks", "scales", "clip", "range", "heights",
    "stream",
)  # fmt: skip
"""Link fields that are words; they are checked where they are used."""

_SETTINGS_OF = "settings_of"


def _within(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return read


def _one_of(*allowed: Any) -> Callable[[str], Any]:
    words = {str(value): value for value in allowed}
    return lambda text: words[text]


def _in_range_of(key: str) -> Callable[[str], float]:
    """Reads a number inside the range of a knob."""
    return _within(knob(key).minimum, knob(key).maximum)


def _weights(text: str) -> tuple[float, ...]:
    """Three relative weights as ``2,0.5,3``; not all may be 0."""
    first, second, third = (_in_range_of("weight_dnase")(part) for part in text.split(","))
    if first + second + third <= 0:
        raise ValueError(text)
    return (first, second, third)


@dataclass(frozen=True, slots=True)
class Setting:
    """A widget's key in session state and in the link, and how its text in the link is read."""

    key: str
    read: Callable[[str], Any]


SETTINGS = (
    Setting("mode", _one_of("soft", "hard", "top-k")),
    Setting("threshold", _in_range_of("threshold")),
    Setting("top_percent", _in_range_of("top_percent")),
    Setting("signal_scale", _in_range_of("signal_scale")),
    Setting("weights", _weights),
    Setting("prior_mean", _in_range_of("prior_mean")),
    Setting("prior_strength", _one_of(*PRIOR_STRENGTHS)),
    Setting("merge_gap", lambda text: int(_in_range_of("merge_gap")(text))),
    Setting("min_length", lambda text: int(_in_range_of("min_length")(text))),
    Setting("peak_rule", _one_of(*PEAK_RULES)),
    Setting("peak_cutoff", _within(0.01, 10_000)),
    Setting("peak_percent", _within(0.1, 50)),
)


def defaults(config: ModelConfig) -> dict[str, Any]:
    """Every setting as the checkpoint was trained, or as published where there is none."""
    return {
        "mode": config.mask_mode,
        # Finer than the sliders' steps: the component computes with them, so what was trained is what is shown.
        "threshold": round(config.threshold, 4),
        "top_percent": round(100 * config.top_share, 4),
        "signal_scale": 1.0,
        "weights": tuple(round(weight, 4) for weight in config.signal_weights),
        "prior_mean": round(config.bottleneck_mean, 4),
        "prior_strength": 0,
        "merge_gap": ElementSettings().merge_gap_bp,
        "min_length": ElementSettings().min_length_bp,
        "peak_rule": PEAK_RULES[0],
        "peak_cutoff": 1.0,
        "peak_percent": 5.0,
    }


def read_link(parameters: Mapping[str, str]) -> dict[str, Any]:
    """The settings a link holds; fields that are unknown, malformed or out of range are left out."""
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.key in parameters:
            try:
                found[setting.key] = setting.read(parameters[setting.key])
            except (ValueError, KeyError):
                continue
    return found


def allowed_modes(config: ModelConfig) -> tuple[MaskMode, ...]:
    """Modes this checkpoint can answer: one that packs kept bases knows no soft mask."""
    return ("hard", "top-k") if config.position_table else ("soft", "hard", "top-k")


def seed(config: ModelConfig, name: str) -> None:
    """Put every setting into session state before its widget is drawn.

    First from the link, later as the visitor left it; all defaults anew when the checkpoint ``name`` changes.
    """
    state = st.session_state
    own = defaults(config)
    if _SETTINGS_OF not in state:
        for key, value in {**own, **read_link(st.query_params.to_dict())}.items():
            state[key] = value
    elif state[_SETTINGS_OF] != name:
        reset(config)
    state[_SETTINGS_OF] = name
    for key, value in own.items():
        # Writing a value back keeps it alive while its widget is not on the page.
        state[key] = state.get(key, value)
    if state["mode"] not in allowed_modes(config):
        state["mode"] = config.mask_mode


def keep_alive() -> None:
    """Hold what a visitor chose while another page is shown: Streamlit forgets widgets that are not drawn."""
    state = st.session_state
    for key in ("run", *CHOICES, *(setting.key for setting in SETTINGS)):
        if key in state:
            state[key] = state[key]


def reset(config: ModelConfig) -> None:
    """Every setting back to its default."""
    for key, value in defaults(config).items():
        st.session_state[key] = value


def as_trained(config: ModelConfig) -> Question:
    """The question a checkpoint was trained to answer, whatever stands in session state."""
    own = defaults(config)
    return Question(MaskSettings(), ElementSettings(int(own["merge_gap"]), int(own["min_length"])), PeakSettings())


def question(config: ModelConfig) -> Question:
    """The settings in session state as the model takes them; None where one is as trained."""
    state, own = st.session_state, defaults(config)

    def moved(key: str) -> Any:
        return None if state[key] == own[key] else state[key]

    top_percent = moved("top_percent")
    rule = state["peak_rule"]
    return Question(
        mask=MaskSettings(
            mode=moved("mode"),
            threshold=moved("threshold"),
            top_share=None if top_percent is None else top_percent / 100,
            signal_scale=float(state["signal_scale"]),
            signal_weights=moved("weights"),
            prior_mean=moved("prior_mean"),
            prior_strength=float(state["prior_strength"]),
        ),
        elements=ElementSettings(int(state["merge_gap"]), int(state["min_length"])),
        peaks=PeakSettings(
            cutoff=float(state["peak_cutoff"]) if rule == PEAK_RULES[1] else None,
            target_share=state["peak_percent"] / 100 if rule == PEAK_RULES[2] else None,
        ),
    )


def as_text(value: Any) -> str:
    """A setting as the link writes it; `read_link` inverts it."""
    return ",".join(f"{part:g}" for part in value) if isinstance(value, tuple) else str(value)


def take(config: ModelConfig, wanted: Mapping[str, Any]) -> None:
    """Settings as the track component sends them; what is unknown, malformed or out of range stays as it was."""
    for key, value in read_link({key: as_text(_plain(value)) for key, value in wanted.items()}).items():
        if key != "mode" or value in allowed_modes(config):
            st.session_state[key] = value


def _plain(value: Any) -> Any:
    """A list of numbers as a tuple; anything else, numbers too large for a float included, as it is."""
    numbers = isinstance(value, list) and all(isinstance(part, int | float) and abs(part) < 1e9 for part in value)
    return tuple(value) if numbers else value


def write_link(config: ModelConfig, choices: Mapping[str, str]) -> None:
    """Make the address bar the link to this view: the choices, and every setting that is not the default.

    The view is on show then, so it is also what a visitor goes back to who cancels the next one.
    """
    own = defaults(config)
    moved = {key: as_text(st.session_state[key]) for key, value in own.items() if st.session_state[key] != value}
    wanted = {**choices, **moved}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
    state = st.session_state
    busy.remember({key: state[key] for key in (*CHOICES, *own) if key in state})
