"""Scores of every gene: the numbers, the file that holds them, and the verb that fills it."""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seq2exp.benchmark import score, score_file
from seq2exp.benchmark.score import ScoreCounts, batches, pending, score_genes, scored_what
from seq2exp.benchmark.score_file import GeneScore, ScoredWhat, add_scores, read_scores, scores_path
from seq2exp.cli import main
from seq2exp.errors import GeneError, SettingsError, SourceError, WindowError
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.elements import without
from seq2exp.inference.session import open_session
from seq2exp.settings import MaskSettings
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import known_truth

OF = ScoredWhat("here", "d" * 12, "mine", "c" * 12, trained=True, mode="soft", threshold=0.5, window_bp=4096)


def _run(dataset: Dataset, checkpoint: LoadedCheckpoint, path: Path, cache: Path, **options: Any) -> ScoreCounts:
    return score_genes(dataset, checkpoint, path, cache_dir=cache, **options)


def _rows(path: Path) -> pd.DataFrame:
    return read_scores(path).table.to_pandas().set_index(["gene_id", "cell"])


def _made_up(gene_id: str, **other: Any) -> GeneScore:
    return GeneScore(gene_id, gene_id, "chr1", 5, "+", "A", "test", True, 1.0, **other)


@pytest.fixture(scope="module")
def filled(tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scores") / "all.parquet"
    counts = _run(tiny, soft, path, peak_cache)
    assert counts == ScoreCounts(2 * len(tiny.genes), 0, ())
    return path


def test_rows_are_what_the_locus_view_says(
    tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path, filled: Path
) -> None:
    rows = _rows(filled)
    assert len(rows) == 2 * len(tiny.genes)
    truth = {cell: known_truth(tiny, cell) for cell in tiny.cell_types}
    found_some = 0
    for gene in list(tiny.genes)[::3]:
        for cell in tiny.cell_types:
            row = rows.loc[(gene.gene_id, cell)]
            session = open_session(tiny, gene, cell, checkpoint=soft, cache_dir=peak_cache)
            view = session.view(MaskSettings())
            assert view.overlap is not None
            assert row["predicted_log10"] == view.prediction_log10
            assert row["promoter_only_log10"] == view.promoter_only_log10
            assert row["observed_log10"] == view.observed_log10
            assert row["error_log10"] == row["predicted_log10"] - row["observed_log10"]
            assert row["n_elements"] == len(view.mask.elements)
            assert row["mask_ratio_outside_promoter"] == view.mask.ratio_outside_promoter
            assert row["n_peaks"] == len(view.peaks)
            for name in ("jaccard", "precision", "recall"):
                assert row[name] == pytest.approx(getattr(view.overlap, name), nan_ok=True)
            assert (row["fold"], row["chrom"], row["tss"]) == (tiny.fold(gene), gene.chrom, gene.tss)
            assert row["what_if"] == "; ".join(view.mask.changes)
            causal = [
                part
                for element in truth[cell][(gene.gene_id, cell)]
                if element.causal and (inside := element.interval.intersect(view.interval)) is not None
                for part in without(inside, view.centre)
            ]
            called = [element.interval for element in view.mask.elements]
            assert row["n_causal_elements"] == len(causal)
            met = [any(place.overlaps(one) for one in called) for place in causal]
            right = [any(one.overlaps(place) for place in causal) for one in called]
            assert row["causal_recall"] == pytest.approx(np.mean(met) if met else np.nan, nan_ok=True)
            assert row["causal_precision"] == pytest.approx(np.mean(right) if right else np.nan, nan_ok=True)
            found_some += sum(met)
    assert found_some > 0


def test_the_file_says_whose_rows_they_are(tiny: Dataset, soft: LoadedCheckpoint, filled: Path) -> None:
    assert read_scores(filled).of == scored_what(tiny, soft)
    metadata = json.loads(pq.read_schema(filled).metadata[b"seq2exp"])
    assert metadata["dataset_hash"] == tiny.hash
    assert metadata["checkpoint_hash"] == soft.hash
    assert metadata["seq2exp_version"]
    assert metadata["trained"] is False
    assert not _rows(filled)["trained"].any()


def test_an_interrupted_run_keeps_what_it_did_and_goes_on(
    tiny: Dataset,
    soft: LoadedCheckpoint,
    peak_cache: Path,
    tmp_path: Path,
    filled: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "part.parquet"

    def stop(done: int, total: int) -> None:
        if done == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(tiny, soft, path, peak_cache, cell_type="SynG", progress=stop)
    first = _rows(path)
    assert len(first) == 11
    opened: list[str] = []

    def counted(dataset: Dataset, gene: Gene, *rest: Any, **options: Any) -> Any:
        opened.append(gene.gene_id)
        return open_session(dataset, gene, *rest, **options)

    monkeypatch.setattr(score, "open_session", counted)
    assert _run(tiny, soft, path, peak_cache, cell_type="SynG").kept == 11
    assert len(opened) == len(tiny.genes) - 11
    pd.testing.assert_frame_equal(_rows(path), _rows(filled).xs("SynG", level="cell", drop_level=False))


def test_a_window_that_cannot_be_made_has_a_row_and_is_tried_again(
    tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, chosen = tmp_path / "two.parquet", [gene.symbol for gene in list(tiny.genes)[:2]]

    def fails(dataset: Dataset, gene: Gene, *rest: Any, **options: Any) -> Any:
        if gene.symbol == chosen[0]:
            raise WindowError(f"no window for {gene.symbol}")
        return open_session(dataset, gene, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(score, "open_session", fails)
        counts = _run(tiny, soft, path, peak_cache, cell_type="SynK", names=chosen)
    assert counts.problems == (f"no window for {chosen[0]}",)
    row = _rows(path).set_index("symbol").loc[chosen[0]]
    assert row["problem"] == counts.problems[0]
    assert np.isnan([row["predicted_log10"], row["n_elements"], row["n_peaks"]]).all()
    again = _run(tiny, soft, path, peak_cache, cell_type="SynK", names=chosen)
    assert (again.kept, again.problems) == (1, ())
    assert len(_rows(path)) == 2
    assert not _rows(path)["problem"].any()


def test_scores_of_other_data_or_weights_are_refused(
    tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path, tmp_path: Path
) -> None:
    path = tmp_path / "other.parquet"
    add_scores(path, OF, [_made_up("G1")])
    before = path.read_bytes()
    with pytest.raises(SourceError) as refused:
        _run(tiny, soft, path, peak_cache, limit=1)
    for named in (OF.dataset_hash, OF.checkpoint_hash, tiny.hash, soft.hash, str(path)):
        assert named in str(refused.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["text", "foreign", "format"])
def test_a_file_that_is_no_score_file_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "thesis.parquet"
    if content == "text":
        path.write_text("my thesis")
    elif content == "foreign":
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        add_scores(path, OF, [_made_up("G1")])
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(["jaccard"]), path)
    before = path.read_bytes()
    with pytest.raises(SourceError, match=r"thesis\.parquet"):
        add_scores(path, OF, [_made_up("G2")])
    assert path.read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.parquet"
    add_scores(path, OF, [_made_up("G1", n_elements=3)])
    before = path.read_bytes()

    def full_disk(table: pa.Table, where: Path, **_: Any) -> None:
        where.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(score_file.pq, "write_table", full_disk)
        with pytest.raises(SourceError, match="No space left"):
            add_scores(path, OF, [_made_up("G2")])
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".partial")] == []
    add_scores(path, OF, [_made_up("G2"), _made_up("G1", n_elements=4)])
    assert _rows(path)["n_elements"].droplevel("cell").to_dict() == pytest.approx({"G1": 4, "G2": np.nan}, nan_ok=True)


def test_two_writers_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"

    def write(name: str) -> None:
        for number in range(8):
            add_scores(path, OF, [_made_up(f"{name}{number}")])

    writers = [threading.Thread(target=write, args=(name,)) for name in "AB"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(_rows(path)) == 16


def test_batches_hold_every_gene_once_and_spread_over_the_genome(tiny: Dataset) -> None:
    genes = list(tiny.genes)
    planned = batches(("A", "B"), genes, 5)
    assert [gene for gene in genes for _ in "AB"] == sorted(
        (gene for batch in planned for gene in batch.genes), key=lambda gene: genes.index(gene)
    )
    assert max(len(batch.genes) for batch in planned) <= 5
    assert genes.index(planned[0].genes[1]) - genes.index(planned[0].genes[0]) > 1
    left = pending(planned, {(gene.gene_id, "A") for gene in genes})
    assert {batch.cell for batch in left} == {"B"}


@pytest.mark.parametrize(
    ("options", "error"),
    [({"names": ["NOPE"]}, GeneError), ({"cell_type": "HeLa"}, SettingsError), ({"limit": 0}, SettingsError)],
)
def test_what_cannot_be_scored_is_refused_before_anything_is_written(
    tiny: Dataset, soft: LoadedCheckpoint, tmp_path: Path, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _run(tiny, soft, tmp_path / "s.parquet", tmp_path, **options)
    assert not any(tmp_path.iterdir())


def test_the_verb_fills_the_cache_and_says_what_untrained_weights_are(
    tiny: Dataset,
    soft: LoadedCheckpoint,
    soft_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEQ2EXP_CACHE", str(tmp_path))
    symbols = [gene.symbol for gene in list(tiny.genes)[:3]]

    def run(*words: object) -> tuple[int, str, str]:
        base = ("score", "--dataset", tiny.root, "--checkpoint", soft_folder, "--device", "cpu", "--cell", "SynK")
        monkeypatch.setattr(sys, "argv", ["seq2exp", *map(str, (*base, *words))])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    status, out, err = run("--genes", f"{symbols[0]}, {symbols[1]}", "--genes", symbols[2])
    assert status == 0
    assert out.startswith("UNTRAINED WEIGHTS")
    assert "windows: 3 of 3" in err
    path = scores_path(tmp_path, tiny.hash, soft.hash)
    assert sorted(_rows(path)["symbol"]) == sorted(symbols)
    status, out, _ = run("--limit", 4, "--json")
    assert status == 0
    assert json.loads(out)["asked"] == 4
    assert json.loads(out)["out"] == str(path)
    (tmp_path / "other.txt").write_text("mine")
    status, out, err = run("--out", tmp_path / "other.txt")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "other.txt" in err
