"""The page in a real browser on a real window: what AppTest cannot see."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.real.manifest_writer import write_real_manifest

pytestmark = [pytest.mark.browser, pytest.mark.real]

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-gpu",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE_MS = 90_000
"""A cold start imports torch, opens the data set and runs MACS3 on a shared machine."""


@pytest.fixture(scope="module")
def address(real_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address, served by Streamlit on a free port with the real windows."""
    folder = tmp_path_factory.mktemp("browser")
    manifest = write_real_manifest(real_dir, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1")
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options, "--", "--dataset", str(manifest)]
    environment = {**os.environ, "SEQ2EXP_CACHE": str(folder / "cache")}
    with (folder / "streamlit.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server, folder / "streamlit.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    pytest.fail(f"the page did not start: {log.read_text()[-500:]}")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on PATH")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=list(FLAGS), viewport={"width": 1280, "height": 720}
        )
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
    page.goto(f"{address}/?gene=CALML6")
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
