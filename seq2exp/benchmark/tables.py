"""Tables 1 and 2 of the paper on one data set, as files and as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from seq2exp.benchmark.standings import TITLES, markdown, orderings, standings
from seq2exp.benchmark.tournament import TABLE2, Say, entries, oracle_rows, results, train_missing
from seq2exp.errors import SettingsError
from seq2exp.sources.dataset import open_dataset

TableName = Literal["table1", "table2"]


@dataclass(frozen=True)
class Made:
    """A table as it was written."""

    text: str
    """Markdown."""
    rows: pd.DataFrame
    """As `standings` gives them."""
    orderings: pd.DataFrame
    problems: Mapping[str, str]
    """Why runs are not in it, by what they are."""

    def to_dict(self) -> dict[str, Any]:
        """JSON types; what is missing is null."""
        return {
            "rows": json.loads(self.rows.to_json(orient="records")),
            "orderings": json.loads(self.orderings.to_json(orient="records")),
            "problems": dict(self.problems),
        }


def make_table(
    table: TableName,
    dataset: Path,
    *,
    names: Sequence[str] | None,
    seeds: Sequence[int],
    jobs: int,
    resume: bool,
    training: bool,
    recipe: str | None,
    length: str | None = None,
    configs: Path,
    runs: Path,
    out: Path,
    say: Say,
) -> Made:
    """Train what is missing, put every run to the test part, and write ``<table>.md`` and ``<table>.parquet``.

    The Parquet file holds one row for every run and cell line, the Markdown their means and deviations.

    Raises
    ------
    SettingsError
        An unknown system or one without a mask in Table 2, a missing configuration, runs begun and no ``resume``,
        no run at all to put in the table, a folder that cannot be written.
    """
    opened = open_dataset(dataset)
    chosen = names if names is not None else (TABLE2 if table == "table2" else None)
    without = sorted(set(chosen or ()) - set(TABLE2)) if table == "table2" else []
    if without:
        raise SettingsError(f"{', '.join(without)}: no mask, so no place in table2; it has {', '.join(TABLE2)}")
    kind = recipe or ("demo" if opened.synthetic else "published")
    wanted = entries(chosen, seeds, configs=configs, recipe=kind, runs=runs, dataset=str(dataset), length=length)
    _writable(out)
    failed = train_missing(wanted, jobs=jobs, resume=resume, say=say) if training else {}
    found, absent = results(wanted, opened, say=say)
    problems = {entry.words: words for entry, words in {**absent, **failed}.items()}
    if found.empty:
        first = "; ".join(f"{who}: {why}" for who, why in list(problems.items())[:3])
        raise SettingsError(f"no run to put in {table}, of {len(problems)} asked for: {first}")
    rows = standings(pd.concat([found, oracle_rows(opened, found, wanted)], ignore_index=True))
    order = orderings(rows)
    text = markdown(rows, masks=table == "table2") + _orderings_in_words(order) + _problems_in_words(problems)
    found.to_parquet(out / f"{table}.parquet", index=False)
    (out / f"{table}.md").write_text(text, encoding="utf-8")
    return Made(text, rows, order, problems)


def _writable(out: Path) -> None:
    """Before the long work, not after it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / ".touched").touch()
        (out / ".touched").unlink()
    except OSError as error:
        raise SettingsError(f"{out}: cannot be written ({error.strerror}); give another --out") from error


def _orderings_in_words(order: pd.DataFrame) -> str:
    parts = []
    for cell, group in order.groupby("cell_type"):
        counts = group["verdict"].value_counts()
        parts.append(
            f"Of the {len(group)} orderings by MSE that the paper states in both its cell lines, in {cell} "
            f"{counts.get('holds', 0)} hold, {counts.get('reversed', 0)} are reversed and {counts.get('open', 0)} are "
            "open (within a deviation, or from one run)."
        )
        against = group[group["verdict"] == "reversed"]
        if len(against):
            both = zip(against["first"], against["second"], strict=True)
            pairs = (f"{TITLES[two]} before {TITLES[one]}" for one, two in both)
            parts.append("Reversed: " + "; ".join(pairs) + ".")
    return "".join(f"\n{part}\n" for part in parts)


def _problems_in_words(problems: Mapping[str, str]) -> str:
    return "\nNot in the table:\n\n" + "".join(f"- {who}: {why}\n" for who, why in problems.items()) if problems else ""
