"""Bases as small integers and as one-hot rows; nothing here reads a file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import WindowError

ALPHABET = "ACGTN"
"""Letter of each code: A 0, C 1, G 2, T 3, N 4 (models.md section 1.1)."""
UNKNOWN = ALPHABET.index("N")
"""Code of an unknown base; its one-hot row is zero."""

CodeArray = NDArray[np.uint8]


def _letter_codes() -> CodeArray:
    """(256,) code of every byte; both cases of A C G T, everything else N."""
    table = np.full(256, UNKNOWN, dtype=np.uint8)
    for code, letter in enumerate(ALPHABET):
        table[[ord(letter), ord(letter.lower())]] = code
    return table


_CODES = _letter_codes()
_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)
# The row of N is zero, so N adds nothing to a linear embedding.
_ONE_HOT = np.eye(len(ALPHABET), 4, dtype=np.float32)


def encode(sequence: str) -> CodeArray:
    """Code of every base.

    Parameters
    ----------
    sequence
        Bases in either case. Letters other than A C G T, the ambiguity codes included, become N.

    Returns
    -------
    CodeArray
        (L,) uint8: A 0, C 1, G 2, T 3, N 4.
    """
    # "replace" turns any letter outside latin-1 into "?", one for one, so the length stays.
    return _CODES[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]


def decode(codes: CodeArray) -> str:
    """The bases of ``codes`` (L,), upper case, N where unknown; inverts `encode` on A C G T N.

    Raises
    ------
    WindowError
        A code above 4; the message gives its place.
    """
    check_codes(codes)
    return _LETTERS[codes].tobytes().decode("ascii")


def one_hot(codes: CodeArray) -> NDArray[np.float32]:
    """One row per base, columns A C G T; the row of N is zero.

    Parameters
    ----------
    codes
        (L,) uint8 as from `encode`.

    Returns
    -------
    NDArray[np.float32]
        (L, 4).

    Raises
    ------
    WindowError
        A code above 4; the message gives its place.
    """
    check_codes(codes)
    return _ONE_HOT[codes]  # (L, 4)


def reverse_complement(codes: CodeArray) -> CodeArray:
    """(L,) codes of the other strand, read in its own direction; N stays N.

    Raises
    ------
    WindowError
        A code above 4; the message gives its place.
    """
    check_codes(codes)
    return _COMPLEMENT[codes[::-1]]


def check_codes(codes: CodeArray) -> None:
    """Raise WindowError unless ``codes`` is a 1-D uint8 array of values 0 to 4."""
    if codes.dtype != np.uint8 or codes.ndim != 1:
        raise WindowError(f"base codes must be one row of uint8, found {codes.dtype} of shape {codes.shape}")
    wrong = np.flatnonzero(codes > UNKNOWN)
    if wrong.size:
        raise WindowError(f"base codes run from 0 to {UNKNOWN}, found {codes[wrong[0]]} at index {wrong[0]}")
