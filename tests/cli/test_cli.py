"""The command line as a user runs it; most verbs in process, the entry point once in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2exp import __version__
from seq2exp.model.checkpoint import build_network, save_checkpoint
from seq2exp.settings import ModelConfig
from seq2exp.synthetic import synthesize

PREDICT_KEYS = {
    "gene",
    "cell",
    "window",
    "checkpoint",
    "faithful",
    "missing_inputs",
    "mask",
    "prediction_log10",
    "observed_log10",
    "peaks",
    "timings_ms",
    "device",
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("checkpoints") / "soft-random"
    config = ModelConfig.preset(
        "soft", window_bp=4096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1
    )
    save_checkpoint(folder, build_network(config), provenance={"trained": False})
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQ2EXP_CACHE", str(tmp_path / "cache"))


Run = Any


@pytest.mark.parametrize("verb", ["synthesize", "predict", "peaks", "convert-checkpoint"])
def test_every_verb_explains_itself(verb: str, run: Run) -> None:
    status, out, _ = run(verb, "--help")
    assert status == 0
    assert "Example: python -m seq2exp" in out
    assert "bp" in out


def test_predict_without_a_checkpoint(run: Run, tiny: Path, tmp_path: Path) -> None:
    bed = tmp_path / "elements.bed"
    status, out, _ = run("predict", "--dataset", tiny, "--gene", "SQX2", "--json", "--bed", bed)
    assert status == 0
    report = json.loads(out)
    assert set(report) >= PREDICT_KEYS
    assert report["gene"] == "SQX2"
    assert report["window"].keys() == {"chrom", "start", "end", "tss", "strand"}
    assert report["window"]["end"] - report["window"]["start"] == 4096
    assert report["checkpoint"] is None
    assert report["prediction_log10"] is None
    assert report["faithful"] is False
    assert report["mask"]["source"] == "signals"
    assert set(report["mask"]) >= {"mode", "ratio", "ratio_outside_promoter", "n_elements"}
    assert set(report["peaks"]) >= {"n", "covered_share", "jaccard", "precision", "recall"}
    assert set(report["timings_ms"]) == {"window", "generator", "combine", "predictor"}
    assert report["timings_ms"]["predictor"] is None
    lines = bed.read_text().splitlines()
    assert sum(not line.startswith("#") for line in lines) == report["mask"]["n_elements"]
    assert any("checkpoint: none" in line for line in lines)


def test_people_are_told_that_nothing_was_predicted(run: Run, tiny: Path) -> None:
    status, out, _ = run("predict", "--dataset", tiny, "--gene", "SQX2")
    assert status == 0
    assert out.startswith("NO CHECKPOINT")


def test_random_weights_never_look_like_results(run: Run, tiny: Path, checkpoint: Path) -> None:
    status, out, _ = run("predict", "--dataset", tiny, "--gene", "SQX2", "--checkpoint", checkpoint, "--device", "cpu")
    assert status == 0
    assert out.startswith("UNTRAINED WEIGHTS")


def test_sliders_reach_the_mask(run: Run, tiny: Path, checkpoint: Path) -> None:
    base = ("predict", "--dataset", tiny, "--gene", "SQX2", "--cell", "SynG", "--checkpoint", checkpoint, "--json")
    plain = json.loads(run(*base)[1])
    assert plain["faithful"] is True
    assert plain["prediction_log10"] is not None
    top = json.loads(run(*base, "--mode", "top-k", "--top-percent", 5)[1])
    assert 0 < top["mask"]["ratio_outside_promoter"] <= 0.05 * 4096 / (4096 - 256)
    hard = json.loads(run(*base, "--mode", "hard", "--threshold", 0.4)[1])
    assert hard["mask"]["threshold"] == 0.4
    prior = json.loads(run(*base, "--prior-mean", 0.01, "--prior-strength", 1e6)[1])
    assert prior["mask"]["ratio_outside_promoter"] == pytest.approx(0.01, abs=0.01)
    scaled = json.loads(run(*base, "--signal-scale", 3)[1])
    assert scaled["changes"] == ["signal scale 3 instead of 1"]
    place = plain["window"]
    off = json.loads(run(*base, "--off", f"{place['chrom']}:{place['start'] + 1}-{place['end']}")[1])
    assert off["mask"]["n_elements"] == 0
    assert off["prediction_log10"] != plain["prediction_log10"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gene", "NOPE"], "no gene 'NOPE'"),
        (["--gene", "SQX2", "--cell", "HeLa"], "HeLa"),
        (["--gene", "SQX2", "--threshold", "1.5"], "threshold must lie in 0..1"),
        (["--gene", "SQX2", "--off", "chr1"], "is not a locus"),
        (["--gene", "SQX2", "--checkpoint", "nowhere"], "model.json is not there"),
        (["--gene", "SQX2", "--device", "tpu"], "choose auto, cpu or cuda"),
    ],
)
def test_errors_are_one_line(run: Run, tiny: Path, words: list[str], message: str) -> None:
    status, out, err = run("predict", "--dataset", tiny, *words)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_other_window_than_the_position_table(run: Run, tiny: Path, tmp_path: Path) -> None:
    config = ModelConfig.preset(
        "hard", window_bp=2048, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1
    )
    save_checkpoint(tmp_path / "hard", build_network(config), provenance={"trained": False})
    status, out, _ = run("predict", "--dataset", tiny, "--gene", "SQX2", "--checkpoint", tmp_path / "hard", "--json")
    assert status == 0
    assert json.loads(out)["window"]["end"] - json.loads(out)["window"]["start"] == 2048


def test_peaks_of_a_bigwig(run: Run, tiny: Path, tmp_path: Path) -> None:
    bigwig, out = tiny.parent / "SynK.dnase.bw", tmp_path / "peaks.bed"
    status, text, _ = run("peaks", out, "--bigwig", bigwig, "--region", "chr1:1-20000", "--json")
    assert status == 0
    report = json.loads(text)
    assert report["n"] > 0
    assert "bdgpeakcall" in report["command"]
    assert sum(not line.startswith("#") for line in out.read_text().splitlines()) == report["n"]
    status, text, _ = run(
        "peaks", out, "--bigwig", bigwig, "--region", "chr1:1-20000", "--target-percent", 10, "--json"
    )
    assert json.loads(text)["covered_share"] == pytest.approx(0.1, abs=0.03)
    status, _, err = run("peaks", out)
    assert status == 2
    assert "either --bigwig" in err


@pytest.mark.reference
def test_convert_checkpoint(run: Run, reference_dir: Path, tmp_path: Path) -> None:
    source = next(iter(sorted(reference_dir.glob("*.ckpt"))))
    status, out, _ = run("convert-checkpoint", source, tmp_path / "own", "--json")
    assert status == 0
    assert json.loads(out)["converted_from"] == source.name
    assert (tmp_path / "own" / "model.safetensors").is_file()


def test_synthesize_then_again(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        status, out, _ = run("synthesize", "--preset", "tiny", "--out", tmp_path / "t")
        assert status == 0
        assert Path(out.strip()) == tmp_path / "t" / "manifest.yaml"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").write_text("mine")
    status, _, err = run("synthesize", "--out", tmp_path / "other")
    assert status == 2
    assert err.startswith("error: ")
    assert (tmp_path / "other" / "thesis.doc").read_text() == "mine"


def test_the_module_is_an_entry_point() -> None:
    done = subprocess.run([sys.executable, "-m", "seq2exp", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == __version__
