"""Every source of a manifest as the manifest holds it: file, unit, assembly, licence, citation, and what is on disk."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from seq2exp.sources.manifest import Manifest, Source
from seq2exp.ui.status_machine import short, size_in_words

NONE = "–"  # noqa: RUF001 - the dash of a table


def absent_files(manifest: Manifest, root: Path) -> tuple[str, ...]:
    """Ids of the sources whose file is not on disk."""
    return tuple(source.id for source in manifest.sources if not (root / source.local_path).is_file())


def source_rows(manifest: Manifest, root: Path) -> pd.DataFrame:
    """One row per source in the manifest's order; a dash where it says nothing.

    Parameters
    ----------
    root
        The manifest's folder, where relative paths start.
    """
    licences = {licence.key: licence for licence in manifest.licences}
    citations = {citation.key: citation for citation in manifest.citations}

    def row(source: Source) -> dict[str, str]:
        licence = None if source.licence is None else licences[source.licence]
        named = [citations[key] for key in source.citations]
        accession = source.accession
        address = source.url.primary
        return {
            "Role": source.role,
            "Cell type": source.cell_type or "every",
            "Title": source.title,
            "File": short(source.local_path),
            "On disk": _on_disk(root / source.local_path),
            "Format": _format(source),
            "Unit": source.content.unit or NONE,
            "Assembly": source.file.assembly or manifest.genome_build,
            "Licence": NONE if licence is None else licence.spdx or licence.name,
            "Redistribution": NONE if licence is None else (licence.redistribution or NONE).replace("_", " "),
            "Cite": "; ".join(f"{c.text} ({c.doi})" if c.doi else c.text for c in named) or NONE,
            "Accession": NONE if accession is None else f"{accession.portal} {accession.file or ''}".strip(),
            "From": address or ", ".join(source.derived_from) or NONE,
            "How it was made": source.processing or source.notes or NONE,
            "Warnings": "; ".join(source.warnings) or NONE,
        }

    return pd.DataFrame([row(source) for source in manifest.sources])


def _format(source: Source) -> str:
    packed = "" if source.file.compression == "none" else f", {source.file.compression}"
    return f"{source.file.format}{packed}"


def _on_disk(path: Path) -> str:
    try:
        return size_in_words(path.stat().st_size) if path.is_file() else "absent"
    except OSError:
        return "cannot be read"
