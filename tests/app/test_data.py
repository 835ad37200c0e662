"""The Data page: states and licences of published files, data sets that are here, and adding one's own cells."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from seq2exp.cli import main
from seq2exp.sources.catalogue import load_catalogue
from seq2exp.sources.catalogue_state import state_of
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.manifest import load_manifest
from seq2exp.ui.data_details import of_set
from seq2exp.ui.data_request import CellRequest
from seq2exp.ui.data_rows import EVERY, Chosen, bytes_of, catalogue_rows, set_rows, tasks_by_source
from seq2exp.ui.data_table import note_click

ROOT = Path(__file__).resolve().parents[2]
Open = Callable[..., AppTest]


def words_of(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning", "success", "code")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind))


def table_of(app: AppTest, column: str):
    return next(frame.value for frame in app.dataframe if column in frame.value)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's folder as the pages see it, with the catalogue in it."""
    shutil.copy(ROOT / "data_manifest.yaml", tmp_path / "data_manifest.yaml")
    return tmp_path


@pytest.fixture
def data_page(page: Open, project: Path, tiny: Path) -> Open:
    """The page, with the tiny data set in `.data`; keywords are query parameters."""
    shutil.copytree(tiny.parent, project / ".data" / "base")

    def open_data(**query: str) -> AppTest:
        app = page(project / ".data" / "base")
        for key, value in query.items():
            app.query_params[key] = value
        return app.switch_page("pages/data.py").run()

    return open_data


def fill(app: AppTest, **fields: str) -> AppTest:
    """Type into the form and press its button."""
    for key, text in fields.items():
        app.text_input(key=f"add_{key}").set_value(text)
    return next(button for button in app.button if button.label == "Check the files").click().run()


def test_what_browsing_k562_needs_and_what_of_it_is_here(data_page: Open, project: Path) -> None:
    catalogue = load_catalogue(project / "data_manifest.yaml")
    files = project / catalogue.files_dir

    def put(id: str, content: bytes, ending: str = "") -> None:
        path = files / (catalogue.source(id).local_path + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    put("k562.dnase.signal", b"12345678")
    put("k562.h3k27ac.signal", b"123", ".part")
    put("features.mrna", b"not as many bytes as stated")
    app = data_page()
    assert not app.exception
    needs = catalogue.needs("browse", ["K562"])
    words = words_of(app)
    assert f"1 of {len(needs)} files are here; {len(needs) - 1} to fetch" in words.replace("\\", "")
    assert "python -m seq2exp data get --cell K562 --task browse" in words
    table = table_of(app, "needed").set_index("title")
    states = {catalogue.source(id).title: id for id in ("k562.dnase.signal", "k562.h3k27ac.signal", "features.mrna")}
    assert [table.loc[title, "state"] for title in states] == ["here", "in part", "wrong"]
    dnase = table.loc[catalogue.source("k562.dnase.signal").title]
    assert (dnase["licence"], dnase["size"], dnase["needed"]) == ("ENCODE data use policy", "8 bytes", "required")
    assert dnase["what"] == "read-depth normalized signal"
    assert list(table["needed"]) == sorted(table["needed"], key=["required", "alternative", "optional"].index)
    app.session_state["data_files_picked"] = "features.mrna"
    app.run()
    shown = words_of(app).replace("\\", "")
    assert "27 bytes where the catalogue states" in shown
    assert catalogue.source("features.mrna").confidence.evidence.split(";")[0] in shown
    assert "data get --only features.mrna" in shown
    app.selectbox(key="data_state").select("wrong").run()
    assert list(table_of(app, "needed")["title"]) == [catalogue.source("features.mrna").title]
    assert app.query_params["state"] == "wrong"


def test_every_filter_keeps_what_it_says(project: Path) -> None:
    catalogue = load_catalogue(project / "data_manifest.yaml")
    states = state_of(catalogue, project / catalogue.files_dir)
    whole = catalogue_rows(catalogue, states, Chosen())
    assert list(whole["id"]) == [source.id for source in catalogue.sources]
    for task in catalogue.tasks:
        for cell in (EVERY, *task.cell_types):
            rows = catalogue_rows(catalogue, states, Chosen(task.name, cell))
            cells = task.cell_types if cell == EVERY else [cell]
            required = {catalogue.members(need)[0].id for need in catalogue.needs(task.name, cells)}
            assert set(rows.loc[rows["needed"] == "required", "id"]) == required
            assert cell == EVERY or set(rows["cell"]) <= {cell, "every"}
    assert catalogue_rows(catalogue, states, Chosen(state="present")).empty
    by_source = tasks_by_source(catalogue, Chosen())
    for source in catalogue.sources:
        assert set(by_source.get(source.id, {})) == {task for task, _ in catalogue.tasks_of(source)}
    for source, state in zip(catalogue.sources, states, strict=True):
        least, most = bytes_of(source, state)
        assert least <= most
        assert source.file.size_bytes in (None, most)


def test_without_a_catalogue_or_with_a_broken_one_the_page_says_so(data_page: Open, project: Path) -> None:
    app = data_page()
    (project / "data_manifest.yaml").write_text("catalogue_version: 1\n<b>: [")
    app.run()
    assert not app.exception
    assert "not YAML" in app.error[0].value
    (project / "data_manifest.yaml").unlink()
    app.run()
    assert not app.exception
    assert "There is no catalogue" in app.info[0].value


def test_a_task_that_a_cell_type_is_not_offered_for_is_said(data_page: Open) -> None:
    app = data_page(task="crispri", cell="H1")
    assert not app.exception
    assert "not offered for H1" in words_of(app)


@pytest.mark.parametrize("query", [{"task": "<b>x</b>"}, {"cell": "../x"}, {"view": "nowhere"}, {"set": "%00"}])
def test_a_wrong_link_shows_the_first_choice(data_page: Open, query: dict[str, str]) -> None:
    app = data_page(**query)
    assert not app.exception
    assert "data get --cell K562 --task browse" in words_of(app)


def test_a_data_set_is_listed_with_what_is_gone_and_nothing_in_it_is_markup(data_page: Open, project: Path) -> None:
    path = project / ".data" / "base" / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text())
    manifest["title"] = "<b>bold</b> [link](http://e.x)"
    manifest["sources"][0] |= {"title": "![x](http://e.x/y.png)", "warnings": ["<script>1</script> is loud"]}
    manifest["sources"][0]["file"]["checksum"] = {"md5": "0123456789abcdef" * 2}
    path.write_text(yaml.safe_dump(manifest))
    gone = path.parent / manifest["sources"][2]["local_path"]
    gone.unlink()
    app = data_page(view="set")
    assert not app.exception
    table = table_of(app, "checksum")
    assert list(table["title"]) == [source["title"] for source in manifest["sources"]]
    assert list(table["state"]) == ["not here" if at == 2 else "here" for at in range(len(table))]
    assert table["checksum"][0] == "md5 0123456789"
    assert table["warnings"][0] == 1
    words = words_of(app)
    assert "1 of" in words
    assert "not here as stated" in words
    assert "\\<b\\>bold" in words
    assert "\\<script\\>1" in words
    assert "](http" not in words


def test_a_manifest_gives_every_source_its_provenance(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(
        """
manifest_version: 1
name: real
title: Real
genome_build: GRCh38
cell_types: [K562]
licences: [{key: encode, name: ENCODE data use policy, redistribution: with_attribution}]
citations: [{key: encode_consortium, text: ENCODE Project Consortium}]
sources:
  - id: k562.dnase.signal
    title: K562 DNase-seq
    role: dnase
    cell_type: K562
    local_path: K562.bigWig
    file: {format: bigWig}
    content: {unit: cuts per million reads per 150 bp, summary: {mean: 0.0712345, p99: 1.5}}
    url: {primary: "https://www.encodeproject.org/x"}
    accession: {portal: encode, file: ENCFF414OGC}
    licence: encode
    citations: [encode_consortium]
""",
        encoding="utf-8",
    )
    manifest = load_manifest(path)
    (row,) = set_rows(manifest, tmp_path).to_dict("records")
    assert (row["what"], row["licence"]) == ("cuts per million reads per 150 bp", "ENCODE data use policy")
    assert row["state"] == "streams"
    details = of_set(manifest, manifest.sources[0], row["state"], row["size"], str(path))
    assert details.facts["Licence"] == "ENCODE data use policy; passing on: with attribution"
    assert details.facts["Cite"] == "ENCODE Project Consortium"
    assert details.facts["Accession"] == "encode ENCFF414OGC"
    assert details.facts["Figures"] == "mean 0.0712, p99 1.5"
    assert details.codes["Address"] == "https://www.encodeproject.org/x"
    (tmp_path / "K562.bigWig").write_bytes(b"1234")
    assert set_rows(manifest, tmp_path)["state"][0] == "here"


def test_costs_stand_there_before_anything_is_written_and_the_new_cells_open_in_explore(
    data_page: Open, project: Path
) -> None:
    base = project / ".data" / "base"
    app = data_page(view="add")
    assert "What each file is for" in words_of(app)
    fill(app, name="Mine", dnase=str(base / "SynG.dnase.bw"), contact=str(base / "SynG.mcool"))
    assert not app.exception
    words = words_of(app).replace("\\", "")
    assert "H3K27ac has the largest say in the signal Beta" in words
    assert "Predictions are marked what-if" in words
    found = table_of(app, "p99.9")
    assert list(found["Input"]) == ["DNase", "Hi-C"]
    assert not (project / ".data" / "Mine").exists()
    app.button(key="add_write").click().run()
    assert not app.exception
    assert open_dataset(project / ".data" / "Mine").cell_types == ("SynK", "SynG", "Mine")
    assert app.session_state["dataset"] == "Mine"
    assert app.session_state["cell"] == "Mine"
    assert app.query_params["cell"] == "Mine"
    app.switch_page("pages/data.py").run()
    assert not app.exception


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Mine"}, "the mask needs one signal"),
        ({"name": "../x", "dnase": "SynG.dnase.bw"}, "cannot name a cell type"),
        ({"name": "<b>", "dnase": "SynG.dnase.bw"}, "cannot name a cell type"),
        ({"name": "base", "dnase": "SynG.dnase.bw"}, "is there already"),
        ({"name": "SynK", "dnase": "SynG.dnase.bw"}, "has a cell type SynK already"),
        ({"dnase": "SynG.mcool"}, "--dnase takes a bigWig: give it as --hic"),
        ({"dnase": "\0"}, "null byte"),
        ({"dnase": "~nobody-of-that-name/x.bw"}, "home directory"),
        ({"dnase": "x" * 5000}, "name too long"),
        ({"dnase": "/nowhere/![x](http://e.x).bw"}, "no such file"),
        ({"dnase": "/"}, "not a file"),
        ({"dnase": "/dev/zero"}, "not a file"),
    ],
)
def test_bad_input_is_told_and_writes_nothing(
    data_page: Open, project: Path, fields: dict[str, str], words: str
) -> None:
    base = project / ".data" / "base"
    before = sorted(path.name for path in base.parent.iterdir())
    app = data_page(view="add")
    typed = {
        key: str(base / text) if text.startswith("Syn") and key != "name" else text for key, text in fields.items()
    }
    fill(app, **typed)
    assert not app.exception
    (told,) = app.error
    assert words.lower() in told.value.replace("\\", "").lower()
    assert "](http" not in told.value
    assert "add_write" not in [button.key for button in app.button]
    assert sorted(path.name for path in base.parent.iterdir()) == before
    app.run()
    assert not app.exception


def test_the_command_shown_does_the_same(
    project: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seq2exp.ui.catalogue.ROOT", project)
    monkeypatch.chdir(project)
    base = project / ".data" / "my base"
    shutil.copytree(tiny.parent, base)
    for keep in (True, False):
        files = {"dnase": str(base / "SynG.dnase.bw"), "contact": ".data/my base/SynG.mcool"}
        request = CellRequest(f"Mine{keep}", base / "manifest.yaml", keep, files)
        plan = request.plan(lambda words: None)
        words = shlex.split(request.command())
        assert words[:3] == ["python", "-m", "seq2exp"]
        monkeypatch.setattr(sys, "argv", ["seq2exp", *words[3:]])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
        written = open_dataset(plan.manifest_path)
        assert list(written.cell_types) == plan.to_dict()["cell_types"]


def test_a_clicked_name_is_the_row_it_stood_in(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {"shown": (("a", "One"), ("b", "Same"), ("c", "Same"))}
    monkeypatch.setattr("streamlit.session_state", state)
    for row, label, picked in ((0, "One", "a"), (2, "Same", "c"), (1, "Same", "b"), (9, "One", "a"), (9, "Same", "a")):
        state["click"] = {"row": row, "label": label}
        note_click("click", "shown", "picked")
        assert state["picked"] == picked
