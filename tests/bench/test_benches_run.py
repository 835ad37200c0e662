"""Each timing script runs to its end; what it measures is not asserted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["bench_engine.py", "--quick"],
        ["bench_genes.py"],
        ["bench_streaming.py", "--chrom-mb", "5", "--per-bin", "20"],
        ["bench_training.py", "--quick"],
    ],
)
def test_it_prints_a_table(words: list[str]) -> None:
    script, *options = words
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "bench" / script, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
