"""The live figure in a real browser: what moves, what stays, and that every number is the server's own."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from seq2exp.inference.checkpoints import find_checkpoint, load_checkpoint_for_inference
from seq2exp.inference.session import open_session
from seq2exp.settings import MaskSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.ui.knobs import KNOBS
from tests.app.browsing import PATIENCE_MS, chromium, served
from tests.app.figure_steps import mark, move, numbers, painted, query, said, settle, show, until, x_range

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize("demo", tmp_path_factory.mktemp("demo") / "demo")


@pytest.fixture(scope="module")
def opened(demo: Path) -> Dataset:
    return open_dataset(demo)


@pytest.fixture(scope="module")
def address(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(demo, tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Chromium that reaches nothing but this machine: the app must not need more."""
    with sync_playwright() as playwright:
        found = chromium(playwright, tmp_path_factory.mktemp("profile"), accept_downloads=True)
        found.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
        yield found
        found.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    found = context.new_page()
    found.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    complaints: list[str] = []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    yield found
    found.close()
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_zoom_marks_and_scroll_survive_every_slider(page: Page, address: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    show(page, address)
    page.click("[data-act=in]")
    page.wait_for_function("() => new URLSearchParams(location.search).has('locus')")
    mark(page)
    settle(page)
    node = page.evaluate_handle("() => document.querySelector('.s2x .js-plotly-plot')")
    kept = x_range(page), query(page, "marks"), query(page, "locus")
    drawn = page.evaluate("() => document.querySelector('.s2x .js-plotly-plot').layout.shapes.length")
    for knob in KNOBS:
        if not page.locator(f"#s2x-{knob.key}").is_visible() or page.locator(f"#s2x-{knob.key}").is_disabled():
            continue
        move(page, knob.key, 0.55)
    assert (x_range(page), query(page, "marks"), query(page, "locus")) == kept
    # The floor of no evidence may come or go as a line; the marks and bands stay.
    after = page.evaluate("() => document.querySelector('.s2x .js-plotly-plot').layout.shapes.length")
    assert abs(after - drawn) <= 1
    assert page.evaluate("node => node.isConnected", node)
    paper = page.evaluate("() => document.querySelector('.s2x .js-plotly-plot').layout.paper_bgcolor")
    assert paper == {"light": "#ffffff", "dark": "#10151c"}[scheme]


def test_reset_equals_the_checkpoint_alone(page: Page, address: str, opened: Dataset, tmp_path: Path) -> None:
    show(page, address, "?signal_scale=2.5&threshold=0.2&prior_strength=20&mode=soft")
    assert "WHAT-IF" in page.inner_text(".stApp")
    page.click(".s2x .reset")
    painted(page)
    settle(page)
    loaded = load_checkpoint_for_inference(find_checkpoint("demo-hard"))
    gene = opened.genes.get(query(page, "gene"))
    session = open_session(opened, gene, query(page, "cell"), checkpoint=loaded, cache_dir=tmp_path)
    faithful = session.view(MaskSettings())
    told = said(page)
    assert told["predicted"] == f"{faithful.prediction_log10:.2f}"
    assert told["promoter"] == f"{faithful.promoter_only_log10:.2f}"
    assert told["elements"] == str(len(faithful.mask.elements))
    assert float(told["kept"].removesuffix(" %")) == pytest.approx(100 * faithful.mask.ratio_outside_promoter, abs=0.06)
    assert faithful.overlap is not None
    assert told["jaccard"] == f"{faithful.overlap.jaccard:.2f}"
    assert "FAITHFUL" in page.inner_text(".stApp")


def test_the_preview_moves_before_the_server_answers_and_agrees_with_it(page: Page, address: str) -> None:
    show(page, address)
    before = said(page)
    move(page, "signal_scale", 0.9, release=False)
    expect(page.locator(".s2x [data-is=kept]")).not_to_have_text(before["kept"])
    preview = said(page)
    assert preview["kept"] != before["kept"]
    assert preview["predicted"] == before["predicted"]
    assert page.locator(".s2x canvas").is_visible()
    page.evaluate("() => document.querySelector('#s2x-signal_scale').dispatchEvent(new Event('change'))")
    painted(page)
    settle(page)
    answered = said(page)
    assert (answered["kept"], answered["elements"]) == (preview["kept"], preview["elements"])
    assert not page.locator(".s2x canvas").is_visible()
    metric = page.get_by_test_id("stMetric").filter(has_text="Elements").get_by_test_id("stMetricValue")
    expect(metric).to_have_text(answered["elements"])  # the page writes it a moment after the figure


def test_a_link_shows_the_same_numbers_in_a_fresh_tab(page: Page, address: str, context: BrowserContext) -> None:
    show(page, address, "?gene=SQX21003&cell=SynG")
    move(page, "threshold", 0.3)
    move(page, "weight_dnase", 0.8)
    page.click("[data-act=tss]")
    page.wait_for_function("() => new URLSearchParams(location.search).has('locus')")
    settle(page)
    other = context.new_page()
    other.set_default_timeout(PATIENCE_MS)
    show(other, address, "?" + page.url.partition("?")[2])
    assert numbers(other) == numbers(page)
    assert x_range(other) == x_range(page)
    other.close()


def cross(page: Page, other: Page, address: str, moves: int) -> None:
    """Random moves in two tabs; each must end as a fresh tab shows its link."""
    show(page, address, "?gene=SQX21001")
    show(other, address, "?gene=SQX21004&cell=SynG")
    chance = random.Random(11)
    keys = ("threshold", "signal_scale", "weight_h3k27ac", "weight_contact", "prior_strength", "merge_gap")
    for _ in range(moves):
        for tab in (page, other):
            move(tab, chance.choice(keys), chance.random(), release=False)
            tab.evaluate("() => document.querySelector('#s2x-threshold').dispatchEvent(new Event('change'))")
    for tab, gene in ((page, "SQX21001"), (other, "SQX21004")):
        painted(tab)
        settle(tab)
        assert query(tab, "gene") == gene
        ended = numbers(tab)
        link = tab.url.partition("?")[2]
        show(tab, address, "?" + link)
        assert numbers(tab) == ended


def test_two_tabs_never_cross(page: Page, address: str, context: BrowserContext) -> None:
    other = context.new_page()
    other.set_default_timeout(PATIENCE_MS)
    cross(page, other, address, 12)
    other.close()


@pytest.mark.slow
def test_two_tabs_never_cross_in_a_hundred_moves(page: Page, address: str, context: BrowserContext) -> None:
    other = context.new_page()
    other.set_default_timeout(PATIENCE_MS)
    cross(page, other, address, 100)
    other.close()


def test_keys_and_names_reach_every_slider(page: Page, address: str) -> None:
    show(page, address, "?prior_strength=20")
    for knob in KNOBS:
        if knob.modes and "hard" not in knob.modes:
            continue
        name = f"{knob.label}, {knob.unit}" if knob.unit else knob.label
        slider = page.get_by_role("slider", name=name, exact=True)
        slider.focus()
        before = slider.input_value()
        slider.press("ArrowRight" if float(before) < float(slider.get_attribute("max") or 0) else "ArrowLeft")
        assert slider.input_value() != before
        field = page.get_by_role("textbox", name=f"{name}: type a number", exact=True)
        assert field.is_visible()
    painted(page)
    settle(page)


def test_an_answer_never_moves_a_slider_back(page: Page, address: str) -> None:
    """Keys so spaced that each commit's answer arrives while the next step is not yet settled."""
    show(page, address, "?threshold=0.3")
    slider = page.get_by_role("slider", name="Threshold", exact=True)
    slider.focus()
    for step in range(1, 13):
        slider.press("ArrowRight")
        page.wait_for_timeout(180 + 40 * step)
        assert float(slider.input_value()) == pytest.approx(0.3 + step / 100)
    settle(page)
    page.wait_for_function("() => new URLSearchParams(location.search).get('threshold') === '0.42'")
    assert float(slider.input_value()) == pytest.approx(0.42)


def test_a_typed_number_is_taken_and_nonsense_is_not(page: Page, address: str) -> None:
    show(page, address)
    field = page.get_by_role("textbox", name="Threshold: type a number")
    field.fill("0.71")
    field.press("Enter")
    page.wait_for_function("() => new URLSearchParams(location.search).get('threshold') === '0.71'")
    settle(page)
    for text in ("<img src=x onerror=alert(1)>", "1e999", ""):
        field.fill(text)
        field.press("Enter")
        expect(field).to_have_value("0.71")


def test_wheel_drag_and_keys_move_the_stretch(page: Page, address: str) -> None:
    show(page, address)
    whole = x_range(page)
    box = page.locator(".s2x .plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 500, box["y"] + 200)
    for _ in range(4):
        before = x_range(page)
        page.mouse.wheel(0, -300)
        until(page, lambda seen=before: x_range(page) != seen)
    page.wait_for_function("() => new URLSearchParams(location.search).has('locus')")
    near = x_range(page)
    assert near[1] - near[0] < whole[1] - whole[0]
    page.locator(".s2x .figure").focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: x_range(page)[0] > near[0])
    moved = x_range(page)
    assert moved[0] > near[0]
    assert moved[1] - moved[0] == pytest.approx(near[1] - near[0], abs=2)
    for _ in range(9):
        page.keyboard.press("+")
    page.wait_for_function(  # letters of the bases
        "() => document.querySelector('.s2x .js-plotly-plot').data"
        ".some(t => t.mode === 'text' && t.text.length > 20 && t.text.every(c => 'ACGTN'.includes(c)))"
    )
    page.keyboard.press("0")
    until(page, lambda: x_range(page) == whole)


def test_the_pointer_tells_position_values_and_truth(page: Page, address: str) -> None:
    show(page, address)
    box = page.locator(".s2x .plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 600, box["y"] + 200)
    page.mouse.move(box["x"] + 602, box["y"] + 200)
    words = page.inner_text(".s2x .tip")
    assert re.search(r"chr22:[\d,]+ TSS [+-]?[\d,]+ bp", words)
    for name in ("DNase", "H3K27ac", "Contacts", "Mask"):
        assert name in words


def test_exports_hold_what_is_on_screen(page: Page, address: str, tmp_path: Path) -> None:
    show(page, address, "?threshold=0.10&signal_scale=1.4")
    with page.expect_download() as waiting:
        page.click("[data-act=svg]")
    waiting.value.save_as(tmp_path / "figure.svg")
    drawing = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    for words in ("DNase", "H3K27ac", "Contacts", "MACS3 peaks", "Truth", "Mask only", "WHAT-IF", "signal_scale 1.4"):
        assert words in drawing
    with page.expect_download() as waiting:
        page.get_by_role("button", name="BED", exact=True).click()
    waiting.value.save_as(tmp_path / "elements.bed")
    back = pd.read_csv(tmp_path / "elements.bed", sep="\t", comment="#", header=None)
    assert len(back) == int(said(page)["elements"])
    called: list[list[int]] = page.evaluate(
        "() => [...document.querySelectorAll('.s2x .js-plotly-plot')][0].data.length && window.seq2exp.elements()"
    )
    assert back[[1, 2]].to_numpy().tolist() == called


def test_the_lanes_on_screen_can_be_left_out_and_the_plain_chart_chosen(page: Page, address: str) -> None:
    show(page, address, "?hidden=truth,arcs")
    assert "█ causal" not in page.inner_text(".s2x")
    page.get_by_role("button", name="Display").click()
    page.get_by_text("Plain chart").click()
    page.wait_for_selector(".s2x", state="detached")
    page.get_by_role("slider", name="Threshold on the mask mean").wait_for()
    page.wait_for_function("() => new URLSearchParams(location.search).has('chart')")
    assert query(page, "chart") == "plain"


@pytest.mark.parametrize(
    "link",
    [
        "?gene=<script>alert(1)</script>",
        "?marks=1-9:<img src=x onerror=alert(1)>&locus=chr22:9999999999-1&threshold=nan&weights=a,b,c",
        "?checkpoint=none-such&dataset=../../etc&cell=%00&hidden=everything",
    ],
)
def test_hostile_and_stale_links_open_the_page(page: Page, address: str, link: str) -> None:
    alerts: list[Any] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    show(page, address, link)
    assert alerts == []
    assert page.locator(".s2x img, .s2x script").count() == 0


def test_own_intervals_become_a_row_and_their_names_stay_letters(page: Page, address: str, tmp_path: Path) -> None:
    show(page, address)
    own = tmp_path / "own.bed"
    own.write_text("track name=x\nchr22\t2000\t2400\t<img src=x onerror=alert(1)>\n22\t6000\t6100\tmine\n")
    page.get_by_role("button", name="Display").click()
    page.locator("input[type=file]").first.set_input_files(own)
    page.wait_for_function("() => document.querySelector('.s2x').textContent.includes('Own intervals')")
    assert "2 intervals of" in page.inner_text("body")
    assert "mine" in page.inner_text(".s2x .plot")
    assert page.locator(".s2x img").count() == 0
    own.write_text("chr22\tfive\t10\n")
    show(page, address)
    page.get_by_role("button", name="Display").click()
    page.locator("input[type=file]").first.set_input_files(own)
    page.wait_for_selector("[data-testid=stAlert]")
    assert "line 1" in page.inner_text("body")


def test_a_talk_turns_without_the_server(page: Page, address: str) -> None:
    show(page, address, "present")
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    first = page.inner_text(".s2x [data-is=title]")
    page.locator(".s2x .figure").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".s2x [data-is=title]")).not_to_have_text(first)
    page.wait_for_timeout(500)  # what must not come needs time to come
    assert page.inner_text(".s2x [data-is=page]").startswith("2 /")
    assert received == []
    assert not page.locator(".s2x .controls").is_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".s2x [data-is=title]")).to_have_text(first)
