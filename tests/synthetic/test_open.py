"""The synthetic data set through the project's own readers: nothing downstream may see that it is made up."""

from __future__ import annotations

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
from seq2exp.synthetic import synthesize
from seq2exp.synthetic.presets import CELLS, fold_of


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("synthetic") / "tiny").parent)


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


@pytest.mark.parametrize("cell", CELLS)
def test_macs3_finds_the_causal_elements_and_as_many_others(dataset: Dataset, cell: str, tmp_path: Path) -> None:
    windows = [gene.window(4096) for gene in dataset.genes]
    called = call_peaks_bigwig(path_of(dataset, "dnase", cell), windows, cache_dir=tmp_path)
    table = dataset.path("truth")
    assert table is not None
    truth = pd.read_csv(table, sep="\t")
    causal = truth[(truth["cell"] == cell) & (truth["causal"] == "yes")]
    shared = causal_bp = peaks_bp = 0
    for gene, window in zip(dataset.genes, windows, strict=True):
        rows = causal[causal["gene_id"] == gene.gene_id]
        elements = [Interval(gene.chrom, int(row.start), int(row.end)) for row in rows.itertuples()]
        # Peaks are cut at the forced centre, where nobody is asked.
        sides = (Interval(gene.chrom, window.start, gene.tss - 128), Interval(gene.chrom, gene.tss + 128, window.end))
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


@pytest.mark.parametrize("cell", CELLS)
def test_no_single_channel_and_no_product_of_tracks_finds_the_causal_elements(dataset: Dataset, cell: str) -> None:
    table = dataset.path("truth")
    assert table is not None
    truth = pd.read_csv(table, sep="\t")
    truth = truth[(truth["cell"] == cell) & (truth["class"] != "artefact")]
    causal: list[bool] = []
    scores: dict[str, list[float]] = {"dnase": [], "h3k27ac": [], "contact": [], "near": [], "activity x contact": []}
    for gene_id, rows in truth.groupby("gene_id"):
        gene = dataset.genes.get(str(gene_id))
        window = gene.window(4096)
        dnase, h3k27ac = (read_signal(path_of(dataset, role, cell), window) for role in ("dnase", "h3k27ac"))
        profile = read_contact_profile(path_of(dataset, "contact", cell), window, anchor_bp=gene.tss, resolution_bp=256)
        for row in rows.itertuples():
            start, end, middle = int(row.start), int(row.end), (int(row.start) + int(row.end)) // 2
            opened = float(np.nanmax(dnase[max(start - window.start, 0) : end - window.start]))
            flanked = float(np.nanmax(h3k27ac[max(start - window.start - 120, 0) : end - window.start + 120]))
            contact = float(np.nan_to_num(profile.values[(middle - profile.first_bin_start) // 256]))
            causal.append(row.causal == "yes")
            scores["dnase"].append(opened)
            scores["h3k27ac"].append(flanked)
            scores["contact"].append(contact)
            scores["near"].append(-abs(middle - gene.tss))
            scores["activity x contact"].append(np.sqrt(opened * flanked) * contact)
    reached = {name: average_precision(causal, values) for name, values in scores.items()}
    assert max(reached.values()) < 0.6, reached
    assert min(reached.values()) > np.mean(causal), reached  # but none is without information
