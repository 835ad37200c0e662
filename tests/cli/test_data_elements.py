"""`data peaks` and `data elements` as a user runs them, on the synthetic data set with reads."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2exp.sources.annotation import read_regions
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.element_counts import read_elements
from seq2exp.synthetic import synthesize

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize("tiny", tmp_path_factory.mktemp("tiny") / "tiny", bam=True).parent


def test_peaks_of_all_windows_at_the_share_asked_for(run: Run, tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "SynK.narrowPeak"
    status, shown, err = run(
        "data", "peaks", "--dataset", tiny, "--cell", "SynK", "--target-share", 0.15, out, "--json"
    )
    assert status == 0, err
    found = json.loads(shown)
    assert found["share"] == pytest.approx(0.15, abs=0.02)
    assert found["n_peaks"] == len(read_regions(out)) > 10
    reads = open_dataset(tiny).path("dnase_alignment", "SynK")
    words = ("data", "peaks", "--dataset", tiny, "--cell", "SynK", "--bam", reads, "--genome-size", 150_000)
    status, shown, err = run(*words, tmp_path / "reads.narrowPeak")
    assert status == 0, err
    assert "as called, over" in shown
    status, _, err = run(*words, "--cutoff", 1, tmp_path / "no.narrowPeak")
    assert status == 2
    assert "--target-share" in err
    assert not (tmp_path / "no.narrowPeak").exists()


def test_elements_from_the_tracks_of_a_data_set(run: Run, tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "elements.tsv.gz"
    status, shown, err = run("data", "elements", "--dataset", tiny, "--cell", "SynG", out, "--json")
    assert status == 0, err
    found = json.loads(shown)
    table = read_elements(out, unit="signal")
    assert found["unit"] == "signal"
    assert found["n_elements"] == len(gzip.decompress(out.read_bytes()).splitlines()) - 1
    dataset = open_dataset(tiny)
    promoters = {(gene.chrom, gene.tss) for gene in dataset.genes}
    assert found["n_promoters"] >= len(promoters) // 2
    assert sum(len(rows.start) for rows in table.values()) == found["n_elements"]
    status, _, err = run(
        "data", "elements", "--dataset", tiny, "--cell", "SynG", "--dnase-bam", "x.bam", tmp_path / "no.tsv"
    )
    assert status == 2
    assert "--h3k27ac-bam" in err
    status, _, err = run("data", "elements", "--dataset", tiny, "--cell", "Elsewhere", tmp_path / "no.tsv")
    assert status == 2
    assert "SynK, SynG" in err
