"""Arrays to one model input."""
