"""Status & About: what it shows, what it empties, and that it tells no more of the machine than it must."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from seq2exp.inference import selftest
from seq2exp.model.scan import cpu, stream
from seq2exp.sources.manifest import load_manifest
from seq2exp.ui import catalogue, status_caches, status_machine, status_panels

ROOT = Path(__file__).resolve().parents[2]
KERNELS = (cpu, stream)
"""Imported before a test moves the home folder: kernels choose their cache folder then, and compile without one."""
Open = Callable[..., AppTest]


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning", "success")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind))


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home") / "visitor"


@pytest.fixture
def status(page: Open, home: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """The page in a home folder of its own, with caches there."""
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(home / "kernels"))

    def open_status(dataset_path: Path | None = None, **query: str) -> AppTest:
        app = page(dataset_path, **query)
        monkeypatch.setenv("SEQ2EXP_CACHE", str(home / "cache"))
        return app.switch_page("pages/status.py").run()

    return open_status


def test_every_part_is_there_and_the_home_folder_is_not_named(
    status: Open, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n- learned to <b>fly</b>\n")
    (tmp_path / "shipped" / "broken").mkdir(parents=True)
    (tmp_path / "shipped" / "broken" / "model.json").write_text("{}")
    used = status_machine.Memory(512_000_000, 600_000_000, 8_000_000_000, 4_000_000_000)
    monkeypatch.setattr(status_panels, "read_memory", lambda: used)
    app = status()
    assert not app.exception
    words = _words(app)
    for heading in ("This machine", "Data", "Self-test", "Checkpoints", "About", "### Changelog"):
        assert heading in words
    assert {"Device", "Threads", "This process"} <= {metric.label for metric in app.metric}
    assert next(m.value for m in app.metric if m.label == "This process").endswith("MB")
    assert "visitor" not in words
    assert "~/cache/peaks" in words.replace("\\", "")
    assert "arxiv.org/abs/2502.13991" in words
    assert f"all {len(load_manifest(tiny).sources)} files are here" in words
    assert len(app.get("page_link")) == 1
    assert "cannot be read" in " ".join(frame.value.to_string() for frame in app.dataframe)


def test_without_data_and_checkpoints_the_page_says_what_to_do(
    status: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = status()
    monkeypatch.delenv(catalogue.DATASET_VARIABLE)
    app.run()
    assert not app.exception
    assert [("make data" in info.value, "train" in info.value) for info in app.info] == [(True, False), (False, True)]
    app.button(key="self-test").click().run()
    assert "data set: FAILED" in _words(app)
    assert "MACS3: passed" in _words(app)


def test_the_self_test_runs_on_the_chosen_data_and_stays_on_the_page(status: Open) -> None:
    app = status()
    app.button(key="self-test").click().run()
    assert not app.exception
    assert [f"{name}: passed" in _words(app) for name in selftest.CHECKS] == [True] * 4
    app.button(key="status again").click().run()
    assert "engines: passed" in _words(app)
    assert "Last run at" in _words(app)


def test_a_data_set_whose_files_are_gone_is_still_summed_up(status: Open, tiny: Path, tmp_path: Path) -> None:
    manifest = yaml.safe_load(tiny.read_text())
    manifest["title"] = "<b>bold</b> [link](http://e.x)"
    lost = tmp_path / "lost" / "manifest.yaml"
    lost.parent.mkdir()
    lost.write_text(yaml.safe_dump(manifest))
    app = status()
    app.session_state["typed_datasets"] = (str(lost),)
    app.run()
    app.selectbox(key="status_dataset").select("lost").run()
    assert not app.exception
    assert f"{len(manifest['sources'])} of {len(manifest['sources'])} files are not here" in _words(app)
    assert "\\<b\\>bold" in _words(app)


def test_emptying_asks_first_and_touches_only_what_the_program_wrote(status: Open, home: Path, tmp_path: Path) -> None:
    peaks = home / "cache" / "peaks"
    peaks.mkdir(parents=True)
    for name in ("one.narrowPeak", "two.narrowPeak", "mine.bed"):
        (peaks / name).write_text("12345678")
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("kept")
    (peaks / "link.narrowPeak").symlink_to(elsewhere)
    app = status()
    assert "2 files, 16 bytes" in _words(app)
    assert "Delete 2 files" in _words(app)
    assert (peaks / "one.narrowPeak").is_file()
    app.button(key="delete peaks").click().run()
    assert sorted(path.name for path in peaks.iterdir()) == ["link.narrowPeak", "mine.bed"]
    assert elsewhere.read_text() == "kept"
    assert "2 files deleted" in app.success[0].value
    assert not app.run().success


def test_what_cannot_be_deleted_is_told(monkeypatch: pytest.MonkeyPatch, status: Open, home: Path) -> None:
    peaks = home / "cache" / "peaks"
    peaks.mkdir(parents=True)
    (peaks / "one.narrowPeak").write_text("1")
    app = status()

    def refuse(cache: status_caches.Cache) -> status_caches.CacheSize:
        raise PermissionError(13, "Permission denied", str(cache.folder / "one.narrowPeak"))

    monkeypatch.setattr(status_caches, "empty", refuse)
    app.button(key="delete peaks").click().run()
    assert "cannot be deleted" in app.error[0].value
    assert "visitor" not in app.error[0].value


def test_places_are_told_from_home_or_project_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(catalogue, "ROOT", Path("/home/ada/seq2exp"))
    short = status_machine.short
    assert short("/home/ada/.cache/x") == "~/.cache/x"
    assert short("/home/ada/seq2exp/.data/demo/manifest.yaml: no such file") == ".data/demo/manifest.yaml: no such file"
    assert short("/home/adam/x and /home/ada") == "/home/adam/x and ~"
    monkeypatch.setenv("HOME", "/")
    assert short("/data/x") == "/data/x"


def test_memory_is_what_the_system_says_and_nothing_where_it_is_silent(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text("Name:\tx\nVmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\n")
    (tmp_path / "meminfo").write_text("MemTotal:       8000 kB\nMemAvailable:   3000 kB\n")
    (tmp_path / "limit").write_text("4096000\n")
    memory = status_machine.read_memory(tmp_path, tmp_path / "limit")
    assert memory == status_machine.Memory(1_024_000, 2_048_000, 4_096_000, 3_072_000)
    (tmp_path / "limit").write_text("max\n")
    assert status_machine.read_memory(tmp_path, tmp_path / "limit").total == 8_192_000
    silent = status_machine.read_memory(tmp_path / "nowhere", tmp_path / "nowhere")
    assert (silent.process, silent.total, silent.available) == (None, None, None)
    assert silent.process_peak
    assert [status_machine.size_in_words(n) for n in (None, 12, 1_234, 999_600, 5e9)] == [
        "\u2013", "12 bytes", "1.23 kB", "1 MB", "5 GB",
    ]  # fmt: skip
