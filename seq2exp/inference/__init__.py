"""Windows and a model to results."""
