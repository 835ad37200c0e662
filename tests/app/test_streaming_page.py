"""Explore on a data set whose tracks lie on a server: the switch, what was moved, and what was withheld."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from seq2exp.ui import cache, launch
from tests.servers import Fault, RangeServer

Open = Callable[..., AppTest]


@pytest.fixture
def streamed(tiny: Path, tmp_path: Path) -> Iterator[tuple[RangeServer, Path]]:
    """The tiny data set without its bigWigs, and a server that has them."""
    here, away = tmp_path / "here", tmp_path / "away"
    shutil.copytree(tiny.parent, here)
    away.mkdir()
    with RangeServer(away) as server:
        content = yaml.safe_load(tiny.read_text())
        content["name"] = tmp_path.name  # a data set of its own in every cache
        for source in content["sources"]:
            if source["file"]["format"] == "bigWig":
                name = Path(source["local_path"]).name
                shutil.move(here / source["local_path"], away / name)
                source["url"] = {"primary": f"{server.url}/{name}"}
        (here / "manifest.yaml").write_text(yaml.safe_dump(content))
        yield server, here / "manifest.yaml"


def _words(app: AppTest) -> str:
    """What is said above the figure, without Markdown's escapes."""
    said = " ".join(element.value for kind in ("caption", "warning", "error") for element in app.get(kind))
    return said.replace("\\", "")


def test_the_switch_streams_what_is_not_on_disk_and_says_what_it_moved(
    page: Open, streamed: tuple[RangeServer, Path]
) -> None:
    server, manifest = streamed
    app = page(manifest, chart="plain")
    assert "files are absent, 6 of which predict and app can stream (--remote): " in _words(app)
    app.toggle(key="stream").set_value(True).run()
    assert not app.exception
    assert not app.error
    assert not app.warning
    moved = sum(request.sent for request in server.requests)
    assert f"Streamed for this gene: {moved / 1e6:.2f} MB in {len(server.requests)} requests." in _words(app)
    assert app.query_params["stream"] in ("1", ["1"])
    assert app.get("plotly_chart")


def test_a_withheld_track_is_told_and_asked_for_again_on_request(
    page: Open, streamed: tuple[RangeServer, Path]
) -> None:
    server, manifest = streamed
    names = [Path(path).name for path in map(str, server.folder.iterdir()) if "dnase" in Path(path).name]
    for name in names:
        server.faults[name] = Fault(status=404)
    app = page(manifest, chart="plain", stream="1")
    assert not app.exception
    assert len(app.warning) == 1
    assert "DNase missing: zero (not available: http" in _words(app)
    asked = len(server.requests)
    app.run()
    assert len(server.requests) == asked  # neither the server nor the generator runs at every move of a slider
    server.faults.clear()
    app.button(key="ask servers again").click().run()
    assert not app.exception
    assert not app.warning
    server.faults |= {name: Fault(status=404) for name in names}
    app.run()
    assert not app.warning  # the whole window is kept


def test_a_withheld_track_is_asked_for_again_after_a_while(
    page: Open, streamed: tuple[RangeServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, manifest = streamed
    for path in server.folder.iterdir():
        server.faults[path.name] = Fault(status=404)
    app = page(manifest, chart="plain", stream="1")
    assert len(app.warning) == 2
    server.faults.clear()
    app.run()
    assert len(app.warning) == 2
    monkeypatch.setattr(cache, "_RETRY_S", 0.0)
    monkeypatch.setattr("seq2exp.sources.remote.time.monotonic", lambda: 1e12)  # the servers' pause is over
    app.run()
    assert not app.exception
    assert not app.warning


def test_the_app_is_started_with_the_switch_on(
    page: Open, streamed: tuple[RangeServer, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[list[str]] = []
    (tmp_path / "app.py").touch()
    monkeypatch.setattr("streamlit.web.cli.main", lambda words, **options: given.append(words))
    launch.run(None, port=None, address="127.0.0.1", browser=False, remote=True)
    launch.run(Path("here"), port=None, address="127.0.0.1", browser=False)
    assert [words[words.index("--") :] for words in given] == [["--", "--remote"], ["--", "--dataset", "here"]]
    app = page(streamed[1], chart="plain")
    assert not app.toggle(key="stream").value
    monkeypatch.setattr("sys.argv", ["app.py", "--remote"])
    app = page(streamed[1], chart="plain")
    assert app.toggle(key="stream").value
    assert not app.error


@pytest.mark.parametrize("name", ["compare", "perturb", "genes"])
def test_other_pages_stream_too_and_their_links_say_so(
    page: Open, streamed: tuple[RangeServer, Path], name: str
) -> None:
    app = page(streamed[1], stream="1").switch_page(f"pages/{name}.py").run()
    assert not app.exception
    assert not app.error, _words(app)
    assert app.query_params["stream"] in ("1", ["1"])
