"""The plain chart in a real browser on a real window: what AppTest cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.app.browsing import PATIENCE_MS, chromium, served
from tests.real.manifest_writer import write_real_manifest

pytestmark = [pytest.mark.browser, pytest.mark.real]


@pytest.fixture(scope="module")
def address(real_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address, served with the real windows."""
    folder = tmp_path_factory.mktemp("browser")
    with served(write_real_manifest(real_dir, folder), folder) as found:
        yield found


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        context = chromium(playwright, tmp_path / "profile")
        yield context.new_page()
        context.close()


def _metric(page: Page, label: str) -> str:
    found = page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")
    return found.inner_text()


def _x_range(page: Page) -> list[float]:
    found: list[float] = page.evaluate("document.querySelector('.js-plotly-plot').layout.xaxis.range")
    return found


def test_the_threshold_moves_the_elements_and_a_box_zooms(page: Page, address: str) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/?gene=CALML6&chart=plain")
    # The last one: while Streamlit replaces the chart, the old one may still stand before it.
    chart = page.locator(".js-plotly-plot").last
    expect(chart).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Where these numbers come from")).to_be_visible(timeout=PATIENCE_MS)
    assert "CALML6" in chart.inner_text()
    before = int(_metric(page, "Elements"))
    assert before > 0

    slider = page.get_by_role("slider", name="Threshold on the mask mean")
    slider.focus()
    slider.press("End")
    elements = page.get_by_test_id("stMetric").filter(has_text="Elements").get_by_test_id("stMetricValue")
    expect(elements).to_have_text("0", timeout=PATIENCE_MS)
    expect(chart).to_contain_text("0 elements at threshold 0.99", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Set threshold to").click()
    expect(elements).to_have_text("1", timeout=PATIENCE_MS)
    expect(chart).not_to_contain_text("0 elements at threshold", timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile(r"threshold=0\.\d+"), timeout=PATIENCE_MS)

    low, high = _x_range(page)
    lane = page.locator(".js-plotly-plot .nsewdrag").nth(1).bounding_box()
    assert lane is not None
    height = lane["y"] + lane["height"] / 2
    page.mouse.move(lane["x"] + 0.4 * lane["width"], height)
    page.mouse.down()
    page.mouse.move(lane["x"] + 0.5 * lane["width"], height, steps=5)
    page.mouse.move(lane["x"] + 0.6 * lane["width"], height, steps=5)
    page.mouse.up()
    script = "width => {const p = document.querySelector('.js-plotly-plot'); if (!p || !p.layout) return false;"
    script += " const r = p.layout.xaxis.range; return r[1] - r[0] < width}"
    page.wait_for_function(script, arg=0.3 * (high - low), timeout=PATIENCE_MS)
    inner = _x_range(page)
    assert inner[0] == pytest.approx(low + 0.4 * (high - low), abs=0.02 * (high - low))
    assert inner[1] == pytest.approx(low + 0.6 * (high - low), abs=0.02 * (high - low))
    assert complaints == []
