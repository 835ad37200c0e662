"""What one gene of a streamed data set moves, in how many requests, and how long it takes behind a slow line.

python tests/bench/bench_streaming.py [--chrom-mb 60] [--latency-ms 50] [--page]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from page import ROOT, put

# The script runs in a checkout that is not installed, and another package called tests may be.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from remote_files import write_realistic, write_streamed  # noqa: E402
from servers import RangeServer  # noqa: E402

from seq2exp.settings import WindowSettings  # noqa: E402
from seq2exp.sources.dataset import Dataset, open_dataset  # noqa: E402
from seq2exp.sources.remote_http import Answer, RangeClient  # noqa: E402
from seq2exp.window.assemble import Window, build_window  # noqa: E402

TITLES = {
    "FIRST": "first gene of 200 kb",
    "SECOND": "second gene, elsewhere on the chromosome",
    "NEAR": "a gene 60 kb from the first",
    "AGAIN": "the first gene again",
}


def one_gene(dataset: Dataset, name: str) -> Window:
    """The whole 200 kb window."""
    return build_window(dataset, dataset.genes.get(name), "K", WindowSettings())


@contextmanager
def behind_a_slow_line(seconds: float) -> Iterator[None]:
    """Every request waits so long before it is answered."""
    plain: Callable[..., Answer] = RangeClient._ask

    def slow(client: RangeClient, address: str, start: int, end: int) -> Answer:
        time.sleep(seconds)
        return plain(client, address, start, end)

    RangeClient._ask = slow  # type: ignore[method-assign]
    try:
        yield
    finally:
        RangeClient._ask = plain  # type: ignore[method-assign]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--chrom-mb", type=int, default=60)
    parser.add_argument("--per-bin", type=int, default=150)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--page", action="store_true", help="put the figures into docs/benchmarks.md")
    chosen = parser.parse_args()
    rows: list[tuple[str, float, int, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        served = folder / "served"
        served.mkdir()
        sizes = write_realistic(served, chrom_bp=chosen.chrom_mb * 10**6, per_bin=chosen.per_bin)
        middle = chosen.chrom_mb * 500_000
        with RangeServer(served) as server, behind_a_slow_line(chosen.latency_ms / 1000):
            genes = {"FIRST": middle, "SECOND": middle // 2, "NEAR": middle + 60_000}
            manifest = write_streamed(folder, server.url, sizes, genes)
            for path in sorted(served.iterdir()):
                print(f"{path.name:12} {path.stat().st_size / 1e6:8.1f} MB on the server")
            began = time.perf_counter()
            dataset = open_dataset(manifest, remote=True, cache_dir=folder / "cache")
            opening = dataset.traffic
            took = time.perf_counter() - began
            print(f"opening: {opening.moved_bytes / 1e6:.2f} MB, {opening.requests} requests, {took:.2f} s")
            rows.append(("opening (lengths of the chromosomes)", opening.moved_bytes / 1e6, opening.requests, took))
            for gene, title in TITLES.items():
                began, before = time.perf_counter(), len(server.requests)
                window = one_gene(dataset, gene if gene in genes else "FIRST")
                took = time.perf_counter() - began
                assert window.streamed is not None
                moved, requests = window.streamed.moved_bytes / 1e6, window.streamed.requests
                rows.append((title, moved, requests, took))
                missing = [one.name for one in window.missing]
                print(f"{gene:7} {moved:6.2f} MB, {requests:3} requests, {took:.2f} s; missing {missing}")
                for path in ("genome.2bit", "dnase.bw", "h3k27ac.bw", "map.hic"):
                    own = [request for request in server.requests[before:] if request.path == path]
                    print(f"    {path:12} {sum(r.sent for r in own) / 1e6:6.2f} MB in {len(own)} requests")
    if chosen.page:
        lines = [
            "## Streaming one gene",
            "",
            f"Synthetic bigWigs, 2bit and .hic of realistic density (a chromosome of {chosen.chrom_mb} Mb, 20 bp "
            f"steps, {chosen.per_bin} contacts a bin), a server on the same machine, "
            f"{chosen.latency_ms:.0f} ms before each answer.",
            "",
            "| what | MB moved | requests | seconds |",
            "|---|---|---|---|",
            *(f"| {title} | {moved:.2f} | {requests} | {took:.1f} |" for title, moved, requests, took in rows),
        ]
        put("streaming", lines)


if __name__ == "__main__":
    main()
