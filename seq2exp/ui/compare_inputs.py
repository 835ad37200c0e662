"""The choices above the comparison: what A is, what B is, what they share, and the stretch on show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import cache, compare_state
from seq2exp.ui.compare_state import SETTINGS, SIDES, SWITCHES, Side, field_of
from seq2exp.ui.knobs import PRIOR_STRENGTHS, knob
from seq2exp.ui.offers import Offer
from seq2exp.ui.state import allowed_modes
from seq2exp.ui.text import plain

LEFT_OUT = "compare_left_out"
_CHOICES = "compare_choices"
"""Session state: every choice by its name in the link. Widgets mirror it, so it outlives those that are not drawn."""
_DATASET = "compare_dataset"
_LINK_READ = "compare_link_read"
_OWN = "own"


@dataclass(frozen=True)
class Chosen:
    """One side, ready to be asked."""

    side: Side
    cell_type: str
    checkpoint: LoadedCheckpoint | None
    config: ModelConfig
    """The checkpoint's; as published without one."""

    @property
    def letter(self) -> str:
        """A or B."""
        return self.side.upper()


def _choices() -> dict[str, Any]:
    choices: dict[str, Any] = st.session_state.setdefault(_CHOICES, {})
    return choices


def value(name: str) -> Any:
    """One choice by its name in the link."""
    return _choices()[name]


def mirror(name: str) -> dict[str, Any]:
    """Arguments of the widget that shows a choice and takes it."""
    widget = f"compare_{name}"
    st.session_state[widget] = value(name)
    return {"key": widget, "on_change": _take, "args": (name,)}


def _take(name: str) -> None:
    _choices()[name] = st.session_state[f"compare_{name}"]
    if name == "share" and not value("share"):
        # B's own settings start from those it had shared.
        for setting, chosen in moved("a").items():
            _choices()[field_of("b", setting)] = chosen


def begin(opened: Dataset, checkpoints: Mapping[str, Offer], first: str) -> None:
    """Make every choice before it is drawn: from the link at first, later as the visitor left it.

    Cell types and checkpoints are chosen anew where another data set was opened.
    """
    state, choices = st.session_state, _choices()
    if _LINK_READ not in state:
        parameters = st.query_params.to_dict()
        link = compare_state.read_link(parameters, cells=opened.cell_types, checkpoints=checkpoints)
        choices.update(link.values)
        stale = ["dataset"] if parameters.get("dataset", state["dataset"]) != state["dataset"] else []
        state[LEFT_OUT], state[_LINK_READ] = [*stale, *link.left_out], True
    elif state.get(_DATASET) != opened.hash:
        for side in SIDES:
            for name in ("cell", "checkpoint"):
                choices.pop(field_of(side, name), None)
    state[_DATASET] = opened.hash
    cells = opened.cell_types
    for side, cell in zip(SIDES, (cells[0], cells[min(1, len(cells) - 1)]), strict=True):
        for name, options, default in (("cell", cells, cell), ("checkpoint", checkpoints, first)):
            if choices.get(field_of(side, name)) not in options:
                choices[field_of(side, name)] = default
    for name in SWITCHES:
        # With one cell type the settings are what A and B can differ in.
        choices.setdefault(name, name != "share" or len(cells) > 1)


def choose(side: Side, opened: Dataset, checkpoints: Mapping[str, Offer]) -> Chosen:
    """Cell type, checkpoint and settings of one side; a checkpoint that does not fit is left out with the reason."""
    letter = side.upper()
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{letter}**", width="content")
        st.selectbox(
            f"Cell type of {letter}",
            list(opened.cell_types),
            label_visibility="collapsed",
            filter_mode=None,
            width=116,
            **mirror(field_of(side, "cell")),
        )
        st.selectbox(
            f"Checkpoint of {letter}",
            list(checkpoints),
            format_func=lambda name: checkpoints[name].label if name in checkpoints else str(name),
            label_visibility="collapsed",
            filter_mode=None,
            **mirror(field_of(side, "checkpoint")),
        )
        place = st.container(width="content")
    loaded = _loaded(letter, checkpoints[value(field_of(side, "checkpoint"))])
    config = ModelConfig() if loaded is None else loaded.config
    why_not = _settle(side, config)
    if why_not:
        st.caption(f"{letter}: {plain(why_not)}.")
    with place:
        _settings(side, config, has_checkpoint=loaded is not None)
    return Chosen(side, value(field_of(side, "cell")), loaded, config)


def _loaded(letter: str, taken: Offer) -> LoadedCheckpoint | None:
    if taken.folder is None:
        return None
    try:
        if not taken.problem:
            return cache.checkpoint(taken.folder)
        st.warning(f"{letter}: {plain(taken.problem)} Shown without a checkpoint.")
    except Seq2ExpError as error:
        st.error(f"{letter}: {plain(str(error))} Shown without a checkpoint.")
    return None


def _settle(side: Side, config: ModelConfig) -> str:
    """Give every setting of one side its value under ``config``: as trained, unless the visitor moved it.

    Says why where a mode was not taken.
    """
    choices, own = _choices(), compare_state.own_settings(config)
    before = choices.get(field_of(side, _OWN), own)
    values = {name: choices.get(field_of(side, name), before[name]) for name in own}
    fitting, why_not = compare_state.fitting(compare_state.moved_settings(values, before), config)
    choices |= {field_of(side, name): fitting.get(name, own[name]) for name in own}
    choices[field_of(side, _OWN)] = own
    return why_not


def moved(side: Side) -> dict[str, Any]:
    """The settings of one side that are not as trained, once `choose` has drawn it."""
    own: dict[str, Any] = value(field_of(side, _OWN))
    return compare_state.moved_settings({name: value(field_of(side, name)) for name in own}, own)


def _settings(side: Side, config: ModelConfig, *, has_checkpoint: bool) -> None:
    """The main mask settings of one side, folded away."""
    letter = side.upper()
    shared = side == "b" and value("share")
    with st.popover(
        "Settings", icon=":material/tune:", help=f"Mask settings of {letter}", key=f"compare_popover_{side}"
    ):
        if shared:
            st.markdown("B uses the settings of A. Switch off *Share settings* to give B its own.")
            return
        st.markdown(f"**Mask settings of {letter}**" + (", used by B too" if value("share") else ""))
        _sliders(side, config)
        st.button(
            "Reset to faithful" if has_checkpoint else "Reset settings",
            key=f"compare_reset_{side}",
            icon=":material/restart_alt:",
            on_click=reset,
            args=(side,),
            width="stretch",
        )


def _sliders(side: Side, config: ModelConfig) -> None:
    st.segmented_control("Mask mode", allowed_modes(config), required=True, **mirror(field_of(side, "mode")))
    _slider(side, "top_percent" if value(field_of(side, "mode")) == "top-k" else "threshold")
    _slider(side, "signal_scale")
    st.select_slider(
        knob("prior_strength").label,
        PRIOR_STRENGTHS,
        help=knob("prior_strength").help,
        **mirror(field_of(side, "prior_strength")),
    )
    _slider(side, "prior_mean", disabled=value(field_of(side, "prior_strength")) == 0)


def _slider(side: Side, name: str, *, disabled: bool = False) -> None:
    moves = knob(name)
    st.slider(
        f"{moves.label}, {moves.unit}" if moves.unit else moves.label,
        moves.minimum,
        moves.maximum,
        step=moves.step,
        format=f"%.{moves.decimals}f",
        disabled=disabled,
        help=moves.help,
        **mirror(field_of(side, name)),
    )


def reset(side: Side) -> None:
    """Every setting of one side as trained again."""
    for name, own in value(field_of(side, _OWN)).items():
        _choices()[field_of(side, name)] = own


def swap() -> None:
    """Exchange A and B; settings they share stay shared."""
    choices = _choices()
    for name in ("cell", "checkpoint") if value("share") else ("cell", "checkpoint", *SETTINGS, _OWN):
        of_a, of_b = (field_of(side, name) for side in SIDES)
        choices[of_a], choices[of_b] = choices[of_b], choices[of_a]


def between() -> None:
    """The swap button and the switch of shared settings."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center", gap="small"):
        st.button("Swap", icon=":material/swap_horiz:", key="compare_swap", help="Exchange A and B", on_click=swap)
        st.toggle(
            "Share settings",
            help="B uses the mask settings of A. What A leaves as trained is as each checkpoint was trained.",
            **mirror("share"),
        )


def show_left_out() -> None:
    """Fields of the link that could not be used, until the visitor has seen them."""
    fields: list[str] = st.session_state.get(LEFT_OUT, [])
    if not fields:
        return
    names = ", ".join(plain(field, limit=40) for field in fields[:8]) + (", …" if len(fields) > 8 else "")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(f"Left out of this link, as unknown or no longer there: {names}.")
        st.button("OK", key="compare_left_out_seen", on_click=st.session_state.__setitem__, args=(LEFT_OUT, []))


def write_link(
    checkpoints: Mapping[str, Offer],
    first: str,
    moved: Mapping[Side, Mapping[str, Any]],
    *,
    share: bool,
    elsewhere: Mapping[str, str],
) -> None:
    """Make the address bar the link to this view."""
    chosen: dict[Side, str] = {side: value(field_of(side, "checkpoint")) for side in SIDES}
    fields = compare_state.link_fields(
        cells={side: value(field_of(side, "cell")) for side in SIDES},
        checkpoints={s: name for s, name in chosen.items() if checkpoints[name].folder is not None or name != first},
        moved={"a": moved["a"]} if share else moved,
        switches={name: value(name) for name in SWITCHES},
        elsewhere=elsewhere,
    )
    if st.query_params.to_dict() != fields:
        st.query_params.from_dict(fields)
