"""A manifest for any folder laid out like the real windows: what is in it is found, nothing about it is assumed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SIGNAL_FILE = re.compile(r"^(?P<role>dnase|h3k27ac)_(?P<cell>.+?)(?P<elements>_elements)?\.(bw|bigWig|bigwig)$")
CONTACT_FILE = re.compile(r"^(hic|contact|contacts)_(?P<cell>.+?)\.(?P<format>hic|cool|mcool)$")
UNITS = {"mean": "mean coverage per base", "sum_sqrt": "tags per base", "element_rpkm": "reads per kb per million"}
"""Unit of a track by the `sum_stat` of tracks.tsv."""


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a TSV with a header; none if the file is absent."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def cell_types(real_dir: Path) -> list[str]:
    """Cell types with a DNase track, sorted."""
    matches = (SIGNAL_FILE.match(path.name) for path in real_dir.glob("dnase_*"))
    return sorted({match["cell"] for match in matches if match})


def write_real_manifest(
    real_dir: Path, out: Path, *, width_bp: int = 200_000, extra: tuple[dict[str, Any], ...] = ()
) -> Path:
    """The manifest just written into the folder ``out``, with absolute paths into ``real_dir``.

    ``extra`` sources are added as they are. The windows hold less signal than ``width_bp``; what is missing is for the
    window to record.
    """
    sources = [*_sources(real_dir), *extra]
    manifest = {
        "manifest_version": 1,
        "name": f"real-{width_bp}",
        "title": "Real human windows, hg38",
        "genome_build": "GRCh38",
        "window": {"width_bp": width_bp},
        "cell_types": cell_types(real_dir),
        "sources": sources,
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / "manifest.yaml"
    path.write_text(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def source(
    role: str,
    path: Path,
    file_format: str,
    *,
    cell: str | None = None,
    compression: str = "none",
    title: str = "",
    **more: Any,
) -> dict[str, Any]:
    """One entry of the manifest's sources."""
    return {
        "id": path.name,
        "title": title or path.name,
        "role": role,
        "cell_type": cell,
        "local_path": str(path.resolve()),
        "file": {"format": file_format, "compression": compression, "size_bytes": path.stat().st_size},
        **more,
    }


def _sources(real_dir: Path) -> Iterator[dict[str, Any]]:
    for path in (*real_dir.glob("genome.fa"), *real_dir.glob("genome.fa.gz")):
        yield source("reference", path, "fasta", compression="bgzip" if path.suffix == ".gz" else "none")
    for name, role, file_format, compression, cell in (
        ("genes.tsv", "genes", "tsv", "none", None),
        ("gene_features.tsv", "rna_features", "tsv", "none", None),
        ("blacklist.bed", "blacklist", "bed", "none", None),
        ("crispr_k562.tsv.gz", "crispri", "tsv", "gzip", "K562"),
    ):
        path = real_dir / name
        if path.is_file() and (cell is None or cell in cell_types(real_dir)):
            yield source(role, path, file_format, compression=compression, cell=cell)
    described = {row["file"]: row for row in read_rows(real_dir / "tracks.tsv")}
    for path in sorted([*real_dir.glob("*.bw"), *real_dir.glob("*.bigWig"), *real_dir.glob("*.bigwig")]):
        row = described.get(path.name, {})
        signal = SIGNAL_FILE.match(path.name)
        known = signal is not None and signal["cell"] in cell_types(real_dir)
        warnings = (
            ["element-level counts, not base-level coverage"] if signal is not None and signal["elements"] else []
        )
        yield source(
            signal["role"] if signal and known else "track",
            path,
            "bigWig",
            cell=signal["cell"] if signal and known else None,
            title=row.get("description", ""),
            content={"unit": UNITS.get(row.get("sum_stat", ""))},
            notes=row.get("identifier"),
            warnings=warnings,
        )
    for path in sorted(real_dir.iterdir()):
        contact = CONTACT_FILE.match(path.name)
        if contact and contact["cell"] in cell_types(real_dir):
            yield source("contact", path, contact["format"], cell=contact["cell"])
