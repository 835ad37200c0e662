"""What one gene of a streamed data set moves, in how many requests, and how long it takes behind a slow line.

python tests/bench/bench_streaming.py [--chrom-mb 60] [--latency-ms 50]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seq2exp.settings import WindowSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.remote_http import Answer, RangeClient
from seq2exp.window.assemble import Window, build_window

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # another package called tests may be installed
from remote_files import write_realistic, write_streamed
from servers import RangeServer


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
    chosen = parser.parse_args()
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
            print(f"opening: {opening.moved_bytes / 1e6:.2f} MB, {opening.requests} requests, ", end="")
            print(f"{time.perf_counter() - began:.2f} s")
            for gene in (*genes, "FIRST"):
                began, before = time.perf_counter(), len(server.requests)
                window = one_gene(dataset, gene)
                took = time.perf_counter() - began
                assert window.streamed is not None
                print(
                    f"{gene:7} {window.streamed.moved_bytes / 1e6:6.2f} MB, {window.streamed.requests:3} requests, "
                    f"{took:.2f} s; missing {[one.name for one in window.missing]}"
                )
                for path in ("genome.2bit", "dnase.bw", "h3k27ac.bw", "map.hic"):
                    own = [request for request in server.requests[before:] if request.path == path]
                    print(f"    {path:12} {sum(r.sent for r in own) / 1e6:6.2f} MB in {len(own)} requests")


if __name__ == "__main__":
    main()
