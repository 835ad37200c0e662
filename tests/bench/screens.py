"""Photographs every page in both themes and sizes; writes the contact sheets in docs/screens.

    python tests/bench/screens.py [--scores]

With --scores all genes of `demo` are scored first (minutes), so that Genes and Gallery show figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The script runs in a checkout that is not installed, and some packages install a `tests` of their own.
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app"), str(ROOT / "tests" / "real")]

from browsing import PATIENCE_MS, chromium, served  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from seq2exp.synthetic import synthesize  # noqa: E402

SHEETS = ROOT / "docs" / "screens"
PAGES = {
    "explore": "",
    "what-if": "?mode=hard&threshold=0.12&signal_scale=1.6&hidden=none",
    "compare": "compare",
    "perturb": "perturb",
    "genes": "genes",
    "gallery": "gallery",
    "leaderboard": "leaderboard?view=truth",
    "present": "present",
    "training": "training?run=demo-hard",
    "data": "data",
    "status": "status",
}
SIZES = {"720": (1280, 720), "1080": (1920, 1080)}
THUMB = 480
COLUMNS = 3


def photograph(page: Page, address: str, path: str, out: Path) -> None:
    """The page as it stands once nothing moves any more."""
    page.goto(f"{address}/{path}")
    page.wait_for_selector(
        "[data-testid=stMain] h1, [data-testid=stMain] [data-testid=stSelectbox], .s2x[data-drawn]", state="attached"
    )
    if path.startswith(("?", "present")) or not path:
        page.wait_for_selector(".s2x[data-drawn]")
    page.wait_for_timeout(1000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(1500)
    page.screenshot(path=out)


def sheet(shots: list[Path], size: tuple[int, int]) -> Image.Image:
    """All pages of one theme and size, a third as wide, on one picture of few colours."""
    height = THUMB * size[1] // size[0]
    rows = -(-len(shots) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * THUMB, rows * height), "#808080")
    for number, shot in enumerate(shots):
        with Image.open(shot) as picture:
            small = picture.convert("RGB").resize((THUMB - 4, height - 4), Image.Resampling.LANCZOS)
        whole.paste(small, (number % COLUMNS * THUMB + 2, number // COLUMNS * height + 2))
    return whole.quantize(256, method=Image.Quantize.FASTOCTREE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scores", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for the full-sized pictures")
    chosen = parser.parse_args()
    SHEETS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = chosen.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        manifest = synthesize("demo", Path(name) / "demo")
        (Path(name) / "server").mkdir()
        if chosen.scores:
            command = [
                sys.executable,
                "-m",
                "seq2exp",
                "score",
                "--dataset",
                str(manifest),
                "--checkpoint",
                "demo-hard",
            ]
            environment = {**os.environ, "SEQ2EXP_CACHE": str(Path(name) / "server" / "cache")}
            subprocess.run(command, cwd=ROOT, env=environment, check=True)
        with served(manifest, Path(name) / "server") as address:
            for theme in ("light", "dark"):
                for label, size in SIZES.items():
                    options = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": theme}
                    context = chromium(playwright, Path(name) / f"{theme}-{label}", **options)
                    page = context.new_page()
                    page.set_default_timeout(PATIENCE_MS)
                    shots = []
                    for title, path in PAGES.items():
                        shots.append(folder / f"{title}-{theme}-{label}.png")
                        photograph(page, address, path, shots[-1])
                    context.close()
                    sheet(shots, size).save(SHEETS / f"{theme}-{label}.png", optimize=True)


if __name__ == "__main__":
    main()
