"""What A and B are: cell type, checkpoint and mask settings of each, and the link that restores them; no widgets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seq2exp.settings import ElementSettings, MaskSettings, ModelConfig, PeakSettings
from seq2exp.ui import state
from seq2exp.ui.cache import Question

Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")
VERSION = "1"
"""Of the link; a field keeps its meaning as long as this does."""

SETTINGS = ("mode", "threshold", "top_percent", "signal_scale", "prior_strength", "prior_mean")
"""What each side can have of its own; calling elements and peaks follows the same rule on both."""

SWITCHES = ("share", "lock_y", "truth")
"""On unless the link says ``off``."""

ELSEWHERE = ("dataset", "gene", "locus", "stream")
"""Link fields that are read where they are used."""


def field_of(side: Side, name: str) -> str:
    """The name of one choice of one side, here and in the link."""
    return f"{side}_{name}"


@dataclass(frozen=True, slots=True)
class Link:
    """A link as far as it could be read."""

    values: Mapping[str, Any]
    left_out: tuple[str, ...]
    """Fields that are unknown, malformed, or name what is not there (any more), as the link spells them."""


def read_link(parameters: Mapping[str, str], *, cells: Collection[str], checkpoints: Collection[str]) -> Link:
    """What a link says of A and B, each field by itself: one bad field costs no other."""
    readers = {setting.key: setting.read for setting in state.SETTINGS if setting.key in SETTINGS}
    known = {"cell": cells, "checkpoint": checkpoints}
    values: dict[str, Any] = {}
    left_out = []
    for field, text in parameters.items():
        side, _, name = field.partition("_")
        if field in ELSEWHERE or (field == "v" and text == VERSION):
            continue
        try:
            if field in SWITCHES:
                values[field] = {"on": True, "off": False}[text]
            elif side not in SIDES:
                raise KeyError(field)
            elif name in known:
                if text not in known[name]:
                    raise KeyError(text)
                values[field] = text
            else:
                values[field] = readers[name](text)
        except (KeyError, ValueError):
            left_out.append(field)
    return Link(values, tuple(left_out))


def own_settings(config: ModelConfig) -> dict[str, Any]:
    """The settings of one side as its checkpoint was trained, or as published where there is none."""
    return {name: value for name, value in state.defaults(config).items() if name in SETTINGS}


def moved_settings(values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not as trained."""
    return {name: values[name] for name in own if values[name] != own[name]}


def fitting(moved: Mapping[str, Any], config: ModelConfig) -> tuple[dict[str, Any], str]:
    """``moved`` without a mode the checkpoint does not know, and why it was left out (or nothing)."""
    mode = moved.get("mode")
    if mode is None or mode in state.allowed_modes(config):
        return dict(moved), ""
    kept = {name: value for name, value in moved.items() if name != "mode"}
    return kept, f"this checkpoint knows no {mode} mask: its own mode, {config.mask_mode}, is used"


def question(moved: Mapping[str, Any]) -> Question:
    """The settings as the model takes them; what is not in ``moved`` is as trained."""
    top_percent = moved.get("top_percent")
    return Question(
        mask=MaskSettings(
            mode=moved.get("mode"),
            threshold=moved.get("threshold"),
            top_share=None if top_percent is None else top_percent / 100,
            signal_scale=float(moved.get("signal_scale", 1.0)),
            prior_mean=moved.get("prior_mean"),
            prior_strength=float(moved.get("prior_strength", 0.0)),
        ),
        elements=ElementSettings(),
        peaks=PeakSettings(),
    )


def link_fields(
    *,
    cells: Mapping[Side, str],
    checkpoints: Mapping[Side, str],
    moved: Mapping[Side, Mapping[str, Any]],
    switches: Mapping[str, bool],
    elsewhere: Mapping[str, str],
) -> dict[str, str]:
    """The link of a view: both sides, every setting that is not as trained, and the switches that are off.

    Parameters
    ----------
    checkpoints
        Without an entry where nothing needs to be said.
    moved
        Of B only where B has settings of its own.
    elsewhere
        Data set, gene and, where it is not the whole window, the stretch on show.
    """
    fields = {"v": VERSION, **elsewhere}
    for side in SIDES:
        fields[field_of(side, "cell")] = cells[side]
        if side in checkpoints:
            fields[field_of(side, "checkpoint")] = checkpoints[side]
    for side in SIDES:
        fields |= {field_of(side, name): str(value) for name, value in moved.get(side, {}).items()}
    return fields | {name: "off" for name in SWITCHES if not switches[name]}
