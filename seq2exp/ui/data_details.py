"""One file in a panel: everything its entry says, shown letter by letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.catalogue_entries import Sureness
from seq2exp.sources.catalogue_state import FileState
from seq2exp.sources.manifest import Accession, Citation, Licence, Manifest, Source
from seq2exp.ui.data_rows import Level, bytes_of, checksum_of, format_of
from seq2exp.ui.status_machine import short, size_in_words
from seq2exp.ui.text import plain

_Colour = Literal["green", "blue", "gray", "orange", "red"]
_COLOURS: dict[str, _Colour] = {
    "here": "green",
    "not here": "gray",
    "in part": "orange",
    "wrong": "red",
    "cannot be read": "red",
}


@dataclass(frozen=True)
class Details:
    """What the panel shows of one file."""

    title: str
    id: str
    state: str
    facts: Mapping[str, str]
    """Value by what it is; empty values are left out."""
    warnings: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    """Texts to copy, by what they are."""


def of_catalogue(
    catalogue: Catalogue, source: CatalogueSource, state: FileState, words: str, tasks: Mapping[str, Level]
) -> Details:
    """What the catalogue and the disk say of one file; ``words`` is its state in words, ``tasks`` how it is needed."""
    least, most = bytes_of(source, state)
    stated = f"{most:,} bytes" if least == most else f"{size_in_words(least)} to {size_in_words(most)}, roughly"
    recorded = state.recorded
    there = source.content
    return Details(
        title=source.title,
        id=source.id,
        state=words,
        facts={
            "Output type": there.output_type or "",
            "Unit": there.unit or "",
            "Needed for": ", ".join(f"{task} ({level})" for task, level in tasks.items()),
            "Size": stated if most else "not known before the first download",
            "On disk": "" if state.size_bytes is None else f"{state.size_bytes:,} bytes",
            "Came": "" if recorded is None else f"{recorded.when}, sha256 {recorded.sha256}",
            "Problem": state.problem or "",
            "Checksum": checksum_of(source),
            "Format": _format(source),
            "Accession": _accession(source.accession),
            "Counts": ", ".join(f"{count:,} {name}" for name, count in there.counts.items()),
            "Laboratory": there.lab or "",
            "Licence": _licence(catalogue.licence(source.licence)),
            "Cite": _citations(catalogue.citation(key) for key in source.citations),
            "How sure": f"identity {_sure(source.confidence.identity)}, address {_sure(source.confidence.url)}, "
            f"licence {_sure(source.confidence.licence)}; {source.confidence.evidence}",
            "Made from": ", ".join(source.derived_from),
            "Processing": source.processing or "",
            "Notes": source.notes or "",
        },
        warnings=tuple(source.warnings),
        codes={
            "Address": source.url.primary or ("" if source.repository is None else source.repository.repo_id),
            "Comes to lie at": short(state.path),
            "To fetch it alone": f"python -m seq2exp data get --only {source.id}"
            if source.obtainable and state.state != "present"
            else "",
        },
    )


def of_set(manifest: Manifest, source: Source, state: str, size: str, path: str) -> Details:
    """What a data set's manifest says of one file."""
    licence = next((one for one in manifest.licences if one.key == source.licence), None)
    summary = source.content.summary or {}
    return Details(
        title=source.title,
        id=source.id,
        state=state,
        facts={
            "Role": source.role.replace("_", " "),
            "Cell type": source.cell_type or "every",
            "Output type": source.content.output_type or "",
            "Unit": source.content.unit or "",
            "Normalisation": source.content.normalisation or "",
            "Size": size,
            "Checksum": checksum_of(source),
            "Format": _format(source),
            "Figures": ", ".join(f"{name} {_figure(value)}" for name, value in summary.items()),
            "Accession": _accession(source.accession),
            "Licence": "" if licence is None else _licence(licence),
            "Cite": _citations(one for one in manifest.citations if one.key in source.citations),
            "Made from": ", ".join(source.derived_from),
            "Processing": source.processing or "",
            "Notes": source.notes or "",
        },
        warnings=tuple(source.warnings),
        codes={"File": path, "Address": source.url.primary or ""},
    )


def panel(details: Details) -> None:
    """The panel: what the file is, what is known of it in two columns, and texts to copy in a third."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(details.title)}**", width="content")
            st.badge(plain(details.state), color=_colour(details.state))
            st.caption(plain(details.id), width="content")
        for words in details.warnings:
            st.warning(plain(words, limit=600), icon=":material/warning:")
        told = {name: value for name, value in details.facts.items() if value}
        left, middle, right = st.columns([4, 4, 5], gap="medium")
        half = -(-len(told) // 2)
        for at, (name, value) in enumerate(told.items()):
            (left if at < half else middle).markdown(f"**{plain(name)}** {plain(short(value), limit=700)}")
        for name, value in details.codes.items():
            if value:
                right.caption(plain(name))
                right.code(value, language=None, wrap_lines=True)


def _sure(word: Sureness) -> str:
    return {"memory": "from memory", "unknown": "not known"}.get(word, word)


def _colour(state: str) -> _Colour:
    return _COLOURS.get(state, "gray")


def _format(source: Source | CatalogueSource) -> str:
    return ", ".join(part for part in (format_of(source), source.file.assembly) if part)


def _accession(accession: Accession | None) -> str:
    if accession is None:
        return ""
    parts = (accession.portal, accession.file, accession.experiment, accession.revision)
    return " ".join(part for part in parts if part)


def _licence(licence: Licence) -> str:
    terms = (licence.redistribution or "").replace("_", " ")
    return f"{licence.name}{f'; passing on: {terms}' if terms else ''}"


def _citations(citations: Iterable[Citation]) -> str:
    return "; ".join(f"{one.text} ({one.doi})" if one.doi else one.text for one in citations)


def _figure(value: float | str | None) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else str(value)
