"""Files to arrays in genome coordinates; NaN where a file is silent."""
