"""What the Leaderboard reads and makes of it: data apart, single runs without deviation, the paper where it belongs."""

from __future__ import annotations

import io
import json
import math
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from seq2exp.benchmark.paper import PAPER, TEST_GENES
from seq2exp.inference import checkpoints
from seq2exp.sources.crispri import PairFaults
from seq2exp.ui import catalogue, leaderboard_downloads, leaderboard_shares
from seq2exp.ui.leaderboard_files import TABLES_VARIABLE, read_boards, read_crispri, read_masks
from seq2exp.ui.leaderboard_rows import ERRORS, expression_panels, expression_rows, ordered, paper_rows, with_oracle
from tests.ui.leaderboard_files_written import (
    crispri_row,
    run_row,
    write_crispri,
    write_mask_benchmark,
    write_table,
)

MSE = ERRORS[0]
FAULTS = [one.name for one in fields(PairFaults)]


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setenv(TABLES_VARIABLE, str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


def test_data_sets_are_kept_apart_and_a_single_run_has_no_deviation(tables: Path) -> None:
    write_table(
        tables,
        [
            run_row("mamba", 2, "K", 0.2),
            run_row("mamba", 22, "K", 0.4),
            run_row("seq2exp-soft", 2, "K", 0.1),
            run_row("mamba", 2, "K", 9.0, dataset_hash="b" * 12),
        ],
    )
    write_table(tables / "more", [run_row("mamba", 2, "K", 7.0)])
    found = read_boards("table1")
    assert not found.problems
    assert [(board.hash[0], len(board.runs), board.file.parent.name) for board in found.items] == [
        ("a", 3, "elsewhere"), ("b", 1, "elsewhere"), ("a", 1, "more"),
    ]  # fmt: skip
    assert len({board.label for board in found.items}) == 3
    rows = expression_rows(found.items[0], ["K"], masks=False).set_index("system")
    assert rows.loc["mamba", "mse"] == pytest.approx(0.3)
    assert rows.loc["mamba", "mse_sd"] == pytest.approx(math.sqrt(0.02))
    assert math.isnan(rows.loc["seq2exp-soft", "mse_sd"])
    assert not [name for name in rows if name.startswith(("paper", "mask"))]
    (panel,) = expression_panels(rows.reset_index(), MSE, found.items[0].runs, {"K": 0.05})
    mamba, soft = panel.bars
    assert mamba.whisker == pytest.approx((0.3 - math.sqrt(0.02), 0.3 + math.sqrt(0.02)))
    assert (sorted(mamba.singles), mamba.ours, soft.ours, soft.whisker) == ([0.2, 0.4], False, True, None)
    assert soft.told == "0.1000, one run"
    assert panel.line == 0.05
    known = with_oracle(ordered(rows.reset_index(), MSE, "cell_type"), {"K": {"mse": 0.01}, "G": {"mse": 0.0}})
    assert list(known["system"]) == ["seq2exp-soft", "mamba", "oracle"]
    assert [bar.name for bar in expression_panels(known, MSE)[0].bars] == ["Seq2Exp-soft", "Mamba"]


def test_the_papers_figures_stand_beside_its_own_test_alone(tables: Path) -> None:
    own = {"synthetic": False, "n": TEST_GENES}
    write_table(tables, [run_row("mamba", 2, cell, 0.3, **own) for cell in ("K562", "GM12878", "HepG2")])
    (board,) = read_boards("table1").items
    rows = expression_rows(board, ["K562", "HepG2"], masks=True)
    assert list(rows["paper_mse"].isna()) == [False, True]
    assert rows["paper_mse"].iloc[0] == PAPER["K562"]["mamba"].mse[0]
    assert [bar.paper for panel in expression_panels(rows, MSE) for bar in panel.bars] == [0.2241, None]
    theirs = paper_rows(["GM12878"])
    assert len(theirs) == len(PAPER["GM12878"])
    assert theirs.set_index("system").loc["seq2exp-retrain", ["mse_sd", "mask_ratio_total"]].isna().tolist() == [
        True, False,
    ]  # fmt: skip
    for changed in ({"synthetic": True}, {"n": 75}):
        write_table(tables, [run_row("mamba", 2, "K562", 0.3, **{**own, **changed})])
        (board,) = read_boards("table1").items
        assert "paper_mse" not in expression_rows(board, ["K562"], masks=False)


def test_damaged_and_foreign_files_are_named_and_the_others_shown(tables: Path) -> None:
    good = write_table(tables / "good", [run_row("mamba", 2, "K", 0.2)])
    (tables / "table1.parquet").write_bytes(b"nonsense")
    write_table(tables / "short", [{"system": "mamba"}])
    write_table(tables / "twice", [run_row("mamba", 2, "K", 0.2), run_row("mamba", 2, "K", 0.2)])
    write_table(tables / "words", [run_row("mamba", 2, "K", 0.2, mae="?")])
    found = read_boards("table1")
    assert [board.file for board in found.items] == [good]
    assert len(found.problems) == 4
    for name, why in (("elsewhere/table1", "not a table"), ("short", "cell_type"), ("twice", "twice"), ("words", "?")):
        assert any(name in problem and why in problem for problem in found.problems)
    write_crispri(tables / "crispri-good.json", [crispri_row("distance", 0.4)])
    (tables / "broken.json").write_text("{")
    (tables / "foreign.json").write_text('{"rows": [{"predictor": "mask"}]}')
    screens = read_crispri()
    assert [one.file.name for one in screens.items] == ["crispri-good.json"]
    assert len(screens.problems) == 2
    assert any("foreign.json: not a CRISPRi benchmark" in problem for problem in screens.problems)


def test_untrained_weights_are_left_out_and_said(tables: Path, tmp_path: Path) -> None:
    rows = [crispri_row(name, 0.5) for name in ("tracks", "mask", "deletion")]
    write_crispri(tables / "crispri-random.json", rows, trained=False)
    (random,) = read_crispri().items
    assert [row["predictor"] for row in random.rows] == ["tracks"]
    assert "crispri-random.json" in random.left_out
    write_crispri(tables / "crispri-random.json", rows, trained=True)
    assert (len(read_crispri().items[0].rows), read_crispri().items[0].left_out) == (3, "")
    for name, trained in (("good", True), ("random", False)):
        folder = tmp_path / ".data" / "runs" / name
        write_mask_benchmark(folder, 0.6, trained=trained)
    found = read_masks()
    assert [one.name for one in found.items] == ["good"]
    (problem,) = found.problems
    assert "random/benchmark.json" in problem
    (panel,) = leaderboard_shares.truth_panels(found.items, leaderboard_shares.TRUTH[0])
    assert [(bar.name, bar.value, bar.whisker, bar.ours) for bar in panel.bars] == [
        ("mask", 0.6, (0.5, 0.7), True), ("DNase", 0.3, (pytest.approx(0.2), 0.4), False),
    ]  # fmt: skip
    assert panel.line == 0.2


def test_published_figures_stand_beside_the_very_pairs_alone(tables: Path) -> None:
    name, pairs = leaderboard_shares.PUBLISHED_PAIRS
    rows = [
        crispri_row("abc", 0.6, pairs=pairs),
        crispri_row("mask", 0.7, pairs=pairs),
        crispri_row("abc", 0.7, stratum="distance <= 10 kb", pairs=223),
    ]
    write_crispri(tables / "a.json", rows, pairs_file=name + "GRCh38.tsv.gz", trained=True)
    write_crispri(tables / "b.json", rows, pairs_file="other.tsv.gz", trained=True)
    same, other = read_crispri().items
    table = leaderboard_shares.crispri_rows(same)
    assert table["published_auprc"].fillna(-1).tolist() == [0.58, -1, -1]
    assert "published_average_precision" not in table
    assert not [column for column in leaderboard_shares.crispri_rows(other) if column.startswith("published")]
    assert leaderboard_shares.groups(same) == ["all pairs", "distance <= 10 kb"]
    assert leaderboard_shares.chance(same, "distance <= 10 kb") == pytest.approx(5 / 223)
    (curve,) = leaderboard_shares.crispri_curves(same, "distance <= 10 kb")
    assert (curve.points[0], curve.at_recall) == ((0.2, 1.0), 0.7)


def test_no_value_of_a_file_breaks_its_view(tables: Path) -> None:
    whole = {"n_pairs": 20, "n_genes": 4, "faults": {"rows": 1}, "trained": True, "bootstrap": {}, "cells": ["K562"]}
    row = crispri_row("mask", 0.5)
    shown = 0
    for garbage in (None, "?", [], {}, 1e400, -1, True):
        for key in (*whole, *row):
            changed = {**row, key: garbage} if key in row else row
            write_crispri(tables / "a.json", [changed, row], **{**whole, **({key: garbage} if key in whole else {})})
            found = read_crispri()
            assert len(found.items) + len(found.problems) == 1
            for one in found.items:
                shown += 1
                leaderboard_shares.faults_in_words(one)
                assert len(leaderboard_shares.crispri_rows(one)) == len(one.rows)
                for group in leaderboard_shares.groups(one):
                    leaderboard_shares.crispri_panel(one, group, leaderboard_shares.CRISPRI[0])
                    leaderboard_shares.crispri_curves(one, group)
    assert shown > 50
    write_crispri(tables / "a.json", [row], faults=dict.fromkeys(FAULTS, 3))
    assert "faults in 3 rows" in str(leaderboard_shares.faults_in_words(read_crispri().items[0]))


def test_downloads_hold_the_table_and_where_it_comes_from() -> None:
    table = pd.DataFrame({"system": ["a|b", "c\\d"], "mse": [0.123456789, math.nan]})
    facts = {"dataset": "made\nup", "seq2exp": "1"}
    text = leaderboard_downloads.as_csv(table, facts)
    assert text.startswith("# dataset: made up\n# seq2exp: 1\n")
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(text), comment="#"), table)
    content = leaderboard_downloads.as_parquet(table, facts)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(content)), table)
    metadata = pq.read_schema(io.BytesIO(content)).metadata
    assert json.loads(metadata[leaderboard_downloads.FACTS_KEY]) == facts
    lines = leaderboard_downloads.as_markdown(table, facts).splitlines()
    assert lines[0] == "- dataset: made up"
    assert lines[-2:] == ["| a\\|b | 0.123457 |", "| c\\\\d |  |"]
