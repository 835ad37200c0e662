"""The badge of Explore that says a track is on another scale than those the checkpoint learned from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyBigWig
import pytest
import yaml
from streamlit.testing.v1 import AppTest

import seq2exp
from seq2exp.inference import checkpoints
from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.processing import trained_on
from seq2exp.processing.statistics import track_statistics
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.ui import track_scale
from tests.app.conftest import Open

DIFFERS, UNKNOWN = "TRACK ON ANOTHER SCALE", "TRACK SCALE NOT KNOWN"


@pytest.fixture(scope="module")
def tenfold(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny set with the DNase of SynK in a unit ten times smaller."""
    folder = tmp_path_factory.mktemp("tenfold") / "data"
    shutil.copytree(tiny.parent, folder)
    with pyBigWig.open(str(tiny.parent / "SynK.dnase.bw")) as old, pyBigWig.open(str(folder / "new.bw"), "w") as new:
        new.addHeader(list(old.chroms().items()))
        for chrom in old.chroms():
            starts, ends, values = zip(*old.intervals(chrom), strict=True)
            new.addEntries([chrom] * len(starts), list(starts), ends=list(ends), values=[10 * v for v in values])
    (folder / "new.bw").replace(folder / "SynK.dnase.bw")
    manifest = yaml.safe_load(tiny.read_text()) | {"name": "tenfold"}
    for source in manifest["sources"]:
        source["file"].pop("size_bytes", None)
        source["file"].pop("checksum", None)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return folder / "manifest.yaml"


def write_checkpoint(root: Path, tiny: Path, **origin: Any) -> None:
    """A trained checkpoint named ``it`` of windows as wide as the tiny set's."""
    config = ModelConfig(window_bp=4_096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1)
    provenance = {"trained": True, "name": "it", "dataset": "elsewhere", "dataset_hash": "0" * 12, "seed": 1}
    save_checkpoint(root / ".data" / "checkpoints" / "it", Seq2Exp(config), provenance=provenance | origin)


def learned(tiny: Path) -> dict[str, Any]:
    data = open_dataset(tiny)
    windows = [gene.window(4_096) for gene in data.genes]
    return trained_on.measure(data, dict.fromkeys(data.cell_types, windows))


def badges(app: AppTest) -> dict[str, str]:
    """Words of each badge of scale and what pointing at it says."""
    assert not app.exception
    assert not app.error
    found = {words: mark for mark in app.markdown for words in (DIFFERS, UNKNOWN) if words in mark.value}
    return {words: mark.proto.help.replace("\\", "") for words, mark in found.items()}


def test_a_track_ten_times_higher_is_told_in_its_cell_type_alone(
    page: Open, tiny: Path, tenfold: Path, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path, tiny, **{trained_on.FACT: learned(tiny)})
    assert badges(page(checkpoint="it")) == {}
    app = page(tenfold, checkpoint="it")
    (said,) = badges(app).values()
    assert list(badges(app)) == [DIFFERS]
    assert said.startswith("DNase of SynK is about 10 times higher than the track this model learned from: mean ")
    assert "H3K27ac" not in said
    app.selectbox(key="cell").select("SynG").run()
    assert badges(app) == {}
    app.selectbox(key="checkpoint").select_index(0).run()  # no checkpoint: nothing to compare with
    app.selectbox(key="cell").select("SynK").run()
    assert badges(app) == {}


@pytest.mark.parametrize("other", ["genes", "perturb", "compare"])
def test_every_page_with_predictions_says_so(other: str, page: Open, tiny: Path, tenfold: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, tiny, **{trained_on.FACT: learned(tiny)})
    link = {"checkpoint": "it"} | ({"v": "1", "a_checkpoint": "it", "b_checkpoint": "it"} if other == "compare" else {})
    app = page(tenfold, **link).switch_page(f"pages/{other}.py")
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert list(badges(app)) == [DIFFERS]


def test_a_checkpoint_that_does_not_say_is_not_taken_for_alike(page: Open, tiny: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, tiny)
    assert list(badges(page(checkpoint="it"))) == [UNKNOWN]
    write_checkpoint(tmp_path, tiny, dataset_hash=open_dataset(tiny).hash)  # the very files it learned from
    assert badges(page(checkpoint="it")) == {}


def test_what_the_manifest_states_is_taken_and_nothing_measured(
    page: Open, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track_scale, "track_statistics", lambda *_, **__: pytest.fail("measured again"))
    stated = learned(tiny)
    manifest = yaml.safe_load(tiny.read_text())
    for source in manifest["sources"]:
        if source["role"] in ("dnase", "h3k27ac"):
            source["local_path"] = str(tiny.parent / source["local_path"])
            factor = 4 if source["role"] == "h3k27ac" else 1
            summary = stated[source["cell_type"]][source["role"]]
            scaled = {key: value * (factor if key in ("mean", "p99", "max") else 1) for key, value in summary.items()}
            source["content"]["summary"] = scaled
        source["local_path"] = str(tiny.parent / source["local_path"])
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    write_checkpoint(tmp_path, tiny, **{trained_on.FACT: stated})
    (said,) = badges(page(tmp_path / "manifest.yaml", checkpoint="it")).values()
    assert "H3K27ac of SynK is about 4 times higher" in said
    assert "DNase" not in said


@pytest.mark.parametrize("name", ["demo-hard", "demo-soft"])
def test_the_demo_is_on_the_scale_of_the_shipped_checkpoints(name: str, demo: Path) -> None:
    dataset = open_dataset(demo)
    loaded = checkpoints.load_checkpoint_for_inference(Path(seq2exp.__file__).parent / "checkpoints" / name, "cpu")
    assert {track_scale.compared(dataset, cell, loaded) for cell in dataset.cell_types} == {track_scale.Said("alike")}
    own = track_scale.statistics(dataset, "dnase", "SynK")
    path = dataset.path("dnase", "SynK")
    assert path is not None
    assert own is not None
    assert own == track_statistics(path, [gene.window(8_192) for gene in dataset.genes], most_windows=own.n_windows)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize("demo", tmp_path_factory.mktemp("demo") / "demo")
