"""Tables with one row per gene: gene lists, expression labels, mRNA features, folds."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from seq2exp.errors import SourceError
from seq2exp.genome import Gene
from seq2exp.sources.genes import strip_version
from seq2exp.sources.text import malformed, read_lines

ID_COLUMNS = ("gene_id", "ensembl_id", "ENSID")
"""Names under which tables hold the Ensembl id, in order of preference."""

LABEL_SUFFIX = "_CAGE_128*3_sum"
"""What follows the cell's name in a label column: tags in three 128-bp bins around the TSS (data-sources.md 5.2)."""

MRNA_FEATURES = (
    "UTR5LEN_log10zscore",
    "CDSLEN_log10zscore",
    "INTRONLEN_log10zscore",
    "UTR3LEN_log10zscore",
    "UTR5GC",
    "CDSGC",
    "UTR3GC",
    "ORFEXONDENSITY",
)
"""The eight features of the mRNA itself, in model order (data-sources.md 6.1)."""

ACTIVITY_PREFIX = "promoter_activity_"
"""What precedes the cell's name in a promoter activity column: sqrt(H3K27ac RPM * DNase RPM), TSS +-500 bp."""

Part = Literal["train", "valid", "test"]

_GENE_COLUMNS = ("symbol", "chrom", "tss", "strand")
_NO_VALUE = ("", "NA", "NaN", "nan")


def _read_table(path: Path) -> pd.DataFrame:
    """A TSV or CSV as strings, index = gene id without version, plus the line number of each row as ``_line``."""
    lines = [(number, line) for number, line in read_lines(path) if line]
    if not lines:
        raise SourceError(f"{path}: the table is empty")
    tabs = "\t" in lines[0][1]
    rows = [line.split("\t") for _, line in lines] if tabs else _split_commas(path, lines)
    header = [name.strip().lstrip("\ufeff") for name in rows[0]]
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise SourceError(f"{path}: column {', '.join(doubled)} stands there twice")
    for (number, _), row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != len(header):
            raise malformed(path, number, f"found {len(row)} columns; the header names {len(header)}")
    table = pd.DataFrame(rows[1:], columns=pd.Index(header), dtype=str)
    table["_line"] = [number for number, _ in lines[1:]]
    id_column = next((name for name in ID_COLUMNS if name in header), None)
    if id_column is None:
        raise SourceError(f"{path}: no column {' or '.join(ID_COLUMNS)}; found {', '.join(header[:20])}")
    table.index = pd.Index([strip_version(value.strip()) for value in table[id_column]], name="gene_id")
    _refuse_doubled_genes(path, table)
    return table


def _split_commas(path: Path, lines: list[tuple[int, str]]) -> list[list[str]]:
    """CSV rows; quoted fields may hold commas, but not line breaks."""
    try:
        return list(csv.reader((line for _, line in lines), strict=True))
    except csv.Error as error:
        raise SourceError(f"{path}: not a CSV table ({error})") from error


def _refuse_doubled_genes(path: Path, table: pd.DataFrame) -> None:
    doubled = table.index[table.index.duplicated()]
    if len(doubled):
        numbers = table.loc[table.index == doubled[0], "_line"].tolist()
        raise SourceError(
            f"{path}: gene {doubled[0]} stands on lines {' and '.join(map(str, numbers))}"
            + (f" ({len(set(doubled))} genes are doubled)" if len(set(doubled)) > 1 else "")
            + "; keep one row per gene"
        )
    unnamed = table.loc[table.index == "", "_line"].tolist()
    if unnamed:
        raise malformed(path, unnamed[0], "the gene id is empty")


def _require(path: Path, table: pd.DataFrame, columns: Iterable[str]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        present = [name for name in table.columns if name != "_line"]
        raise SourceError(f"{path}: no column {', '.join(missing)}; found {', '.join(present[:30])}")


def _numbers(path: Path, table: pd.DataFrame, column: str) -> pd.Series[float]:
    """A column as float64; empty and NA are NaN, other text and infinities are refused."""
    text = table[column].str.strip()
    values = pd.to_numeric(text.where(~text.isin(_NO_VALUE)), errors="coerce").astype(np.float64)
    bad = (values.isna() & ~text.isin(_NO_VALUE)) | np.isinf(values)
    if bad.any():
        at = int(np.argmax(bad.to_numpy()))
        raise malformed(
            path, int(table["_line"].iloc[at]), f"{column} is {text.iloc[at]!r:.30}; must be a finite number"
        )
    return values


def _refuse_negative(path: Path, table: pd.DataFrame, values: pd.Series[float], column: str, why: str) -> None:
    if (values < 0).any():
        at = int(np.argmax((values < 0).to_numpy()))
        raise malformed(path, int(table["_line"].iloc[at]), f"{column} is {values.iloc[at]:g}; {why}")


def read_gene_table(path: Path) -> tuple[Gene, ...]:
    """Genes of a TSV or CSV in file order.

    Parameters
    ----------
    path
        Plain or gzip. Columns: symbol, chrom, tss (0-based), strand and one of `ID_COLUMNS`; optional aliases
        (separated by ``;``), gene_type, gene_start, gene_end (0-based half-open). Others are ignored.

    Raises
    ------
    SourceError
        Absent or malformed file, missing column, a gene on two lines, a TSS that is no position, a strand
        other than + and -.
    """
    table = _read_table(path)
    _require(path, table, _GENE_COLUMNS)
    return tuple(
        _gene(path, str(gene_id), {str(name): value for name, value in row.items()})
        for gene_id, row in zip(table.index, table.to_dict("records"), strict=True)
    )


def _gene(path: Path, gene_id: str, row: dict[str, object]) -> Gene:
    number = int(str(row["_line"]))

    def field(name: str) -> str:
        return str(row.get(name, "")).strip()

    def position(name: str) -> int | None:
        if field(name) in _NO_VALUE:
            return None
        if not field(name).isdigit():
            raise malformed(path, number, f"{name} is {field(name)!r:.30}; must be a 0-based position")
        return int(field(name))

    tss, strand = position("tss"), field("strand")
    if tss is None or not field("chrom"):
        raise malformed(path, number, f"gene {gene_id} has no tss or no chrom")
    if strand not in ("+", "-"):
        raise malformed(path, number, f"strand is {strand!r:.10}; must be + or -")
    return Gene(
        gene_id=gene_id,
        symbol=field("symbol") or gene_id,
        chrom=field("chrom"),
        tss=tss,
        strand="+" if strand == "+" else "-",
        aliases=tuple(alias.strip() for alias in field("aliases").split(";") if alias.strip()),
        gene_type=field("gene_type"),
        start=position("gene_start"),
        end=position("gene_end"),
    )


def read_expression(path: Path) -> pd.DataFrame:
    """Raw labels v, one row per gene, one column per cell type.

    Parameters
    ----------
    path
        TSV or CSV with columns ``<cell>_CAGE_128*3_sum``; others are ignored.

    Returns
    -------
    pd.DataFrame
        Index gene_id without version; float64 tags within TSS +-192, not yet log10(1 + v); NaN where not given.

    Raises
    ------
    SourceError
        Absent or malformed file, no label column, a negative or infinite label, a gene on two lines.
    """
    table = _read_table(path)
    columns = [str(name) for name in table.columns if str(name).endswith(LABEL_SUFFIX)]
    if not columns:
        _require(path, table, [f"<cell>{LABEL_SUFFIX}"])
    labels: dict[str, pd.Series[float]] = {}
    for column in columns:
        values = _numbers(path, table, column)
        _refuse_negative(path, table, values, column, "labels are raw tag counts, not logarithms")
        labels[column.removesuffix(LABEL_SUFFIX)] = values
    return pd.DataFrame(labels, index=table.index)


def read_rna_features(path: Path) -> pd.DataFrame:
    """Features of the mRNA, one row per gene: the columns `MRNA_FEATURES`, then ``promoter_activity_<cell>`` as given.

    Parameters
    ----------
    path
        TSV or CSV. ORFEXONDENSITY must be the raw density (coding exons per kb), as the model takes it.

    Returns
    -------
    pd.DataFrame
        Index gene_id without version; float64, NaN where not given.

    Raises
    ------
    SourceError
        Absent or malformed file, missing column, z-scored ORFEXONDENSITY, a gene on two lines.
    """
    table = _read_table(path)
    if "ORFEXONDENSITY" not in table.columns and "ORFEXONDENSITY_log10zscore" in table.columns:
        raise SourceError(
            f"{path}: ORFEXONDENSITY is given as log10 z-score only; the model takes the raw density, "
            f"column ORFEXONDENSITY of mRNA_halflife_features.csv"
        )
    _require(path, table, MRNA_FEATURES)
    activities = [str(name) for name in table.columns if str(name).startswith(ACTIVITY_PREFIX)]
    features = {name: _numbers(path, table, name) for name in (*MRNA_FEATURES, *activities)}
    _refuse_negative(
        path, table, features["ORFEXONDENSITY"], "ORFEXONDENSITY", "a raw density is never negative; is it a z-score?"
    )
    for name in activities:
        _refuse_negative(path, table, features[name], name, "a promoter activity is never negative")
    return pd.DataFrame(features, index=table.index)


def read_split(path: Path, column: str = "fold_11") -> dict[str, str]:
    """Part of each gene in one fold: gene_id without version -> train, valid or test.

    Raises
    ------
    SourceError
        Absent or malformed file, no such column, another word in it, a gene on two lines.
    """
    table = _read_table(path)
    _require(path, table, [column])
    parts = table[column].str.strip()
    odd = ~parts.isin(["train", "valid", "test"])
    if odd.any():
        at = int(np.argmax(odd.to_numpy()))
        raise malformed(
            path, int(table["_line"].iloc[at]), f"{column} is {parts.iloc[at]!r:.30}; must be train, valid or test"
        )
    return {str(gene_id): str(part) for gene_id, part in parts.items()}
