"""The gallery: cards are chosen by figures, claim nothing without them, and lead to Explore."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from seq2exp.benchmark.score import scored_what
from seq2exp.benchmark.score_file import GeneScore, add_scores, scores_path
from seq2exp.figures.thumbnail import locus_thumbnail
from seq2exp.genome import Gene, Interval
from seq2exp.inference.checkpoints import load_checkpoint_for_inference
from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.results import TrueElement
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.truth import TruthElement
from seq2exp.ui import gallery
from seq2exp.ui.gallery import Glance, Pick

Open = Callable[..., AppTest]


def _table(**changes: list[Any]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "gene_id": ["a", "b", "c", "d", "e"],
        "fold": ["test", "test", "test", "test", "train"],
        "observed_log10": [0.0, 2.0, 2.5, 1.0, 2.0],
        "predicted_log10": [0.0, 2.1, 1.0, 1.2, 2.0],
        "promoter_only_log10": [0.0, 1.0, 0.9, 1.2, 0.0],
        "n_elements": [1.0, 2.0, 3.0, 2.0, 1.0],
        "n_causal_elements": [1.0, 2.0, 4.0, 1.0, 3.0],
        "causal_recall": [1.0, 1.0, 0.25, 1.0, 0.0],
        "causal_precision": [1.0, 0.5, 1.0, 0.0, 0.0],
        "what_if": [""] * 5,
        "problem": [""] * 5,
    }
    table = pd.DataFrame({**columns, **changes})
    return table.assign(error_log10=table["predicted_log10"] - table["observed_log10"])


def test_cards_are_the_extremes_of_held_out_genes_and_name_their_figures() -> None:
    chosen = {pick.kind: pick for pick in gallery.picks(gallery.held_out(_table()))}
    assert {kind: pick.gene_id for kind, pick in chosen.items()} == {
        "best": "b",  # a, silent, has no error at all; e was learned from
        "worst": "c",
        "enhancers": "b",
        "failure": "c",
    }
    assert "+0.10, predicted 2.10, observed 2.00" in chosen["best"].why
    assert "+1.10 log10" in chosen["enhancers"].why
    assert chosen["failure"].why == "3 of its 4 causal elements are not called"


def test_what_no_gene_fits_has_no_card() -> None:
    flawless = gallery.held_out(_table(causal_recall=[1.0] * 5, causal_precision=[1.0] * 5))
    assert gallery.failure(flawless) is None
    wrong = gallery.held_out(_table(causal_recall=[1.0] * 5))
    assert gallery.failure(wrong) == Pick("failure", "d", "2 of its 2 called elements meet no causal one")
    same = gallery.held_out(_table(promoter_only_log10=[0.0, 2.09, 1.0, 1.2, 0.0]))
    assert gallery.driven_by_elements(same) is None
    assert gallery.picks(_table().iloc[:0]) == ()
    assert gallery.held_out(_table(problem=["x"] * 5)).empty
    assert len(gallery.held_out(_table(fold=["none"] * 5))) == 5


def _element(start: int, element_class: str, *, causal: bool) -> TruthElement:
    return TruthElement("e", element_class, Interval("chr1", start, start + 100), causal, -0.2, 0.5, 1.0)


def test_a_decoy_counts_as_rejected_only_below_the_threshold_beside_a_called_causal_element() -> None:
    mean = np.full(2_000, 0.2, dtype=np.float32)
    mean[500:600] = 0.8
    seen = Glance(
        Interval("chr1", 1_000, 3_000),
        Interval("chr1", 1_900, 2_100),
        mean,
        np.ones(2_000, dtype=bool),
        0.5,
        (Interval("chr1", 1_500, 1_600),),
    )
    causal, decoy = _element(1_520, "active_enhancer", causal=True), _element(2_500, "open_decoy", causal=False)
    found = gallery.rejected_decoy("g", seen, (causal, decoy))
    assert found is not None
    assert "1 of 1 causal elements called" in found.why
    assert "0.20, below the threshold 0.50" in found.why
    assert gallery.rejected_decoy("g", seen, (decoy,)) is None
    assert gallery.rejected_decoy("g", seen, (causal, _element(1_550, "open_decoy", causal=False))) is None
    assert gallery.rejected_decoy("g", seen, (causal, _element(2_500, "closed_decoy", causal=False))) is None
    assert gallery.rejected_decoy("g", replace(seen, threshold=0.1), (causal, decoy)) is None
    truth = {"a": (causal,), "b": (causal, decoy), "c": (causal, decoy)}
    assert gallery.decoy_candidates(_table(), truth) == ("c", "b")


def test_a_thumbnail_keeps_the_peak_and_tells_causal_from_not() -> None:
    mean = np.full(200_000, 0.1, dtype=np.float32)
    mean[150_000:150_020] = 0.9
    window = Interval("chr1", 0, 200_000)
    true = [
        TrueElement(Interval("chr1", start, start + 900), "<script>", "", causal, -0.1, 0.1)
        for start, causal in ((1_000, True), (5_000, False))
    ]
    svg = locus_thumbnail(
        mean, window, threshold=0.5, centre=Interval("chr1", 99_000, 101_000), called=[true[0].interval], truth=true
    )
    root = ElementTree.fromstring(svg)
    assert "script" not in svg
    line = next(part for part in root if part.tag.endswith("polyline"))
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert min(heights) == pytest.approx(66 - 62 * 0.9, abs=0.1)
    assert len([part for part in root if part.attrib.get("fill") == "none" and part.tag.endswith("rect")]) == 1


@pytest.mark.parametrize(("highest", "threshold", "end"), [(0.2, 0.08, 0.5), (0.5, 0.1, 0.5), (0.2, 0.6, 1.0)])
def test_a_low_mask_fills_its_thumbnail(highest: float, threshold: float, end: float) -> None:
    mean = np.full(8_192, 0.01, dtype=np.float32)
    mean[4_000:4_100] = highest
    window, centre = Interval("chr1", 0, 8_192), Interval("chr1", 100, 200)
    root = ElementTree.fromstring(locus_thumbnail(mean, window, threshold=threshold, centre=centre, called=[]))
    line = next(part for part in root if part.tag.endswith("polyline"))
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    level = next(part for part in root if part.tag.endswith("line") and "y1" in part.attrib)
    assert min(heights) == pytest.approx(66 - 62 * highest / end, abs=0.1)
    assert float(level.attrib["y1"]) == pytest.approx(66 - 62 * threshold / end, abs=0.1)


@pytest.fixture
def shipped(tiny: Path, tmp_path: Path) -> Callable[[bool], Path]:
    def ship(trained: bool) -> Path:
        data = open_dataset(tiny)
        config = ModelConfig(window_bp=4_096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1)
        origin = {"dataset": data.name, "dataset_hash": data.hash, "cell_types": list(data.cell_types)}
        folder = tmp_path / "shipped" / "demo-soft"
        save_checkpoint(folder, Seq2Exp(config), provenance={"trained": trained, **origin})
        return folder

    return ship


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind))


def _gallery(page: Open, **query: str) -> AppTest:
    return page(**query).switch_page("pages/gallery.py").run()


def _score(opened: Dataset, gene: Gene, cell: str, *, predicted: float) -> GeneScore:
    return GeneScore(
        gene.gene_id, gene.symbol, gene.chrom, gene.tss, gene.strand, cell, opened.fold(gene), True,
        observed_log10=1.0, predicted_log10=predicted, promoter_only_log10=1.0, error_log10=predicted - 1.0,
        n_elements=2, n_causal_elements=2, causal_precision=0.5, causal_recall=0.5,
    )  # fmt: skip


def test_scored_genes_give_cards_that_open_explore(
    page: Open, shipped: Callable[[bool], Path], tiny: Path, peak_cache: Path
) -> None:
    loaded = load_checkpoint_for_inference(shipped(True), "cpu")
    opened = open_dataset(tiny)
    cell = opened.cell_types[0]
    test = [gene for gene in opened.genes if opened.fold(gene) == "test"]
    rows = [_score(opened, gene, cell, predicted=1.0 + 0.3 * number) for number, gene in enumerate(test)]
    path = scores_path(peak_cache, opened.hash, loaded.hash)
    add_scores(path, scored_what(opened, loaded), rows)
    try:
        app = _gallery(page)
        assert not app.exception
        words = _words(app)
        for title in ("Best predicted", "Worst predicted", "Driven by its elements", "Failure of the mask"):
            assert f"**{title}**" in words
        assert f"{len(test)} scored test genes" in words
        assert "HELD-OUT GENE" in words
        worst = test[-1]
        assert worst.symbol in app.button(key="gallery worst").label
        app.button(key="gallery worst").click().run()
        assert app.session_state["gene"] == worst.symbol
        assert app.session_state["cell"] == cell
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("trained", "query", "words"),
    [
        (True, {}, "python -m seq2exp score"),
        (False, {"checkpoint": "demo-soft"}, "not trained"),
        (True, {"checkpoint": "No checkpoint: signals only"}, "No checkpoint is chosen"),
    ],
)
def test_without_scores_three_genes_are_shown_and_nothing_is_claimed(
    page: Open, shipped: Callable[[bool], Path], trained: bool, query: dict[str, str], words: str
) -> None:
    shipped(trained)
    app = _gallery(page, **query)
    assert not app.exception
    assert words in _words(app)
    assert len([button for button in app.button if button.key.startswith("gallery example")]) == 3
    assert "predicted" not in _words(app).replace("about predictions", "")


def test_a_damaged_score_file_is_told_and_the_examples_stand(
    page: Open, shipped: Callable[[bool], Path], tiny: Path, peak_cache: Path
) -> None:
    loaded = load_checkpoint_for_inference(shipped(True), "cpu")
    path = scores_path(peak_cache, open_dataset(tiny).hash, loaded.hash)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"<b>no parquet</b>")
    try:
        app = _gallery(page)
        assert not app.exception
        assert "not a readable Parquet file" in app.error[0].value
        assert app.button(key="gallery example 0")
    finally:
        path.unlink()
