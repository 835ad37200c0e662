"""Milliseconds per search among 20,000 genes; run as ``python tests/bench/bench_genes.py``."""

from __future__ import annotations

import time

from seq2exp.errors import GeneError
from seq2exp.genome import Gene
from seq2exp.sources.genes import GeneIndex

N_GENES = 20_000
QUERIES = ("GENE12345", "g", "GENE1", "ENSG0000001", "ENSG00000012345.7", "ALIAS77", "no such gene")


def main() -> None:
    """Print the time of building the index, of each search and of the slowest error."""
    genes = [Gene(f"ENSG{n:011d}", f"GENE{n}", "chr1", n, "+", (f"ALIAS{n}",)) for n in range(N_GENES)]
    start = time.perf_counter()
    index = GeneIndex(genes)
    print(f"index of {N_GENES:,} genes: {1000 * (time.perf_counter() - start):.1f} ms")
    for query in QUERIES:
        start = time.perf_counter()
        n_hits = len(index.search(query))
        print(f"search {query!r}: {1000 * (time.perf_counter() - start):.3f} ms, {n_hits} hits")
    start = time.perf_counter()
    try:
        index.get("GEEN12345")
    except GeneError as error:
        print(f"unknown gene with suggestions: {1000 * (time.perf_counter() - start):.0f} ms, {error.suggestions}")


if __name__ == "__main__":
    main()
