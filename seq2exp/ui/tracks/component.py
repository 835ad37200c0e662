"""The component's Python face: its files served from here, Plotly from its own wheel, and one function to mount it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

_STATIC = Path(__file__).parent / "static"
_PLOTLY = Path(plotly.__file__).parent / "package_data"


@cache
def _version() -> str:
    """Eight letters that change with any of the component's files, so that a browser's copy is never an old one."""
    digest = hashlib.sha256()
    for path in sorted(_STATIC.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def _names() -> tuple[str, str]:
    """Streamlit's names of the component and of the folder that serves Plotly."""
    return f"seq2exp-{_version()}.tracks", f"plotly-{plotly.__version__.replace('.', '-')}.bundle"


def plotly_url() -> str:
    """Where the component finds Plotly, relative to its own files."""
    return f"../{_names()[1]}/plotly.min.js"


def _serve(name: str, folder: Path) -> None:
    """Have Streamlit serve the files of ``folder`` under a component's name."""
    manager = get_bidi_component_manager()
    if manager.get_component_path(name) is None:
        package, component = name.rsplit(".", 1)
        manifest = ComponentManifest(package, "1", [ComponentConfig(component, folder.name)])
        manager.register_from_manifest(manifest, folder.parent)


def _mounter() -> Any:
    tracks, bundle = _names()
    _serve(tracks, _STATIC)
    _serve(bundle, _PLOTLY)
    return st.components.v2.component(tracks, js="tracks.js", css="tracks.css", isolate_styles=False)


def preload() -> None:
    """Have the browser fetch and parse Plotly while the server still computes; nothing is drawn."""
    _mounter()(key="carried early", data={"preload": plotly_url()})


def figure(drawn: go.Figure, words: str, *, key: str) -> None:
    """A figure that only stands there, drawn with the component's Plotly; ``words`` are its accessible name."""
    _mounter()(key=key, data={"figure": json.loads(drawn.to_json()), "plotly": plotly_url(), "words": words})


def carry(payload: bytes, *, key: str) -> None:
    """Send a locus to the browser; nothing is drawn. The same bytes are not sent twice."""
    _mounter()(key=key, data=payload)


def mount(
    reply: Mapping[str, Any],
    *,
    key: str,
    on_commit: Callable[[], None],
    on_view: Callable[[], None],
    on_ask: Callable[[], None],
) -> None:
    """The instrument, showing ``reply`` (see `reply.py`) for a locus that was carried.

    ``on_commit`` is called when settings were settled on, ``on_view`` when what is on show changed, ``on_ask`` when
    another gene, another page or a QR code is wanted; what was sent is in session state under ``key``.
    """
    _mounter()(key=key, data=dict(reply), on_commit_change=on_commit, on_view_change=on_view, on_ask_change=on_ask)
