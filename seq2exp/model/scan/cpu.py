"""The CPU engine."""

from seq2exp.model.scan.reference import causal_conv_silu, selective_scan

__all__ = ["causal_conv_silu", "selective_scan"]
