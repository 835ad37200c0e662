from __future__ import annotations

import math

import pytest

from seq2exp.results import MissingInput
from seq2exp.ui.text import milliseconds, missing_in_words, number, percent, plain

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "![x](http://example.org/x.png)",
    "[link](javascript:alert(1))",
    "https://example.org",
    ":material/home: :red[x] $x^2$ `code` **bold** ~~x~~",
    "# title",
    "&lt;b&gt;",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_typed_is_markup(text: str) -> None:
    escaped = plain(text)
    assert escaped.replace("\\", "") == text
    for at, letter in enumerate(escaped):
        if letter in "<>[]()!`*_#:$~&":
            assert escaped[at - 1] == "\\"


def test_plain_is_one_line_of_limited_length() -> None:
    assert plain("a\n\n# b\t c") == "a \\# b c"
    assert len(plain("x" * 1_000, limit=50)) == 50


def test_numbers_that_do_not_exist_are_dashes() -> None:
    assert {number(None), number(math.nan), percent(math.nan), milliseconds(None)} == {"\u2013"}
    assert (number(2.344), percent(0.1234)) == ("2.34", "12.3 %")
    assert (milliseconds(3.21), milliseconds(1234)) == ("3.2 ms", "1,234 ms")


def test_missing_inputs_in_words() -> None:
    assert missing_in_words(MissingInput("h3k27ac", 1.0, "zero")) == "H3K27ac missing: zero stood in"
    assert missing_in_words(MissingInput("dnase", 0.672, "zero")) == "DNase missing in 67.2 %: zero stood in"
