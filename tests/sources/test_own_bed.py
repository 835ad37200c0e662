from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2exp.errors import SourceError
from seq2exp.genome import Assembly, Interval, Region
from seq2exp.sources.own_bed import MOST_BYTES, MOST_LINES, NAME_LETTERS, read_own_bed

ASSEMBLY = Assembly("Toy1", {"chr1": 1_000, "chr2": 500, "MT": 100})


def _read(text: str | bytes) -> dict[str, list[tuple[int, int, str]]]:
    found = read_own_bed(text, ASSEMBLY)
    return {c: [(r.interval.start, r.interval.end, r.name) for r in regions] for c, regions in found.regions.items()}


def test_columns_comments_and_prefixes() -> None:
    text = (
        "browser position chr1:1-10\ntrack name=mine\n# a comment\n\n"
        "chr1\t10\t20\tfirst peak\t5\t+\n1 30 40\r\nchrM\t0\t100\t.\nchr2\t5\t6\tE\t.\t.\t0\t0\t255,0,0\n"
    )
    assert _read(text) == {
        "chr1": [(10, 20, "first peak"), (30, 40, "")],
        "MT": [(0, 100, "")],
        "chr2": [(5, 6, "E")],
    }
    assert _read(b"\xef\xbb\xbf" + text.encode()) == _read(text)
    assert _read(text.replace("\r\n", "\n").replace("\n", "\r")) == _read(text)


def test_a_window_gets_what_meets_it_clipped_and_in_order() -> None:
    found = read_own_bed("chr1\t90\t110\tb\nchr1\t40\t60\ta\nchr1\t100\t120\tpast\nchr2\t40\t60\tother\n", ASSEMBLY)
    assert found.n_regions == 4
    assert found.within(Interval("chr1", 50, 100)) == (
        Region(Interval("chr1", 50, 60), "a"),
        Region(Interval("chr1", 90, 100), "b"),
    )
    assert found.within(Interval("chr1", -200, 40)) == ()
    assert found.within(Interval("chr9", 0, 100)) == ()


def test_contigs_the_assembly_lacks_are_counted_not_fatal() -> None:
    found = read_own_bed("chrUn_1\t1\t2\nchr1\t1\t2\nchrUn_1\t3\t4\n", ASSEMBLY)
    assert (found.n_regions, dict(found.unplaced)) == (1, {"chrUn_1": 2})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chr1\t1\t2\nchr1\t5\n", "own BED, line 2: found 2 columns, 'chr1\\t5'; BED has chrom, start, end"),
        ("chrom\tstart\tend\n", "line 1: start 'start', end 'end'; BED needs whole numbers, start < end"),
        ("chr1\t20\t20\n", "line 1: start '20', end '20'"),
        ("chr1\t-5\t20\n", "line 1: start '-5'"),
        ("chr1\t1e3\t2e3\n", "line 1: start '1e3'"),
        ("chr1\t\u00b2\t9\n", "line 1: start '\u00b2'"),
        ("chr1\t1\t" + "9" * 5_000, "line 1: start '1', end '9999999999999999999…'"),
        ("#\nchr1\t1\t1001\n", "line 2: end 1,001 lies past chr1, which has 1,000 bp in Toy1; is it of another"),
        ("chr7\t1\t2\n", "names 'chr7'; Toy1 has chr1, chr2, MT …: is it of another assembly?"),
        ("\n# only words\n", "holds no region"),
        ("", "holds no region"),
        ("chr1\t1\t2\0", "not a text file (letter 9 is a zero)"),
        (b"chr1\t1\t2\xff", "not a text file (byte 8 is not UTF-8)"),
        (gzip.compress(b"chr1\t1\t2\n", mtime=0), "is gzip; unpack it first"),
        ("chr1\t1\t2\n" * (MOST_LINES + 1), "100,001 lines; at most 100,000 are read"),
        (b"#" * (MOST_BYTES + 1), "5,000,001 bytes; at most 5,000,000 are read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str | bytes, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_own_bed(text, ASSEMBLY)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert len(message) < 200


def test_the_largest_that_is_allowed_is_read() -> None:
    assert read_own_bed("chr1\t1\t2\n" * MOST_LINES, ASSEMBLY).n_regions == MOST_LINES


def test_names_are_one_short_line() -> None:
    (region,) = read_own_bed("chr1\t1\t2\t\u202e<b>x\u2028y</b>" + "z" * 500, ASSEMBLY).regions["chr1"]
    assert region.name.startswith("<b>x y</b>zz")
    assert len(region.name) == NAME_LETTERS


def test_a_path_is_only_a_line_of_text() -> None:
    with pytest.raises(SourceError, match=r"line 1: found 1 column, '/etc/passwd'"):
        read_own_bed("/etc/passwd", ASSEMBLY)


@given(st.one_of(st.text(), st.binary()))
def test_anything_is_read_or_refused(content: str | bytes) -> None:
    try:
        n_regions, said = read_own_bed(content, ASSEMBLY).n_regions, ""
    except SourceError as error:
        n_regions, said = 0, str(error)
    assert (n_regions > 0) == (said == "")
    assert "\n" not in said


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 100)), min_size=1, max_size=20), st.integers(0, 990))
def test_a_window_holds_exactly_the_bases_of_the_text(places: list[tuple[int, int]], at: int) -> None:
    text = "".join(f"1\t{start}\t{start + width}\tn{i}\n" for i, (start, width) in enumerate(places))
    window = Interval("chr1", at, at + 10)
    shown = read_own_bed(text, ASSEMBLY).within(window)
    expected = {(i, base) for i, (s, w) in enumerate(places) for base in range(s, s + w) if window.contains(base)}
    assert {(int(r.name[1:]), b) for r in shown for b in range(r.interval.start, r.interval.end)} == expected
