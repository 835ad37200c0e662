"""Bases to codes and back, one-hot rows, the other strand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2exp.errors import WindowError
from seq2exp.window.encoding import decode, encode, one_hot, reverse_complement

bases = st.text(alphabet="ACGTN", max_size=200)


@given(bases)
def test_encode_and_decode_invert_each_other(sequence: str) -> None:
    codes = encode(sequence)
    assert codes.dtype == np.uint8
    assert decode(codes) == sequence
    np.testing.assert_array_equal(encode(decode(codes)), codes)


@given(bases)
def test_reverse_complement_twice_is_the_sequence(sequence: str) -> None:
    codes = encode(sequence)
    np.testing.assert_array_equal(reverse_complement(reverse_complement(codes)), codes)


@given(bases)
def test_reverse_complement_turns_the_one_hot_rows_and_columns(sequence: str) -> None:
    codes = encode(sequence)
    np.testing.assert_array_equal(one_hot(reverse_complement(codes)), one_hot(codes)[::-1, ::-1])


@given(st.text(max_size=100))
def test_any_text_gives_one_code_per_letter_and_only_acgt_are_known(sequence: str) -> None:
    codes = encode(sequence)
    assert len(codes) == len(sequence)
    assert decode(codes) == "".join(letter.upper() if letter in "ACGTacgt" else "N" for letter in sequence)


def test_codes_and_letters_are_the_published_ones() -> None:
    np.testing.assert_array_equal(encode("ACGTN"), [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(encode("acgtn"), [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(encode("RYK-é語"), [4, 4, 4, 4, 4, 4])


def test_one_hot_columns_are_acgt_and_n_is_zero() -> None:
    rows = one_hot(encode("ACGTN"))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])


def test_reverse_complement_of_a_known_sequence() -> None:
    assert decode(reverse_complement(encode("AACGTN"))) == "NACGTT"


@pytest.mark.parametrize("function", [decode, one_hot, reverse_complement])
def test_a_code_above_four_is_refused_with_its_place(function) -> None:
    with pytest.raises(WindowError, match="found 7 at index 2"):
        function(np.array([0, 4, 7], dtype=np.uint8))


def test_codes_of_another_type_are_refused() -> None:
    with pytest.raises(WindowError, match="int64 of shape"):
        one_hot(np.array([0, 1]))
    with pytest.raises(WindowError, match=r"shape \(1, 2\)"):
        decode(np.zeros((1, 2), dtype=np.uint8))
