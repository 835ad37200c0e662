"""A run that was stopped goes on to the numbers of one that was not."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from seq2exp.errors import TrainingError
from seq2exp.training.config import TrainConfig, read_config
from seq2exp.training.folder import RunFolder, locked
from seq2exp.training.processes import StopRequest
from seq2exp.training.run import train

ROOT = Path(__file__).resolve().parents[2]
TIMES = ["seconds", "wait_share"]
# Rows, validations and saved states at steps that do not divide one another.
LONG = {"optimiser": {"steps": 30, "warmup_steps": 5}, "run": {"log_every": 4, "valid_every": 11, "save_every": 7}}


def command(config: Path, out: Path) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "seq2exp", "train", str(config), "--out", str(out)]


def same_numbers(one: RunFolder, other: RunFolder) -> None:
    for ours, theirs in zip(one.curves(), other.curves(), strict=True):
        pd.testing.assert_frame_equal(
            ours.drop(columns=TIMES, errors="ignore"), theirs.drop(columns=TIMES, errors="ignore"), check_exact=True
        )
    for folder in ("checkpoint", "."):
        assert (one.path / folder).is_dir()
        assert (other.path / folder).is_dir()
    left, right = (load_file(folder.checkpoint / "model.safetensors") for folder in (one, other))
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)
    states = [torch.load(folder.state, weights_only=True) for folder in (one, other)]
    weights = [state["objective"] for state in states]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.fixture(scope="module")
def uninterrupted(write_yaml: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = read_config(write_yaml("long", **LONG))
    return train(config, root=tmp_path_factory.mktemp("whole"), progress=False)


def test_killed_in_the_middle_it_ends_with_the_same_numbers(
    uninterrupted: RunFolder, write_yaml: Callable[..., Path], tmp_path: Path
) -> None:
    words = command(write_yaml("long", **LONG), tmp_path)
    folder = RunFolder(tmp_path / "long")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as first:
        while first.poll() is None:
            if (folder.path / "train.csv").is_file() and (folder.curves()[0]["step"] >= 12).any():
                first.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        _, told = first.communicate()
    assert first.returncode == -signal.SIGKILL, told
    step = torch.load(folder.state, weights_only=True)["progress"]["step"]
    assert 11 <= step < 30
    again = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert folder.facts()["starts"] == 2
    same_numbers(folder, uninterrupted)


def test_asked_to_stop_it_saves_and_goes_on(
    uninterrupted: RunFolder,
    write_yaml: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = read_config(write_yaml("long", **LONG))
    asked = iter([False] * 13 + [True])
    monkeypatch.setattr(StopRequest, "asked", property(lambda _: next(asked), lambda _, value: None), raising=False)
    with pytest.raises(TrainingError, match="stopped at update 13; the same command goes on from there"):
        train(config, root=tmp_path, progress=False)
    monkeypatch.undo()
    same_numbers(train(config, root=tmp_path, progress=False), uninterrupted)


def test_an_interrupt_asks_once_and_a_second_does_not_wait() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        assert not stop.asked
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_states_of_earlier_versions_go_on(
    trained: RunFolder, config: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    chosen = config("trained", run={"save_every": 3})
    stopped = train(chosen, root=tmp_path, progress=False)
    state = torch.load(stopped.state, weights_only=True)
    assert set(state) == {"objective", "optimiser", "progress", "meter"}
    assert set(state["progress"]) == {"step", "seconds", "best_step", "best_mse"}
    del state["meter"]  # not saved before
    torch.save(state, stopped.state)
    with (stopped.path / "train.csv").open("a") as rows:
        rows.write("7,1.5,0.0")  # a row that a full disk left without its end
    again = train(chosen, root=tmp_path, progress=False)
    assert list(again.curves()[0]["step"]) == [1, 2, 3, 4, 5, 6]
    same_numbers(again, trained)


def test_a_changed_configuration_is_refused_by_key(trained: RunFolder, config: Callable[..., TrainConfig]) -> None:
    with pytest.raises(TrainingError, match=r"optimiser\.rate 0\.0005, now 0\.001\); give another name or --out"):
        train(config("trained", optimiser={"rate": 1e-3}), root=trained.path.parent, progress=False)
    (trained.path.parent / "broken").mkdir()
    (trained.path.parent / "broken" / "config.yaml").write_text("name: [")
    with pytest.raises(TrainingError, match=r"config\.yaml: cannot be read"):
        train(config("broken"), root=trained.path.parent, progress=False)


def test_one_process_at_a_time_writes_a_run(trained: RunFolder, config: Callable[..., TrainConfig]) -> None:
    with locked(trained), pytest.raises(TrainingError, match="another process is writing this run"):
        train(config("trained"), root=trained.path.parent, progress=False)


def test_a_foreign_state_is_refused(trained: RunFolder, config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    chosen = config("trained")
    (tmp_path / "trained").mkdir()
    for content in (b"no state", trained.state.read_bytes()[:-100]):
        (tmp_path / "trained" / "last.ckpt").write_bytes(content)
        with pytest.raises(TrainingError, match=r"last\.ckpt: cannot be gone on from .*; remove it") as refused:
            train(chosen, root=tmp_path, progress=False)
        assert "\n" not in str(refused.value)
