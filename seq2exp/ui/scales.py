"""Scales of the signal lanes as a visitor chose them: transform, clipping, shared or locked range, and their link."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

import streamlit as st

from seq2exp.figures.scale import CLIP_PERCENT, KINDS, ScaleKind, TrackScale, default_kind
from seq2exp.genome import Gene
from seq2exp.inference.ranges import TrackRange, other_ranges, track_range
from seq2exp.results import LocusView, Track
from seq2exp.settings import SIGNALS, SignalName
from seq2exp.sources.dataset import Dataset

SCALES, CLIP, RANGE = "scales", "clip", "range"
"""Names in the link and in session state: transforms by track, clipping, and where the range comes from."""
GROUP, OWN, LOCKED = "All cell types", "This one", "Locked"
"""Whose largest value ends the axis; locked: what ended it when it was locked."""

_TITLES = {"dnase": "DNase", "h3k27ac": "H3K27ac", "contact": "Contacts"}
_DRAWN = "scale_tops"
_MOST = 1e12


def seed() -> None:
    """Take the link's word, once."""
    state, link = st.session_state, st.query_params
    if SCALES not in state:
        state[SCALES] = read_scales(link.get(SCALES, ""))
        state[CLIP] = link.get(CLIP) == "on"
        state[RANGE] = read_range(link.get(RANGE, ""))


def read_scales(text: str) -> dict[str, ScaleKind]:
    """``dnase:log1p,contact:linear`` by track; what is malformed is left out."""
    pairs = (part.partition(":") for part in text.split(",")[: len(SIGNALS)])
    return {name: kind for name, _, kind in pairs if name in SIGNALS and kind in KINDS}


def read_range(text: str) -> str | dict[str, float]:
    """``own``, or the locked tops as ``dnase:12.5,contact:40``; anything else is `GROUP`."""
    if text == "own":
        return OWN
    locked: dict[str, float] = {}
    for part in text.split(",")[: len(SIGNALS)]:
        name, _, value = part.partition(":")
        top = _number(value)
        if name in SIGNALS and top is not None:
            locked[name] = top
    return locked or GROUP


def _number(text: str) -> float | None:
    """A sound top of an axis."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= _MOST else None


def in_force(opened: Dataset, view: LocusView) -> dict[str, TrackScale]:
    """The axis of every signal lane on show, as a visitor chose; what is drawn can be locked afterwards."""
    seed()
    state = st.session_state
    found = _scales(opened, view, state[SCALES], state[RANGE], clip=state[CLIP])
    state[_DRAWN] = {name: scale.top for name, scale in found.items() if scale.top > 0}
    return found


def grouped(opened: Dataset, view: LocusView) -> dict[str, TrackScale]:
    """The axes nobody chose: each track's own transform, one range for all cell types."""
    return _scales(opened, view, {}, GROUP, clip=False)


def _scales(
    opened: Dataset,
    view: LocusView,
    kinds: Mapping[str, ScaleKind],
    reach: str | Mapping[str, float],
    *,
    clip: bool,
) -> dict[str, TrackScale]:
    withheld = [track.name for track in view.tracks if not track.available]
    named = " without ".join((opened.hash, *withheld))
    window = (named, view.gene.gene_id, view.cell_type, view.interval.width)
    own = _own_ranges(*window, view.tracks)
    others: Mapping[SignalName, Mapping[str, TrackRange]] = {}
    if reach == GROUP and len(opened.cell_types) > 1 and not opened.streamed:  # only what is shown is streamed
        others = _other_ranges(*window, opened, view.gene)
    return {
        track.name: scale_of(
            kinds.get(track.name, default_kind(track.name)),
            own[track.name],
            others.get(cast(SignalName, track.name), {}),
            clip=clip,
            locked=reach.get(track.name) if isinstance(reach, Mapping) else None,
        )
        for track in view.tracks
    }


def scale_of(
    kind: ScaleKind,
    own: TrackRange | None,
    others: Mapping[str, TrackRange],
    *,
    clip: bool,
    locked: float | None,
) -> TrackScale:
    """The axis of one track.

    Parameters
    ----------
    own
        Of the cell type on show; None: nothing measured.
    others
        Of other cell types that share the scale, by their names.
    clip
        End the axis at the percentile, unless that is 0.
    locked
        The top to keep, whatever is measured here; None: not locked.
    """
    if locked is not None:
        return TrackScale(kind, locked, "scale locked")
    ranges = [reach for reach in (own, *others.values()) if reach is not None]
    top = max((reach.top for reach in ranges), default=0.0)
    at_percentile = max((reach.clip for reach in ranges), default=0.0)
    words = ["group scale"] if others else []
    if clip and 0 < at_percentile < top:
        words.append(f"clipped at {CLIP_PERCENT:g} %")
        top = at_percentile
    return TrackScale(kind, max(top, 0.0), ", ".join(words))


@st.cache_data(max_entries=64, show_spinner=False)
def _own_ranges(
    dataset_hash: str, gene_id: str, cell_type: str, width_bp: int, _tracks: Sequence[Track]
) -> Mapping[str, TrackRange | None]:
    """Once per gene, not at every move of a slider, which changes no track."""
    return {
        track.name: track_range(track.values, percent=CLIP_PERCENT) if track.available else None for track in _tracks
    }


@st.cache_data(max_entries=64, show_spinner=False)
def _other_ranges(
    dataset_hash: str, gene_id: str, cell_type: str, width_bp: int, _opened: Dataset, _gene: Gene
) -> Mapping[SignalName, Mapping[str, TrackRange]]:
    """Once per gene: reading the other cell types costs some 10 ms each."""
    return other_ranges(_opened, _gene, cell_type, width_bp=width_bp, percent=CLIP_PERCENT)


def choose() -> None:
    """The controls; they stand in the popover that decides what is drawn."""
    seed()
    state = st.session_state
    with st.container(horizontal=True, gap="small"):
        for name, title in _TITLES.items():
            key = f"scale of {name}"
            state[key] = state[SCALES].get(name, default_kind(name))
            st.selectbox(
                f"{title} scale",
                KINDS,
                key=key,
                on_change=_take_kind,
                args=(name,),
                width=112,
                filter_mode=None,
            )
    state["scale range"] = LOCKED if isinstance(state[RANGE], dict) else state[RANGE]
    st.radio(
        "Signal range of",
        (GROUP, OWN, LOCKED),
        key="scale range",
        horizontal=True,
        on_change=_take_range,
        help="Whose largest value ends the axis. Locked: it stays as it is now, for other genes and cell types too.",
    )
    state["scale clip"] = state[CLIP]
    st.toggle(
        f"Clip at the {CLIP_PERCENT:g}th percentile",
        key="scale clip",
        on_change=_take_clip,
        disabled=isinstance(state[RANGE], dict),
        help="The axis ends there; what reaches beyond is cut and marked by a bar on top.",
    )


def _take_kind(name: str) -> None:
    kind = st.session_state[f"scale of {name}"]
    kinds = {**st.session_state[SCALES], name: kind}
    st.session_state[SCALES] = {track: chosen for track, chosen in kinds.items() if chosen != default_kind(track)}


def _take_range() -> None:
    chosen = st.session_state["scale range"]
    if chosen == LOCKED:
        st.session_state[RANGE] = st.session_state.get(_DRAWN) or GROUP
    else:
        st.session_state[RANGE] = chosen or GROUP


def _take_clip() -> None:
    st.session_state[CLIP] = st.session_state["scale clip"]


def choices() -> dict[str, str]:
    """What the link names of all this."""
    seed()
    state = st.session_state
    chosen: str | dict[str, float] = state[RANGE]
    named: dict[str, str] = {}
    if state[SCALES]:
        named[SCALES] = _as_text(state[SCALES])
    if state[CLIP]:
        named[CLIP] = "on"
    if isinstance(chosen, dict):
        named[RANGE] = ",".join(f"{name}:{top:.6g}" for name, top in chosen.items())
    elif chosen == OWN:
        named[RANGE] = "own"
    return named


def _as_text(pairs: Mapping[str, str]) -> str:
    return ",".join(f"{name}:{value}" for name, value in pairs.items())
