"""How a bgzip file ends when it is whole, a BAM among them."""

from __future__ import annotations

import os
from typing import BinaryIO

END_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every complete BAM and bgzip file (SAM specification 4.1.2)."""


def has_end_block(file: BinaryIO) -> bool:
    """Whether an open file ends with `END_BLOCK`; its position is the end afterwards."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - len(END_BLOCK), 0))
    return file.read() == END_BLOCK
