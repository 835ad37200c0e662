"""Refusals, interrupts, full disks, and the verb."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seq2exp.benchmark.score import score_genes, scored_what
from seq2exp.benchmark.score_file import read_scores_of, scores_path
from seq2exp.cli import main
from seq2exp.errors import ScoringError, SettingsError
from seq2exp.inference.checkpoints import load_checkpoint_for_inference
from seq2exp.scoring import folder
from seq2exp.scoring.plan import ScoreSettings
from seq2exp.scoring.run import score_dataset
from seq2exp.scoring.worker import Job
from seq2exp.settings import MaskSettings, Preset
from seq2exp.sources.dataset import Dataset


@pytest.fixture(scope="module")
def small(job: Callable[..., Job], tmp_path_factory: pytest.TempPathFactory) -> Job:
    asked = job(tmp_path_factory.mktemp("small") / "out", limit=4, shard_size=2, bigwig=False)
    assert score_dataset(asked).scored == 8
    return asked


def state(out: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*") if path.is_file()}


def test_a_finished_folder_is_left_as_it_is(small: Job) -> None:
    before = state(small.out)
    again = score_dataset(small)
    assert again.scored == 0
    assert again.card == json.loads((small.out / "card.json").read_text())
    assert state(small.out) == before


def test_merged_files_that_went_are_written_again_from_the_shards(small: Job) -> None:
    before = (small.out / "scores.parquet").read_bytes()
    (small.out / "scores.parquet").unlink()
    assert score_dataset(small).scored == 0
    assert (small.out / "scores.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"samples": 4}, "samples 3 there, 4 now"),
        ({"mask": MaskSettings(threshold=0.4)}, "threshold 0.5 there, 0.4 now"),
        ({"limit": 5}, "n_genes 4 there, 5 now"),
        ({"bigwig": True}, "bigwig False there, True now"),
        ({"preset": "hard"}, "checkpoint_hash"),
    ],
)
def test_another_run_needs_another_folder(
    small: Job, job: Callable[..., Job], changes: dict[str, Any], named: str
) -> None:
    before = state(small.out)
    with pytest.raises(ScoringError) as refused:
        score_dataset(job(small.out, **{"limit": 4, "shard_size": 2, "bigwig": False, **changes}))
    assert named in str(refused.value)
    assert "--out" in str(refused.value)
    assert state(small.out) == before


def test_shards_of_another_run_are_not_taken_for_this_one(small: Job, job: Callable[..., Job], tmp_path: Path) -> None:
    other = job(tmp_path / "out", limit=4, shard_size=2, bigwig=False, seed=1)
    (tmp_path / "out").mkdir()
    assert score_dataset(other).scored == 8
    (tmp_path / "out" / "card.json").unlink()
    foreign = tmp_path / "out" / "shards" / "00001.parquet"
    foreign.write_bytes((small.out / "shards" / "00001.parquet").read_bytes())
    with pytest.raises(ScoringError, match=r"00001\.parquet: of another run \(seed 0 there, 1 now\)"):
        score_dataset(other)


def test_folders_that_hold_something_else_are_refused(job: Callable[..., Job], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ScoringError, match=r"holds thesis\.txt and no plan\.json"):
        score_dataset(job(tmp_path, limit=1))
    with pytest.raises(ScoringError, match=r"thesis\.txt: is a file"):
        score_dataset(job(tmp_path / "thesis.txt", limit=1))
    with pytest.raises(ScoringError, match=r"cannot be written \(Not a directory\)"):
        score_dataset(job(tmp_path / "thesis.txt" / "out", limit=1))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_full_disk_is_said_and_leaves_what_was_finished(
    job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(tmp_path / "out", limit=4, shard_size=1, bigwig=False)
    real, written = folder.pq.write_table, list[Path]()

    def runs_full(table: pa.Table, where: Path, **options: Any) -> None:
        if len(written) == 2:
            where.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        written.append(where)
        real(table, where, **options)

    with monkeypatch.context() as patch:
        patch.setattr(folder.pq, "write_table", runs_full)
        with pytest.raises(ScoringError, match=r"00002\.parquet: cannot be written \(No space left on device\)"):
            score_dataset(asked)
    shards = tmp_path / "out" / "shards"
    assert sorted(path.name for path in shards.iterdir() if path.suffix != ".lock") == [
        "00000.parquet",
        "00001.parquet",
    ]
    assert score_dataset(asked).scored == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_run_with_words_and_it_goes_on(
    job: Callable[..., Job], tmp_path: Path, number: signal.Signals
) -> None:
    asked = job(tmp_path / "out", limit=4, shard_size=1, bigwig=False)

    def interrupt(done: int, total: int) -> None:
        if done == 4:
            os.kill(os.getpid(), number)

    with pytest.raises(ScoringError, match="stopped with 2 of 4 shards finished; the same command goes on"):
        score_dataset(asked, progress=interrupt)
    assert score_dataset(asked).scored == 4


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"samples must be at least 0.*shard_size must be at least 1"):
        ScoreSettings(samples=-1, shard_size=0)


def test_the_verb_fills_a_folder_and_marks_untrained_weights(
    tmp_path: Path,
    job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = job(tmp_path / "out")

    def run(*words: object) -> tuple[int, str, str]:
        base = ("score", "--dataset", asked.dataset, "--checkpoint", asked.checkpoint, "--device", "cpu")
        monkeypatch.setattr(sys, "argv", ["seq2exp", *map(str, (*base, *words))])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    options = ("--out", asked.out, "--limit", 2, "--samples", 1, "--cell", "SynK", "--threshold", 0.45)
    status, out, err = run(*options)
    assert (status, out.splitlines()[0]) == (0, "UNTRAINED WEIGHTS: these numbers mean nothing")
    assert "2 windows (2 genes x SynK), 0 not scored; 2 scored now" in out
    assert "windows: 2 of 2" in err
    status, out, _ = run(*options, "--json")
    found = json.loads(out)
    assert (status, found["scored_now"], found["card"]["trained"]) == (0, 0, False)
    assert found["card"]["faithful"], "the threshold of a soft mask calls elements and changes no prediction"
    assert found["card"]["threshold"] == 0.45
    status, out, err = run("--devices", 2)
    assert (status, out) == (2, "")
    assert "give a folder as --out" in err
    status, _, err = run("--out", asked.out, "--nodes", 2)
    assert status == 2
    assert "torchrun or srun" in err


def test_presets_hold_what_they_say(preset: Preset, alone: Path) -> None:
    card = json.loads((alone / "card.json").read_text())
    assert card["mode"] == preset
    assert card["files"].keys() == {"scores.parquet", "elements.bed", "mask.SynK.bw", "mask.SynG.bw"}
    assert "NOT a confidence interval" in card["interval"]
    assert card["made"]["windows_per_process_second"] > 0


def test_the_genes_page_shows_the_rows_of_a_folder(
    tiny: Dataset, job: Callable[..., Job], small: Job, tmp_path: Path
) -> None:
    checkpoint = load_checkpoint_for_inference(small.checkpoint, "cpu")
    path = scores_path(tmp_path, tiny.hash, checkpoint.hash)
    gene = sorted(read_plan_genes(small.out))[0]
    score_genes(tiny, checkpoint, path, cell_type="SynK", names=[gene], cache_dir=tmp_path)
    assert score_dataset(small, show=tmp_path).shown == 7
    assert score_dataset(small, show=tmp_path).shown == 0
    found = read_scores_of(path, scored_what(tiny, checkpoint))
    assert found is not None
    shown = found.table.to_pandas().set_index(["gene_id", "cell"])
    scores = pq.read_table(small.out / "scores.parquet").to_pandas().set_index(["gene_id", "cell_type"])
    assert len(shown) == 8
    for name in ("predicted_log10", "promoter_only_log10", "n_elements", "fold", "mask_ratio_outside_promoter"):
        assert list(shown[name]) == list(scores[name].reindex(shown.index)), name
    assert list(shown["n_peaks"].notna()) == [key == (gene, "SynK") for key in shown.index]
    other = job(tmp_path / "other", limit=1, mask=MaskSettings(mode="hard"), bigwig=False)
    with pytest.raises(ScoringError, match="what-if scores"):
        score_dataset(other, show=tmp_path)


def read_plan_genes(out: Path) -> list[str]:
    found: list[str] = pq.read_table(out / "scores.parquet").column("gene_id").to_pylist()
    return found
