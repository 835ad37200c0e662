"""The exported page in a real browser without network: it draws, answers and asks for nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from seq2exp.figures.export_html import locus_html
from seq2exp.figures.export_words import ExportFacts
from seq2exp.genome import Gene
from seq2exp.results import LocusView

pytestmark = pytest.mark.browser


def test_the_page_draws_with_the_network_unplugged_and_runs_nothing_a_name_holds(
    view_of: Callable[..., LocusView], tmp_path: Path
) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on PATH")
    view = view_of(8_000)
    hostile = "<img src=x onerror=\"document.title='run'\"></script><script>document.title='run'</script>"
    named = replace(view, gene=Gene("G", hostile, view.gene.chrom, view.gene.tss, "+"), cell_type="K562")
    path = tmp_path / "locus.html"
    path.write_text(locus_html(named, ExportFacts(view.interval, "today")), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(offline=True)
        page = context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(path.as_uri())
        page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .main-svg path').length > 20")
        lanes = page.evaluate("document.querySelectorAll('.js-plotly-plot .subplot').length")
        words = page.inner_text("body")
        title = page.title()
        browser.close()
    assert asked == [path.as_uri()]
    assert complaints == []
    assert lanes >= 6
    assert "onerror" in title
    assert "<script>document.title='run'</script>" in words
    assert "NO CHECKPOINT" in words
