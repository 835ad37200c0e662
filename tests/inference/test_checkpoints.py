"""Checkpoints by shipped name or by path."""

from pathlib import Path

import pytest

from seq2exp.errors import CheckpointError
from seq2exp.inference import checkpoints
from seq2exp.inference.checkpoints import find_checkpoint


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shipped"
    for name in ("demo-hard", "demo-soft"):
        (folder / name).mkdir(parents=True)
        (folder / name / "model.json").write_text("{}")
    (folder / "half-written").mkdir()
    monkeypatch.setattr(checkpoints, "SHIPPED", folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_name_is_the_shipped_one_and_a_path_a_folder(shipped: Path, tmp_path: Path) -> None:
    own = tmp_path / "demo-soft"
    own.mkdir()
    (own / "model.json").write_text("{}")
    assert find_checkpoint("demo-soft") == shipped / "demo-soft"
    assert find_checkpoint("./demo-soft").resolve() == own
    assert find_checkpoint(own) == own


@pytest.mark.parametrize("text", ["demo", "half-written", "../elsewhere/demo-soft"])
def test_otherwise_what_is_there_is_listed(shipped: Path, text: str) -> None:
    with pytest.raises(CheckpointError, match=r"model\.json is not there.*: demo-hard, demo-soft") as caught:
        find_checkpoint(text)
    assert str(caught.value).startswith(f"{text}: ")


def test_a_package_without_checkpoints_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "absent")
    with pytest.raises(CheckpointError, match="a shipped name \\(there is none\\)"):
        find_checkpoint("demo-soft")
