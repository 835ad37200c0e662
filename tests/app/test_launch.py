"""The verb that opens the app: warmed up, then served."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from seq2exp.errors import Seq2ExpError
from seq2exp.synthetic import synthesize
from seq2exp.ui import catalogue, launch
from tests.app.browsing import served


def test_each_stage_is_told_and_a_data_set_that_cannot_be_opened_too(tmp_path: Path) -> None:
    said: list[str] = []
    launch.warm_up(synthesize("tiny", tmp_path / "tiny"), said.append)
    assert [words.rsplit(" ", 2)[0] for words in said] == ["libraries", "synthetic-tiny-seed7-v3, no checkpoint"]
    said.clear()
    launch.warm_up(tmp_path / "absent.yaml", said.append)
    assert said[1].startswith("not warmed up: ")
    assert "absent.yaml" in said[1]


def test_without_its_page_nothing_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    with pytest.raises(Seq2ExpError, match=r"app\.py is not there"):
        launch.run(None, port=None, address="127.0.0.1", browser=False)


def test_the_verb_serves_the_app(tmp_path: Path) -> None:
    with served(synthesize("tiny", tmp_path / "tiny"), tmp_path) as address:
        assert urllib.request.urlopen(address).status == 200
    log = (tmp_path / "streamlit.log").read_text()
    assert log.startswith("ready: libraries")
    assert "WARNING" not in log
