"""``python -m seq2exp train`` as a user runs it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2exp.cli import main


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["seq2exp", "train", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_a_run_from_another_random_state_and_data_set(
    write_yaml: Callable[..., Path],
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = write_yaml("mine", data={"dataset": "elsewhere"}, optimiser={"steps": 2, "warmup_steps": 1})
    words = (config, "--out", tmp_path, "--seed", 22, "--dataset", data_dir)
    status, out, err = run(monkeypatch, capsys, *words, "--json")
    assert status == 0, err
    report = json.loads(out)
    assert (report["name"], report["seed"], report["step"], report["finished"]) == ("mine-seed22", 22, 2, True)
    assert Path(report["folder"]) == tmp_path / "mine-seed22"
    assert (Path(report["checkpoint"]) / "model.safetensors").is_file()
    assert "mine-seed22" in err  # the bar

    status, out, _ = run(monkeypatch, capsys, *words)
    assert status == 0
    assert out.startswith(f"{report['checkpoint']}: update 2 of 2, validation MSE {report['best_mse']:.4f}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.yaml"], "none.yaml: cannot be read as YAML"),
        (["CONFIG"], "elsewhere"),
        (["CONFIG", "--seed", "-1"], "seed must not be negative"),
    ],
)
def test_errors_are_one_line(
    words: list[str],
    message: str,
    write_yaml: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = str(write_yaml("mine", data={"dataset": "elsewhere"}))
    words = [config if word == "CONFIG" else word for word in words]
    status, out, err = run(monkeypatch, capsys, *words, "--out", tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []
