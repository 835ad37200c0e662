"""The choices above the comparison: what A is, what B is, what they share, and the stretch on show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.inference.checkpoints import LoadedCheckpoint, shipped_checkpoints
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import cache, compare_state, offers
from seq2exp.ui.catalogue import checkpoint_paths
from seq2exp.ui.compare_state import SETTINGS, SIDES, SWITCHES, Side, key, switch_key
from seq2exp.ui.knobs import PRIOR_STRENGTHS, knob
from seq2exp.ui.offers import Offer
from seq2exp.ui.state import allowed_modes
from seq2exp.ui.text import plain

LEFT_OUT = "compare_left_out"
_KEPT = "compare_kept"
_DATASET = "compare_dataset"
_LINK_READ = "compare_link_read"
_OWN = "own"
_KEEP = (*(key(side, name) for side in SIDES for name in ("cell", "checkpoint", *SETTINGS, _OWN)),)


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


def offered(opened: Dataset) -> tuple[dict[str, Offer], str]:
    """Every checkpoint as the pickers show it, and the one chosen where nobody has chosen."""
    window_bp = opened.manifest.window.width_bp
    found = {
        name: offers.offer(name, folder, None if folder is None else cache.checkpoint_says(folder), window_bp)
        for name, folder in checkpoint_paths().items()
    }
    return found, offers.first_choice(list(found.values()), shipped_checkpoints(), synthetic=opened.synthetic)


def begin(opened: Dataset, checkpoints: Mapping[str, Offer], first: str) -> None:
    """Put every choice into session state before its widget is drawn.

    First from the link, then as the visitor left it, also on the way over another page; cell types and checkpoints
    anew where another data set was opened.
    """
    state = st.session_state
    for name, value in state.get(_KEPT, {}).items():
        state[name] = state.get(name, value)
    if _LINK_READ not in state:
        parameters = st.query_params.to_dict()
        link = compare_state.read_link(parameters, cells=opened.cell_types, checkpoints=checkpoints)
        for name, value in link.values.items():
            state[name] = value
        stale = ["dataset"] if parameters.get("dataset", state["dataset"]) != state["dataset"] else []
        state[LEFT_OUT], state[_LINK_READ] = [*stale, *link.left_out], True
    elif state.get(_DATASET) != opened.hash:
        for side in SIDES:
            for name in ("cell", "checkpoint"):
                state.pop(key(side, name), None)
    state[_DATASET] = opened.hash
    for side, cell in zip(
        SIDES, (opened.cell_types[0], opened.cell_types[min(1, len(opened.cell_types) - 1)]), strict=True
    ):
        for name, options, default in (("cell", opened.cell_types, cell), ("checkpoint", checkpoints, first)):
            chosen = state.get(key(side, name))
            state[key(side, name)] = chosen if chosen in options else default
    for name in SWITCHES:
        # With one cell type the settings are what A and B can differ in.
        on = name != "share" or len(opened.cell_types) > 1
        state[switch_key(name)] = state.get(switch_key(name), on)


def keep() -> None:
    """Remember every choice while another page is shown: Streamlit forgets widgets that are not drawn."""
    state = st.session_state
    names = (*_KEEP, *(switch_key(name) for name in SWITCHES))
    state[_KEPT] = {name: state[name] for name in names if name in state}


def choose(side: Side, opened: Dataset, checkpoints: Mapping[str, Offer]) -> Chosen:
    """Cell type, checkpoint and settings of one side; a checkpoint that does not fit is left out with the reason."""
    state, letter = st.session_state, side.upper()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{letter}**", width="content")
        st.selectbox(
            f"Cell type of {letter}",
            list(opened.cell_types),
            key=key(side, "cell"),
            label_visibility="collapsed",
            filter_mode=None,
            width=128,
        )
        st.selectbox(
            f"Checkpoint of {letter}",
            list(checkpoints),
            key=key(side, "checkpoint"),
            format_func=lambda name: checkpoints[name].label if name in checkpoints else str(name),
            label_visibility="collapsed",
            filter_mode=None,
        )
        place = st.container(width="content")
    loaded = _loaded(letter, checkpoints[state[key(side, "checkpoint")]])
    config = ModelConfig() if loaded is None else loaded.config
    why_not = _settle(side, config)
    if why_not:
        st.caption(f"{letter}: {plain(why_not)}.")
    with place:
        _settings(side, config, has_checkpoint=loaded is not None)
    return Chosen(side, state[key(side, "cell")], loaded, config)


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
    state, own = st.session_state, compare_state.own_settings(config)
    before = state.get(key(side, _OWN), own)
    values = {name: state.get(key(side, name), before[name]) for name in own}
    moved, why_not = compare_state.fitting(compare_state.moved_settings(values, before), config)
    for name in own:
        state[key(side, name)] = moved.get(name, own[name])
    state[key(side, _OWN)] = own
    return why_not


def _value(name: str) -> Any:
    """What a key holds, or held when its widget was last drawn."""
    return st.session_state.get(name, st.session_state.get(_KEPT, {}).get(name))


def moved(side: Side) -> dict[str, Any]:
    """The settings of one side that are not as trained, once `choose` has drawn it."""
    own: dict[str, Any] = _value(key(side, _OWN))
    return compare_state.moved_settings({name: _value(key(side, name)) for name in own}, own)


def _settings(side: Side, config: ModelConfig, *, has_checkpoint: bool) -> None:
    """The main mask settings of one side, folded away."""
    letter = side.upper()
    shared = side == "b" and st.session_state[switch_key("share")]
    with st.popover(":material/tune:", help=f"Mask settings of {letter}", key=f"compare_popover_{side}"):
        if shared:
            st.markdown("B uses the settings of A. Switch off *Share settings* to give B its own.")
            return
        st.markdown(f"**Mask settings of {letter}**" + (", used by B too" if st.session_state["compare_share"] else ""))
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
    mode = st.session_state[key(side, "mode")]
    st.segmented_control("Mask mode", allowed_modes(config), key=key(side, "mode"), required=True)
    _slider(side, "top_percent" if mode == "top-k" else "threshold")
    _slider(side, "signal_scale")
    st.select_slider(
        knob("prior_strength").label,
        PRIOR_STRENGTHS,
        key=key(side, "prior_strength"),
        help=knob("prior_strength").help,
    )
    _slider(side, "prior_mean", disabled=st.session_state[key(side, "prior_strength")] == 0)


def _slider(side: Side, name: str, *, disabled: bool = False) -> None:
    moves = knob(name)
    st.slider(
        f"{moves.label}, {moves.unit}" if moves.unit else moves.label,
        moves.minimum,
        moves.maximum,
        step=moves.step,
        key=key(side, name),
        format=f"%.{moves.decimals}f",
        disabled=disabled,
        help=moves.help,
    )


def reset(side: Side) -> None:
    """Every setting of one side as trained again."""
    for name, value in _value(key(side, _OWN)).items():
        st.session_state[key(side, name)] = value


def _unshare() -> None:
    """When B gets settings of its own, it starts from those it had shared."""
    if not st.session_state[switch_key("share")]:
        for name, value in moved("a").items():
            st.session_state[key("b", name)] = value


def swap() -> None:
    """Exchange A and B; settings they share stay shared."""
    state = st.session_state
    names = ("cell", "checkpoint") if state[switch_key("share")] else ("cell", "checkpoint", *SETTINGS, _OWN)
    for name in names:
        of_a, of_b = (_value(key(side, name)) for side in SIDES)
        state[key("a", name)], state[key("b", name)] = of_b, of_a


def between() -> None:
    """The swap button and the switch of shared settings."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center", gap="small"):
        st.button(":material/swap_horiz:", key="compare_swap", help="Swap A and B", on_click=swap)
        st.toggle(
            "Share settings",
            key=switch_key("share"),
            on_change=_unshare,
            help="B uses the mask settings of A. What A leaves as trained is as each checkpoint was trained.",
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
    state = st.session_state
    chosen = {side: state[key(side, "checkpoint")] for side in SIDES}
    fields = compare_state.link_fields(
        cells={side: state[key(side, "cell")] for side in SIDES},
        checkpoints={
            side: name for side, name in chosen.items() if not (checkpoints[name].folder is None and name == first)
        },
        moved={"a": moved["a"]} if share else moved,
        switches={name: bool(state[switch_key(name)]) for name in SWITCHES},
        elsewhere=elsewhere,
    )
    if st.query_params.to_dict() != fields:
        st.query_params.from_dict(fields)
