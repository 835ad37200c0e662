"""Synthetic cell lines with known truth, in real file formats."""

from __future__ import annotations

from seq2exp.synthetic.generate import synthesize

__all__ = ["synthesize"]
