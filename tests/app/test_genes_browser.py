"""The Genes page in a real browser: a click lands on its gene, sorted or not, and scoring stops when told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from seq2exp.benchmark.score_file import GeneScore, ScoredWhat, add_scores, read_scores, scores_path
from seq2exp.inference.checkpoints import find_checkpoint
from seq2exp.model.checkpoint import checkpoint_facts
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from tests.app.browsing import PATIENCE_MS, chromium, served

pytestmark = pytest.mark.browser

ROW_PX, HEADER_PX = 33, 35


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("genes")


@pytest.fixture(scope="module")
def opened(folder: Path) -> Dataset:
    return open_dataset(synthesize("demo", folder / "demo"))


@pytest.fixture(scope="module")
def scores(opened: Dataset, folder: Path) -> Path:
    """A score file of the shipped checkpoint for SynK with made-up predictions: falling in the genes' order."""
    facts = checkpoint_facts(find_checkpoint("demo-hard"))
    of = ScoredWhat(opened.name, opened.hash, "demo-hard", facts.hash, True, "hard", 0.5, facts.config.window_bp)
    path = scores_path(folder / "cache", opened.hash, facts.hash)
    rows = [
        GeneScore(
            gene.gene_id,
            gene.symbol,
            gene.chrom,
            gene.tss,
            gene.strand,
            "SynK",
            opened.fold(gene),
            trained=True,
            predicted_log10=3 - number / 100,
            n_elements=1,
        )
        for number, gene in enumerate(opened.genes)
    ]
    add_scores(path, of, rows)
    return path


@pytest.fixture(scope="module")
def address(opened: Dataset, scores: Path, folder: Path) -> Iterator[str]:
    with served(opened.root / "manifest.yaml", folder) as found:
        yield found


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        context = chromium(playwright, tmp_path / "profile")
        found = context.new_page()
        found.set_default_timeout(PATIENCE_MS)
        yield found
        context.close()


def _show(page: Page, address: str, query: str) -> tuple[float, float]:
    """The page with table and scatter drawn; the table's left upper corner."""
    page.goto(f"{address}/genes?{query}")
    page.locator(".js-plotly-plot .point").first.wait_for()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box is not None
    return box["x"], box["y"]


def _lands_on(page: Page, symbol: str) -> None:
    page.wait_for_url(re.compile(rf"/\?.*gene={symbol}(&|$)"))
    expect(page.get_by_text("FAITHFUL: as trained")).to_be_visible(timeout=PATIENCE_MS)


def test_a_click_opens_that_gene_in_explore(page: Page, address: str, opened: Dataset) -> None:
    symbols = [gene.symbol for gene in opened.genes]
    left, top = _show(page, address, "cell=SynK&order=predicted")
    page.mouse.click(left + 45, top + HEADER_PX + 2.5 * ROW_PX)
    _lands_on(page, symbols[2])

    left, top = _show(page, address, "cell=SynK&order=predicted")
    shown = page.locator("[data-testid=stDataFrame] table tbody tr")
    expect(shown.first).to_contain_text(symbols[0])
    page.mouse.click(left + 260, top + HEADER_PX / 2)
    expect(shown.first).to_contain_text(symbols[-1])
    page.mouse.click(left + 45, top + HEADER_PX + 1.5 * ROW_PX)
    _lands_on(page, symbols[-2])

    _show(page, address, "cell=SynK&text=" + symbols[7])
    mark = page.locator(".js-plotly-plot .point").bounding_box()
    assert mark is not None
    page.mouse.click(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    _lands_on(page, symbols[7])


def test_scoring_stops_when_told_and_keeps_what_is_done(
    page: Page, address: str, opened: Dataset, scores: Path
) -> None:
    page.goto(f"{address}/genes?cell=SynG")
    page.get_by_role("button", name=f"Score all {len(opened.genes)} genes").click()
    expect(page.get_by_test_id("stProgress")).to_contain_text("left", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Stop scoring").click()
    rest = page.get_by_role("button", name=re.compile(r"Score (the other|all) \d+"))
    expect(rest).to_be_visible(timeout=PATIENCE_MS)
    kept = sum(cell == "SynG" for _, cell in read_scores(scores).done)
    assert 0 < kept < len(opened.genes)
    expect(page.get_by_text(f"{kept} of {len(opened.genes)} genes are scored.")).to_be_visible(timeout=PATIENCE_MS)
