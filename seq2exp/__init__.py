"""Seq2Exp: which bases of a gene's neighbourhood carry its expression, and what they predict."""

__version__ = "0.1.0"
