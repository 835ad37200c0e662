"""Windows and a model to a checkpoint."""
