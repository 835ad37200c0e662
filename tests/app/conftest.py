"""The page on a tiny synthetic data set, its caches in a temporary folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
import yaml
from streamlit.testing.v1 import AppTest

from seq2exp.inference import checkpoints
from seq2exp.synthetic import synthesize
from seq2exp.ui import catalogue

ROOT = Path(__file__).resolve().parents[2]

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="session")
def bare(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data without H3K27ac and contacts."""
    folder = tmp_path_factory.mktemp("data") / "bare"
    shutil.copytree(tiny.parent, folder)
    manifest = yaml.safe_load(tiny.read_text())
    manifest["name"] = "bare"
    manifest["sources"] = [s for s in manifest["sources"] if s["role"] not in ("h3k27ac", "contact")]
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return folder / "manifest.yaml"


@pytest.fixture(scope="session")
def peak_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """MACS3's results, kept for all tests here; what Streamlit keeps is dropped at the end."""
    yield tmp_path_factory.mktemp("peaks")
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def page(tiny: Path, peak_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open app.py; keywords are query parameters, ``dataset_path`` the manifest (default: the tiny set)."""
    monkeypatch.setattr("sys.argv", ["app.py"])
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setenv("SEQ2EXP_CACHE", str(peak_cache))

    def open_page(dataset_path: Path | None = None, **query: str) -> AppTest:
        monkeypatch.setenv(catalogue.DATASET_VARIABLE, str(dataset_path or tiny))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return open_page
