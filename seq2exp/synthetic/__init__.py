"""Synthetic cell lines with known truth, in real file formats."""
