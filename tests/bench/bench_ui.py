"""Times Explore in a real browser; writes docs/benchmarks.md.

    python tests/bench/bench_ui.py [--moves 100] [--long 500] [--wide real-manifest-folder]

The live figure and the plain chart are timed in one run on the same server, so that their ratio holds on any machine.
Needs Chromium (`apt-get install chromium`). Run it alone: two cores are shared by server and browser.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The script runs in a checkout that is not installed, and some packages install a `tests` of their own.
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app"), str(ROOT / "tests" / "real")]

import torch  # noqa: E402
from browsing import PATIENCE_MS, chromium, served  # noqa: E402
from page import put  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from seq2exp.model.checkpoint import build_network, save_checkpoint  # noqa: E402
from seq2exp.settings import ModelConfig, Preset  # noqa: E402
from seq2exp.synthetic import synthesize  # noqa: E402

GENES = (*tuple(f"SQX2100{i}" for i in range(1, 10)), "SQX21010")

RELEASE = """([key, value]) => new Promise((done) => {
  const root = document.querySelector('.s2x');
  const slider = document.querySelector(`#s2x-${key}`);
  slider.value = value;
  slider.dispatchEvent(new Event('input', {bubbles: true}));
  const began = performance.now();
  slider.dispatchEvent(new Event('change', {bubbles: true}));
  const look = () => (root.matches('.stale') ? requestAnimationFrame(look) : done(performance.now() - began));
  setTimeout(look, 1);
})"""
DRAG = """([key, n]) => new Promise((done) => {
  const slider = document.querySelector(`#s2x-${key}`);
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const before = window.seq2exp.frames().length;
  const began = performance.now();
  let i = 0;
  const step = () => {
    slider.value = low + ((high - low) * (1 + Math.sin(i / 9))) / 2;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    i++;
    if (i < n) return requestAnimationFrame(step);
    setTimeout(() => {
      const own = window.seq2exp.frames().slice(before);
      done({fps: (1000 * n) / (performance.now() - began), frame: own.reduce((a, b) => a + b, 0) / own.length});
    }, 30);
  };
  step();
})"""


THRESHOLD_TEXT = """() => [...document.querySelectorAll('.stPlotlyChart .js-plotly-plot')]
  .flatMap((p) => (p.layout && p.layout.annotations) || [])
  .map((a) => a.text).filter((t) => t.startsWith('threshold ')).at(-1)"""


def quantile(values: list[float], share: float) -> float:
    """The value below which ``share`` of ``values`` lie."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def both(values: list[float]) -> str:
    """p50 / p95 in seconds of milliseconds."""
    return f"{statistics.median(values) / 1000:.2f} / {quantile(values, 0.95) / 1000:.2f} s"


def shown(page: Page) -> None:
    """Until the live figure stands and is settled."""
    page.wait_for_selector(".s2x[data-drawn]")
    page.wait_for_function("() => !document.querySelector('.s2x').matches('.stale')")
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")


def open_gene(page: Page, address: str, gene: str, more: str = "") -> float:
    """Milliseconds from choosing a gene in an open page until its figure stands."""
    before = page.evaluate("() => document.querySelector('.s2x').dataset.drawn")
    box = page.get_by_role("combobox").first
    box.click()
    box.fill(gene)
    page.wait_for_timeout(300)
    began = time.perf_counter()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "([gene, before]) => document.querySelector('.s2x').dataset.drawn !== before && "
        "document.querySelector('.s2x .js-plotly-plot').layout.annotations.some(a => a.text.includes(gene))",
        arg=[gene, before],
    )
    del address, more
    return 1000 * (time.perf_counter() - began)


def resident_mb(port: str) -> float:
    """Memory of the server listening on ``port``."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes().decode().replace("\0", " ")
            if f"--port={port}" in command and "seq2exp app" in command:
                line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
                return float(line.split()[1]) / 1024
        except (OSError, StopIteration):
            continue
    raise SystemExit(f"no server on port {port}")


def on_demo(page: Page, address: str, moves: int, long: int) -> list[tuple[str, str, str]]:
    """Rows of the table: what, measured, goal."""
    rows: list[tuple[str, str, str]] = []
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(".s2x[data-drawn]")
    rows.append(
        (
            "first interactive figure, first visitor of a new server (it is up once libraries and one gene are ready)",
            f"{time.perf_counter() - began:.1f} s",
            "5 s",
        )
    )
    shown(page)
    rows.append(("bytes until then", f"{sum(received) / 1000:,.0f} kB", ""))
    drag = page.evaluate(DRAG, ["signal_scale", 90])
    rows.append(("dragging a slider", f"{drag['fps']:.0f} frames/s, {drag['frame']:.1f} ms each", ">= 30"))
    page.evaluate(RELEASE, ["signal_scale", 1])
    shown(page)
    new = [open_gene(page, address, gene) for gene in GENES[1:]]
    rows.append(("new gene, p50 / p95", both(new), "p95 1.5 s"))
    cached = [open_gene(page, address, gene) for gene in GENES]
    rows.append(("gene seen before, p50 / p95", both(cached), "1 s"))
    released: list[float] = []
    sizes: list[int] = []
    for number in range(moves):
        if number % 10 == 0:
            open_gene(page, address, GENES[(number // 10 + 3) % len(GENES)])
            shown(page)
        received.clear()
        released.append(page.evaluate(RELEASE, ["signal_scale", 0.1 + (number % 37) / 10]))
        page.wait_for_timeout(50)
        sizes.append(sum(received))
    rows.append((f"release -> new CAGE, {moves} moves, p50 / p95", both(released), "0.5 / 1.0 s"))
    rows.append(
        (
            "bytes per commit, median / most",
            f"{statistics.median(sizes) / 1000:.1f} / {max(sizes) / 1000:.1f} kB",
            "50 kB",
        )
    )
    port = address.rsplit(":", 1)[1]
    memory = []
    for number in range(long):
        page.evaluate(RELEASE, ["threshold", 0.1 + (number % 80) / 100])
        if number % max(long // 5, 1) == 0:
            memory.append(resident_mb(port))
    memory.append(resident_mb(port))
    rows.append((f"memory of the server over {long} moves", " -> ".join(f"{m:,.0f}" for m in memory) + " MB", "flat"))
    print(*rows, sep="\n", flush=True)
    live = statistics.median(released)
    plain = plain_moves(page, address)
    rows.append(("plain chart: release -> new figure, p50 / p95", both(plain), ""))
    rows.append(("plain chart over live figure, medians", f"{statistics.median(plain) / live:.1f}", ""))
    return rows


def plain_moves(page: Page, address: str, moves: int = 20) -> list[float]:
    """Milliseconds from a key on Streamlit's own slider until the chart says the new threshold."""
    page.goto(f"{address}/?chart=plain")
    page.wait_for_selector(".stPlotlyChart .js-plotly-plot")
    page.wait_for_timeout(1500)
    slider = page.get_by_role("slider", name="Threshold on the mask mean")
    found = []
    for _ in range(moves):
        before = page.evaluate(THRESHOLD_TEXT)
        slider.focus()
        began = time.perf_counter()
        slider.press("ArrowRight")
        page.wait_for_function(
            f"before => {{ const now = ({THRESHOLD_TEXT})(); return now && now !== before }}", arg=before
        )
        found.append(1000 * (time.perf_counter() - began))
    return found


def on_wide(page: Page, address: str, name: str, moves: int = 10) -> list[tuple[str, str, str]]:
    """The published geometry with random weights, which are labelled so."""
    page.goto(f"{address}/?checkpoint={name}&gene=CALML6")
    shown(page)
    drag = page.evaluate(DRAG, ["signal_scale", 60])
    page.evaluate(RELEASE, ["signal_scale", 1])
    released = [page.evaluate(RELEASE, ["signal_scale", 1 + (number + 1) / 10]) for number in range(moves)]
    goal = "p95 1.5 s" if "hard" in name else ""
    return [
        (f"{name}, 200,000 bp: dragging a slider", f"{drag['fps']:.0f} frames/s, {drag['frame']:.1f} ms each", ">= 15"),
        (f"{name}: release -> new CAGE, p50 / p95", both(released), goal),
    ]


def random_checkpoints(folder: Path) -> dict[str, Path]:
    """Networks of the published geometry with random weights, said to be untrained."""
    made = {}
    presets: tuple[Preset, ...] = ("hard", "soft")
    for preset in presets:
        torch.manual_seed(1)
        made[f"random-{preset}"] = folder / f"random-{preset}"
        network = build_network(ModelConfig.preset(preset))
        save_checkpoint(made[f"random-{preset}"], network, provenance={"trained": False})
    return made


def write(rows: list[tuple[str, str, str]]) -> None:
    """The table between its marks in the page."""
    table = ["## Explore in a browser", ""]
    table += [f"{time.strftime('%Y-%m-%d')}, Chromium, software rendering, 2 cores shared by server and browser.", ""]
    table += ["| what | measured | goal |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    put("ui", table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--long", type=int, default=500)
    parser.add_argument("--wide", type=Path, help="folder of real windows, for the published geometry")
    chosen = parser.parse_args()
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        context = chromium(playwright, folder / "profile")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        (folder / "demo-server").mkdir()
        with served(synthesize("demo", folder / "demo"), folder / "demo-server") as address:
            rows += on_demo(page, address, chosen.moves, chosen.long)
        if chosen.wide:
            from manifest_writer import write_real_manifest

            (folder / "wide").mkdir()
            manifest = write_real_manifest(chosen.wide.resolve(), folder / "wide")
            made = random_checkpoints(ROOT / ".data" / "checkpoints")
            with served(manifest, folder / "wide") as address:
                for checkpoint in made:
                    rows += on_wide(page, address, checkpoint)
        context.close()
    for row in rows:
        print(" | ".join(row))
    write(rows)


if __name__ == "__main__":
    main()
