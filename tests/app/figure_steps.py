"""Steps of the browser tests of the live figure: open it, wait for it, move it, read what it says."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


def show(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/{query}")
    page.wait_for_selector(".s2x[data-drawn]")
    settle(page)


def settle(page: Page) -> None:
    """Until the figure has its answer and the page has stopped running."""
    page.wait_for_function("() => document.querySelector('.s2x') && !document.querySelector('.s2x').matches('.stale')")
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")


def painted(page: Page) -> None:
    """Until what was done last has been drawn, and with it said whether the server's answer is awaited."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def until(page: Page, true: Callable[[], bool], patience_s: float = 30) -> None:
    """Until ``true`` says so; AssertionError where it does not in time."""
    for _ in range(round(patience_s / 0.05)):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {patience_s:g} s")


def said(page: Page) -> dict[str, str]:
    """Every number the figure states, by name."""
    found: dict[str, str] = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('.s2x .readout [data-is], .s2x [data-is=place]')]"
        ".map(node => [node.dataset.is, node.textContent]))"
    )
    return found


def numbers(page: Page) -> dict[str, str]:
    """`said` without the times."""
    return {name: words for name, words in said(page).items() if name != "stamp"}


def move(page: Page, key: str, share: float, *, release: bool = True) -> None:
    """The slider called ``key`` to a share of its range, as a hand would: many moves, then the release."""
    script = """([key, share, release]) => {
      const slider = document.querySelector(`#s2x-${key}`);
      const [low, high, step] = [slider.min, slider.max, slider.step].map(Number);
      const value = low + Math.round((share * (high - low)) / step) * step;
      for (const part of [0.3, 0.7, 1]) {
        slider.value = Number(slider.value) + part * (value - Number(slider.value));
        slider.dispatchEvent(new Event('input', {bubbles: true}));
      }
      if (release) slider.dispatchEvent(new Event('change', {bubbles: true}));
    }"""
    page.evaluate(script, [key, share, release])
    if release:
        painted(page)
        settle(page)


def x_range(page: Page) -> list[float]:
    found: list[float] = page.evaluate("() => document.querySelector('.s2x .js-plotly-plot').layout.xaxis.range")
    return found


def query(page: Page, name: str) -> str:
    found: str | None = page.evaluate("name => new URLSearchParams(location.search).get(name)", name)
    return found or ""


def mark(page: Page) -> None:
    """Shift and drag across the figure."""
    box = page.locator(".s2x .plot").bounding_box()
    assert box is not None
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 400, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 470, box["y"] + 200, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_function("() => new URLSearchParams(location.search).has('marks')")
