"""From an empty folder to a prediction: files fetched, made a data set, opened; streamed where they stay away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from seq2exp.cli_data_build import convert_checkpoints
from seq2exp.errors import CheckpointError
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from tests.processing.upstream import BIN_BP, CENTRE_BP, WINDOW_BP, published, write_upstream
from tests.servers import RangeServer

GEOMETRY = ["--window-bp", WINDOW_BP, "--centre-bp", CENTRE_BP, "--resolution-bp", BIN_BP, "--normalisation", "NONE"]
NEEDS = ["reference.hg38.2bit", "reference.chrom_sizes", "features.mrna", "genes.split", "annotation.ensembl90"]
OF_A_CELL = ["features.gene_list.{cell}", "{cell}.dnase.signal", "{cell}.h3k27ac.signal", "{cell}.contact"]
BIG = ("2bit", "bigWig", "hic")
Run = Callable[..., tuple[int, str, str]]


@dataclass
class Upstream:
    catalogue: Path
    server: RangeServer
    tiny: Dataset


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("tiny") / "tiny"))


@pytest.fixture
def upstream(tiny: Dataset, tmp_path: Path) -> Iterator[Upstream]:
    """Files behind a server, and a catalogue that knows their addresses and one task."""
    made = write_upstream(tiny, tmp_path / "upstream")
    content = yaml.safe_load(made.read_text())
    with RangeServer(made.parent / content["files_dir"]) as server:
        words = {"login": "none", "redirects": "none", "ranges": "yes", "cors": "yes", "confidence": "verified"}
        content["servers"] = [{"host": "127.0.0.1", **words}]
        content["tasks"] = [
            {"name": "predict", "title": "Predict", "cell_types": ["K562", "GM12878"], "needs": NEEDS + OF_A_CELL}
        ]
        for source in content["sources"]:
            if source["local_path"].endswith(".gz"):
                source["file"]["compression"] = "gzip"
            source["url"] = {"primary": f"{server.url}/{source['local_path']}"}
        content["files_dir"] = "fetched"
        catalogue = tmp_path / "here" / "catalogue.yaml"
        catalogue.parent.mkdir()
        catalogue.write_text(yaml.safe_dump(content))
        yield Upstream(catalogue, server, tiny)


def test_two_cell_types_come_and_become_a_data_set(upstream: Upstream, run: Run, tmp_path: Path) -> None:
    cells = ["--cell", "K562", "--cell", "GM12878", "--catalogue", upstream.catalogue]
    out = tmp_path / "hg38"
    status, _, err = run("data", "get", *cells, "--task", "predict", "--also", "labels.cage", "--yes", "--build", out)
    assert status == 2  # two dozen genes are not the paper's, and the build says so rather than go on
    assert "18,377" in err
    assert not (out / "manifest.yaml").exists()
    came = len(upstream.server.requests)
    assert came >= len(NEEDS) + 2 * len(OF_A_CELL) + 1
    status, shown, err = run("data", "build", *cells, "--allow-other-genes", *GEOMETRY, "--out", out)
    assert status == 0, err
    assert f"app --dataset {out}" in shown
    assert len(upstream.server.requests) == came  # nothing is fetched twice
    gene = published(upstream.tiny)[0]
    status, shown, err = run("predict", "--dataset", out, "--gene", gene.gene_id, "--cell", "GM12878", "--json")
    assert status == 0, err
    assert json.loads(shown)["gene_id"] == gene.gene_id
    assert open_dataset(out).observed(gene, "K562") == upstream.tiny.observed(gene, "SynK")


def test_tables_alone_are_enough_where_the_rest_streams(
    upstream: Upstream, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQ2EXP_CACHE", str(tmp_path / "cache"))
    cells = ["--cell", "K562", "--catalogue", upstream.catalogue]
    plan = run("data", "get", *cells, "--task", "predict", "--remote", "--dry-run", "--json")
    assert not [step for step in json.loads(plan[1])["files"] if step["path"].endswith(BIG)]
    status, shown, err = run("data", "get", *cells, "--task", "predict", "--remote", "--yes")
    assert status == 0, err
    assert "data build --cell K562 --remote" in shown
    assert not [one for one in upstream.server.requests if one.path.endswith(BIG)]
    out = tmp_path / "streamed"
    status, _, err = run("data", "build", *cells, "--remote", "--allow-other-genes", *GEOMETRY, "--out", out)
    assert status == 0, err
    gene = published(upstream.tiny)[0].gene_id
    status, _, err = run("predict", "--dataset", out, "--gene", gene, "--cell", "K562", "--json")
    assert status == 2
    assert "--remote" in err
    status, shown, err = run("predict", "--dataset", out, "--gene", gene, "--cell", "K562", "--remote", "--json")
    assert status == 0, err
    assert [one for one in upstream.server.requests if one.path.endswith(BIG)]
    found = json.loads(shown)
    assert found["missing_inputs"] == {}
    assert found["streamed"]


def test_a_refused_checkpoint_fails_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.ckpt").write_bytes(b"<html>not found</html>")
    with pytest.raises(CheckpointError, match="1 of 1 checkpoints refused"):
        convert_checkpoints(tmp_path, tmp_path / "out", quiet=True)
    assert "broken.ckpt" in capsys.readouterr().err


def test_a_data_set_needs_its_cell_types(upstream: Upstream, run: Run, tmp_path: Path) -> None:
    words = ["--only", "genes.split", "--catalogue", upstream.catalogue, "--build", tmp_path / "out"]
    status, _, err = run("data", "get", *words)
    assert status == 2
    assert "--cell" in err
    assert upstream.server.requests == []
