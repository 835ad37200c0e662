"""Several processes, killed ones, starters: what one process writes, however it comes about."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seq2exp.errors import ScoringError, SettingsError
from seq2exp.scoring.processes import started_place
from seq2exp.scoring.run import score_dataset
from seq2exp.scoring.worker import Job, Place
from seq2exp.settings import Preset

ROOT = Path(__file__).resolve().parents[2]


def results(out: Path) -> dict[str, bytes]:
    """The bytes of every merged file but the card, which tells the time."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".parquet", ".bed", ".bw")}


class Killer(threading.Thread):
    """Ends one process with SIGKILL while it holds a shard, waits until another made that shard, and ends that one."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.shards, self.killed, self.taken_over = out / "shards", list[int](), False

    def run(self) -> None:
        first = self._kill_one()
        while not first.is_file():
            time.sleep(0.002)
        self.taken_over = int(first.with_suffix(".lock").read_text()) not in self.killed
        self._kill_one()

    def _kill_one(self) -> Path:
        """The shard that the process had in hand."""
        while True:
            time.sleep(0.002)
            for lock in self.shards.glob("*.lock") if any(self.shards.glob("[0-9]*.parquet")) else ():
                shard, words = lock.with_suffix(".parquet"), lock.read_text().strip()
                if words and int(words) not in self.killed and not shard.is_file():
                    os.kill(int(words), signal.SIGKILL)
                    self.killed.append(int(words))
                    return shard


def test_a_killed_worker_is_replaced_and_the_same_call_finishes_what_is_missing(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    """Two processes: one is killed, the other takes its shard over and is killed too; a second start ends the work."""
    slow = {"samples": 30, "shard_size": 2, "cell_type": "SynK"}
    out, whole = tmp_path / "out", tmp_path / "whole"
    killer = Killer(out)
    killer.start()
    with pytest.raises(ScoringError, match=r"shards are missing \(process .* signal 9 .*the same command goes on"):
        score_dataset(job(out, **slow), devices=2)
    assert len(killer.killed) == 2
    assert killer.taken_over
    assert not (out / "card.json").exists()
    assert not (out / "scores.parquet").exists()
    before = {path: path.stat().st_mtime_ns for path in (out / "shards").glob("[0-9]*.parquet")}
    assert 2 <= len(before) < 12
    found = score_dataset(job(out, **slow))
    assert found.scored == 24 - 2 * len(before)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    score_dataset(job(whole, **slow))
    assert results(out) == results(whole)
    assert not list((out / "shards").glob(".*.partial"))


@pytest.mark.slow
def test_two_processes_write_what_one_writes(
    preset: Preset, alone: Path, job: Callable[..., Job], tmp_path: Path
) -> None:
    out = tmp_path / "two"
    found = score_dataset(job(out, preset), devices=2)
    assert (found.scored, found.lost) == (48, ())
    assert results(out) == results(alone)


@pytest.mark.slow
def test_what_fails_in_every_process_is_said_once(job: Callable[..., Job], tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = job(out, limit=4, shard_size=1)
    score_dataset(asked)
    damaged = out / "shards" / "00002.parquet"
    damaged.write_bytes(b"half")
    (out / "card.json").unlink()
    with pytest.raises(ScoringError, match=r"00002\.parquet: no shard of scores; remove it"):
        score_dataset(asked, devices=2)
    damaged.unlink()
    assert score_dataset(asked).scored == 2


def test_torchrun_and_slurm_say_which_process_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert started_place(2, 1) is None
    with pytest.raises(SettingsError, match="torchrun or srun"):
        started_place(2, 2)
    with monkeypatch.context() as patch:
        for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("RANK", "3"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "4")):
            patch.setenv(name, value)
        assert started_place(2, 2) == Place(number=3, processes=4, on_machine=1)
        with pytest.raises(ScoringError, match=r"--devices 3 --nodes 1: .*world size"):
            started_place(3, 1)
    slurm = {"NTASKS": "8", "NTASKS_PER_NODE": "4", "NNODES": "2", "PROCID": "6", "LOCALID": "2", "JOB_NAME": "score"}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert started_place(4, 2) == Place(number=6, processes=8, on_machine=2)
    with pytest.raises(ScoringError, match="ntasks-per-node"):
        started_place(8, 1)


@pytest.mark.slow
def test_torchrun_starts_the_processes(alone: Path, preset: Preset, job: Callable[..., Job], tmp_path: Path) -> None:
    asked = job(tmp_path / "out", preset)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "seq2exp"]
    words += ["score", "--dataset", asked.dataset, "--checkpoint", asked.checkpoint, "--out", asked.out]
    words += ["--devices", "2", "--device", "cpu", "--samples", "3", "--bigwig", "--shard-size", "5", "--promoter-only"]
    done = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert results(asked.out) == results(alone)


@pytest.mark.gpu
def test_a_gpu_scores_as_the_cpu_does(alone: Path, preset: Preset, job: Callable[..., Job], tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    import dataclasses

    import numpy as np
    import pyarrow.parquet as pq

    score_dataset(dataclasses.replace(job(tmp_path / "out", preset), device="cuda"))
    ours, expected = (pq.read_table(out / "scores.parquet").to_pandas() for out in (tmp_path / "out", alone))
    np.testing.assert_allclose(ours["predicted_log10"], expected["predicted_log10"], atol=1e-3)
