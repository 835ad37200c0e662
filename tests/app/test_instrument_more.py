"""The live figure in a real browser, continued: keys, the link, scales, lane heights, chosen elements, cCREs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from seq2exp.sources.dataset import open_dataset
from tests.app.browsing import served
from tests.app.figure_steps import query, settle, show
from tests.app.test_instrument import context, page  # noqa: F401 - fixtures are found by their names

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def registered(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny set with one cCRE in the window of its first gene."""
    folder = tmp_path_factory.mktemp("registered") / "data"
    shutil.copytree(tiny.parent, folder)
    window = next(iter(open_dataset(tiny).genes)).window(4_096)
    first = max(window.start, 0) + 300
    (folder / "ccre.bed").write_text(f"{window.chrom}\t{first}\t{first + 400}\tEH38D1\tEH38E1\tdELS,CTCF-bound\n")
    manifest = yaml.safe_load(tiny.read_text())
    source = {"id": "ccre", "title": "cCREs", "role": "ccre", "local_path": "ccre.bed", "file": {"format": "bed"}}
    manifest["sources"].append(source)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return folder / "manifest.yaml"


@pytest.fixture(scope="module")
def address(registered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(registered, tmp_path_factory.mktemp("server")) as found:
        yield found


def focus(page: Page) -> None:  # noqa: F811
    page.locator(".s2x .figure").focus()


def wait_for_query(page: Page, name: str, value: str | None) -> None:  # noqa: F811
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).get(name) === value", arg=[name, value]
    )


def test_keys_turn_genes_and_modes_and_are_listed(page: Page, address: str) -> None:  # noqa: F811
    show(page, address)
    first = query(page, "gene")
    focus(page)
    page.keyboard.press("J")
    page.wait_for_function("old => new URLSearchParams(location.search).get('gene') !== old", arg=first)
    page.wait_for_function("() => document.activeElement.classList.contains('figure')")
    page.keyboard.press("k")
    wait_for_query(page, "gene", first)
    modes = page.locator(".s2x .modes [aria-pressed=true]")
    before = modes.inner_text()
    focus(page)
    page.keyboard.press("m")
    page.wait_for_function("() => new URLSearchParams(location.search).has('mode')")
    expect(modes).not_to_have_text(before)
    page.keyboard.press("?")
    listed = page.locator(".s2x dialog.help")
    assert "Next mask mode" in listed.inner_text()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    assert not listed.is_visible()
    field = page.get_by_role("textbox", name="Threshold: type a number")
    field.press("j")
    page.wait_for_timeout(300)  # what must not come needs time to come
    assert query(page, "gene") == first
    focus(page)
    page.keyboard.press("p")
    page.wait_for_selector(".s2x.presenting[data-drawn]")
    assert page.inner_text(".s2x [data-is=title]").startswith(first)
    page.click(".deck [data-act=link]")
    linked = page.locator(".s2x dialog.link input").input_value()
    assert linked.startswith(f"{address}/?")
    assert page.locator(".s2x dialog.link img").is_visible()


def test_the_link_is_copied_and_drawn_as_a_code(page: Page, address: str) -> None:  # noqa: F811
    show(page, address)
    page.click("[data-act=in]")
    page.click(".bar [data-act=link]")
    page.wait_for_selector(".s2x dialog.link img")
    link = page.locator(".s2x dialog.link input").input_value()
    assert link.startswith(address)
    assert "locus=" in link
    assert page.inner_text(".s2x dialog.link [data-is=copied]")
    assert page.evaluate("() => getSelection().toString() || document.activeElement.value") == link
    page.wait_for_function("() => document.querySelector('.s2x dialog.link img').naturalWidth > 0")


def test_scales_are_chosen_said_and_restored(page: Page, address: str) -> None:  # noqa: F811
    show(page, address, "?scales=dnase:sqrt&clip=on")
    words = page.inner_text(".s2x .plot")
    assert "sqrt, " in words
    assert "group scale" in words
    page.get_by_role("button", name="Display").click()
    page.get_by_text("Locked", exact=True).click()
    page.wait_for_function("() => document.querySelector('.s2x .plot').textContent.includes('scale locked')")
    page.wait_for_function("() => new URLSearchParams(location.search).has('range')")
    assert query(page, "range").startswith("dnase:")
    assert (query(page, "scales"), query(page, "clip")) == ("dnase:sqrt", "on")


def test_a_border_dragged_and_an_element_chosen_stay(page: Page, address: str) -> None:  # noqa: F811
    show(page, address, "?threshold=0.2")
    border = page.get_by_role("separator", name="Height of the lane DNase")
    before = int(border.get_attribute("aria-valuenow") or 0)
    border.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    wait_for_query(page, "heights", f"dnase:{before + 20}")
    first = page.evaluate("() => window.seq2exp.elements()[0]")
    assert first is not None
    page.locator(".s2x .figure").focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_function("() => new URLSearchParams(location.search).has('locus')")
    settle(page)  # a click into a table that is just being made anew is lost
    table = page.get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    table.click(position={"x": 16, "y": 52})
    page.wait_for_function("() => document.querySelector('.s2x .plot').textContent.includes('E1: row 1 of')")
    low, high = page.evaluate("() => document.querySelector('.s2x .js-plotly-plot').layout.xaxis.range")
    assert low < first[1]
    assert high > first[0]
    assert border.get_attribute("aria-valuenow") == str(before + 20)


def test_registry_elements_are_a_row_and_a_last_weight_stays(page: Page, address: str, registered: Path) -> None:  # noqa: F811
    first = next(iter(open_dataset(registered).genes))
    show(page, address, f"?gene={first.gene_id}&weights=0,0.5,0")
    words = page.inner_text(".s2x .plot")
    assert "cCRE" in words
    assert "dELS" in words
    field = page.get_by_role("textbox", name="DNase weight: type a number")
    field.fill("0")
    field.press("Tab")
    page.wait_for_function("() => document.querySelector('.s2x .controls').textContent.includes('stays above 0')")
    wait_for_query(page, "weights", "0,0.1,0")
    assert float(field.input_value()) == 0.1
