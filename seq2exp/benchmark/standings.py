"""A tournament's runs as tables: mean and deviation over random states, beside the paper's figures and orderings."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from seq2exp.baselines.systems import SYSTEMS
from seq2exp.benchmark.paper import PAPER, SOURCE, TEST_GENES, better_in_paper
from seq2exp.benchmark.tournament import ORACLE

MEASURED = ("mse", "mae", "pearson", "spearman", "mask_ratio", "mask_ratio_total")
_ORDER = {row.name: number for number, row in enumerate(SYSTEMS)} | {ORACLE: len(SYSTEMS)}
TITLES: Mapping[str, str] = {row.name: row.title for row in SYSTEMS} | {ORACLE: "Oracle: expression without noise"}


def standings(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for every system and cell line: mean and sample deviation over its random states.

    Parameters
    ----------
    runs
        As `tournament.results` gives them.

    Returns
    -------
    pandas.DataFrame
        system, cell_type, runs, n, ``<measure>`` and ``<measure>_sd`` of `MEASURED` (a deviation of one run is
        missing), parameters, minutes (of the fastest run: on a shared machine the others waited), steps, windows,
        hardware, dataset, dataset_hash, synthetic; in the paper's order.
    """
    rows = []
    for (name, cell), group in runs.groupby(["system", "cell_type"]):
        first = group.iloc[0]
        row = {"system": name, "cell_type": cell, "runs": len(group), "n": int(first["n"])}
        for key in MEASURED:
            row[key], row[f"{key}_sd"] = group[key].mean(), group[key].std(ddof=1)
        for key in ("parameters", "steps", "windows", "hardware", "dataset", "dataset_hash", "synthetic"):
            row[key] = first.get(key)
        row["minutes"] = group["minutes"].min()
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.sort_values(["cell_type", "system"], key=lambda c: c.map(_ORDER) if c.name == "system" else c)


def is_papers(row: Mapping[Hashable, Any]) -> bool:
    """Whether a row is of the paper's own test: its cell line and number of genes, and measured."""
    return row["cell_type"] in PAPER and row["n"] == TEST_GENES and not row["synthetic"]


def orderings(table: pd.DataFrame) -> pd.DataFrame:
    """Each "first has the lower MSE" that the paper states for both its cell lines, beside these data.

    Returns
    -------
    pandas.DataFrame
        cell_type, first, second, difference (MSE of the second less that of the first), verdict: holds, reversed, or
        open where the difference is within the larger deviation of the two (or there is none).
    """
    rows = []
    for cell, group in table.groupby("cell_type"):
        by_name = group.set_index("system")
        for first, second in better_in_paper():
            if first not in by_name.index or second not in by_name.index:
                continue
            one, two = by_name.loc[first], by_name.loc[second]
            difference = float(two["mse"] - one["mse"])
            spread = max(one["mse_sd"], two["mse_sd"])
            known = not (math.isnan(one["mse_sd"]) or math.isnan(two["mse_sd"]))
            verdict = "open" if not known or abs(difference) <= spread else ("holds" if difference > 0 else "reversed")
            rows.append((str(cell), first, second, difference, verdict))
    return pd.DataFrame(rows, columns=["cell_type", "first", "second", "difference", "verdict"])


def markdown(table: pd.DataFrame, *, masks: bool = False) -> str:
    """The standings as Markdown, a section for every cell line; ``masks``: with the share of the window kept."""
    parts = []
    for cell, group in table.groupby("cell_type"):
        facts = group.iloc[0]
        kind = "synthetic" if facts["synthetic"] else "measured"
        beside = any(is_papers(row) for row in group.to_dict("records"))
        parts += [f"### {cell}: {facts['dataset']} {facts['dataset_hash']} ({kind}), {facts['n']:,} test genes", ""]
        columns = ["system", "MSE", "MAE", "Pearson", *(["mask", "mask without promoter"] if masks else [])]
        columns += ["runs", "parameters", "windows seen", "minutes, fastest run"]
        if beside:
            columns += [f"paper: {name}" for name in ("MSE", "MAE", "Pearson", *(["mask"] if masks else []))]
        parts += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        for row in group.to_dict("records"):
            cells = [TITLES[row["system"]], *(_spread(row, key) for key in ("mse", "mae", "pearson"))]
            if masks:
                cells += [_percent(row["mask_ratio_total"]), _percent(row["mask_ratio"])]
            cells += ["", "", "", ""] if row["system"] == ORACLE else _effort(row)
            if beside:
                cells += _papers(row, masks=masks)
            parts.append("| " + " | ".join(cells) + " |")
        parts += ["", *([f"Paper: {SOURCE}; five runs."] if beside else []), ""]
    return "\n".join(parts).rstrip() + "\n"


def _spread(row: Mapping[Hashable, Any], key: str) -> str:
    value, deviation = float(row[key]), float(row[f"{key}_sd"])
    return f"{value:.4f}" + ("" if math.isnan(deviation) else f" ± {deviation:.4f}")


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f} %"


def _effort(row: Mapping[Hashable, Any]) -> list[str]:
    return [
        str(row["runs"]),
        f"{int(row['parameters']):,}",
        f"{int(row['windows']):,}",
        f"{float(row['minutes']):.1f}",
    ]


def _papers(row: Mapping[Hashable, Any], *, masks: bool) -> list[str]:
    known = PAPER.get(str(row["cell_type"]), {}).get(str(row["system"]))
    if known is None:
        return [""] * (4 if masks else 3)
    found = [
        f"{value:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")
        for value, deviation in (known.mse, known.mae, known.pearson)
    ]
    return found + ([_percent(float("nan") if known.mask_ratio is None else known.mask_ratio)] if masks else [])
