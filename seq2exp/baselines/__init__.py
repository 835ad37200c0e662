"""The systems Seq2Exp is compared with: one file each, one interface."""
