"""Distance and ABC as predictors of links: by hand, and on the K562 benchmark."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seq2exp.benchmark.crispri import CrispriSettings, benchmark_crispri
from seq2exp.benchmark.crispri_abc import ABC_VERSIONS, FULCO_2019, AbcChoices, abc_scores
from seq2exp.benchmark.crispri_curve import AUPRC, AVERAGE_PRECISION, PRECISION, figures, precision_recall
from seq2exp.benchmark.crispri_distance import check_one_assembly, check_same_assembly, distance_scores, implied_tss
from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Interval
from seq2exp.sources.crispri import CrispriPair, read_pairs
from seq2exp.sources.element_counts import ELEMENTS_FILE, ChromosomeElements, read_elements

TABLE = "crispr/EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
TSS = 1_000_000


def _pair(start: int, end: int, *, gene: str = "G", start_tss: int | None = TSS, chrom: str = "chr1") -> CrispriPair:
    distance = abs((start + end) / 2 - TSS)
    return CrispriPair(
        Interval(chrom, start, end), gene, "K", regulated=True, distance_bp=distance, start_tss=start_tss, dataset="s"
    )


def _elements(*rows: tuple[int, int, float, float]) -> dict[str, ChromosomeElements]:
    start, end, dnase, h3k27ac = (np.array(column) for column in zip(*rows, strict=True))
    return {"1": ChromosomeElements(start, end, dnase.astype(float), h3k27ac.astype(float))}


def test_abc_by_hand() -> None:
    elements = _elements(
        (900_000, 901_000, 2, 8),  # activity 4 at 99,500 bp
        (1_009_500, 1_010_500, 9, 1),  # activity 3 at 10 kb
        (1_010_500, 1_011_000, 1, 1),  # activity 1 at 10,750 bp
        (6_500_000, 6_501_000, 50, 50),  # beyond 5 Mb
    )
    weight = np.array([4, 3, 1]) / np.array([99_501, 10_001, 10_751])  # gamma 1: one over distance + 1
    share = weight / weight.sum()
    choices = AbcChoices(FULCO_2019)
    pairs = [
        _pair(900_200, 900_300),
        _pair(1_010_400, 1_010_600),  # meets two
        _pair(950_000, 950_500),  # meets none
        _pair(6_500_000, 6_501_000),
        _pair(900_000, 901_000, chrom="chr2"),
    ]
    found = abc_scores(pairs, elements, choices)
    assert found == pytest.approx([share[0], share[1] + share[2], np.nan, 0, np.nan], nan_ok=True)
    assert abc_scores(pairs[1:2], elements, replace(choices, several="max")) == pytest.approx([share[1]])
    assert abc_scores(pairs[1:2], elements, replace(choices, several="mean")) == pytest.approx([share[1:].mean()])
    other_scale = replace(choices, constants=replace(FULCO_2019, scale=1.0))
    assert abc_scores(pairs, elements, other_scale) == pytest.approx(found, nan_ok=True)
    dnase = np.array([2, 9, 1]) / np.array([99_501, 10_001, 10_751])
    assert abc_scores(pairs[:1], elements, replace(choices, activity="dnase")) == pytest.approx(
        [dnase[0] / dnase.sum()]
    )


def test_an_element_in_the_genes_own_promoter_scores_one() -> None:
    elements = _elements((TSS + 400, TSS + 900, 1, 1), (TSS + 2_000, TSS + 2_500, 1, 1))
    pairs = [_pair(TSS + 400, TSS + 900), _pair(TSS + 2_000, TSS + 2_500)]
    assert abc_scores(pairs, elements) == pytest.approx([1, 0.5])  # both nearer than 5 kb, where the power law is flat
    assert abc_scores(pairs, elements, AbcChoices(own_promoter=False)) == pytest.approx([0.5, 0.5])


def test_versions_differ_by_how_steeply_contact_falls() -> None:
    elements = _elements((TSS + 9_500, TSS + 10_500, 1, 1), (TSS + 99_500, TSS + 100_500, 1, 1))
    pairs = [_pair(TSS + 9_500, TSS + 10_500), _pair(TSS + 99_500, TSS + 100_500)]
    for name, gamma in {"main-2023": 1.024238616787792, "nasser-2021": 0.87, "fulco-2019": 1}.items():
        near, far = abc_scores(pairs, elements, AbcChoices(ABC_VERSIONS[name]))
        assert near / far == pytest.approx((100_001 / 10_001) ** gamma)


def test_the_tss_is_where_the_distances_put_it() -> None:
    faulty = [_pair(900_000, 901_000, start_tss=None), _pair(1_200_000, 1_200_501, start_tss=3_000_000)]
    single = [_pair(990_000, 991_000, gene="one")]
    assert implied_tss([*faulty, *single]) == pytest.approx({"G": TSS, "one": TSS}, abs=3)
    elements = _elements((900_000, 901_000, 2, 8), (1_200_000, 1_200_500, 9, 1))
    right = abc_scores([replace(pair, start_tss=TSS) for pair in faulty], elements)
    assert abc_scores(faulty, elements) == pytest.approx(right, rel=1e-4)
    moved = abc_scores(faulty, elements, AbcChoices(tss="gene table"), gene_tss={"G": TSS + 150_000})
    assert moved[0] < right[0]
    assert moved[1] > right[1]
    with pytest.raises(SettingsError, match="gene table needs one"):
        abc_scores(faulty, elements, AbcChoices(tss="gene table"))


def test_two_assemblies_are_told_apart() -> None:
    path = Path("pairs.tsv")
    pairs = [_pair(TSS + 10_000 * n, TSS + 10_000 * n + 500, gene=f"G{n}") for n in range(1, 8)]
    check_one_assembly(path, pairs)
    check_same_assembly(path, pairs, {f"G{n}": TSS + 200 for n in range(20)}, other="genes")
    shifted = {f"G{n}": TSS + 60_000 for n in range(20)}
    with pytest.raises(SourceError, match=r"pairs.tsv: its genes lie elsewhere than in genes \(median 60,000 bp"):
        check_same_assembly(path, pairs, shifted, other="genes")
    lifted = [replace(pair, interval=Interval("chr1", 50_000 + n, 50_500 + n)) for n, pair in enumerate(pairs)]
    with pytest.raises(SourceError, match="they are not of one assembly"):
        check_one_assembly(path, lifted)


@pytest.mark.real
def test_distance_on_the_k562_benchmark(real_file: Callable[[str], Path]) -> None:
    pairs = read_pairs(real_file(TABLE)).pairs
    scores, labels = distance_scores(pairs), np.array([pair.regulated for pair in pairs])
    found = figures(precision_recall(scores, labels))
    # data-sources.md 10.3, computed independently
    assert found[AVERAGE_PRECISION] == pytest.approx(0.438, abs=0.0005)
    assert found[PRECISION] == pytest.approx(0.316, abs=0.0005)
    near = scores >= -100_000
    assert (near.sum(), labels[near].sum()) == (1820, 389)
    assert figures(precision_recall(scores[near], labels[near]))[AVERAGE_PRECISION] == pytest.approx(0.505, abs=0.0005)


@pytest.mark.real
def test_abc_on_the_k562_benchmark(real_file: Callable[[str], Path]) -> None:
    result = benchmark_crispri(
        real_file(TABLE),
        CrispriSettings(("distance", "abc"), resamples=30),
        elements=real_file("k562_elements"),
    )
    rows = {(row.predictor, row.stratum): row for row in result.rows}
    whole = rows["abc", "all pairs"]
    assert whole.figures[AUPRC] == pytest.approx(0.58, abs=0.02)  # published: ABC's own performance table
    assert 9_000 < whole.scored < whole.pairs == 10_356
    low, high = whole.ci95[AUPRC] or (1, 0)
    assert 0.45 < low < whole.figures[AUPRC] < high < 0.7
    held_out = rows["abc", "test genes, distance <= 100 kb"]
    assert (held_out.pairs, held_out.positives) == (156, 36)  # data-sources.md 10.2
    bins = [row for row in result.rows if row.predictor == "abc" and row.kind == "distance"][:3]
    assert (sum(row.pairs for row in bins), sum(row.positives for row in bins)) == (10_356, 471)
    for row in bins:
        assert row.figures[AVERAGE_PRECISION] > rows["distance", row.stratum].figures[AVERAGE_PRECISION]


@pytest.mark.real
def test_a_faulty_tss_costs_abc_what_the_page_says(real_file: Callable[[str], Path]) -> None:
    pairs = read_pairs(real_file(TABLE)).pairs
    elements = read_elements(real_file("k562_elements") / ELEMENTS_FILE)
    labels = np.array([pair.regulated for pair in pairs])
    found = [
        figures(precision_recall(np.nan_to_num(abc_scores(pairs, elements, choices)), labels))[AUPRC]
        for choices in (AbcChoices(), AbcChoices(tss="startTSS"), AbcChoices(share=False))
    ]
    assert found[0] - found[1] > 0.02
    assert found[0] - found[2] > 0.1
