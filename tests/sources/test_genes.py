from __future__ import annotations

from collections.abc import Iterable

import pytest

from seq2exp.errors import GeneError
from seq2exp.genome import Gene
from seq2exp.sources import genes as genes_module
from seq2exp.sources.genes import GeneIndex, strip_version


def gene(gene_id: str, symbol: str, *aliases: str, chrom: str = "chr1") -> Gene:
    return Gene(gene_id, symbol, chrom, 100, "+", aliases)


@pytest.fixture
def index() -> GeneIndex:
    return GeneIndex(
        [
            gene("ENSG00000000003", "GATA1", "ERYF1"),
            gene("ENSG00000000001", "GATA10"),
            gene("ENSG00000000002", "GATAD1", "GATA1"),
            gene("ENSG00000000004", "MYC", "c-Myc", "bHLHe39"),
            gene("ENSG00000000005", "CD99", chrom="chrX"),
            gene("ENSG00000000005_PAR_Y", "CD99", chrom="chrY"),
        ]
    )


def test_whole_symbol_comes_before_beginnings_and_beginnings_before_aliases(index: GeneIndex) -> None:
    hits = index.search("gata1")
    assert [(hit.gene.symbol, hit.kind, hit.matched) for hit in hits] == [
        ("GATA1", "exact", "GATA1"),
        ("GATA10", "prefix", "GATA10"),
        ("GATAD1", "alias", "GATA1"),
    ]


@pytest.mark.parametrize("query", ["ENSG00000000004", "ENSG00000000004.17", "ensg00000000004.1", "  myc ", "C-MYC"])
def test_one_gene_by_id_version_case_or_alias(index: GeneIndex, query: str) -> None:
    assert index.get(query).symbol == "MYC"
    assert index.search(query)[0].gene.symbol == "MYC"


def test_kinds_of_id_and_alias(index: GeneIndex) -> None:
    assert index.search("ENSG00000000004.17")[0].kind == "id"
    assert index.search("eryf")[0].kind == "alias"


def test_each_gene_once_and_no_more_than_the_limit(index: GeneIndex) -> None:
    hits = index.search("ensg", limit=4)
    assert len(hits) == 4
    assert len({hit.gene.gene_id for hit in hits}) == 4
    assert index.search("ensg", limit=0) == ()
    assert len(index.search("ensg")) == len(index)


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_query_finds_nothing(index: GeneIndex, query: str) -> None:
    assert index.search(query) == ()
    with pytest.raises(GeneError, match="no gene"):
        index.get(query)


def test_unknown_gene_suggests_near_ones(index: GeneIndex) -> None:
    with pytest.raises(GeneError, match="no gene 'GATA' among 6 genes; near: GATA1") as caught:
        index.get("GATA")
    assert caught.value.suggestions[0] == "GATA1"


@pytest.mark.parametrize("slip", ["GTAA1", "GAT1", "GATTA1", "GAXA1"])
def test_one_slip_of_the_finger_is_understood(index: GeneIndex, slip: str) -> None:
    with pytest.raises(GeneError) as caught:
        index.get(slip)
    assert caught.value.suggestions[0] == "GATA1"


@pytest.mark.parametrize("query", ["no such gene", "x" * 10_000, "'; --", "\u1e9e"])
def test_nothing_near(index: GeneIndex, query: str) -> None:
    with pytest.raises(GeneError) as caught:
        index.get(query)
    assert caught.value.suggestions == ()
    assert len(str(caught.value)) < 200


def test_ambiguous_symbol_names_the_ids(index: GeneIndex) -> None:
    with pytest.raises(GeneError, match=r"'cd99' names 2 genes: ENSG00000000005 \(CD99, chrX\)") as caught:
        index.get("cd99")
    assert caught.value.suggestions == ("ENSG00000000005", "ENSG00000000005_PAR_Y")
    assert index.get("ENSG00000000005_PAR_Y").chrom == "chrY"


def test_doubled_id_is_refused() -> None:
    with pytest.raises(GeneError, match="ENSG1 stands twice"):
        GeneIndex([gene("ENSG1", "A"), gene("ENSG1", "B")])


def test_version_is_cut_and_par_y_kept() -> None:
    assert strip_version("ENSG00000002586.20_PAR_Y") == "ENSG00000002586_PAR_Y"
    assert strip_version("ENSG00000002586.20") == "ENSG00000002586"


def test_a_search_compares_few_of_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is not asserted; the work is: a bisection and the hits, not a pass over 20,000 genes."""
    index = GeneIndex(gene(f"ENSG{number:011d}", f"GENE{number}", f"ALIAS{number}") for number in range(20_000))
    touched = 0
    original = GeneIndex._range

    def counting(keys: list[genes_module._Key], text: str, *, whole: bool) -> Iterable[genes_module._Key]:
        nonlocal touched
        for key in original(keys, text, whole=whole):
            touched += 1
            yield key

    monkeypatch.setattr(GeneIndex, "_range", staticmethod(counting))
    assert len(index.search("gene1", limit=20)) == 20
    assert touched < 100
