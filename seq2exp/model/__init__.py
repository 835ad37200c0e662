"""Tensors to tensors: the Seq2Exp network."""
