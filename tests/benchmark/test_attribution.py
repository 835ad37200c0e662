"""Attributions of trained systems: against their definitions, and from the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from seq2exp.baselines.systems import BASELINES
from seq2exp.benchmark.attribution import (
    ABC,
    ATTENTION,
    DELETION,
    GRADIENT,
    attention,
    benchmark_attribution,
    deletion_effects,
    gradient_times_input,
)
from seq2exp.benchmark.choice import BenchmarkSettings
from seq2exp.benchmark.locus import make_locus
from seq2exp.cli import main
from seq2exp.errors import SettingsError
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.training.batches import Batch, loader
from seq2exp.training.config import read_config
from seq2exp.training.folder import RunFolder
from seq2exp.training.held_out import OpenRun, open_run
from seq2exp.training.run import train

MAMBA = {"d_model": 8, "d_state": 4, "predictor_layers": 1}
MODELS: dict[str, dict[str, Any]] = {
    "caduceus-signals": MAMBA,
    "epinformer": {"slot_bp": 400, "elements": 6, "reach_bp": 2048, "d_model": 8, "layers": 1, "heads": 2},
    "macs3": MAMBA,
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="module")
def folders(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    root = tmp_path_factory.mktemp("runs")
    found = {}
    for name, model in MODELS.items():
        content = {
            "name": name, "system": name, "data": {"dataset": str(dataset.root), "cache": str(root / "windows")},
            "model": {"window_bp": 4096, "centre_bp": 256, **model},
            "optimiser": {"batch": 4, "steps": 2, "warmup_steps": 1},
            "run": {"precision": "32-true", "accelerator": "cpu", "valid_every": 1, "save_every": 1},
        }  # fmt: skip
        path = root / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        found[name] = train(read_config(path), root=root, progress=False)
    return found


@pytest.fixture(scope="module", params=sorted(MODELS))
def run(request: pytest.FixtureRequest, folders: dict[str, RunFolder], dataset: Dataset) -> OpenRun:
    return open_run(folders[request.param], dataset)


def first_batch(run: OpenRun) -> Batch:
    index = int(run.cache.part("test")[0])
    (batch,) = loader(run.cache, [[index]], workers=0, candidates=run.candidates)
    return batch


def predicted(run: OpenRun, batch: Batch, *, bases_off: slice | None = None) -> float:
    """The run's own answer to a window whose bases (N) and signals are gone in a stretch."""
    if bases_off is not None:
        codes, signals = batch.codes.clone(), batch.signals.clone()
        codes[:, bases_off], signals[:, bases_off] = 4, 0
        batch = batch._replace(codes=codes, signals=signals)
    with torch.no_grad():
        return float(run.objective.answer(batch)[0])


def test_every_system_with_these_attributions_is_a_baseline() -> None:
    assert set(MODELS) <= set(BASELINES)


def test_deletion_is_the_difference_of_two_answers(run: OpenRun, dataset: Dataset) -> None:
    batch = first_batch(run)
    gene = dataset.genes.get(run.cache.windows[int(run.cache.part("test")[0])].gene_id)
    place = gene.window(4096)
    locus = make_locus(gene, "SynK", place, np.ones(4096, dtype=bool), ())
    stretches = [(place.start + 100 * k, place.start + 100 * k + 150) for k in range(11)]
    found = deletion_effects(run, batch, stretches, locus)
    whole = predicted(run, batch)
    for drop, (start, end) in zip(found, stretches, strict=True):
        off = slice(start - place.start, end - place.start)
        assert drop == pytest.approx(whole - predicted(run, batch, bases_off=off), abs=1e-5)
    assert deletion_effects(run, batch, [(place.start - 500, place.start)], locus)[0] == pytest.approx(0, abs=1e-6)


def test_gradient_times_input_is_the_slope_along_the_input(run: OpenRun) -> None:
    """Its sum without absolute values is the derivative of f(c x) in c, here by finite differences on one base."""
    batch = first_batch(run)
    found = gradient_times_input(run, batch)
    assert found.shape == (4096,)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert found.max() > 0
    if isinstance(run.found.network, torch.nn.Module) and run.found.row.name == "caduceus-signals":
        at = int(found.argmax())
        step = 1e-2
        sequence = batch.network_input().sequence

        def answer(scale: float, *, bases: bool) -> float:
            one, two = sequence.clone(), batch.signals.clone()
            (one if bases else two)[:, at] *= scale
            with torch.no_grad():
                return float(run.found.network.double()(one.double(), two.double(), batch.rna_features.double()))

        slopes = [(answer(1 + step, bases=b) - answer(1 - step, bases=b)) / (2 * step) for b in (True, False)]
        run.found.network.float()
        assert sum(map(abs, slopes)) == pytest.approx(float(found[at]), rel=2e-2)


def test_attention_lies_on_elements_alone(folders: dict[str, RunFolder], dataset: Dataset) -> None:
    run = open_run(folders["epinformer"], dataset)
    batch = first_batch(run)
    assert batch.elements is not None
    values = attention(run.found.network, batch)  # type: ignore[arg-type]
    inside = np.zeros(4096, dtype=bool)
    for start, end in batch.elements[0].clamp(0, 4096).tolist():
        inside[start:end] = True
    assert (values[~inside] == 0).all()
    assert 0 < values.max() <= 1


def test_rows_stand_beside_activity_and_contact(run: OpenRun, dataset: Dataset) -> None:
    found = benchmark_attribution(run, dataset, BenchmarkSettings(resamples=20, limit_genes=4)).to_dict()
    expected = {GRADIENT, DELETION, ABC} | ({ATTENTION} if run.found.row.name == "epinformer" else set())
    rows = {row["predictor"]: row for row in found["rows"]}
    assert set(rows) == expected
    assert all(0 <= row["element_auprc"] <= 1 for row in rows.values())
    assert rows[ABC]["element_auprc"] > found["element_rate"]
    assert found["system"] == run.found.row.name


def test_the_verb_prints_and_writes(
    folders: dict[str, RunFolder],
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "found.json"
    words = [str(folders["macs3"].path), "--dataset", str(dataset.root), "--limit-genes", "2", "--skip-deletions"]
    monkeypatch.setattr(
        "sys.argv", ["seq2exp", "benchmark", "attribution", *words, "--bootstrap", "5", "--out", str(out)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert GRADIENT in capsys.readouterr().out
    assert json.loads(out.read_text())["n_genes"] == 2


def test_a_part_without_windows_is_refused(folders: dict[str, RunFolder], dataset: Dataset) -> None:
    run = open_run(folders["macs3"], dataset)
    object.__setattr__(run.cache, "windows", ())
    with pytest.raises(SettingsError, match="no labelled window"):
        benchmark_attribution(run, dataset, BenchmarkSettings())
