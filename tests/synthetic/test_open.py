"""The synthetic data set through the project's own readers: nothing downstream may see that it is made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seq2exp.genome import Interval
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.fasta import read_sequence
from seq2exp.sources.hic import contact_normalisations, contact_resolutions, read_contact_profile
from seq2exp.sources.peaks import call_peaks_bigwig, overlap
from seq2exp.sources.truth import read_oracle
from seq2exp.synthetic import synthesize
from seq2exp.synthetic.elements import CELL_GROUP
from seq2exp.synthetic.motifs import BY_GROUP
from seq2exp.synthetic.presets import CELLS, Cell, fold_of


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("synthetic") / "tiny").parent)


@pytest.fixture(scope="module", params=["tiny", pytest.param("demo", marks=pytest.mark.slow)])
def sized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The smallest data set, and the one the app opens with."""
    return open_dataset(synthesize(request.param, tmp_path_factory.mktemp("synthetic") / request.param).parent)


def path_of(dataset: Dataset, role: str, cell: str) -> Path:
    path = dataset.path(role, cell)  # type: ignore[arg-type]
    assert path is not None
    return path


def test_the_data_set_opens_whole(dataset: Dataset) -> None:
    assert dataset.synthetic
    assert dataset.cell_types == CELLS
    assert len(dataset.genes) == 24
    roles = ("dnase", "h3k27ac", "contact", "cage")
    assert all(path_of(dataset, role, cell).is_file() for role in roles for cell in CELLS)


def test_genes_have_labels_features_folds_and_transcripts(dataset: Dataset) -> None:
    without_features = 0
    for gene in dataset.genes:
        assert dataset.fold(gene) == fold_of(gene.chrom)
        (transcript,) = (t for t in dataset.transcripts(gene.window(200)) if t.gene_id == gene.gene_id)
        assert transcript.strand == gene.strand
        for cell in CELLS:
            near = Interval(gene.chrom, gene.tss - 192, gene.tss + 192)
            assert dataset.observed(gene, cell) == np.nansum(read_signal(path_of(dataset, "cage", cell), near))
            features = dataset.rna_features(gene, cell)
            without_features += int(np.isnan(features).all())
            assert np.isnan(features).all() or np.isfinite(features).all()
    assert without_features == 2 * sum(gene.gene_type == "lincRNA" for gene in dataset.genes) > 0


def test_a_gene_is_found_by_symbol_id_and_alias(dataset: Dataset) -> None:
    for query in ("SQX2004", "sqx2004", "SYNG0002004", "SYNALIAS2004"):
        assert dataset.genes.get(query).symbol == "SQX2004"


def test_a_window_past_the_end_is_padded(dataset: Dataset) -> None:
    gene = dataset.genes.get("SQX22001")
    window = gene.window(dataset.manifest.window.width_bp)
    assert window.start == -500
    reference = dataset.path("reference")
    assert reference is not None
    sequence = read_sequence(reference, window)
    assert len(sequence) == 4096
    assert sequence[:500] == "N" * 500
    assert set(sequence[500:]) >= set("ACGT")
    assert np.isnan(read_signal(path_of(dataset, "dnase", "SynK"), window)[:500]).all()


@pytest.mark.parametrize("cell", CELLS)
def test_contacts_fall_across_the_insulator(dataset: Dataset, cell: str) -> None:
    path = path_of(dataset, "contact", cell)
    assert contact_resolutions(path) == (256,)
    assert "NONE" in contact_normalisations(path, resolution_bp=256)
    near, far = [], []
    for gene in dataset.genes:
        profile = read_contact_profile(path, gene.window(4096), anchor_bp=gene.tss, resolution_bp=256)
        middle = gene.tss // 256 - profile.first_bin_start // 256
        near.append(np.nanmean(profile.values[middle - 1 : middle + 2]))
        far.append(np.nanmin(profile.values))
    assert min(near) > 20
    assert np.median(far) < 9


def truth_of(dataset: Dataset, cell: str) -> pd.DataFrame:
    path = dataset.path("truth")
    assert path is not None
    table = pd.read_csv(path, sep="\t")
    return table[table["cell"] == cell]


@pytest.mark.parametrize("cell", CELLS)
def test_macs3_finds_the_causal_elements_and_as_many_others(sized: Dataset, cell: str, tmp_path: Path) -> None:
    size = sized.manifest.window
    windows = [gene.window(size.width_bp) for gene in sized.genes]
    called = call_peaks_bigwig(path_of(sized, "dnase", cell), windows, cache_dir=tmp_path)
    truth = truth_of(sized, cell)
    causal = dict(list(truth[truth["causal"] == "yes"].groupby("gene_id")))
    shared = causal_bp = peaks_bp = 0
    for gene, window in zip(sized.genes, windows, strict=True):
        rows = causal.get(gene.gene_id, truth.iloc[:0])
        elements = [Interval(gene.chrom, int(row.start), int(row.end)) for row in rows.itertuples()]
        # Peaks are cut at the forced centre, where nobody is asked.
        centre = gene.window(size.centre_bp)
        sides = (
            Interval(gene.chrom, window.start, centre.start),
            Interval(gene.chrom, centre.end, window.end),
        )
        outside = [part for region in called.regions for side in sides if (part := region.interval.intersect(side))]
        found = overlap(elements, outside, window)
        shared, causal_bp = shared + found.shared_bp, causal_bp + found.elements_bp
        peaks_bp += found.peaks_bp
    assert shared / causal_bp >= 0.9
    assert shared / peaks_bp <= 0.5
    assert 0.1 < called.share < 0.5


def average_precision(truth: list[bool], scores: list[float]) -> float:
    hits = np.array(truth)[np.argsort(-np.array(scores), kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def motif_matches(sequence: str, cell: Cell) -> int:
    """Places at which a motif of the line's own group reaches 0.8 of its best score, on either strand."""
    codes = np.array(["ACGT".find(base) for base in sequence])
    codes[codes < 0] = 0
    found = 0
    for motif in BY_GROUP[CELL_GROUP[cell]]:
        weights = np.log2(motif.pwm / 0.25)
        places = np.lib.stride_tricks.sliding_window_view(codes, motif.width)
        for strand in (weights, weights[::-1, ::-1]):
            scores = strand[np.arange(motif.width), places].sum(axis=1)
            found += int((scores > 0.8 * weights.max(axis=1).sum()).sum())
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_no_single_channel_and_no_product_of_tracks_finds_the_causal_elements(sized: Dataset, cell: Cell) -> None:
    size = sized.manifest.window
    reference, maps = sized.path("reference"), path_of(sized, "contact", cell)
    assert reference is not None
    truth = truth_of(sized, cell)
    causal: list[bool] = []
    scores: dict[str, list[float]] = {
        name: [] for name in ("dnase", "h3k27ac", "contact", "near", "activity x contact", "motifs", "class")
    }
    for gene_id, rows in truth[truth["class"] != "artefact"].groupby("gene_id"):
        gene = sized.genes.get(str(gene_id))
        window = gene.window(size.width_bp)
        dnase, h3k27ac = (read_signal(path_of(sized, role, cell), window) for role in ("dnase", "h3k27ac"))
        width = size.contact_resolution_bp
        profile = read_contact_profile(maps, window, anchor_bp=gene.tss, resolution_bp=width)
        sequence = read_sequence(reference, window)
        for row in rows.itertuples():
            start, end = max(int(row.start) - window.start, 0), int(row.end) - window.start
            middle = (int(row.start) + int(row.end)) // 2
            opened = float(np.nanmax(dnase[start:end]))
            flanked = float(np.nanmax(h3k27ac[max(start - 120, 0) : end + 120]))
            contact = float(np.nan_to_num(profile.values[(middle - profile.first_bin_start) // width]))
            causal.append(row.causal == "yes")
            scores["dnase"].append(opened)
            scores["h3k27ac"].append(flanked)
            scores["contact"].append(contact)
            scores["near"].append(-abs(middle - gene.tss))
            scores["activity x contact"].append(np.sqrt(opened * flanked) * contact)
            scores["motifs"].append(motif_matches(sequence[start:end], cell))
            scores["class"].append(float(truth.loc[row.Index, "class"] == "active_enhancer"))
    reached = {name: average_precision(causal, values) for name, values in scores.items()}
    assert reached.pop("class") == 1.0
    assert max(reached.values()) < 0.6, reached
    assert min(reached.values()) > np.mean(causal), reached  # but none is without information


@pytest.mark.parametrize("cell", CELLS)
def test_the_crispri_screen_agrees_with_the_truth(sized: Dataset, cell: str) -> None:
    path = sized.path("crispri")
    assert path is not None
    screen = pd.read_csv(path, sep="\t", dtype={"chrom": str})
    screen = screen[screen["CellType"] == cell]
    keys = ["gene_id", "chrom", "start", "end"]
    joined = screen.merge(
        truth_of(sized, cell),
        left_on=["measuredGeneEnsemblId", "chrom", "chromStart", "chromEnd"],
        right_on=keys,
        validate="one_to_one",
    )
    assert len(joined) == len(screen) > 50
    assert set(joined["class"]) == {"active_enhancer", "open_decoy", "insulator", "insulated_enhancer"}
    causal = joined["causal"] == "yes"
    expected = 0.85 * (10 ** joined["effect_log10"] - 1)
    assert joined["EffectSize"].corr(expected) > 0.9
    assert abs((joined["EffectSize"] - expected).mean()) < 0.02
    assert joined["EffectSize"].min() >= -1
    assert (joined["Regulated"] == (joined["Significant"] & (joined["EffectSize"] < 0))).all()
    assert joined.loc[causal, "Regulated"].mean() > 0.9
    assert joined.loc[~causal, "Regulated"].mean() < 0.1
    assert (joined["Significant"] == (joined["pValueAdjusted"] < 0.05)).all()
    power = joined[[f"PowerAtEffectSize{percent}" for percent in (10, 15, 20, 25, 50)]].to_numpy()
    assert (np.diff(power, axis=1) >= 0).all()
    assert (joined["Significant"] | (joined["PowerAtEffectSize25"] >= 0.8)).all()
    tss = {gene.gene_id: gene.tss for gene in sized.genes}
    assert (joined["startTSS"] == joined["gene_id"].map(tss)).all()


@pytest.mark.real
def test_the_crispri_screen_has_the_columns_of_the_benchmark(
    dataset: Dataset, real_file: Callable[[str], Path]
) -> None:
    name = "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
    real = pd.read_csv(real_file(f"crispr/{name}"), sep="\t", nrows=200)
    path = dataset.path("crispri")
    assert path is not None
    ours = pd.read_csv(path, sep="\t")
    assert list(ours.columns) == list(real.columns)
    simulated = [name for name in real.columns if ours[name].notna().any()]
    assert len(simulated) == 32
    assert (ours[simulated].dtypes == real[simulated].dtypes).all()


def test_the_oracle_table_makes_the_stated_correlation(sized: Dataset) -> None:
    path, labels = sized.path("oracle"), sized.source("expression")
    assert path is not None
    assert labels is not None
    assert labels.content.summary is not None
    oracle = read_oracle(path)
    pairs = [
        (oracle[gene.gene_id, cell], np.log10(1 + (sized.observed(gene, cell) or 0.0)))
        for gene in sized.genes
        for cell in CELLS
        if sized.fold(gene) == "test"
    ]
    found = np.corrcoef(np.array(pairs).T)[0, 1]
    assert found == pytest.approx(labels.content.summary["oracle_pearson_test"], abs=1e-4)
    assert 0.9 < found < 0.99
    if len(sized.genes) > 100:
        assert 0.93 <= found <= 0.96
