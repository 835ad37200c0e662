"""A synthetic data set is there whole or not at all: killed runs, full disks, folders that cannot be made."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from seq2exp.errors import SettingsError, SourceError
from seq2exp.files import whole_folder
from seq2exp.synthetic import synthesize
from seq2exp.synthetic.streamed import BigWigWriter
from seq2exp.synthetic.tables import Collected

_LIMITED = """
import resource, sys
from pathlib import Path
from seq2exp.errors import Seq2ExpError
from seq2exp.synthetic import synthesize
from seq2exp.synthetic.streamed import BigWigWriter
import numpy as np
out, limit, n_steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    if n_steps:
        with BigWigWriter(out, {"chr1": 20 * n_steps}) as writer:
            values = np.random.default_rng(0).random(n_steps, dtype=np.float32)
            writer.add_steps("chr1", values, np.zeros(20 * n_steps, dtype=np.uint8))
    else:
        synthesize("tiny", out)
except Seq2ExpError as error:
    print(type(error).__name__, error)
"""


def limited(out: Path, limit_bytes: int, *, n_steps: int = 0) -> str:
    """What a process says that may not write files beyond ``limit_bytes``, as on a full disk."""
    command = [sys.executable, "-c", _LIMITED, str(out), str(limit_bytes), str(n_steps)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_killed_run_leaves_nothing_that_looks_whole_and_the_next_cleans_up(tmp_path: Path) -> None:
    out = tmp_path / "data"
    command = [sys.executable, "-m", "seq2exp", "synthesize", "--preset", "demo", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        told = [run.stderr.readline() for _ in range(3)]
        run.send_signal(signal.SIGKILL)
    assert told[0].endswith("chr3\n")
    assert told[2].endswith("chr3 SynG\n")
    assert not out.exists()
    (partial,) = tmp_path.iterdir()
    assert partial.name.startswith(".data.partial-")
    assert (partial / "genome.fa.gz").is_file()
    assert not (partial / "manifest.yaml").exists()
    assert synthesize("tiny", out).is_file()
    assert list(tmp_path.iterdir()) == [out]


def test_an_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Collected, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        synthesize("tiny", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_run_leaves_a_living_one_alone(tmp_path: Path) -> None:
    out = tmp_path / "data"
    living = whole_folder(out)
    partial = living.__enter__()
    (partial / "slow.txt").write_text("still at it")
    manifest = synthesize("tiny", out)
    assert (partial / "slow.txt").is_file()
    with pytest.raises(OSError, match="Directory not empty"):
        living.__exit__(None, None, None)
    assert manifest.is_file()
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("limit_bytes", [12_000, 50_000])  # below the genome's size, and below the contacts'
def test_a_full_disk_is_named_and_nothing_is_left(tmp_path: Path, limit_bytes: int) -> None:
    said = limited(tmp_path / "data", limit_bytes)
    assert said.startswith(f"SettingsError {tmp_path / 'data'}: cannot be written: File too large; free the disk")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_cut_short_by_a_full_disk_is_noticed(tmp_path: Path) -> None:
    said = limited(tmp_path / "full.bw", 15_000, n_steps=5_000)
    assert said == f"SourceError {tmp_path / 'full.bw'}: could not be written whole; is the disk full?\n"


def test_too_little_room_is_told_before_it_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=21_000_000))
    assert synthesize("tiny", tmp_path / "small").is_file()
    with pytest.raises(SettingsError, match=r"21 MB are free where the data set needs about 2[0-9]; free the disk"):
        synthesize("demo", tmp_path / "large")
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_a_damaged_signal_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = BigWigWriter(tmp_path / "a.bw", {"chr1": 1000})
    writer.add_bases("chr1", np.array([3, 8]), np.array([1, 2], dtype=np.float32))
    monkeypatch.setattr(writer, "_covered", 3)
    with pytest.raises(SourceError, match=r"a\.bw: could not be written whole"), writer:
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SettingsError, match=r"file/data: cannot be written: File exists"):
        synthesize("tiny", tmp_path / "file" / "data")
    if os.geteuid() != 0:  # root may write anywhere
        (tmp_path / "closed").mkdir(mode=0o555)
        with pytest.raises(SettingsError, match="cannot be written: Permission denied"):
            synthesize("tiny", tmp_path / "closed" / "data")


def test_values_come_back_around_n_and_at_a_split_last_step(tmp_path: Path) -> None:
    codes = np.zeros(110, dtype=np.uint8)
    codes[45] = 4
    values = np.array([1, 2, 3, 4, 5, 6], dtype=np.float32)
    with BigWigWriter(tmp_path / "a.bw", {"chr1": 110, "chr2": 30}) as writer:
        writer.add_steps("chr1", values, codes)
        writer.add_bases("chr2", np.array([0, 29]), np.array([7, 8], dtype=np.float32))
    with pyBigWig.open(str(tmp_path / "a.bw")) as written:
        expected = np.repeat(values, 20)[:110]
        expected[40:60] = np.nan
        np.testing.assert_array_equal(written.values("chr1", 0, 110, numpy=True), expected)
        assert written.intervals("chr2") == ((0, 1, 7.0), (29, 30, 8.0))
