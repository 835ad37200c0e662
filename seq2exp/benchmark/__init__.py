"""A model and its rivals against what is known to be true."""
