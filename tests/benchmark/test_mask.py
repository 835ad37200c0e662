"""The whole benchmark on the tiny data set: figures against another count, and masks known in advance."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2exp import metrics
from seq2exp.benchmark.choice import BenchmarkSettings, chosen_genes
from seq2exp.benchmark.mask import MaskBenchmark, benchmark_mask
from seq2exp.benchmark.predictors import judge_window
from seq2exp.benchmark.ranking import average_precision
from seq2exp.errors import ManifestError, SettingsError
from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.model.checkpoint import build_network
from seq2exp.results import MaskResult
from seq2exp.settings import ElementSettings, MaskSettings, ModelConfig
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import read_truth
from tests.random_checkpoints import write_random

FEW = BenchmarkSettings(limit_genes=3, resamples=50)


def _rows(found: MaskBenchmark) -> dict[str, dict[str, Any]]:
    return {row["predictor"]: row for row in json.loads(json.dumps(found.to_dict(), allow_nan=False))["rows"]}


def test_every_predictor_has_its_row(result: MaskBenchmark) -> None:
    rows = _rows(result)
    assert list(rows) == [
        "mask",
        "sequence Beta alone",
        "signal Beta alone",
        "DNase",
        "H3K27ac",
        "contact",
        "activity x contact",
        "distance to TSS",
        "deletion",
        "MACS3 peaks",
        "MACS3 peaks, matched share",
    ]
    for name, row in rows.items():
        for figure in ("base_auprc", "element_auprc", "precision", "recall", "f1", "covered_share"):
            if name == "deletion" and figure != "element_auprc":
                assert row[figure] is None
                assert row["ci95"][figure] is None
                continue
            assert 0 <= row[figure] <= 1
            low, high = row["ci95"][figure]
            assert low <= row[figure] + 0.05
            assert row[figure] - 0.05 <= high
    share = rows["mask"]["covered_share"]
    for name in ("sequence Beta alone", "DNase", "H3K27ac", "activity x contact", "distance to TSS"):
        assert rows[name]["covered_share"] == pytest.approx(share, abs=0.02)
    assert rows["MACS3 peaks, matched share"]["covered_share"] == pytest.approx(share, abs=0.05)
    assert rows["mask"]["mask_element_ratio"] == 1
    assert result.facts["trained"] is False


def test_rows_equal_a_count_from_the_files(tiny: Dataset, result: MaskBenchmark) -> None:
    """DNase base by base and element by element, read and masked here without the benchmark's own code."""
    path = tiny.path("truth")
    assert path is not None
    truth = read_truth(path)
    scores, labels, element_scores, element_labels = [], [], [], []
    half = tiny.manifest.window.centre_bp // 2
    for gene in tiny.genes:
        if tiny.fold(gene) != "test":
            continue
        window = gene.window(tiny.manifest.window.width_bp)
        for cell in tiny.cell_types:
            bigwig = tiny.path("dnase", cell)
            assert bigwig is not None
            signal = np.nan_to_num(read_signal(bigwig, window))
            positions = np.arange(window.start, window.end)
            kept = (positions < gene.tss - half) | (positions >= gene.tss + half)
            kept &= (positions >= 0) & (positions < tiny.assembly.chrom_sizes[gene.chrom])
            for forbidden in tiny.blacklist(window):
                kept &= (positions < forbidden.start) | (positions >= forbidden.end)
            causal = np.zeros(len(positions), dtype=bool)
            for element in truth.get((gene.gene_id, cell), ()):
                inside = (positions >= element.interval.start) & (positions < element.interval.end)
                causal |= inside & element.causal
                if (inside & kept).any():
                    element_scores.append(signal[inside & kept].mean())
                    element_labels.append(element.causal)
            scores.append(signal[kept])
            labels.append(causal[kept])
    row = _rows(result)["DNase"]
    bases, causal = np.concatenate(scores), np.concatenate(labels)
    assert result.facts["n_bases"] == len(bases)
    assert result.facts["n_elements"] == len(element_scores)
    assert row["base_auprc"] == pytest.approx(average_precision(bases, causal))
    assert row["element_auprc"] == pytest.approx(average_precision(np.array(element_scores), np.array(element_labels)))
    called = bases >= float(row["call_rule"].split(">= ")[1].split(":")[0])
    assert row["recall"] == pytest.approx((called & causal).sum() / causal.sum(), abs=0.01)
    assert row["precision"] == pytest.approx((called & causal).sum() / called.sum(), abs=0.01)


def _with_mask(monkeypatch: pytest.MonkeyPatch, values: Any) -> None:
    """Sessions whose mask mean is ``values(session)`` (L,)."""
    real = LocusSession.mask

    def mask(self: LocusSession, settings: MaskSettings, elements: ElementSettings | None = None) -> MaskResult:
        return dataclasses.replace(real(self, settings, elements), mean=values(self).astype(np.float32))

    monkeypatch.setattr(LocusSession, "mask", mask)


def test_a_perfect_mask_scores_one(
    tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny.path("truth")
    assert path is not None
    truth = read_truth(path)

    def perfect(session: LocusSession) -> np.ndarray:
        window = session.window
        positions = np.arange(window.interval.start, window.interval.end)
        found = np.zeros(len(positions), dtype=bool)
        for element in truth.get((window.gene.gene_id, window.cell_type), ()):
            if element.causal:
                found |= (positions >= element.interval.start) & (positions < element.interval.end)
        return found

    _with_mask(monkeypatch, perfect)
    found = benchmark_mask(tiny, soft, FEW, cache_dir=peak_cache)
    row = _rows(found)["mask"]
    for figure in ("base_auprc", "element_auprc", "element_auprc_max", "precision", "recall", "f1"):
        assert row[figure] == 1
        assert row["ci95"][figure] == [1, 1]
    assert row["covered_share"] == pytest.approx(found.facts["base_rate"])
    for rival in _rows(found).values():
        assert rival["element_auprc"] <= 1


def test_a_random_mask_scores_the_base_rate(
    tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    _with_mask(monkeypatch, lambda session: rng.random(session.window.interval.width))
    found = benchmark_mask(
        tiny, soft, dataclasses.replace(FEW, cell_type="SynK", limit_genes=7, deletions=False), cache_dir=peak_cache
    )
    assert "deletion" not in _rows(found)
    row = _rows(found)["mask"]
    assert row["base_auprc"] == pytest.approx(found.facts["base_rate"], rel=0.1)
    assert row["precision"] == pytest.approx(found.facts["base_rate"], rel=0.1)
    assert row["covered_share"] == pytest.approx(0.5, abs=0.02)


def test_deletion_is_the_drop_of_the_prediction(tiny: Dataset, soft: LoadedCheckpoint) -> None:
    path = tiny.path("truth")
    assert path is not None
    gene = chosen_genes(tiny, BenchmarkSettings())[1]
    elements = read_truth(path)[gene.gene_id, "SynG"]
    found = judge_window(tiny, gene, "SynG", elements, soft)
    session = open_session(tiny, gene, "SynG", checkpoint=soft)
    whole = session.predict(MaskSettings())
    assert whole is not None
    for element, drop in zip(found.locus.elements, found.scores["deletion"].elements, strict=True):
        without = session.predict(MaskSettings(off=(element.interval,)))
        assert without is not None
        assert drop == pytest.approx(whole - without, abs=1e-6)
    assert np.ptp(found.scores["deletion"].elements) > 0
    assert found.promoter_only != found.prediction


def test_a_mask_drawn_in_meets_a_rival_drawn_in_alike(tiny: Dataset, tmp_path: Path) -> None:
    folder = write_random(tmp_path / "summits", "soft", d_model=8, summit_bp=100, summit_floor=1.5, contact_half=0.6)
    drawn = load_checkpoint_for_inference(folder, "cpu")
    gene = chosen_genes(tiny, BenchmarkSettings())[0]
    found = judge_window(tiny, gene, "SynK", (), drawn, deletions=False)
    window = open_session(tiny, gene, "SynK", checkpoint=drawn).window
    h3k27ac, dnase, contact = np.array(window.signals, dtype=np.float64).T
    highest = np.array([dnase[max(i - 100, 0) : i + 101].max() for i in range(len(dnase))])
    share = np.maximum(dnase / (highest + 1.5) * contact**2 / (contact**2 + 0.36), 0.01)
    expected = np.sqrt(dnase * h3k27ac) * (10**contact - 1) * share
    values = found.scores["activity x contact, drawn in"].bases
    assert values is not None
    np.testing.assert_allclose(values, expected[found.locus.judged], rtol=1e-4, atol=1e-6)


def test_expression_stands_beside_oracle_and_promoter(
    tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path, tmp_path: Path
) -> None:
    genes = chosen_genes(tiny, FEW)
    places = [(gene, cell) for gene in genes for cell in tiny.cell_types]
    observed = np.array([np.log10(1 + float(tiny.observed(gene, cell) or 0)) for gene, cell in places])
    oracle = observed + np.array([0.1, -0.2] * 3)
    rows = "".join(f"{g.gene_id}\t{c}\t{float(v)!r}\n" for (g, c), v in zip(places, oracle, strict=True))
    (tmp_path / "oracle.tsv").write_text("gene_id\tcell\tlog10_v\n" + rows)
    others = [source for source in tiny.manifest.sources if source.role != "oracle"]
    table = next(source for source in others if source.role == "expression")
    added = table.model_copy(update={"id": "o", "role": "oracle", "local_path": str(tmp_path / "oracle.tsv")})
    known = dataclasses.replace(tiny, manifest=tiny.manifest.model_copy(update={"sources": [*others, added]}))
    found = benchmark_mask(known, soft, FEW, cache_dir=peak_cache).expression
    predicted = np.array([open_session(tiny, g, c, checkpoint=soft).predict(MaskSettings()) for g, c in places])
    assert found["n"] == 6
    for name, measure in (("mse", metrics.mse), ("mae", metrics.mae), ("pearson", metrics.pearson)):
        assert found[name] == pytest.approx(measure(predicted, observed), rel=1e-5, abs=1e-6)
        assert found["oracle"][name] == pytest.approx(measure(oracle, observed), rel=1e-5)
    assert found["pearson_of_oracle"] == pytest.approx(found["pearson"] / found["oracle"]["pearson"])
    assert found["oracle"]["mae"] == pytest.approx(0.15)
    assert found["promoter_only"]["mse"] != found["mse"]
    low, high = found["ci95"]["mse"]
    assert low < found["mse"] < high


def test_without_truth_or_with_another_window_it_says_so(
    tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path
) -> None:
    kept = [source for source in tiny.manifest.sources if source.role != "truth"]
    blind = dataclasses.replace(tiny, manifest=tiny.manifest.model_copy(update={"sources": kept}))
    with pytest.raises(ManifestError, match="no source of role truth for SynK"):
        benchmark_mask(blind, soft, cache_dir=peak_cache)
    config = ModelConfig.preset(
        "soft", window_bp=1024, centre_bp=128, d_model=8, generator_layers=1, predictor_layers=1
    )
    shorter = dataclasses.replace(soft, network=build_network(config).eval())
    with pytest.raises(SettingsError, match=r"reads windows of 1,024 bp, .* is made for 4,096 bp"):
        benchmark_mask(tiny, shorter, cache_dir=peak_cache)


def test_genes_are_chosen_by_part_and_spread(tiny: Dataset) -> None:
    every = chosen_genes(tiny, BenchmarkSettings(part="all"))
    assert len(every) == len(tiny.genes)
    test = chosen_genes(tiny, BenchmarkSettings())
    assert {gene.chrom for gene in test} == {"chr22", "chrX"}
    two = chosen_genes(tiny, BenchmarkSettings(limit_genes=2))
    assert (two[0], two[1]) == (test[0], test[-1])
    nowhere = dataclasses.replace(
        tiny,
        manifest=tiny.manifest.model_copy(update={"sources": [s for s in tiny.manifest.sources if s.role != "split"]}),
    )
    with pytest.raises(SettingsError, match="no gene in part test; it has 24 in no part"):
        chosen_genes(nowhere, BenchmarkSettings())
    with pytest.raises(SettingsError, match=r"limit_genes must be at least 1.*resamples must not be negative"):
        BenchmarkSettings(limit_genes=0, resamples=-1)
