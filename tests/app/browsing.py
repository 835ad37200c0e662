"""The app on a free port and Chromium in front of it, for tests that need a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Playwright

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


@contextmanager
def served(manifest: Path, folder: Path) -> Iterator[str]:
    """The app's address with ``manifest`` open, its caches and log in ``folder``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "seq2exp", "app", "--no-browser", f"--port={port}", "--dataset", str(manifest)]
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


def chromium(playwright: Playwright, profile: Path, **options: Any) -> BrowserContext:
    """Debian's Chromium with an empty profile; skips where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium on PATH")
    options = {"viewport": {"width": 1280, "height": 720}, **options}
    return playwright.chromium.launch_persistent_context(profile, executable_path=found, args=list(FLAGS), **options)
